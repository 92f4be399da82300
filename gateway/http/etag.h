/*
 * Entity tags of coupons: "VERSION-CONTENT-CHECK", hexadecimal. VERSION is the journal sequence of the policy's last
 * change. CONTENT is a hash of the body, so the tag changes with every issue; If-Match and If-None-Match of a change
 * compare VERSION alone, so an operator's change conflicts only with other changes of the policy. CHECK shows that a
 * gateway created the tag for this coupon: tags of other coupons and invented tags match nothing. A change also takes
 * the decimal `version` of the coupon's JSON for a tag, quoted, or alone without quotes. Pure.
 */
#ifndef COUPOND_ETAG_H
#define COUPOND_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"

enum { ETAG_LENGTH = 44 }; /* includes both quotes */

void etag_format(char out[ETAG_LENGTH], struct span coupon_id, uint64_t version, uint64_t content);

/* The combined If-Match or If-None-Match lines of one request. */
struct etag_lines {
    bool present;
    bool any; /* one of them is "*" */
};

void etag_lines_add(struct etag_lines *lines, struct span line);

enum etag_comparison {
    ETAG_STRONG, /* for If-Match: weak tags match nothing */
    ETAG_WEAK,   /* for If-None-Match */
};

/* True when the list contains this tag. */
bool etag_list_has(struct span list, const char tag[ETAG_LENGTH], enum etag_comparison comparison);

/* True when If-Match is missing (NULL), or contains this tag. See http_request_if_match(). */
bool etag_passes(const char *if_match, const char tag[ETAG_LENGTH]);
/* True when If-None-Match is "*", or contains this tag; false when it is missing (NULL). See
 * http_request_if_none_match(). */
bool etag_excluded(const char *if_none_match, const char tag[ETAG_LENGTH]);

/*
 * The highest version among the list's tags of this coupon, or 0, which no coupon has. Versions only increase, and each
 * of these tags was issued by a gateway (decimal versions are believed): a coupon that has reached the highest version
 * never returns to a lower one. So only this version can match, and the issuer compares a single version when it
 * decides.
 */
uint64_t etag_list_version(struct span list, struct span coupon_id, enum etag_comparison comparison);

#endif
