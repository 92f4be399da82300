#include "tests/unit/issuer/turn/change_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/issuer/turn/turn_fixture.h"

#define ACTOR "till-7"

static uint8_t put_text(char *out, const char *text)
{
    if (text == NULL)
        return 0;
    memcpy(out, text, strlen(text));
    return (uint8_t)strlen(text);
}

struct frame_change_request change_request(enum change_op op, const char *coupon, const char *user,
                                           const char *reference)
{
    struct frame_change_request request = {.tag = 11, .op = (uint8_t)op, .wait_us = 1000};
    request.coupon_id_length = put_text(request.coupon_id, coupon);
    request.user_id_length = put_text(request.user_id, user);
    request.reference_length = put_text(request.reference, reference);
    request.actor_length = put_text(request.actor, ACTOR);
    return request;
}

void take_change(enum change_op op, const char *coupon, const char *user, const char *reference)
{
    struct frame_change_request request = change_request(op, coupon, user, reference);
    take(FRAME_CHANGE_REQUESTS, &request, sizeof request, 1);
}

struct frame_change_reply change_reply_of(size_t frame)
{
    struct frame_change_reply reply;
    memcpy(&reply, reply_of(frame, FRAME_CHANGE_REPLIES, 1), sizeof reply);
    assert_int_equal(reply.tag, 11);
    assert_true(frame_details_whole(&reply.details));
    return reply;
}

struct frame_change_reply change(const struct frame_change_request *request, int64_t now_us)
{
    take(FRAME_CHANGE_REQUESTS, request, sizeof *request, 1);
    turn_decide(turn, now_us, BOOT_US);
    struct frame_change_reply reply = change_reply_of(0);
    turn_end(turn);
    return reply;
}

struct frame_change_reply redeem(const char *coupon, const char *user, const char *reference, int64_t now_us)
{
    struct frame_change_request request = change_request(CHANGE_REDEEM, coupon, user, reference);
    return change(&request, now_us);
}

struct frame_change_reply undo(const char *coupon, const char *user, const char *reference, int64_t now_us)
{
    struct frame_change_request request = change_request(CHANGE_UNDO, coupon, user, reference);
    return change(&request, now_us);
}

struct frame_change_reply revoke_issue(const char *coupon, const char *user, const char *reason, unsigned flags,
                                       int64_t now_us)
{
    struct frame_change_request request = change_request(CHANGE_REVOKE, coupon, user, NULL);
    request.flags = (uint8_t)flags;
    request.reason_length = put_text(request.reason, reason);
    return change(&request, now_us);
}

struct frame_change_reply show(const char *coupon, const char *user, uint32_t sequence)
{
    struct frame_change_request request = change_request(CHANGE_SHOW, coupon, user, NULL);
    request.sequence = sequence;
    return change(&request, NOW_US);
}

struct frame_change_reply resolve(uint64_t code)
{
    struct frame_change_request request = change_request(CHANGE_RESOLVE, NULL, NULL, NULL);
    request.code = code;
    return change(&request, NOW_US);
}

struct frame_change_reply erase(const char *user)
{
    struct frame_change_request request = change_request(CHANGE_ERASE, NULL, user, NULL);
    return change(&request, NOW_US);
}
