/*
 * What the parts of a member share: its partition's journal and ledger, its role, and the links to the others. Owned by
 * the partition's thread.
 */
#ifndef COUPOND_MEMBER_CONTEXT_H
#define COUPOND_MEMBER_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "issuer/member/links.h"
#include "issuer/member/role.h"
#include "issuer/turn/details.h"
#include "shared/journal/journal.h"
#include "shared/members.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame_member.h"

struct member_context {
    /* borrowed */
    const struct members *members;
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct member_links *links;
    struct member_role *role;
    struct metrics *metrics;
    uint8_t self;
    uint64_t incarnation; /* of this start */
    uint64_t turns;       /* of this member as an owner: the last one written */
};

#endif
