/*
 * The query of a list: ?limit=, ?cursor=, ?format=, ?state= and ?owner=. Pure.
 */
#ifndef COUPOND_PAGE_QUERY_H
#define COUPOND_PAGE_QUERY_H

#include <stdint.h>

#include "gateway/http/span.h"
#include "gateway/reply/api_errors.h"

#define PAGE_VALUE_MAX 80 /* bytes of a value */

enum page_member {
    PAGE_LIMIT = 1 << 0,
    PAGE_CURSOR = 1 << 1,
    PAGE_FORMAT = 1 << 2,
    PAGE_STATE = 1 << 3,
    PAGE_OWNER = 1 << 4,
};

struct page_query {
    uint32_t limit;     /* 1 to COUPON_LIST_MAX; 0: not given */
    struct span cursor; /* decoded, in `values`; `at` is NULL when not given */
    struct span format; /* likewise, as the next two */
    struct span state;
    struct span owner;
    char values[4][PAGE_VALUE_MAX];
};

/* Reads the `members`, a set of enum page_member; others, repetitions and an invalid limit go to `errors`. */
void page_query_read(struct page_query *query, struct span text, unsigned members, struct api_errors *errors);
/* Adds the error for a value that the caller does not accept. */
void page_query_refuse(enum page_member member, struct api_errors *errors);

#endif
