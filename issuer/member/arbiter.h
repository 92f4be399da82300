/*
 * Puts a member's questions to the store, one at a time and on a thread of its own, since a partition never waits for
 * the store. The row there has names; here they are the members' places in cluster/members.
 *
 * Whatever keeps it from a certain answer is MEMBER_UNKNOWN: a store that is away, a row of another journal, a name
 * that is not in cluster/members. Its time limits are short, so that a node of the store that died does not hold up a
 * change of roles.
 */
#ifndef COUPOND_MEMBER_ARBITER_H
#define COUPOND_MEMBER_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/member/change.h"
#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/store/store.h"

struct arbiter;

/* Which partition of which journal. Borrowed during a call. */
struct arbiter_subject {
    const struct options *options;
    const struct members *members;
    uint16_t partition;
    uint8_t journal_id[16]; /* zeros: any */
};

/* Starts the thread, and copies what it needs. NULL and `error` when that is impossible. */
struct arbiter *arbiter_create(const struct arbiter_subject *subject, struct error *error);
/* Waits for a call in progress, or abandons one that hangs (shared/process/stop.h). Accepts a pointer to NULL. */
void arbiter_destroy(struct arbiter **arbiter);

/* Readable when an answer is there. */
int arbiter_fd(const struct arbiter *arbiter);
/* A question waits for its answer, or its answer for arbiter_take(). */
bool arbiter_is_busy(const struct arbiter *arbiter);
/* Not while it is busy, nor MEMBER_ASK_NOTHING. */
void arbiter_ask(struct arbiter *arbiter, const struct member_ask *ask);
/* False: there is no answer yet. `row` is what was read, with MEMBER_MATCHED of MEMBER_ASK_READ. */
bool arbiter_take(struct arbiter *arbiter, struct member_ask *ask, enum member_outcome *outcome,
                  struct member_row *row);

/* On any thread, without an arbiter: reads the row, and the id of its journal. *found is false when there is none.
 * STORE_FOREIGN: the row is not of these members, or another journal has filled the store; any other failure: ask
 * again. */
enum store_result arbiter_look(const struct arbiter_subject *subject, struct member_row *row, uint8_t journal_id[16],
                               bool *found, struct error *error);
/* The same, and creates the table and the row (epoch 1, this owner, no standby), if there is none. */
enum store_result arbiter_begin(const struct arbiter_subject *subject, uint8_t owner, struct member_row *row,
                                uint8_t journal_id[16], struct error *error);

#endif
