/*
 * What an owner gives to a member that has no journal yet: the identity of its own, and a snapshot, piece by piece, for
 * records that no segment has any more. On the partition's thread.
 */
#ifndef COUPOND_MEMBER_NEWCOMER_H
#define COUPOND_MEMBER_NEWCOMER_H

#include "issuer/member/context.h"

/* Sends FRAME_MEMBER_IDENTITY. */
void member_newcomer_identify(const struct member_context *context, uint8_t to, uint64_t incarnation);
/* Sends FRAME_MEMBER_PIECE. `fetch` is a struct frame_fetch, at any alignment. */
void member_newcomer_serve(const struct member_context *context, uint8_t to, uint64_t incarnation, const void *fetch);

#endif
