/*
 * Sweeps in turns (issuer/ledger/sweep.h): each turn carries out a bounded step, beside its requests. Owned by the
 * partition's thread.
 */
#ifndef COUPOND_TURN_SWEEP_H
#define COUPOND_TURN_SWEEP_H

#include <stdbool.h>

#include "issuer/turn/context.h"
#include "shared/wire/frame.h"

#define SWEEP_RECORDS_MAX 256u /* of one step, with its end */

/* CHANGE_SWEEP: begins one, unless the same one goes on; OVERLOADED while another one does. CHANGE_SWEPT: how far it
 * is. Fills the reply's progress. */
enum verdict turn_sweep_answer(struct turn_context *context, const struct frame_change_request *request,
                               struct frame_change_reply *reply);
/* One step of the oldest sweep, if there is one: at most `records_max` records, from 2 to SWEEP_RECORDS_MAX. */
void turn_sweep_step(struct turn_context *context, size_t records_max);

#endif
