/*
 * Entity tags of coupons: "VERSION-CONTENT", sixteen hexadecimal digits each. VERSION is the journal sequence of the
 * policy's last change, CONTENT a hash of the body, so that a tag changes with every issue, while If-Match, which looks
 * at VERSION alone, holds an operator up only when somebody else has changed the policy. Pure.
 */
#ifndef COUPOND_ETAG_H
#define COUPOND_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/span.h"

enum { ETAG_LENGTH = 35 }; /* with both quotes */

void etag_format(char out[ETAG_LENGTH], uint64_t version, uint64_t content);

/* What the If-Match lines of one request ask for. */
struct if_match {
    bool present;
    bool any;         /* "*": whatever the version is */
    uint64_t version; /* the highest that is named, 0: none that can be. A client who knows it knows no older one to be
                       * current, so a list needs no more. Weak tags match nothing. */
};

/* Takes one line: "*", or a list of tags. */
void if_match_add(struct if_match *condition, struct span line);

#endif
