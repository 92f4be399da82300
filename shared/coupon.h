/*
 * The values that every role uses: coupon, issue, verdict, and the alphabets of their ids. Pure; owns nothing.
 */
#ifndef COUPOND_COUPON_H
#define COUPOND_COUPON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/limits.h"

/* No bound, for starts_at_us, ends_at_us and redeem_until_us. */
#define TIME_NONE INT64_MIN

/* A coupon's policy and what has become of its issues. Times are microseconds since 1970 in UTC. */
struct coupon {
    char id[COUPON_ID_MAX + 1];
    uint32_t number;   /* in its partition, from 1: a part of its issues' codes; 0: not yet numbered */
    uint32_t quantity; /* QUANTITY_UNLIMITED: no bound */
    uint32_t issued;
    uint32_t returned; /* revoked issues that went back to the stock */
    uint32_t redeemed;
    uint32_t per_user_limit;
    uint32_t redeem_within_s; /* from the issue on; 0: no such bound */
    bool paused;
    bool archived;
    int64_t starts_at_us;    /* TIME_NONE: always */
    int64_t ends_at_us;      /* TIME_NONE: never */
    int64_t redeem_until_us; /* TIME_NONE: no such bound */
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq; /* of the record that last changed the policy */
    /* The texts of COUPON_TEXT_TABLE; empty: none. */
    char title[TITLE_MAX + 1];
    char description[DESCRIPTION_MAX + 1];
    char benefit[BENEFIT_MAX + 1];   /* a JSON object that coupond carries and never reads */
    char metadata[METADATA_MAX + 1]; /* likewise */
    char owner[OWNER_MAX + 1];
    char segments[SEGMENTS_MAX + 1]; /* a JSON array of strings */
};

/* The texts of a coupon, in the order in which every format has them. */
#define COUPON_TEXT_TABLE(X)                                                                                           \
    X(TITLE, title, TITLE_MAX)                                                                                         \
    X(DESCRIPTION, description, DESCRIPTION_MAX)                                                                       \
    X(BENEFIT, benefit, BENEFIT_MAX)                                                                                   \
    X(METADATA, metadata, METADATA_MAX)                                                                                \
    X(OWNER, owner, OWNER_MAX)                                                                                         \
    X(SEGMENTS, segments, SEGMENTS_MAX)

enum coupon_text {
#define X(id, member, max) COUPON_TEXT_##id,
    COUPON_TEXT_TABLE(X)
#undef X
        COUPON_TEXTS
};

/* The bytes of all texts together, without NULs. */
#define X(id, member, max) +(max)
enum { COUPON_TEXTS_BYTES_MAX = 0 COUPON_TEXT_TABLE(X) };
#undef X

/* One text of a coupon, NUL-terminated; its maximum length; and a copy into the coupon. */
const char *coupon_text(const struct coupon *coupon, enum coupon_text text);
size_t coupon_text_max(enum coupon_text text);
void coupon_text_set(struct coupon *coupon, enum coupon_text text, const char *bytes, size_t length);
/* True for bytes that a text may have in a journal, a frame or a store; a title must not be empty. */
bool coupon_text_valid(enum coupon_text text, const char *bytes, size_t length);

/* What is left, QUANTITY_UNLIMITED for a coupon without a bound. */
uint32_t coupon_remaining(const struct coupon *coupon);
/*
 * A coupon's segments as decisions compare them: 32 bits of a hash of the text, the same in every process; 0: it has
 * none. Neither UINT32_MAX nor, for a text, 0.
 */
uint32_t coupon_segments_hash(const char *segments, size_t length);
/* True for a number of pieces, or none. */
bool quantity_valid(uint32_t quantity);

/* The name in Prometheus labels and JSON codes; verdicts that are errors use the code of the HTTP API. */
#define VERDICT_TABLE(X)                                                                                               \
    X(NONE, "none")                                                                                                    \
    X(ISSUED, "issued")                                                                                                \
    X(ALREADY_ISSUED, "already_issued")                                                                                \
    X(SOLD_OUT, "sold_out")                                                                                            \
    X(NOT_STARTED, "not_started")                                                                                      \
    X(PAUSED, "paused")                                                                                                \
    X(ENDED, "ended")                                                                                                  \
    X(COUPON_NOT_FOUND, "coupon_not_found")                                                                            \
    X(NOT_ISSUED, "not_issued")                                                                                        \
    X(FOUND, "found")                                                                                                  \
    X(COUPON_CREATED, "coupon_created")                                                                                \
    X(COUPON_CHANGED, "coupon_changed")                                                                                \
    X(COUPON_EXISTS, "coupon_exists")                                                                                  \
    X(QUANTITY_BELOW_ISSUED, "quantity_below_issued")                                                                  \
    X(WINDOW_INVALID, "window_invalid")                                                                                \
    X(OVERLOADED, "overloaded")                                                                                        \
    X(LATE, "late")                                                                                                    \
    X(STALE_VERSION, "stale_version")                                                                                  \
    X(LIMIT_LOWERED, "limit_lowered")                                                                                  \
    X(REDEMPTION_INVALID, "redemption_invalid")                                                                        \
    X(REPLAYED, "replayed")                                                                                            \
    X(ISSUE_REVOKED, "revoked")                                                                                        \
    X(REDEEMED, "redeemed")                                                                                            \
    X(REDEEMED_BEFORE, "redeemed_before")                                                                              \
    X(ALREADY_REDEEMED, "already_redeemed")                                                                            \
    X(ISSUE_EXPIRED, "issue_expired")                                                                                  \
    X(REDEMPTION_UNDONE, "redemption_undone")                                                                          \
    X(NOT_REDEEMED, "not_redeemed")                                                                                    \
    X(REFERENCE_MISMATCH, "reference_mismatch")                                                                        \
    X(REVOKED, "issue_revoked")                                                                                        \
    X(REVOKED_BEFORE, "revoked_before")                                                                                \
    X(CODE_NOT_FOUND, "code_not_found")                                                                                \
    X(ERASED, "erased")                                                                                                \
    X(SWEEPING, "sweeping")                                                                                            \
    X(SWEPT, "swept")                                                                                                  \
    X(FORBIDDEN, "forbidden")                                                                                          \
    X(NOT_ELIGIBLE, "not_eligible")

enum verdict {
#define X(id, name) VERDICT_##id,
    VERDICT_TABLE(X)
#undef X
        VERDICT_COUNT
};

/* The verdict's name; "invalid" for an unknown number. */
const char *verdict_name(enum verdict verdict);

enum coupon_state {
    COUPON_SCHEDULED,
    COUPON_OPEN,
    COUPON_PAUSED,
    COUPON_SOLD_OUT,
    COUPON_ENDED,
    COUPON_ARCHIVED,
};

/* The state at `now_us`. If several apply, the first of: archived, ended, paused, scheduled, sold out, open. */
enum coupon_state coupon_state(const struct coupon *coupon, int64_t now_us);
/* The same for a coupon that is not archived, from the window (TIME_NONE: no bound), the pause, and whether anything is
 * left. */
enum coupon_state coupon_state_of(int64_t starts_at_us, int64_t ends_at_us, bool paused, bool sold_out, int64_t now_us);
const char *coupon_state_name(enum coupon_state state);

/* The life of an issue, as journal, frames and snapshots number it. */
enum issue_state {
    ISSUE_NONE = 0,
    ISSUE_ISSUED = 1,
    ISSUE_REDEEMED = 2,
    ISSUE_REVOKED = 3,
    ISSUE_STATE_COUNT,
};

/* When an issue can no longer be redeemed: the coupon's bound, or its span from the issue on; TIME_NONE: never. */
int64_t issue_redeemable_until_us(int64_t redeem_until_us, uint32_t redeem_within_s, int64_t issued_at_us);

/* 1 to REFERENCE_MAX visible ASCII characters. */
bool reference_valid(const char *reference, size_t length);
/* 1 to REQUEST_ID_MAX visible ASCII characters: the id of a request that asked for a change. */
bool origin_id_valid(const char *id, size_t length);
/* 0 to REASON_MAX bytes of well-formed UTF-8 without control characters. */
bool reason_valid(const char *reason, size_t length);
/* "erased:" and 32 hexadecimal digits: what the store has in place of the id of a user who was erased. */
#define ERASED_ID_LENGTH 39
bool user_id_is_erased(const char *id, size_t length);

/* What ids of rehearsals begin with: of their coupons, and of the users of their crowds. */
#define REHEARSAL_COUPON_PREFIX "rehearsal-"
#define REHEARSAL_USER_PREFIX   "rehearsal:"

/* 1 to 32 of A-Z a-z 0-9 - _ . but not "." or "..", which URL paths cannot contain. */
bool coupon_id_valid(const char *id, size_t length);
/* 1 to 64 of A-Z a-z 0-9 - _ . : @ but not "." or "..". */
bool user_id_valid(const char *id, size_t length);
/* 1 to TITLE_MAX bytes of well-formed UTF-8 without control characters: a title that can be stored. */
bool title_valid(const char *title, size_t length);
/* A title that a client may set: valid, with at least one visible character, and without characters that change the
 * direction of text, end a line or are invisible. Titles in older journals may break this rule. */
bool title_settable(const char *title, size_t length);

/* A bound of a window: TIME_NONE, or within the years 1970 to 9999. */
bool window_time_valid(int64_t us);

/* The partition a coupon lives on: a fixed hash of its id (XXH64, seed 0) modulo `partitions`. */
uint16_t coupon_partition(const char *id, size_t length, uint16_t partitions);

#endif
