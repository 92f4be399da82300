#include "issuer/member/message.h"

#include <string.h>

struct frame_member member_message(const struct member_context *context)
{
    struct member_heartbeat heartbeat;
    member_role_heartbeat(context->role, &heartbeat);
    struct frame_member member = {
        .from = members_hash(context->members, context->self),
        .seen_epoch = heartbeat.seen_epoch,
        .epoch = heartbeat.row.epoch,
        .owner = members_hash(context->members, heartbeat.row.owner),
        .standby = members_hash(context->members, heartbeat.row.standby),
        .answered_seq = heartbeat.answered_seq,
        .acked_seq = heartbeat.owns ? journal_acked_seq(context->journal) : 0,
        .term = heartbeat.owns ? context->role->term : 0,
        .owns = heartbeat.owns,
    };
    memcpy(member.journal_id, journal_meta(context->journal)->journal_id, sizeof member.journal_id);
    return member;
}

bool member_message_send(const struct member_context *context, uint8_t to, enum frame_kind kind,
                         const struct frame_member *member)
{
    uint32_t count = kind == FRAME_MEMBER_APPEND ? 0 : 1;
    return member_links_send(context->links, to, kind, context->incarnation, member, count, NULL, 0);
}

bool member_message_read(const struct member_context *context, const struct frame_member *member, uint8_t *from,
                         struct member_heartbeat *heartbeat)
{
    *from = members_find_hash(context->members, member->from);
    *heartbeat = (struct member_heartbeat){
        .seen_epoch = member->seen_epoch,
        .row = {.epoch = member->epoch,
                .owner = members_find_hash(context->members, member->owner),
                .standby = members_find_hash(context->members, member->standby)},
        .owns = member->owns,
        .answered_seq = member->answered_seq,
    };
    return *from != MEMBER_NONE && *from != context->self &&
           (member->owner == 0 || heartbeat->row.owner != MEMBER_NONE) &&
           (member->standby == 0 || heartbeat->row.standby != MEMBER_NONE);
}
