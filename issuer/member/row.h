/*
 * The row of the store that names who decides a partition. Every change raises its epoch by one, and is a conditional
 * write: it happens only if the row is still the one that the writer knows. Members are numbers: their places in
 * cluster/members.
 */
#ifndef COUPOND_MEMBER_ROW_H
#define COUPOND_MEMBER_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/members.h"

struct member_row {
    uint64_t epoch;  /* 0: unknown */
    uint8_t owner;   /* the only one that decides */
    uint8_t standby; /* the only other one that may take over: it has all that was answered; MEMBER_NONE: nobody */
};

static inline bool member_row_equals(const struct member_row *a, const struct member_row *b)
{
    return a->epoch == b->epoch && a->owner == b->owner && a->standby == b->standby;
}

#endif
