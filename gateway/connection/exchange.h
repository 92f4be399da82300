/*
 * An exchange is a request that is not yet answered, or whose answer waits for an earlier request of its connection. A
 * thread has a pool with a fixed number of slots. A tag (slot and generation) travels to the issuer and back, so that a
 * late reply matches no exchange instead of a wrong one. Pure; used by one thread.
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
#include "shared/wire/frame.h"

struct connection;
struct document;
struct change_progress;
struct listing;
struct reading_request;
struct request_note;

enum exchange_kind {
    EXCHANGE_LOCAL,
    EXCHANGE_METRICS,
    EXCHANGE_DOCUMENT,
    EXCHANGE_ISSUE,
    EXCHANGE_CHANGE,
    EXCHANGE_SWEEP,
    EXCHANGE_ERASE,
    EXCHANGE_COUPON,
    EXCHANGE_LIST,
    EXCHANGE_READING,
    EXCHANGE_LIVE,
    EXCHANGE_STATUS,
    EXCHANGE_VERIFICATION
};

struct exchange {
    /* the client and the form of the answer */
    struct connection *connection;
    struct exchange *queue_next; /* the next request of the connection */
    bool answered;
    bool http_1_0;
    bool head_only;
    const char *origin_fields; /* see reply_style */
    enum metric_route route;
    struct buffer answer; /* holds an answer that waits for its turn */
    /* the request */
    enum exchange_kind kind;
    uint8_t op; /* enum issue_op, change_op or coupon_op */
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    char coupon_id[COUPON_ID_MAX]; /* EXCHANGE_LIST: the cursor */
    char user_id[USER_ID_MAX];     /* EXCHANGE_READING: the principal */
    uint8_t list_filter;           /* EXCHANGE_LIST: enum coupon_filter; the owner is in user_id */
    uint8_t list_state;
    uint16_t nth;                    /* EXCHANGE_ISSUE: the issue that a PUT names; 0: none */
    char *if_match;                  /* of a GET of what has an ETag: http_request_if_match(); owned */
    char *if_none_match;             /* likewise: http_request_if_none_match(); owned */
    struct listing *listing;         /* EXCHANGE_LIST; owned */
    struct change_progress *change;  /* EXCHANGE_CHANGE with more than one step; owned */
    const struct document *document; /* EXCHANGE_DOCUMENT */
    struct reading_request *reading; /* EXCHANGE_READING, EXCHANGE_STATUS; dropped with the exchange */
    struct request_note *note;       /* NULL: none; owned */
    /* partitions whose reply is outstanding, one bit each; 0: none */
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
    uint32_t touched; /* slots below this have been used at least once */
    uint32_t used;
    uint32_t waiting_count;
    uint32_t waiting_lists; /* EXCHANGE_LIST among the waiting */
    struct exchange *free;
    struct exchange *oldest; /* waiting exchanges, ordered by begun_us */
    struct exchange *newest;
};

void exchanges_init(struct exchanges *exchanges, uint32_t capacity);
/* Releases every slot. */
void exchanges_deinit(struct exchanges *exchanges);

/* Returns a blank slot, or NULL when all are in use. */
struct exchange *exchange_acquire(struct exchanges *exchanges);
/* Returns the slot to the pool, removes it from the waiting list and frees what it owns. Its tag becomes invalid. */
void exchange_release(struct exchanges *exchanges, struct exchange *exchange);

uint64_t exchange_tag(const struct exchange *exchange);
/* The waiting exchange with this tag; NULL when it does not exist or no longer waits. */
struct exchange *exchange_find(struct exchanges *exchanges, uint64_t tag);

/* Waits for these partitions from `now_us` on, which never decreases. An EXCHANGE_LIST must have its kind set
 * before. */
void exchange_wait(struct exchanges *exchanges, struct exchange *exchange, uint64_t partitions, int64_t now_us);
/* Ends the waiting. */
void exchange_settle(struct exchanges *exchanges, struct exchange *exchange);

static inline bool exchanges_full(const struct exchanges *exchanges)
{
    return exchanges->used == exchanges->capacity;
}

#endif
