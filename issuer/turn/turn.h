/*
 * A turn of a partition, without its sockets: takes request frames, decides all requests at one point in time, journals
 * the decisions, and holds the replies. No thread and no clock of its own, so that tests can step it. Owned by the
 * partition's thread.
 *
 *   turn_take(), as long as turn_takes_more()  ──►  turn_decide()  ──►  turn_answer() for each frame  ──►  turn_end()
 *
 * A frame that asks for it is told when its turn decided and synced; only then is the clock read more than once.
 */
#ifndef COUPOND_TURN_H
#define COUPOND_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "issuer/turn/config.h"

struct turn;
struct verification;

struct turn *turn_create(const struct turn_config *config);
/* Before the first turn, of partition 0: borrowed. Without it, verifications are answered as if they were late. */
void turn_set_verification(struct turn *turn, struct verification *verification);
/* Of a member: the epoch for pongs, and whether it decides; at first 0 and true. While it does not, nothing but pings
 * may be in a turn, and no sweep goes on. */
void turn_set_member(struct turn *turn, uint64_t epoch, bool decides);
/* Drops frames that were taken but not answered. */
void turn_destroy(struct turn **turn);

/* False when the turn is full: by frames, by requests, or by a frame of coupon requests, which always ends a turn. */
bool turn_takes_more(const struct turn *turn);
/* Takes over one message: the identity of the gateway and its frame, both empty afterwards. `two_parts` says whether
 * the message had exactly these. A malformed frame is counted, logged once per reason and dropped. */
void turn_take(struct turn *turn, zmq_msg_t *gateway, zmq_msg_t *request, bool two_parts);

/* Makes the frame that returns requests which this member may not decide: `returned`, initialized, becomes it. False
 * when `request` is none of requests, or malformed. `boot_us` as in turn_decide(). */
bool turn_return(struct turn *turn, zmq_msg_t *request, int64_t boot_us, zmq_msg_t *returned);

/* The number of frames taken that will be answered. */
size_t turn_frames(const struct turn *turn);
/* True while the revocation of a coupon's issues goes on and has room: a turn is due, even without frames. */
bool turn_sweeps(const struct turn *turn);
/* The number of issue and change requests in them. */
size_t turn_requests(const struct turn *turn);
/*
 * Decides everything at `now_us` (issuer/issuer_clock.h), 0 to ISSUER_TIME_US_MAX, which may be earlier than previous
 * decisions, and journals it. Requests whose deadline has passed by `boot_us` (clock_boot_us()), or that were meant for
 * another incarnation, are answered LATE and not decided. When this returns, the replies may be sent.
 */
void turn_decide(struct turn *turn, int64_t now_us, int64_t boot_us);
/* The bytes that the turn has written to the journal. */
size_t turn_bytes(const struct turn *turn);
/* The reply to a frame and the gateway that it goes to: borrowed, ready to be sent. */
void turn_answer(struct turn *turn, size_t frame, zmq_msg_t **gateway, zmq_msg_t **reply);
/* Counts the decisions and closes the messages; another turn may begin. */
void turn_end(struct turn *turn);

#endif
