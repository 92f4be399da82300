/* Reads of a coupon and their common fetch, with a double of the issuer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gateway/gateway_fixture.h"

#define LOOK "GET /v1/coupons/A HTTP/1.1\r\nHost: a\r\n\r\n"

/* --- fixture --- */

static int blank(void **state)
{
    gateway_blank(state);
    options.gateway_policy_ttl_ms = 60000;
    return 0;
}

/* --- helpers --- */

static struct frame_coupon_reply reply_with(enum verdict verdict, uint64_t tag, const char *title)
{
    struct coupon coupon = {.id = "A",
                            .quantity = 5,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .journal_seq = 1};
    struct frame_coupon_reply reply = {.tag = tag, .verdict = (uint8_t)verdict, .now_us = NOW_US};
    snprintf(coupon.title, sizeof coupon.title, "%s", title);
    frame_coupon_write(&reply.coupon, &coupon);
    return reply;
}

static void reply_to_one(const struct frame_coupon_reply *reply)
{
    issuer_double_reply_coupons(issuer, &frame, reply, 1);
}

/* The next frame asks for one coupon with this op. Returns its tag. */
static uint64_t asked(enum coupon_op op)
{
    receive(0);
    assert_int_equal(frame.header.kind, FRAME_COUPON_REQUESTS);
    assert_int_equal(frame.header.count, 1);
    assert_int_equal(frame.coupons[0].op, op);
    assert_true(frame_coupon_request_valid(&frame.coupons[0]));
    return frame.coupons[0].tag;
}

static void read_title(struct client *client, const char *title)
{
    char text[64];
    assert_int_equal(client_read(client), 200);
    snprintf(text, sizeof text, "\"title\":\"%s\"", title);
    assert_non_null(strstr(response.body, text));
}

/* Asserts that nothing was sent meanwhile: the next frame is this request's. */
static void assert_quiet(struct client *client)
{
    client_ask(client, "B", "u");
    receive(0);
    assert_int_equal(frame.header.kind, FRAME_ISSUE_REQUESTS);
    answer(&frame, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
}

/* --- tests --- */

static void clients_that_join_a_fetch_are_answered_together(void **state)
{
    (void)state;
    start_with_issuer(1);
    for (int i = 0; i < 3; i++)
        client_open(&clients[i]);
    client_send(&clients[0], LOOK LOOK LOOK);
    struct frame_coupon_reply reply = reply_with(VERDICT_FOUND, asked(COUPON_GET), "t");
    struct double_frame first = frame;
    client_send(&clients[1], LOOK);
    assert_quiet(&clients[2]);
    issuer_double_reply_coupons(issuer, &first, &reply, 1);
    for (int i = 0; i < 3; i++)
        read_title(&clients[0], "t");
    read_title(&clients[1], "t");
    client_send(&clients[1], LOOK);
    read_title(&clients[1], "t");
    assert_quiet(&clients[2]);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static void a_read_after_a_change_does_not_get_an_older_result(void **state)
{
    struct frame_coupon_reply old, changed, fresh;
    (void)state;
    start_with_issuer(1);
    for (int i = 0; i < 3; i++)
        client_open(&clients[i]);
    client_send(&clients[0], LOOK);
    old = reply_with(VERDICT_FOUND, asked(COUPON_GET), "old");
    struct double_frame first = frame;
    client_send(&clients[1], "PATCH /v1/coupons/A HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                             "Content-Length: 15\r\n\r\n{\"title\":\"new\"}");
    changed = reply_with(VERDICT_COUPON_CHANGED, asked(COUPON_CHANGE), "new");
    reply_to_one(&changed);
    read_title(&clients[1], "new");
    client_send(&clients[1], LOOK); /* is sent on its own */
    fresh = reply_with(VERDICT_FOUND, asked(COUPON_GET), "new");
    reply_to_one(&fresh);
    read_title(&clients[1], "new");
    issuer_double_reply_coupons(issuer, &first, &old, 1);
    read_title(&clients[0], "new"); /* the newer entry is present by now */
    client_send(&clients[0], LOOK);
    read_title(&clients[0], "new");
    assert_quiet(&clients[2]);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static void an_invalid_coupon_reaches_no_client(void **state)
{
    struct frame_coupon_reply replies[5];
    (void)state;
    start_with_issuer(1);
    client_open(&clients[0]);
    for (int i = 0; i < 5; i++) {
        client_send(&clients[0], LOOK);
        replies[i] = reply_with(VERDICT_FOUND, asked(COUPON_GET), "t");
        if (i == 0)
            replies[i].coupon.id[0] = 'B'; /* another coupon */
        else if (i == 1)
            replies[i].coupon.quantity = 0;
        else if (i == 2)
            replies[i].now_us = INT64_MIN;
        else if (i == 3)
            replies[i].now_us = INT64_MAX;
        else
            replies[i].verdict = VERDICT_ISSUED;
        reply_to_one(&replies[i]);
        assert_int_equal(client_read(&clients[0]), 503);
        assert_code("outcome_unknown");
    }
    client_close(&clients[0]);
}

static void a_fetch_without_an_answer_ends(void **state)
{
    (void)state;
    options.gateway_issuer_timeout_ms = 50;
    start_with_issuer(1);
    client_open(&clients[0]);
    client_send(&clients[0], LOOK);
    struct frame_coupon_reply reply = reply_with(VERDICT_FOUND, asked(COUPON_GET), "late");
    assert_int_equal(client_read(&clients[0]), 503);
    assert_code("outcome_unknown");
    reply_to_one(&reply);
    client_send(&clients[0], LOOK);
    reply = reply_with(VERDICT_FOUND, asked(COUPON_GET), "t");
    reply_to_one(&reply);
    assert_int_equal(client_read(&clients[0]), 200);
    client_close(&clients[0]);
}

static void a_change_with_an_unknown_outcome_outdates_the_cache(void **state)
{
    (void)state;
    options.gateway_issuer_timeout_ms = 50;
    start_with_issuer(1);
    client_open(&clients[0]);
    client_send(&clients[0], LOOK);
    struct frame_coupon_reply reply = reply_with(VERDICT_FOUND, asked(COUPON_GET), "old");
    reply_to_one(&reply);
    read_title(&clients[0], "old");
    client_send(&clients[0], "PATCH /v1/coupons/A HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                             "Content-Length: 15\r\n\r\n{\"title\":\"new\"}");
    asked(COUPON_CHANGE);
    assert_int_equal(client_read(&clients[0]), 503);
    client_send(&clients[0], LOOK);
    reply = reply_with(VERDICT_FOUND, asked(COUPON_GET), "new");
    reply_to_one(&reply);
    read_title(&clients[0], "new");
    client_close(&clients[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, blank, gateway_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients_that_join_a_fetch_are_answered_together),
        TEST(a_read_after_a_change_does_not_get_an_older_result),
        TEST(an_invalid_coupon_reaches_no_client),
        TEST(a_fetch_without_an_answer_ends),
        TEST(a_change_with_an_unknown_outcome_outdates_the_cache),
    };
    return cmocka_run_group_tests_name("gateway_policies", tests, gateway_group_set_up, NULL);
}
