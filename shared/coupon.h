/*
 * The values that every role uses: coupon, issue, verdict, and the alphabets of their ids. Pure; owns nothing.
 */
#ifndef COUPOND_COUPON_H
#define COUPOND_COUPON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/limits.h"

/* No bound, for starts_at_us and ends_at_us. */
#define TIME_NONE INT64_MIN

/* A coupon's policy and how many of it are issued. Times are microseconds since 1970 in UTC. */
struct coupon {
    char id[COUPON_ID_MAX + 1];
    char title[TITLE_MAX + 1];
    uint32_t quantity;
    uint32_t issued;
    uint32_t per_user_limit;
    bool paused;
    int64_t starts_at_us; /* TIME_NONE: always */
    int64_t ends_at_us;   /* TIME_NONE: never */
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq; /* of the record that last changed the policy */
};

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
    X(STALE_VERSION, "stale_version")

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
};

/* The state at `now_us`. If several apply, the first of: ended, paused, scheduled, sold out, open. */
enum coupon_state coupon_state(const struct coupon *coupon, int64_t now_us);
/* The same from the window (TIME_NONE: no bound), the pause, and whether anything is left. */
enum coupon_state coupon_state_of(int64_t starts_at_us, int64_t ends_at_us, bool paused, bool sold_out, int64_t now_us);
const char *coupon_state_name(enum coupon_state state);

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
