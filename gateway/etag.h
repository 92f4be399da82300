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

/* What the If-Match lines of one request ask for, or its If-None-Match lines. */
struct if_match {
    bool present;
    bool any;         /* "*": whatever the version is */
    uint64_t version; /* the highest that is named, 0: none that can be. A client who knows it knows no older one to be
                       * current, so a list needs no more. */
    uint64_t content; /* of the last tag with that version */
};

/* Takes one line of If-Match: "*", or a list of tags. Weak tags match nothing. */
void if_match_add(struct if_match *condition, struct span line);
/* The same of If-None-Match, where weak tags count. */
void if_none_match_add(struct if_match *condition, struct span line);

/* Whether If-Match lets through what is at this version with this content, or asks for nothing. */
bool if_match_holds(const struct if_match *condition, uint64_t version, uint64_t content);

#endif
