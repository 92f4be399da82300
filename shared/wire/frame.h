/*
 * Frames: what gateways, issuer and persisters say to each other over ZeroMQ. One message part a batch: a fixed
 * header, then records of a fixed layout (requests, replies) or raw journal batches (events).
 * Little-endian, padded with zeros, versioned. Pure: functions here take bytes and give bytes; nothing
 * in a frame is trusted before frame_check() and the record's own check have passed.
 */
#ifndef COUPOND_FRAME_H
#define COUPOND_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/wire/frame_fault.h"

#define FRAME_MAGIC   0x444e5043u /* "CPND" */
#define FRAME_VERSION 3

#define FRAME_CLOCK_US_MAX (INT64_C(1) << 60) /* of an issuer's clock */

enum frame_kind {
    FRAME_ISSUE_REQUESTS = 1,  /* gateway → issuer: struct frame_issue_request × count */
    FRAME_ISSUE_REPLIES = 2,   /* issuer → gateway: struct frame_issue_reply × count, in the order of the requests */
    FRAME_COUPON_REQUESTS = 3, /* gateway → issuer: struct frame_coupon_request × count */
    FRAME_COUPON_REPLIES = 4,  /* issuer → gateway: struct frame_coupon_reply × count */
    FRAME_EVENTS = 5,          /* issuer → persister: struct frame_events, then raw journal batches */
    FRAME_ACK = 6,             /* persister → issuer: struct frame_ack × 1 */
    FRAME_PING = 7,            /* gateway → issuer: no records; asks whether the partition decides */
    FRAME_PONG = 8,            /* issuer → gateway: no records */
    FRAME_BEHIND = 9,          /* persister → issuer: struct frame_ack × 1; the store has lost what it had */
    FRAME_REFUSED = 10, /* persister → issuer: struct frame_ack × 1; events that are meant for another store */
};

struct frame_header {
    uint32_t magic;
    uint8_t version;
    uint8_t kind;
    uint16_t partition;
    uint16_t partitions; /* how many the sender believes there are; another number is refused */
    uint16_t reserved;
    uint32_t count; /* records */
    /*
     * Between gateways and issuer; zeros in all other frames. One start of an issuer has a random number and a clock
     * that deadlines are told by (issuer/deadline_clock.h). From the issuer: its own, and what its clock showed when it
     * decided. From a gateway: whom it asks, and what that clock shows at the least; zeros in the ping of one that
     * knows no issuer yet.
     */
    uint64_t incarnation;
    int64_t clock_us;
};
_Static_assert(sizeof(struct frame_header) == 32, "frame header layout");

enum issue_op {
    ISSUE_POST = 1,   /* issue one more, up to the limit */
    ISSUE_ENSURE = 2, /* make sure of one (PUT) */
    ISSUE_LOOKUP = 3, /* tell the latest issue */
};

struct frame_issue_request {
    uint64_t tag; /* the gateway's own; comes back in the reply */
    uint8_t op;   /* enum issue_op */
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint8_t reserved;
    uint32_t wait_us; /* decided before the header's clock_us + wait_us, or never */
    char coupon_id[COUPON_ID_MAX];
    char user_id[USER_ID_MAX];
};
_Static_assert(sizeof(struct frame_issue_request) == 112, "issue request layout");

struct frame_issue_reply {
    uint64_t tag;
    uint8_t verdict; /* enum verdict */
    uint8_t reserved[3];
    uint32_t sequence;    /* of the issue: ISSUED, ALREADY_ISSUED, FOUND */
    int64_t issued_at_us; /* of the issue; for NOT_STARTED the coupon's starts_at_us */
    int64_t now_us;       /* the issuer's clock at the decision */
};
_Static_assert(sizeof(struct frame_issue_reply) == 32, "issue reply layout");

enum coupon_op {
    COUPON_CREATE = 1,
    COUPON_CHANGE = 2,
    COUPON_GET = 3,
    COUPON_LIST = 4, /* up to `quantity` coupons with an id after `id` in byte order; `id` may be empty */
};

/* Which members of a COUPON_CHANGE are meant. */
enum coupon_field {
    COUPON_FIELD_TITLE = 1 << 0,
    COUPON_FIELD_QUANTITY = 1 << 1,
    COUPON_FIELD_STARTS_AT = 1 << 2,
    COUPON_FIELD_ENDS_AT = 1 << 3,
    COUPON_FIELD_PAUSED = 1 << 4,
    COUPON_IF_VERSION = 1 << 5,     /* no member: only when the coupon's journal_seq is the request's */
    COUPON_UNLESS_VERSION = 1 << 6, /* no member: only when it is not */
};

struct frame_coupon {
    int64_t starts_at_us;
    int64_t ends_at_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    uint32_t quantity;
    uint32_t issued;
    uint32_t per_user_limit;
    uint16_t title_length;
    uint8_t id_length;
    uint8_t paused;
    char id[COUPON_ID_MAX];
    char title[TITLE_MAX];
};
_Static_assert(sizeof(struct frame_coupon) == 600, "coupon layout");

struct frame_coupon_request {
    uint64_t tag;
    uint8_t op;     /* enum coupon_op */
    uint8_t fields; /* enum coupon_field bits, for COUPON_CHANGE */
    uint8_t reserved[2];
    uint32_t wait_us; /* as of an issue request */
    struct frame_coupon coupon;
};
_Static_assert(sizeof(struct frame_coupon_request) == 616, "coupon request layout");

/*
 * One coupon request is answered by one reply, but a listing: that is answered by as many replies as there are coupons,
 * all in one frame, `remaining` counting down to 0 with the last; an empty listing by one reply with VERDICT_NONE.
 */
struct frame_coupon_reply {
    uint64_t tag;
    uint8_t verdict;
    uint8_t reserved[3];
    uint32_t remaining;
    int64_t now_us;
    struct frame_coupon coupon;
};
_Static_assert(sizeof(struct frame_coupon_reply) == 624, "coupon reply layout");

/*
 * Follows the header of FRAME_EVENTS; header.count counts the records in the journal batches behind it. Without any
 * (last_seq = first_seq - 1) it only asks whether the store still has what it acknowledged: FRAME_BEHIND if not,
 * no answer if so.
 */
struct frame_events {
    uint8_t journal_id[16];
    uint8_t store_id[16]; /* of the store that they are for; zeros while the issuer does not know it */
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t acked_seq; /* every record up to this one was acknowledged; a store that has less has lost it */
    uint64_t gone_seq;  /* a store need not have the records up to this one: they are in no file any more; mostly 0 */
};
_Static_assert(sizeof(struct frame_events) == 64, "events layout");

/*
 * In FRAME_ACK: records first_seq to last_seq are in the store. In FRAME_BEHIND, the answer to events whose acked_seq
 * the store does not reach, since it came back empty or from a backup: nothing of the events was written, every record
 * up to last_seq is in the store, and first_seq = last_seq + 1 is the one that it needs next. In FRAME_REFUSED, the
 * answer to events that bear another store_id: nothing of records first_seq to last_seq was written.
 */
struct frame_ack {
    uint8_t journal_id[16];
    uint8_t store_id[16]; /* of the persister's store */
    uint64_t first_seq;
    uint64_t last_seq;
};
_Static_assert(sizeof(struct frame_ack) == 48, "ack layout");

/* Writes a header for `count` records of `kind` to `out`, with an incarnation and a clock of zero. */
void frame_header_write(struct frame_header *out, enum frame_kind kind, uint16_t partition, uint16_t partitions,
                        uint32_t count);
/* The incarnation and the clock of a header that is written already, wherever its bytes lie. */
void frame_header_set_clock(void *header, uint64_t incarnation, int64_t clock_us);

/*
 * FRAME_OK when `size` bytes at `data` are a whole frame with a header of ours, of one of our kinds, whose count fits
 * its size exactly (for FRAME_EVENTS: at least the fixed part). Copies the header to `header`.
 */
enum frame_fault frame_check(const void *data, size_t size, struct frame_header *header);

/* The records behind the header; what frame_check() passed is aligned as ZeroMQ's buffers are: read by memcpy or packed
 * access only. */
const void *frame_records(const void *data);

/* True when lengths and alphabets of the ids and the op are right. */
bool frame_issue_request_valid(const struct frame_issue_request *request);
bool frame_coupon_request_valid(const struct frame_coupon_request *request);

/* True when id, title, numbers and window are what a coupon's can be: what a reply may bear. */
bool frame_coupon_whole(const struct frame_coupon *coupon);

/* Between the wire and the value. The first returns false when a length is out of bounds. */
bool frame_coupon_read(const struct frame_coupon *wire, struct coupon *coupon);
void frame_coupon_write(struct frame_coupon *wire, const struct coupon *coupon);

#endif
