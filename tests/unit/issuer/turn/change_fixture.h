/*
 * Shared by tests of a turn's change requests, beside turn_fixture.h. Each request is from the actor "till-7".
 */
#ifndef COUPOND_CHANGE_FIXTURE_H
#define COUPOND_CHANGE_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/wire/frame.h"

/* `coupon`, `user` and `reference` may be NULL. */
struct frame_change_request change_request(enum change_op op, const char *coupon, const char *user,
                                           const char *reference);
/* Takes a frame with one request. */
void take_change(enum change_op op, const char *coupon, const char *user, const char *reference);
struct frame_change_reply change_reply_of(size_t frame);

/* A whole turn with one request. */
struct frame_change_reply change(const struct frame_change_request *request, int64_t now_us);
struct frame_change_reply redeem(const char *coupon, const char *user, const char *reference, int64_t now_us);
struct frame_change_reply undo(const char *coupon, const char *user, const char *reference, int64_t now_us);
struct frame_change_reply revoke_issue(const char *coupon, const char *user, const char *reason, unsigned flags,
                                       int64_t now_us);
struct frame_change_reply show(const char *coupon, const char *user, uint32_t sequence);
struct frame_change_reply resolve(uint64_t code);
struct frame_change_reply erase(const char *user);

#endif
