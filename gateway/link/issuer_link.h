/*
 * The link to one partition of the issuer: a wire (issuer_wire), one frame under construction per kind of request, and
 * the partition's liveness. Owned and used by one gateway thread. Never blocks.
 *
 *   out  FRAME_ISSUE_REQUESTS, FRAME_CHANGE_REQUESTS, FRAME_COUPON_REQUESTS, FRAME_VERIFICATION_REQUESTS, FRAME_PING
 *   in   the replies to them, FRAME_PONG, from members FRAME_NOT_OWNER; any other frame is counted, logged once per
 *        kind and dropped
 *
 * ZeroMQ's file descriptor is edge-triggered: after every send and receive the socket's events must be checked again,
 * which issuer_link_receive() does. With shared memory no descriptor becomes readable while both sides are awake:
 * issuer_link_begin_sleep() must come before the thread waits for the other side's wake-up.
 */
#ifndef COUPOND_ISSUER_LINK_H
#define COUPOND_ISSUER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/link/clock_offset.h"
#include "gateway/link/request.h"
#include "shared/error.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame.h"
#include "shared/wire/frame_verification.h"

#define LINK_HURRY_MS 50
#define LINK_ALIVE_MS 4000 /* a partition that is silent for this long counts as down */

/* Events of a link; each is called on the owner's thread, from within the link's functions. */
struct issuer_link_events {
    void (*on_issue_reply)(void *arg, uint16_t partition, const struct frame_issue_reply *reply);
    void (*on_change_reply)(void *arg, uint16_t partition, const struct frame_change_reply *reply);
    void (*on_coupon_reply)(void *arg, uint16_t partition, const struct frame_coupon_reply *reply);
    void (*on_verification_reply)(void *arg, uint16_t partition, const struct frame_verification_reply *reply);
    void (*on_pong)(void *arg, uint16_t partition, const struct frame_pong *pong);
    /* The request was not sent: nothing was decided. */
    void (*on_unsent)(void *arg, uint16_t partition, uint64_t tag);
    /* The issuer has restarted: an earlier request without a reply has been decided by now or never will be. */
    void (*on_restart)(void *arg, uint16_t partition);
    /* The member has returned the request: it decided nothing. NULL: the issuer is no member, and returns nothing. */
    void (*on_not_owner)(void *arg, uint16_t partition, enum link_kind kind, uint64_t tag);
    void *arg;
};

struct issuer_link;

/* Connects. NULL and `error` when the endpoint is invalid. `events` and `metrics` are borrowed. */
struct issuer_link *issuer_link_create(const char *base, uint16_t partition, uint16_t partitions,
                                       const struct issuer_link_events *events, struct metrics *metrics,
                                       struct error *error);
void issuer_link_destroy(struct issuer_link **link);

/* File descriptors to watch for reading: call issuer_link_wake() and issuer_link_check_monitor(). Either may be -1. */
int issuer_link_fd(const struct issuer_link *link);
int issuer_link_monitor_fd(const struct issuer_link *link);

/* True when the partition has answered within LINK_ALIVE_MS. */
bool issuer_link_up(const struct issuer_link *link, int64_t now_ms);

/*
 * Adds a request to the frame that the next flush sends, blank except for its deadline; valid until the next call. The
 * caller fills in the tag and the rest. `asked_us` is now or slightly earlier; when this thread's clock reaches
 * `until_us`, the request has been decided or never will be. Call only after the partition has answered once.
 */
struct frame_issue_request *issuer_link_add_issue(struct issuer_link *link, int64_t asked_us, int64_t until_us);
struct frame_change_request *issuer_link_add_change(struct issuer_link *link, int64_t asked_us, int64_t until_us);
struct frame_coupon_request *issuer_link_add_coupon(struct issuer_link *link, int64_t asked_us, int64_t until_us);
struct frame_verification_request *issuer_link_add_verification(struct issuer_link *link, int64_t asked_us,
                                                                int64_t until_us);
/* Adds a copy of such a request, with a deadline of its own. */
void issuer_link_add_copy(struct issuer_link *link, const struct link_request *request, int64_t asked_us);

/* The frames that have just got a request shall be answered with the times of their turn. */
void issuer_link_ask_times(struct issuer_link *link);
/* While a reply is handed out: when the issuer worked on its frame, on this thread's clock. `turn` has sent_us, when
 * the request was added; fills the rest. False when the frame does not tell. */
bool issuer_link_turn(struct issuer_link *link, struct link_turn *turn);
/* Makes the next ping due within LINK_HURRY_MS: somebody waits for a pong. */
void issuer_link_hurry(struct issuer_link *link, int64_t now_ms);

/* True while the handshake fails on either side: the two do not have the same secret. */
bool issuer_link_refused(const struct issuer_link *link);
/* Sends the added requests. True when there were any. */
bool issuer_link_flush(struct issuer_link *link);
/* Call when the descriptor is readable. */
void issuer_link_wake(struct issuer_link *link);
/* Receives frames if the descriptor was readable or something was sent since the last call. True when more may be
 * waiting, since one call takes a limited number of frames. */
bool issuer_link_receive(struct issuer_link *link, int64_t now_ms);
/* Sends a ping when one is due. */
void issuer_link_tick(struct issuer_link *link, int64_t now_ms);
/* Reads the monitor. True when the connection was lost; replies received before that have been delivered. */
bool issuer_link_check_monitor(struct issuer_link *link, int64_t now_ms);
/* Call before the thread waits for its descriptors; false when a frame has already arrived. Call
 * issuer_link_end_sleep() afterwards, whether the thread waited or not. */
bool issuer_link_begin_sleep(struct issuer_link *link);
void issuer_link_end_sleep(struct issuer_link *link);

#endif
