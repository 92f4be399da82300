/*
 * A follower's side of the copies: asks the owner for what follows the end of its journal, writes the owner's batches
 * into its own journal and ledger, and confirms what is on its disk. Owned by the partition's thread.
 *
 *   in   FRAME_MEMBER_APPEND, FRAME_MEMBER_DIVERGED
 *   out  FRAME_MEMBER_JOIN, FRAME_MEMBER_CONFIRM
 */
#ifndef COUPOND_MEMBER_FOLLOWER_H
#define COUPOND_MEMBER_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/member/context.h"

struct member_follower;

/* `context` is borrowed; `heartbeat_us` is the interval of requests to join. */
struct member_follower *member_follower_create(struct member_context *context, int64_t heartbeat_us);
void member_follower_destroy(struct member_follower **follower);

/* `batches` are `count` raw batches in `size` bytes. Ends the process when they contradict the ledger. */
void member_follower_on_append(struct member_follower *follower, uint8_t from, uint64_t incarnation,
                               const struct frame_member *member, const void *batches, size_t size, uint32_t count,
                               int64_t now_us);
/* True when the journal has records that its owner's lacks, and may be thrown aside. */
bool member_follower_on_diverged(const struct member_follower *follower, uint8_t from,
                                 const struct frame_member *member);
/* Ends the process: what this member believes is what its owner decided, so memory or a file is damaged. */
_Noreturn void member_follower_give_up(const struct member_context *context, const char *what);
/* Call after messages were taken: syncs and confirms what was written. Asks to join when it is time. */
void member_follower_work(struct member_follower *follower, int64_t now_us);

#endif
