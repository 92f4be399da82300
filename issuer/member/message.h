/*
 * What a member says, between its role and struct frame_member. Pure. Owned by the partition's thread.
 */
#ifndef COUPOND_MEMBER_MESSAGE_H
#define COUPOND_MEMBER_MESSAGE_H

#include "issuer/member/context.h"

/* What every message says of the sender and of the row. */
struct frame_member member_message(const struct member_context *context);
/* Sends it. False: the other is not connected, or does not read. */
bool member_message_send(const struct member_context *context, uint8_t to, enum frame_kind kind,
                         const struct frame_member *member);
/* What a received one says of them; `from` is the sender. False when it is not in the list, or names as owner or
 * standby somebody who is not. */
bool member_message_read(const struct member_context *context, const struct frame_member *member, uint8_t *from,
                         struct member_heartbeat *heartbeat);

#endif
