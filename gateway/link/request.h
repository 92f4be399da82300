/*
 * Requests to a partition that several members may decide: copies of what was added, which wait for the owner or were
 * sent to a member. Lists and an index by tag. Pure; used by one thread.
 */
#ifndef COUPOND_LINK_REQUEST_H
#define COUPOND_LINK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/wire/frame.h"

/* The kinds of requests; each has frames of its own. */
enum link_kind { LINK_ISSUES, LINK_CHANGES, LINK_COUPONS, LINK_VERIFICATIONS, LINK_KINDS };

struct link_kind_row {
    enum frame_kind frame;
    size_t record_size;
    uint32_t records_max; /* in a frame */
    size_t wait_at;       /* the place of the deadline in a record */
};
extern const struct link_kind_row link_kind_rows[LINK_KINDS];

/* The kind of the requests in such a frame; LINK_KINDS for any other frame. */
enum link_kind link_kind_of(enum frame_kind frame);

/* True for a record that only reads. */
bool link_record_reads(enum link_kind kind, const void *record);
/* True for a record that may be decided twice: the second decision repeats the first. A read; an issue that a PUT
 * names; a POST with an idempotency key. */
bool link_record_repeats(enum link_kind kind, const void *record);

struct link_request {
    struct link_request *previous, *next; /* in its list */
    struct link_request *same_bucket;
    enum link_kind kind;
    bool perhaps;      /* a member that was left may have decided it */
    bool partly;       /* some of its replies have arrived */
    int64_t until_us;  /* of its client: it is decided by then or never */
    int64_t held_us;   /* it waits for an owner until then */
    int64_t sent_us;   /* when it left for the member */
    size_t size;       /* of the record; what the kind's has more is zeros */
    uint64_t record[]; /* aligned */
};

/* A blank one; the caller owns it. */
struct link_request *link_request_create(enum link_kind kind);
/* Frees what follows the last text of a complete record: most coupons are sixty times shorter than they may be. Call
 * while it is in no list. Returns the request, which may have moved. */
struct link_request *link_request_trim(struct link_request *request);
/* Frees one that is in no list. */
void link_request_destroy(struct link_request **request);
/* What every kind of record begins with. */
uint64_t link_request_tag(const struct link_request *request);

/* All zeros is an empty list. Owns its requests. */
struct link_requests {
    struct link_request *first, *last;
    uint32_t count;
};

void link_requests_append(struct link_requests *list, struct link_request *request);
/* Removes the first one, which the caller owns then; NULL when there is none. */
struct link_request *link_requests_pop(struct link_requests *list);
void link_requests_clear(struct link_requests *list);

#define LINK_SENT_BUCKETS 256

/* Requests in the order in which they were sent, found by tag. All zeros is empty. */
struct link_sent {
    struct link_requests order;
    struct link_request *buckets[LINK_SENT_BUCKETS];
};

void link_sent_add(struct link_sent *sent, struct link_request *request);
/* The request of this kind with this tag, or NULL. */
struct link_request *link_sent_find(const struct link_sent *sent, enum link_kind kind, uint64_t tag);
/* Removes one, which the caller owns then. */
void link_sent_remove(struct link_sent *sent, struct link_request *request);
/* Removes all of them, in their order. */
struct link_requests link_sent_take_all(struct link_sent *sent);
void link_sent_clear(struct link_sent *sent);

#endif
