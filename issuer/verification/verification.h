/*
 * The verification that an operator starts over the API: `coupond verify` as a child process of the issuer, at a low
 * priority, one at a time, within a time limit. Keeps the result of the last one until the issuer stops.
 *
 *   partition 0 ──verification_answer()──► state, under a mutex ◄── thread ──child_run()──► coupond verify
 */
#ifndef COUPOND_VERIFICATION_H
#define COUPOND_VERIFICATION_H

#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame_verification.h"

struct verification;

/* Starts the thread. `options` are borrowed; the thread writes `metrics`. NULL and `error` when it cannot. */
struct verification *verification_create(const struct options *options, struct metrics *metrics, struct error *error);
/* Ends a verification that runs. Accepts NULL, sets *verification to NULL. */
void verification_destroy(struct verification **verification);

/* On a partition's thread: starts one, or only tells the state of the last one. A request that is `late` starts
 * nothing. NULL: never one. */
void verification_answer(struct verification *verification, const struct frame_verification_request *request, bool late,
                         struct frame_verification_reply *reply);

#endif
