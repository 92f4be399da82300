/*
 * The link to one partition of the issuer: a wire (issuer_wire), a frame in the making for each kind of request, and
 * what is known of the other side. Owned and used by one gateway thread. Never blocks.
 *
 *   out  FRAME_ISSUE_REQUESTS, FRAME_COUPON_REQUESTS, FRAME_PING
 *   in   FRAME_ISSUE_REPLIES, FRAME_COUPON_REPLIES, FRAME_PONG; anything else is counted, logged once a kind and
 * dropped
 *
 * ZeroMQ's file descriptor tells changes, not states: after every send and receive the socket's events are looked at
 * again, which issuer_link_receive() does. Shared memory has no descriptor that tells of frames while both sides are at
 * work: issuer_link_doze() comes before waiting for its bell.
 */
#ifndef COUPOND_ISSUER_LINK_H
#define COUPOND_ISSUER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "shared/error.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame.h"

#define LINK_ALIVE_MS 4000 /* without a sign of life for this long the partition counts as gone */

/* What a link tells its owner; every call on the owner's thread, from within the link's functions. */
struct issuer_link_events {
    void (*on_issue_reply)(void *arg, uint16_t partition, const struct frame_issue_reply *reply);
    void (*on_coupon_reply)(void *arg, uint16_t partition, const struct frame_coupon_reply *reply);
    /* A request that was not sent: nothing was decided. */
    void (*on_unsent)(void *arg, uint16_t partition, uint64_t tag);
    /* The issuer has been started anew: what was sent before, and is not answered, is decided by now or never will be.
     */
    void (*on_restart)(void *arg, uint16_t partition);
    void *arg;
};

struct issuer_link;

/* Connects. NULL and `error` when the endpoint makes no sense. `events` and `metrics` are borrowed. */
struct issuer_link *issuer_link_create(const char *base, uint16_t partition, uint16_t partitions,
                                       const struct issuer_link_events *events, struct metrics *metrics,
                                       struct error *error);
void issuer_link_destroy(struct issuer_link **link);

/* File descriptors to watch for reading, for issuer_link_wake() and issuer_link_check_monitor(); either may be -1. */
int issuer_link_fd(const struct issuer_link *link);
int issuer_link_monitor_fd(const struct issuer_link *link);

/* True when the partition has shown life lately. */
bool issuer_link_up(const struct issuer_link *link, int64_t now_ms);

/*
 * A request in the frame that the next flush sends, blank but for its deadline; valid until the next call. The caller
 * fills tag and rest. `asked_us` is now, or a little before it; when this thread's clock shows `until_us`, it is
 * decided or never will be. Only after the partition has shown life once.
 */
struct frame_issue_request *issuer_link_add_issue(struct issuer_link *link, int64_t asked_us, int64_t until_us);
struct frame_coupon_request *issuer_link_add_coupon(struct issuer_link *link, int64_t asked_us, int64_t until_us);

/* True while the issuer, or this end, ends the handshake: they do not have the same secret. */
bool issuer_link_refused(const struct issuer_link *link);
/* Sends what was added. True when there was something. */
bool issuer_link_flush(struct issuer_link *link);
/* The descriptor was readable. */
void issuer_link_wake(struct issuer_link *link);
/* Takes what has come in, when the descriptor was readable or something was sent since the last time. True when more is
 * left, since one call takes a bounded number of frames. */
bool issuer_link_receive(struct issuer_link *link, int64_t now_ms);
/* Asks for a sign of life when it is time to. */
void issuer_link_tick(struct issuer_link *link, int64_t now_ms);
/* Reads the monitor. True when the connection was lost: replies that came before it have been handed out. */
bool issuer_link_check_monitor(struct issuer_link *link, int64_t now_ms);
/* Before the thread waits for its descriptors: false when something has come in already. After it waited, or not:
 * issuer_link_rise(). */
bool issuer_link_doze(struct issuer_link *link);
void issuer_link_rise(struct issuer_link *link);

#endif
