/*
 * The change requests of a turn: redeeming an issue, taking that back, revoking it; and what belongs to them: details,
 * codes, erasing a user's id. Pure, but for the journal's batch. Owned by the partition's thread.
 */
#ifndef COUPOND_TURN_CHANGES_H
#define COUPOND_TURN_CHANGES_H

#include <stdbool.h>

#include "issuer/turn/context.h"
#include "shared/wire/frame.h"

/* Decides the request, unless it is late, and fills the reply. */
void turn_change_answer(struct turn_context *context, const struct frame_change_request *request, bool late,
                        struct frame_change_reply *reply);

#endif
