/*
 * Exchanges: the requests of one thread that are not yet answered, or answered but waiting for an earlier one of their
 * connection. A pool with a fixed number of slots; a tag (slot and generation) travels to the issuer and back, so that
 * a late reply finds nobody instead of somebody else. Pure; used by one thread.
 *
 *      acquire ──► (ready) ──wait──► waiting ──settle──► ready ──► release
 */
#ifndef COUPOND_EXCHANGE_H
#define COUPOND_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/http/etag.h"
#include "gateway/reply/reply.h"
#include "shared/limits.h"
#include "shared/telemetry/metrics_table.h"

struct connection;
struct listing;
struct request_note;

enum exchange_kind { EXCHANGE_LOCAL, EXCHANGE_METRICS, EXCHANGE_ISSUE, EXCHANGE_COUPON, EXCHANGE_LIST };

struct exchange {
    /* who asked, and how the answer must look */
    struct connection *connection;
    struct exchange *queue_next; /* the connection's next request */
    bool answered;
    bool http_1_0;
    bool head_only;
    const char *origin_fields; /* of reply_style */
    enum metric_route route;
    struct buffer answer; /* of an answer that waits for its turn */
    /* what was asked */
    enum exchange_kind kind;
    uint8_t op; /* enum issue_op or coupon_op */
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    char coupon_id[COUPON_ID_MAX]; /* of EXCHANGE_LIST: the cursor */
    char user_id[USER_ID_MAX];
    char *if_match;            /* of a COUPON_GET: http_request_if_match(); owned */
    char *if_none_match;       /* of a COUPON_GET that bears one; owned */
    struct listing *listing;   /* of EXCHANGE_LIST; owned */
    struct request_note *note; /* NULL: none; owned */
    /* whom it waits for: a bit a partition; 0 when for nobody */
    uint64_t waiting;
    int64_t begun_us;
    /* private */
    uint32_t index;
    uint32_t generation;
    struct exchange *older;
    struct exchange *newer;
};

struct exchanges {
    struct exchange *slots;
    uint32_t capacity;
    uint32_t touched; /* slots below this were in use once */
    uint32_t used;
    uint32_t waiting_count;
    uint32_t waiting_lists; /* of those, the EXCHANGE_LIST */
    struct exchange *free;
    struct exchange *oldest; /* of those that wait, by begun_us */
    struct exchange *newest;
};

void exchanges_init(struct exchanges *exchanges, uint32_t capacity);
/* Releases every slot. */
void exchanges_deinit(struct exchanges *exchanges);

/* A blank slot, or NULL when all are in use. */
struct exchange *exchange_acquire(struct exchanges *exchanges);
/* Back to the pool, out of the waiting list; frees what it owns. Its tag is dead from now on. */
void exchange_release(struct exchanges *exchanges, struct exchange *exchange);

uint64_t exchange_tag(const struct exchange *exchange);
/* The waiting exchange of a tag; NULL when there is none (any more). */
struct exchange *exchange_find(struct exchanges *exchanges, uint64_t tag);

/* Waits for these partitions from `now_us` on, which never goes back. A list has its kind before. */
void exchange_wait(struct exchanges *exchanges, struct exchange *exchange, uint64_t partitions, int64_t now_us);
/* Waits for nobody any more. */
void exchange_settle(struct exchanges *exchanges, struct exchange *exchange);

static inline bool exchanges_full(const struct exchanges *exchanges)
{
    return exchanges->used == exchanges->capacity;
}

#endif
