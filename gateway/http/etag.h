/*
 * Entity tags of coupons: "VERSION-CONTENT-CHECK", hexadecimal. VERSION is the journal sequence of the policy's last
 * change, CONTENT a hash of the body, so that a tag changes with every issue, while a change's If-Match and
 * If-None-Match, which look at VERSION alone, hold an operator up only when somebody else has changed the policy. CHECK
 * tells a tag that a gateway has given for this coupon from one that it has not: another coupon's, or an invented one,
 * names nothing. Pure.
 */
#ifndef COUPOND_ETAG_H
#define COUPOND_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"

enum { ETAG_LENGTH = 44 }; /* with both quotes */

void etag_format(char out[ETAG_LENGTH], struct span coupon_id, uint64_t version, uint64_t content);

/* What the lines of If-Match, or of If-None-Match, in one request are like. */
struct etag_lines {
    bool present;
    bool any; /* one of them is "*" */
};

void etag_lines_add(struct etag_lines *lines, struct span line);

enum etag_comparison {
    ETAG_STRONG, /* for If-Match: weak tags match nothing */
    ETAG_WEAK,   /* for If-None-Match */
};

/* Whether one of the list's tags is this one. */
bool etag_list_has(struct span list, const char tag[ETAG_LENGTH], enum etag_comparison comparison);

/*
 * The highest version among the list's tags of this coupon; 0, which no coupon has, when there is none. Versions only
 * rise, and each of these tags was given: a coupon that has been at the highest is never at another one of them again.
 * So this one alone can match, and the issuer has one version to compare as it decides.
 */
uint64_t etag_list_version(struct span list, struct span coupon_id, enum etag_comparison comparison);

#endif
