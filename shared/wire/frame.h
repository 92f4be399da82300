/*
 * Frames: the messages between gateways, issuer and persisters over ZeroMQ. One message part per batch: a fixed header,
 * then records of fixed layout (requests, replies) or raw journal batches (events). Little-endian, zero-padded,
 * versioned. Pure: functions take and return bytes; callers trust a frame only after frame_check() and the record's own
 * check.
 */
#ifndef COUPOND_FRAME_H
#define COUPOND_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/wire/frame_fault.h"

#define FRAME_MAGIC   0x444e5043u /* "CPND" */
#define FRAME_VERSION 6

#define FRAME_CLOCK_US_MAX (INT64_C(1) << 60) /* of an issuer's clock */

enum frame_kind {
    FRAME_ISSUE_REQUESTS = 1,  /* gateway → issuer: struct frame_issue_request × count */
    FRAME_ISSUE_REPLIES = 2,   /* issuer → gateway: struct frame_issue_reply × count, in the order of the requests */
    FRAME_COUPON_REQUESTS = 3, /* gateway → issuer: struct frame_coupon_request × count */
    FRAME_COUPON_REPLIES = 4,  /* issuer → gateway: struct frame_coupon_reply × count */
    FRAME_EVENTS = 5,          /* issuer → persister: struct frame_events, then raw journal batches */
    FRAME_ACK = 6,             /* persister → issuer: struct frame_ack × 1 */
    FRAME_PING = 7,            /* gateway → issuer: no records; asks whether the partition decides */
    FRAME_PONG = 8,            /* issuer → gateway: struct frame_pong × 1 */
    FRAME_BEHIND = 9,          /* persister → issuer: struct frame_ack × 1; the store lost acknowledged records */
    FRAME_REFUSED = 10, /* persister → issuer: struct frame_ack × 1; events that are meant for another store */
    FRAME_CHANGE_REQUESTS = 11, /* gateway → issuer: struct frame_change_request × count */
    FRAME_CHANGE_REPLIES = 12, /* issuer → gateway: struct frame_change_reply × count, in the order of the requests */
    FRAME_VERIFICATION_REQUESTS = 13, /* gateway → issuer, partition 0: struct frame_verification_request × count */
    FRAME_VERIFICATION_REPLIES = 14,  /* issuer → gateway: struct frame_verification_reply × count */
    FRAME_NOT_OWNER = 15, /* issuer → gateway: a whole frame of requests, returned: this member decides nothing, and
                             nothing in it was decided */
    /* between members: struct frame_member, then what is said */
    FRAME_MEMBER_HEARTBEAT = 16, /* nothing else */
    FRAME_MEMBER_JOIN = 17,      /* follower → owner: send what follows the end of my journal; nothing else */
    FRAME_MEMBER_IDENTITY = 18,  /* owner → follower without a journal: struct frame_identity */
    FRAME_MEMBER_APPEND = 19,    /* owner → follower: raw journal batches × count, aligned to 8 */
    FRAME_MEMBER_CONFIRM = 20,   /* follower → owner: nothing else */
    FRAME_MEMBER_DIVERGED = 21,  /* owner → follower: my journal does not contain the end of yours; nothing else */
    FRAME_MEMBER_FETCH = 22,     /* follower without a journal → owner: struct frame_fetch */
    FRAME_MEMBER_PIECE = 23,     /* owner → follower: struct frame_piece, then bytes of a snapshot × count */
};

enum frame_flag {
    FRAME_TIMED = 1 << 0, /* requests: their replies shall say when; replies: struct frame_times follows the records */
};

struct frame_header {
    uint32_t magic;
    uint8_t version;
    uint8_t kind;
    uint16_t partition;
    uint16_t partitions; /* the sender's number of partitions; must match */
    uint16_t flags;      /* enum frame_flag */
    uint32_t count;      /* records */
    /*
     * Between gateways and issuer, and between members, where the clock is 0; zeros in all other frames. Each start of
     * an issuer has a random incarnation and a clock for deadlines (issuer/turn/deadline_clock.h). From the issuer: its
     * own incarnation, and its clock at the decision. From a gateway: the incarnation that it addresses, and a lower
     * bound of that clock; zeros in a ping before it knows the issuer.
     */
    uint64_t incarnation;
    int64_t clock_us;
};
_Static_assert(sizeof(struct frame_header) == 32, "frame header layout");

enum issue_op {
    ISSUE_POST = 1,   /* issue one more, up to the limit */
    ISSUE_ENSURE = 2, /* issue one if there is none (PUT) */
    ISSUE_LOOKUP = 3, /* return the latest issue */
};

/* What a gateway knows about a user and the segments of a coupon, beside their hash (coupon_segments_hash). */
#define SEGMENTS_UNCHECKED 0
#define SEGMENTS_EXEMPT    UINT32_MAX /* the segments do not matter */

struct frame_issue_request {
    uint64_t tag; /* chosen by the gateway, echoed in the reply */
    uint8_t op;   /* enum issue_op */
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint8_t reserved;
    uint32_t wait_us;     /* decided before the header's clock_us + wait_us, or never */
    uint64_t request_key; /* ISSUE_POST: 64 bits of a hash of the idempotency key; 0: none */
    uint16_t nth;         /* ISSUE_ENSURE: the issue that must exist, from 1; 0: any */
    uint16_t reserved_2;
    uint32_t segments; /* hash of the coupon's segments, of which the user is in one; or one of the two above */
    char coupon_id[COUPON_ID_MAX];
    char user_id[USER_ID_MAX];
};
_Static_assert(sizeof(struct frame_issue_request) == 128, "issue request layout");

/* An issue, as replies have it. All zeros: none. */
struct frame_issue {
    uint32_t sequence;
    uint16_t nth;
    uint8_t state; /* enum issue_state */
    uint8_t reserved;
    int64_t issued_at_us;
    int64_t redeemable_until_us; /* TIME_NONE: without end */
    uint64_t code;               /* shared/code.h */
};
_Static_assert(sizeof(struct frame_issue) == 32, "issue layout");

struct frame_issue_reply {
    uint64_t tag;
    uint8_t verdict; /* enum verdict */
    uint8_t reserved[3];
    uint32_t segments;        /* NOT_ELIGIBLE: hash of the segments that the coupon has */
    int64_t now_us;           /* the issuer's clock at the decision */
    struct frame_issue issue; /* for NOT_STARTED, issued_at_us is the coupon's starts_at_us; for NOT_ELIGIBLE the user's
                               * latest issue, if there is one that is not revoked */
};
_Static_assert(sizeof(struct frame_issue_reply) == 56, "issue reply layout");

enum change_op {
    CHANGE_REDEEM = 1,  /* redeem the issue `sequence`, or the oldest that can be redeemed */
    CHANGE_UNDO = 2,    /* take back the redemption with this reference */
    CHANGE_REVOKE = 3,  /* take back the issue `sequence`, or the latest */
    CHANGE_SHOW = 4,    /* the issue `sequence` of the user, with its details */
    CHANGE_RESOLVE = 5, /* the coupon and the sequence of `code` */
    CHANGE_ERASE = 6,   /* forget the user's id */
    CHANGE_SWEEP = 7,   /* take back all issues of the coupon that are not redeemed, step by step */
    CHANGE_SWEPT = 8,   /* how far that is */
};

enum change_flag {
    CHANGE_RESTOCK = 1 << 0,  /* CHANGE_REVOKE, CHANGE_SWEEP: the piece goes back to the stock */
    CHANGE_AGAIN = 1 << 1,    /* CHANGE_REVOKE: the user may get another one */
    CHANGE_IF_OWNER = 1 << 2, /* CHANGE_REVOKE, CHANGE_SWEEP, CHANGE_SWEPT: only if the actor owns the coupon */
};

struct frame_change_request {
    uint64_t tag;
    uint8_t op;               /* enum change_op */
    uint8_t coupon_id_length; /* 0 in CHANGE_RESOLVE and CHANGE_ERASE */
    uint8_t user_id_length;   /* 0 where no user is concerned */
    uint8_t reference_length; /* CHANGE_REDEEM, CHANGE_UNDO */
    uint32_t wait_us;
    uint32_t sequence; /* 0: none is named */
    uint8_t reason_length;
    uint8_t actor_length;
    uint8_t request_id_length;
    uint8_t flags; /* enum change_flag */
    uint64_t code; /* CHANGE_RESOLVE */
    char coupon_id[COUPON_ID_MAX];
    char user_id[USER_ID_MAX];
    char reference[REFERENCE_MAX];
    char reason[REASON_MAX];
    char actor[ACTOR_MAX];
    char request_id[REQUEST_ID_MAX];
};
_Static_assert(sizeof(struct frame_change_request) == 584, "change request layout");

/* What is known of an issue that is redeemed or revoked. All zeros: the store knows it. */
struct frame_details {
    int64_t changed_at_us;
    uint8_t flags; /* enum change_flag, of a revocation */
    uint8_t reference_length;
    uint8_t reason_length;
    uint8_t actor_length;
    uint8_t reserved[4];
    char reference[REFERENCE_MAX];
    char reason[REASON_MAX];
    char actor[ACTOR_MAX];
};
_Static_assert(sizeof(struct frame_details) == 344, "details layout");

struct frame_change_reply {
    uint64_t tag;
    uint8_t verdict;          /* enum verdict */
    uint8_t coupon_id_length; /* CODE_FOUND: of the coupon */
    uint8_t reserved[6];
    int64_t now_us;
    struct frame_issue issue;
    struct frame_details details;
    char coupon_id[COUPON_ID_MAX];
    struct frame_progress { /* CHANGE_SWEEP, CHANGE_SWEPT */
        uint32_t examined;  /* issues, up to `until` */
        uint32_t until;     /* 0: nothing goes on */
        uint32_t revoked;   /* of the coupon, in all */
        uint32_t reserved;
    } progress;
};
_Static_assert(sizeof(struct frame_change_reply) == 448, "change reply layout");

enum coupon_op {
    COUPON_CREATE = 1,
    COUPON_CHANGE = 2,
    COUPON_GET = 3,
    COUPON_LIST = 4, /* up to `quantity` coupons with an id after `id` in byte order; `id` may be empty */
};

/* The members that a COUPON_CHANGE sets. */
enum coupon_field {
    COUPON_FIELD_TITLE = 1 << 0,
    COUPON_FIELD_QUANTITY = 1 << 1,
    COUPON_FIELD_STARTS_AT = 1 << 2,
    COUPON_FIELD_ENDS_AT = 1 << 3,
    COUPON_FIELD_PAUSED = 1 << 4,
    COUPON_IF_VERSION = 1 << 5,     /* no member: only if the coupon's journal_seq equals the request's */
    COUPON_UNLESS_VERSION = 1 << 6, /* no member: only if it does not */
    COUPON_FIELD_PER_USER_LIMIT = 1 << 7,
    COUPON_FIELD_REDEEM_UNTIL = 1 << 8,
    COUPON_FIELD_REDEEM_WITHIN = 1 << 9,
    COUPON_FIELD_ARCHIVED = 1 << 10,
    COUPON_FIELD_DESCRIPTION = 1 << 11,
    COUPON_FIELD_BENEFIT = 1 << 12,
    COUPON_FIELD_METADATA = 1 << 13,
    COUPON_FIELD_OWNER = 1 << 14,
    COUPON_FIELD_SEGMENTS = 1 << 15,
};

/* COUPON_LIST: what to leave out. */
enum coupon_filter {
    COUPON_FILTER_OWNER = 1 << 0,    /* all but those of `owner` */
    COUPON_FILTER_STATE = 1 << 1,    /* all but those in `state` */
    COUPON_FILTER_ARCHIVED = 1 << 2, /* archived ones */
};

struct frame_coupon {
    int64_t starts_at_us;
    int64_t ends_at_us;
    int64_t redeem_until_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    uint32_t number;
    uint32_t quantity;
    uint32_t issued;
    uint32_t returned;
    uint32_t redeemed;
    uint32_t per_user_limit;
    uint32_t redeem_within_s;
    uint8_t id_length;
    uint8_t paused;
    uint8_t archived;
    uint8_t reserved[5];
    uint16_t text_lengths[COUPON_TEXTS];
    char id[COUPON_ID_MAX];
    char texts[COUPON_TEXTS_BYTES_MAX]; /* one after the other, in the order of COUPON_TEXT_TABLE, then zeros */
};
_Static_assert(sizeof(struct frame_coupon) == 8384, "coupon layout");

struct frame_coupon_request {
    uint64_t tag;
    uint8_t op;     /* enum coupon_op */
    uint8_t filter; /* enum coupon_filter bits, for COUPON_LIST */
    uint8_t state;  /* enum coupon_state, for COUPON_FILTER_STATE */
    uint8_t actor_length;
    uint32_t wait_us; /* as in an issue request */
    uint16_t fields;  /* enum coupon_field bits, for COUPON_CHANGE */
    uint8_t request_id_length;
    uint8_t if_owner; /* COUPON_CHANGE: 1: only if the actor owns the coupon; otherwise 0 */
    uint8_t reserved[4];
    char actor[ACTOR_MAX];
    char request_id[REQUEST_ID_MAX];
    struct frame_coupon coupon;
};
_Static_assert(sizeof(struct frame_coupon_request) == 8600, "coupon request layout");

/* When the turn decided the requests of the frame, on the clock of the header's clock_us, at which it began. */
struct frame_times {
    int64_t decided_us;
    int64_t synced_us;    /* the journal is written, and under issuer/sync = always on the disk */
    uint64_t journal_seq; /* of the turn's last record */
};
_Static_assert(sizeof(struct frame_times) == 24, "times layout");

/* Cut after the coupon's last text and padded to 8 bytes. One reply per coupon request, except for a listing: it gets
 * one reply per coupon, all in one frame, with `remaining` counting down to 0; an empty listing gets one reply with
 * VERDICT_NONE. */
struct frame_coupon_reply {
    uint64_t tag;
    uint8_t verdict;
    uint8_t reserved;
    uint16_t length; /* of this record in the frame */
    uint32_t remaining;
    int64_t now_us;
    struct frame_coupon coupon;
};
_Static_assert(sizeof(struct frame_coupon_reply) == 8408, "coupon reply layout");

/*
 * Follows the header of FRAME_EVENTS; header.count is the number of records in the journal batches that follow. Without
 * records (last_seq = first_seq - 1) it only asks whether the store still has what it acknowledged: the answer is
 * FRAME_BEHIND if not, none if so.
 */
struct frame_events {
    uint8_t journal_id[16];
    uint8_t store_id[16]; /* of the intended store; zeros while the issuer does not know it */
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t acked_seq; /* every record up to this one was acknowledged; a store without them has lost them */
    uint64_t gone_seq;  /* the store may lack records up to this one: no journal file has them any more; usually 0 */
    uint8_t fingerprint_key[16]; /* the journal's keys, which a rebuild from the store needs */
    uint8_t code_key[16];
};
_Static_assert(sizeof(struct frame_events) == 96, "events layout");

/*
 * FRAME_ACK: records first_seq to last_seq are in the store. FRAME_BEHIND, the answer to events whose acked_seq the
 * store does not reach, because it came back empty or from a backup: no event was written, every record up to last_seq
 * is in the store, and it next needs first_seq = last_seq + 1. FRAME_REFUSED, the answer to events with another
 * store_id: no record of first_seq to last_seq was written.
 */
struct frame_ack {
    uint8_t journal_id[16];
    uint8_t store_id[16]; /* of the persister's store */
    uint64_t first_seq;
    uint64_t last_seq;
};
_Static_assert(sizeof(struct frame_ack) == 48, "ack layout");

struct frame_pong {
    uint64_t journal_seq; /* of the last record; every decision before now_us has at most this one */
    int64_t now_us;
    uint64_t acked_seq; /* the store has every record up to this one */
    uint64_t epoch;     /* the highest that the member knows of; 0: the issuer has no members */
    uint8_t decides;    /* 1: it answers requests now; otherwise 0 */
    uint8_t reserved[7];
};
_Static_assert(sizeof(struct frame_pong) == 40, "pong layout");

/* Writes a header for `count` records of `kind` to `out`, with incarnation and clock 0. */
void frame_header_write(struct frame_header *out, enum frame_kind kind, uint16_t partition, uint16_t partitions,
                        uint32_t count);
/* Sets incarnation and clock of an existing header, at any alignment. */
void frame_header_set_clock(void *header, uint64_t incarnation, int64_t clock_us);

/*
 * FRAME_OK when the `size` bytes at `data` are a valid frame: known magic, version and kind, and a count that matches
 * the size exactly (FRAME_EVENTS: at least the fixed part). Copies the header to `header`.
 */
enum frame_fault frame_check(const void *data, size_t size, struct frame_header *header);

/* Sets flags of an existing header, at any alignment. */
void frame_header_set_flags(void *header, uint16_t flags);
/* Copies the times of a checked frame of replies; false when it has none. */
bool frame_times_read(const void *data, size_t size, struct frame_times *times);

/* True for the kinds of requests that FRAME_NOT_OWNER may return. */
bool frame_is_returnable(uint8_t kind);

/* The records after the header. They are aligned as ZeroMQ's buffers are: read them by memcpy or packed access only. */
const void *frame_records(const void *data);

/* True when the op and the lengths and alphabets of the ids are valid. */
bool frame_issue_request_valid(const struct frame_issue_request *request);
bool frame_change_request_valid(const struct frame_change_request *request);
bool frame_coupon_request_valid(const struct frame_coupon_request *request);

/* False for a text that answers embed as JSON and that is not JSON. For bytes that coupon_text_valid() accepts. */
bool frame_json_text_valid(enum coupon_text text, const char *bytes, size_t length);
/* True when ids, texts, numbers and window are valid for a coupon in a reply. */
bool frame_coupon_whole(const struct frame_coupon *coupon);

/* True for a known state and times within bounds, or all zeros. */
bool frame_issue_whole(const struct frame_issue *issue);
/* True when lengths and texts are valid. */
bool frame_details_whole(const struct frame_details *details);

/* Appends a coupon reply to the records at `out`, which have room for a whole one; returns its length. */
size_t frame_coupon_reply_append(void *out, const struct frame_coupon_reply *reply);
/* Reads the record at `records` of a checked frame; returns its length. */
size_t frame_coupon_reply_next(const void *records, struct frame_coupon_reply *reply);
/* The bytes of `coupon` without the zeros after its last text. Its lengths are valid. */
size_t frame_coupon_bytes(const struct frame_coupon *coupon);
/* True when the lengths of id and texts are within bounds. */
bool frame_coupon_lengths_valid(const struct frame_coupon *coupon);

/* Convert between wire and value. The first returns false when a length is out of bounds. */
bool frame_coupon_read(const struct frame_coupon *wire, struct coupon *coupon);
void frame_coupon_write(struct frame_coupon *wire, const struct coupon *coupon);

#endif
