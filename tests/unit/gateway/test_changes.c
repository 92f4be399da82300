/* Changes of issues and users: what clients hear of the issuer's replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gateway/gateway_fixture.h"

/* --- helpers --- */

static void reply_change(const struct double_frame *of, enum verdict verdict)
{
    struct frame_change_reply reply = {.tag = of->changes[0].tag, .verdict = (uint8_t)verdict, .now_us = NOW_US};
    issuer_double_reply_changes(issuer, of, &reply, 1);
}

/* --- request ids --- */

static void what_changes_something_bears_the_id_of_its_request(void **state)
{
    static const char *const coupons[] = {
        "POST /v1/coupons HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\nContent-Type: application/json\r\n"
        "Content-Length: 26\r\n\r\n{\"title\":\"t\",\"quantity\":1}",
        "PATCH /v1/coupons/A HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\nContent-Type: application/json\r\n"
        "Content-Length: 15\r\n\r\n{\"paused\":true}",
    };
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    for (size_t i = 0; i < sizeof coupons / sizeof coupons[0]; i++) {
        client_open(client);
        client_send(client, coupons[i]);
        receive(0);
        assert_int_equal(frame.coupons[0].request_id_length, 3);
        assert_memory_equal(frame.coupons[0].request_id, "r-1", 3);
        assert_true(frame_coupon_request_valid(&frame.coupons[0]));
        client_close(client);
    }
    client_open(client);
    client_send(client, "POST /v1/coupons/A/revocations HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\n\r\n");
    receive(0);
    assert_int_equal(frame.changes[0].request_id_length, 3);
    assert_memory_equal(frame.changes[0].request_id, "r-1", 3);
    client_close(client);
}

/* --- codes --- */

/* The store need not be there: no code is found. */
static void start_with_readers(void)
{
    options.gateway_store_threads = 1;
    start_with_issuer(1);
}

static void only_a_code_that_is_not_found_is_answered_404(void **state)
{
    static const struct {
        enum verdict verdict;
        const char *coupon_id;
        uint32_t sequence;
        int status;
        const char *code;
    } rows[] = {
        {VERDICT_CODE_NOT_FOUND, "", 0, 404, "not_found"},   {VERDICT_LATE, "", 0, 503, "issuer_unavailable"},
        {VERDICT_OVERLOADED, "", 0, 503, "outcome_unknown"}, {VERDICT_COUPON_NOT_FOUND, "", 0, 503, "outcome_unknown"},
        {VERDICT_FOUND, "", 1, 503, "outcome_unknown"},      {VERDICT_FOUND, "A/B", 1, 503, "outcome_unknown"},
        {VERDICT_FOUND, "A", 0, 503, "outcome_unknown"},
    };
    struct client *client = &clients[0];
    (void)state;
    start_with_readers();
    client_open(client);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame_change_reply reply = {.verdict = (uint8_t)rows[i].verdict, .now_us = NOW_US};
        reply.coupon_id_length = (uint8_t)strlen(rows[i].coupon_id);
        memcpy(reply.coupon_id, rows[i].coupon_id, reply.coupon_id_length);
        reply.issue.sequence = rows[i].sequence;
        client_send(client, "GET /v1/codes/ABCDEFGHJKMN HTTP/1.1\r\nHost: a\r\n\r\n");
        reply.tag = receive(0)->changes[0].tag;
        assert_int_equal(frame.changes[0].op, CHANGE_RESOLVE);
        issuer_double_reply_changes(issuer, &frame, &reply, 1);
        assert_int_equal(client_read(client), rows[i].status);
        assert_code(rows[i].code);
    }
    client_close(client);
}

/* Nothing is decided before the issue is known. */
static void a_code_that_a_dead_issuer_does_not_resolve_is_reported_at_once(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    choose_tcp();
    start_with_readers();
    client_open(client);
    client_send(client, "PUT /v1/codes/ABCDEFGHJKMN/redemption HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n"
                        "Content-Type: application/json\r\n\r\n{\"reference\":\"r\"}");
    assert_int_equal(receive(0)->changes[0].op, CHANGE_RESOLVE);
    issuer_double_destroy(&issuer);
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    client_close(client);
}

/* --- erasure --- */

/* Two partitions answer, in this order, one after the other. */
static int erase(enum verdict first, enum verdict second)
{
    static struct double_frame frames[2];
    struct client *client = &clients[0];
    client_open(client);
    client_send(client, "DELETE /v1/users/alice HTTP/1.1\r\nHost: a\r\n\r\n");
    for (uint16_t p = 0; p < 2; p++) {
        frames[p] = *receive(p);
        assert_int_equal(frames[p].changes[0].op, CHANGE_ERASE);
    }
    reply_change(&frames[0], first);
    reply_change(&frames[1], second);
    client_read(client);
    client_close(client);
    return response.status;
}

static void an_erasure_is_accepted_when_every_partition_has_noted_it(void **state)
{
    (void)state;
    start_with_issuer(2);
    assert_int_equal(erase(VERDICT_ERASED, VERDICT_ERASED), 202);
}

static void an_erasure_that_every_partition_refuses_is_refused(void **state)
{
    (void)state;
    start_with_issuer(2);
    assert_int_equal(erase(VERDICT_OVERLOADED, VERDICT_OVERLOADED), 503);
    assert_code("overloaded");
    assert_int_equal(erase(VERDICT_LATE, VERDICT_LATE), 503);
    assert_code("issuer_unavailable");
}

static void the_outcome_of_an_erasure_that_is_done_in_part_is_unknown(void **state)
{
    static const enum verdict pairs[][2] = {
        {VERDICT_ERASED, VERDICT_OVERLOADED}, {VERDICT_OVERLOADED, VERDICT_ERASED}, {VERDICT_ERASED, VERDICT_LATE},
        {VERDICT_LATE, VERDICT_ERASED},       {VERDICT_ERASED, VERDICT_SOLD_OUT},   {VERDICT_SOLD_OUT, VERDICT_LATE},
    };
    (void)state;
    start_with_issuer(2);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(erase(pairs[i][0], pairs[i][1]), 503);
        assert_code("outcome_unknown");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gateway_blank, gateway_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_changes_something_bears_the_id_of_its_request),
        TEST(only_a_code_that_is_not_found_is_answered_404),
        TEST(a_code_that_a_dead_issuer_does_not_resolve_is_reported_at_once),
        TEST(an_erasure_is_accepted_when_every_partition_has_noted_it),
        TEST(an_erasure_that_every_partition_refuses_is_refused),
        TEST(the_outcome_of_an_erasure_that_is_done_in_part_is_unknown),
    };
    return cmocka_run_group_tests(tests, gateway_group_set_up, NULL);
}
