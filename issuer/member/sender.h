/*
 * An owner's side of the copies: sends its journal's batches to the members that follow. The standby gets a batch when
 * it is written, while this member syncs it; whoever is behind gets it from the files, in pieces, of which only a few
 * are unconfirmed at a time. Followers that are not named get confirmed records only. Owned by the partition's thread.
 *
 *   in   FRAME_MEMBER_JOIN, FRAME_MEMBER_CONFIRM, FRAME_MEMBER_FETCH
 *   out  FRAME_MEMBER_APPEND, FRAME_MEMBER_IDENTITY, FRAME_MEMBER_DIVERGED, FRAME_MEMBER_PIECE
 */
#ifndef COUPOND_MEMBER_SENDER_H
#define COUPOND_MEMBER_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/member/context.h"

struct member_sender;

/* `context` is borrowed. */
struct member_sender *member_sender_create(struct member_context *context);
void member_sender_destroy(struct member_sender **sender);

/* This member does not own the partition any more, or owns it anew: whoever follows joins again. */
void member_sender_forget(struct member_sender *sender);
/* A member asks for what follows the end of its journal. */
void member_sender_on_join(struct member_sender *sender, uint8_t from, uint64_t incarnation,
                           const struct frame_member *member, int64_t now_us);
void member_sender_on_confirm(struct member_sender *sender, uint8_t from, uint64_t incarnation,
                              const struct frame_member *member, int64_t now_us);
/* A member without a journal asks for a piece of a snapshot; `fetch` is a struct frame_fetch, at any alignment. */
void member_sender_on_fetch(const struct member_sender *sender, uint8_t from, uint64_t incarnation, const void *fetch);
/* The turn context->turns was written, with the batch last written if `bytes` is not 0. */
void member_sender_on_written(struct member_sender *sender, size_t bytes);
/* Sends what is due. */
void member_sender_work(struct member_sender *sender);
/* Records that a member lacks, as far as this one knows. */
uint64_t member_sender_lag(const struct member_sender *sender, uint8_t member);

#endif
