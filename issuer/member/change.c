#include "issuer/member/change.h"

#include "shared/error.h"

void member_change_begin(struct member_change *change, const struct member_row *from, const struct member_row *to)
{
    CHECK(!change->pending && to->epoch == from->epoch + 1);
    *change = (struct member_change){.pending = true, .from = *from, .to = *to};
}

void member_change_ask(const struct member_change *change, struct member_ask *ask)
{
    *ask = (struct member_ask){change->touches ? MEMBER_ASK_TOUCH : MEMBER_ASK_CHANGE, change->from, change->to};
}

enum member_changed member_change_on_answer(struct member_change *change, enum member_outcome outcome)
{
    if (outcome == MEMBER_UNKNOWN)
        return MEMBER_CHANGE_OPEN;
    if (outcome == MEMBER_OTHER && !change->touches) {
        change->touches = true;
        return MEMBER_CHANGE_OPEN;
    }
    change->pending = false;
    if (outcome == MEMBER_OTHER)
        return MEMBER_CHANGE_LOST;
    return change->touches ? MEMBER_CHANGE_FOUND : MEMBER_CHANGE_MADE;
}
