/*
 * Which member decides a partition, as far as their pongs tell: the one that says so with the highest epoch. Any member
 * may know that epoch, so an owner that stood still while another took over does not count. Pure; used by one thread.
 */
#ifndef COUPOND_LINK_OWNER_H
#define COUPOND_LINK_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/members.h"

/* All zeros but for `now`, MEMBER_NONE: nothing is known. */
struct link_owner {
    uint8_t now;        /* the owner, or MEMBER_NONE */
    uint64_t epoch_max; /* the highest one heard of */
    struct {
        bool decides;
        uint64_t epoch;
    } members[MEMBERS_MAX]; /* by their latest pongs */
};

/* Takes what a pong of `member` says. */
void link_owner_note(struct link_owner *owner, uint8_t member, uint64_t epoch, bool decides);
/* The member is gone or has refused: it does not decide until its next pong says so. */
void link_owner_forget(struct link_owner *owner, uint8_t member);

#endif
