/*
 * The values of questions to a store: what is asked, and an issue as readers get it. Pure values.
 */
#ifndef COUPOND_STORE_VIEW_H
#define COUPOND_STORE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/store/rows.h"

/* The place of an issue, after which a page begins. Users' issues are ordered by all three members, others by the last
 * two. */
struct store_issue_key {
    int64_t issued_at_us;
    uint8_t coupon_id_length; /* 0, for all issues: before the first */
    char coupon_id[COUPON_ID_MAX];
    uint32_t sequence;
};

struct store_issue_query {
    const char *id; /* the user's or the coupon's; not for all issues */
    size_t id_length;
    const struct store_issue_key *after; /* NULL: from the first */
    size_t limit;                        /* 0: all, in a single statement */
};

/* The changes of a coupon, from the latest on. */
struct store_history_query {
    const char *coupon_id;
    size_t coupon_id_length;
    uint64_t before; /* journal_seq; UINT64_MAX: from the latest on */
    size_t limit;    /* at least 1 */
};

/* Whose a coupon is. */
struct store_coupon_owner {
    bool found; /* false: the store does not have the coupon */
    uint8_t owner_length;
    char owner[OWNER_MAX];
};

/* The issues of a coupon before a sequence. */
struct store_earlier_query {
    const uint8_t *journal_id; /* 16 bytes: of the journal that filled the store */
    const char *coupon_id;
    size_t coupon_id_length;
    uint32_t before;
    size_t limit; /* at least 1 */
};

/* An issue as readers get it: its row, and what is joined to it. Its pointers are valid during the call. */
struct store_issue_view {
    struct store_issue issue;
    /* of its coupon; NULL and zeros: there is no such coupon */
    const char *title;
    size_t title_length;
    const char *benefit; /* JSON; empty: none */
    size_t benefit_length;
    uint32_t number;
    uint32_t redeem_within_s;
    int64_t redeem_until_us;
    struct store_change change; /* state ISSUE_NONE: it never changed */
};

typedef bool (*store_view_fn)(void *arg, const struct store_issue_view *view);

#endif
