#include "shared/wire/frame_member.h"

static bool is_blank(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

bool frame_member_whole(const struct frame_member *member)
{
    bool row = member->epoch == 0 ? member->owner == 0 && member->standby == 0
                                  : member->owner != 0 && member->owner != member->standby;
    return row && member->from != 0 && member->owns <= 1 && is_blank(member->reserved, sizeof member->reserved) &&
           (member->owns == 0 || member->owner == member->from) && member->seen_epoch >= member->epoch;
}
