/*
 * How a member that has no journal yet talks to the others: it asks all of them, and listens where its partition will.
 * Only at the start of an issuer, on the thread that opens the partition.
 */
#ifndef COUPOND_MEMBER_ASKING_H
#define COUPOND_MEMBER_ASKING_H

#include <czmq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/members.h"
#include "shared/options/options.h"
#include "shared/wire/frame.h"

struct member_asking;

/* `options` and `members` are borrowed. -1 and `error` when it cannot listen. */
int member_asking_open(const struct options *options, const struct members *members, uint16_t partition,
                       struct member_asking **asking, struct error *error);
/* Its endpoint is free again soon afterwards. Accepts NULL. */
void member_asking_close(struct member_asking **asking);

/*
 * Sends a frame of `kind` to all others, with `more_bytes` bytes of `more`, and waits for an answer of `wanted` to this
 * start that is about the journal `journal_id`: its frame, which the caller destroys. NULL: none came within `wait_ms`.
 */
zframe_t *member_asking_ask(struct member_asking *asking, enum frame_kind kind, const void *more, size_t more_bytes,
                            enum frame_kind wanted, const uint8_t journal_id[16], int wait_ms);

#endif
