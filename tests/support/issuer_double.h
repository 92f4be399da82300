/*
 * A test double of the issuer's request sockets: answers pings by itself and hands all other frames to the test, which
 * steps it by hand and decides what to answer and when. Used on the test's thread.
 */
#ifndef COUPOND_ISSUER_DOUBLE_H
#define COUPOND_ISSUER_DOUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/wire/frame.h"

struct issuer_double;

/* A copy of a frame of requests. */
struct double_frame {
    struct frame_header header;
    struct frame_issue_request issues[128];
    struct frame_change_request changes[16];
    struct frame_coupon_request coupons[16];
    unsigned char sender[64]; /* the ROUTER's identity of the sender */
    size_t sender_size;
};

/* Binds partitions 0 to `partitions` - 1 of `base`; stops the test when it cannot. */
struct issuer_double *issuer_double_create(const char *base, uint16_t partitions);
void issuer_double_destroy(struct issuer_double **self);

/* What pongs tell from now on: the highest epoch that it knows, and whether it decides. At first 0 and true. */
void issuer_double_set_role(struct issuer_double *self, uint64_t epoch, bool decides);
/* Answers the pings that have arrived; keeps a frame of requests for issuer_double_receive(). Does not wait. */
void issuer_double_pump(struct issuer_double *self);
/* True when a frame of requests to the partition has arrived; it is kept. Does not wait. */
bool issuer_double_has_frame(struct issuer_double *self, uint16_t partition);
/* The next frame of requests to a partition. False when none comes within ten seconds. */
bool issuer_double_receive(struct issuer_double *self, uint16_t partition, struct double_frame *frame);

/* Puts incarnation and clock into a header. Each double has another incarnation; its clock is clock_mono_us(). */
void issuer_double_set_clock(const struct issuer_double *self, void *header);
/* Sends arbitrary bytes to the sender of `frame`. */
void issuer_double_send(struct issuer_double *self, const struct double_frame *frame, const void *data, size_t size);
/* Returns a frame of requests for issues, as a member that does not decide. */
void issuer_double_return_issues(struct issuer_double *self, const struct double_frame *frame);
/* Sends `count` replies as one frame. */
void issuer_double_reply_issues(struct issuer_double *self, const struct double_frame *frame,
                                const struct frame_issue_reply *replies, uint32_t count);
void issuer_double_reply_changes(struct issuer_double *self, const struct double_frame *frame,
                                 const struct frame_change_reply *replies, uint32_t count);
void issuer_double_reply_coupons(struct issuer_double *self, const struct double_frame *frame,
                                 const struct frame_coupon_reply *replies, uint32_t count);

#endif
