/*
 * What a partition of a cluster with members has beside its turn: the member, and the answers that wait for its
 * standby. Owned by the partition's thread; never blocks.
 *
 *   membership_work()  ──►  membership_take() for each frame  ──►  the turn, if there is one  ──►  membership_answer()
 *
 * Roles change in membership_work() only. So what may be decided when a frame is taken may still be in its turn.
 */
#ifndef COUPOND_MEMBERSHIP_H
#define COUPOND_MEMBERSHIP_H

#include <stdbool.h>
#include <zmq.h>

#include "issuer/member/member.h"
#include "issuer/turn/turn.h"
#include "shared/error.h"

struct issuer_clock;
struct membership;

/* Sends an answer to a gateway; false when that cannot take it. */
typedef bool (*membership_send_fn)(void *arg, zmq_msg_t *gateway, zmq_msg_t *reply);

/* `clock` and what the setup names are borrowed. NULL and `error` as of member_create(). */
struct membership *membership_create(const struct member_setup *setup, struct issuer_clock *clock,
                                     membership_send_fn send, void *arg, struct error *error);
void membership_destroy(struct membership **membership);
/* The turn's; borrowed. Before the first frame. */
void membership_set_turn(struct membership *membership, struct turn *turn);
/* For turn_config.written; `arg` is the membership. */
void membership_on_written(void *arg);

int membership_fd(const struct membership *membership);

/* True when the frame was taken here: it was another member's, or one of requests that this member may not decide, and
 * was returned to its gateway. Both messages are closed then. */
bool membership_take(struct membership *membership, zmq_msg_t *gateway, zmq_msg_t *request);
/* Call before frames are taken, and at least every membership_wait_ms(). May replace the process
 * (issuer/member/anew.h). */
void membership_work(struct membership *membership);
int membership_wait_ms(const struct membership *membership);
/* After turn_decide(): takes over the turn's answers, which leave in time. False: they may leave at once. */
bool membership_answer(struct membership *membership);

/* Any thread; see member_describe(). */
void membership_describe(const struct membership *membership, char *text, size_t size);

/* The issuer stops: hands over. True once that is done, or cannot be. */
bool membership_leave(struct membership *membership);

#endif
