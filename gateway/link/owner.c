#include "gateway/link/owner.h"

#include "shared/error.h"

static bool counts(const struct link_owner *owner, uint8_t member)
{
    return owner->members[member].decides && owner->members[member].epoch == owner->epoch_max;
}

/* An epoch has one owner, so it does not matter which of several is taken; the present one is kept. */
static void choose(struct link_owner *owner)
{
    if (owner->now != MEMBER_NONE && counts(owner, owner->now))
        return;
    owner->now = MEMBER_NONE;
    for (uint8_t i = 0; i < MEMBERS_MAX && owner->now == MEMBER_NONE; i++) {
        if (counts(owner, i))
            owner->now = i;
    }
}

void link_owner_note(struct link_owner *owner, uint8_t member, uint64_t epoch, bool decides)
{
    CHECK(member < MEMBERS_MAX);
    owner->members[member].decides = decides;
    owner->members[member].epoch = epoch;
    if (epoch > owner->epoch_max)
        owner->epoch_max = epoch;
    choose(owner);
}

void link_owner_forget(struct link_owner *owner, uint8_t member)
{
    CHECK(member < MEMBERS_MAX);
    owner->members[member].decides = false;
    choose(owner);
}
