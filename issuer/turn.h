/*
 * A turn of a partition, without its socket: takes request frames, decides all their requests at one point in time,
 * journals what it decided, and holds the replies. No thread and no clock of its own, so that it can be stepped
 * by hand. Owned by the partition's thread.
 *
 *   turn_take(), as long as turn_takes_more()  ──►  turn_decide()  ──►  turn_answer() for each frame  ──►  turn_end()
 */
#ifndef COUPOND_TURN_H
#define COUPOND_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "issuer/ledger/ledger.h"
#include "shared/journal/journal.h"
#include "shared/telemetry/metrics.h"

#define TURN_FRAMES_MAX 512

struct turn;

/* All borrowed; they outlive the turn. The journal is replayed into the ledger. */
struct turn_config {
    struct journal *journal;
    struct ledger *ledger;
    struct metrics *metrics;
    size_t requests_max;               /* issue requests; the frame that crosses the bound is taken whole */
    uint64_t incarnation;              /* of this start, for deadlines: random, not 0 */
    const _Atomic bool *memory_scarce; /* no new users and coupons while it is true; NULL: never */
};

struct turn *turn_create(const struct turn_config *config);
/* Forgets what was taken and not answered. */
void turn_destroy(struct turn **turn);

/* False when the turn is full: by frames, by requests, or by a frame of coupon requests, which is a turn's last. */
bool turn_takes_more(const struct turn *turn);
/*
 * Takes one message over: the identity of the gateway and its frame; both are empty afterwards. `two_parts` says
 * whether the message had just these. What is not understood is counted, logged once a reason and dropped.
 */
void turn_take(struct turn *turn, zmq_msg_t *gateway, zmq_msg_t *request, bool two_parts);

/* How many frames were taken and will be answered. */
size_t turn_frames(const struct turn *turn);
/* How many issue requests they hold. */
size_t turn_requests(const struct turn *turn);
/* Decides everything at `now_us` (issuer/issuer_clock.h), 0 to ISSUER_TIME_US_MAX, which may be earlier than what was
 * decided before, and journals it; but what has a deadline that has passed by `boot_us` (clock_boot_us()), or was meant
 * for another incarnation, is answered LATE and not decided. When this returns, the replies may leave. */
void turn_decide(struct turn *turn, int64_t now_us, int64_t boot_us);
/* The reply to a frame and the gateway it goes to: borrowed, and welcome to be sent. */
void turn_answer(struct turn *turn, size_t frame, zmq_msg_t **gateway, zmq_msg_t **reply);
/* Counts what was decided and closes the messages; another turn may begin. */
void turn_end(struct turn *turn);

#endif
