/* A gateway follows the owner of a partition: two doubles are the members, and tests say which of them decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <czmq.h>

#include "tests/unit/gateway/gateway_fixture.h"

enum { A, B, MEMBERS, OFFSET = 10 };

#define CHANGES   "coupond_gateway_owner_changes_total"
#define CONNECTED "coupond_gateway_partitions_connected"
#define HELD      "coupond_gateway_held"
#define IN_FLIGHT "coupond_gateway_in_flight"
#define LATE      "coupond_gateway_replies_late_total"

/* --- fixture --- */

static struct issuer_double *members[MEMBERS];
static char endpoints[MEMBERS][64];

static int blank(void **state)
{
    gateway_blank(state);
    options.gateway_hold_ms = 60000;
    return 0;
}

static int tear_down(void **state)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        issuer_double_destroy(&members[i]);
    return gateway_tear_down(state);
}

static bool is_free(int port)
{
    zsock_t *probe = zsock_new(ZMQ_ROUTER);
    bool free = zsock_bind(probe, "tcp://127.0.0.1:%d", port) == port;
    zsock_destroy(&probe);
    return free;
}

/* Two ports, OFFSET apart, that are currently free. */
static void choose_ports(void)
{
    int port = 0;
    do {
        zsock_t *probe = zsock_new(ZMQ_ROUTER);
        port = zsock_bind(probe, "tcp://127.0.0.1:*");
        zsock_destroy(&probe);
    } while (port + OFFSET > 65535 || !is_free(port + OFFSET));
    snprintf(options.issuer_requests, sizeof options.issuer_requests, "tcp://*:%d", port);
    snprintf(options.cluster_members, sizeof options.cluster_members, "a=127.0.0.1,b=127.0.0.1:+%d", OFFSET);
    snprintf(endpoints[A], sizeof endpoints[A], "tcp://127.0.0.1:%d", port);
    snprintf(endpoints[B], sizeof endpoints[B], "tcp://127.0.0.1:%d", port + OFFSET);
}

/* --- helpers --- */

static void open_member(unsigned member)
{
    members[member] = issuer_double_create(endpoints[member], 1);
    issuer_double_set_role(members[member], 0, false);
}

/* Answers pings until the metric has this value. */
static void pump_until(const char *name, long value)
{
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    while (metric_now(name) != value && zclock_mono() < until) {
        for (unsigned i = 0; i < MEMBERS; i++) {
            if (members[i] != NULL)
                issuer_double_pump(members[i]);
        }
        zclock_sleep(1);
    }
    assert_int_equal(metric_now(name), value);
}

/* Starts a gateway and both members; A decides in epoch 1. */
static void start_with_members(void)
{
    choose_ports();
    open_member(A);
    open_member(B);
    issuer_double_set_role(members[A], 1, true);
    options.issuer_partitions = 1;
    start();
    pump_until(CONNECTED, 1);
}

/* Receives from a member, while the other one answers pings. */
static void receive_from(unsigned member)
{
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    while (!issuer_double_has_frame(members[member], 0) && zclock_mono() < until) {
        if (members[MEMBERS - 1 - member] != NULL)
            issuer_double_pump(members[MEMBERS - 1 - member]);
        zclock_sleep(1);
    }
    assert_true(issuer_double_receive(members[member], 0, &frame));
}

static void answer_from(unsigned member, unsigned index, enum verdict verdict, uint32_t sequence)
{
    struct frame_issue_reply reply = reply_to(&frame.issues[index], verdict, sequence);
    issuer_double_reply_issues(members[member], &frame, &reply, 1);
}

static void ask_put(struct client *client)
{
    client_send(client, "PUT /v1/coupons/A/issues/u HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void ask_get(struct client *client)
{
    client_send(client, "GET /v1/coupons/A/issues/u HTTP/1.1\r\nHost: a\r\n\r\n");
}

/* B takes over in epoch 2, and A is no owner from its next pong on. */
static void take_over(void)
{
    issuer_double_set_role(members[A], 2, false);
    issuer_double_set_role(members[B], 2, true);
}

/* --- tests --- */

static void requests_go_to_the_owner(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_members();
    long changes = metric_now(CHANGES);
    client_open(client);
    client_ask(client, "A", "u");
    receive_from(A);
    answer_from(A, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    take_over();
    pump_until(CHANGES, changes + 1);
    client_ask(client, "A", "v");
    receive_from(B);
    answer_from(B, 0, VERDICT_ISSUED, 2);
    assert_int_equal(client_read(client), 201);
    assert_false(issuer_double_has_frame(members[A], 0));
    client_close(client);
}

/* A says that it decides, as it did before it stood still. */
static void an_owner_of_a_lower_epoch_is_not_asked(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_members();
    long changes = metric_now(CHANGES);
    issuer_double_set_role(members[B], 2, true);
    pump_until(CHANGES, changes + 1);
    client_open(client);
    for (unsigned i = 1; i <= 5; i++) {
        ask_put(client);
        receive_from(B);
        answer_from(B, 0, VERDICT_ISSUED, i);
        assert_int_equal(client_read(client), 201);
    }
    assert_int_equal(metric_now(CHANGES), changes + 1);
    client_close(client);
}

static void a_returned_request_is_answered_by_the_new_owner(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_members();
    client_open(client);
    client_ask(client, "A", "u");
    receive_from(A);
    issuer_double_set_role(members[A], 1, false);
    issuer_double_return_issues(members[A], &frame);
    pump_until(HELD, 1);
    take_over();
    receive_from(B);
    assert_int_equal(frame.issues[0].op, ISSUE_POST);
    assert_true(frame.issues[0].wait_us > 0);
    answer_from(B, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    pump_until(HELD, 0);
    client_close(client);
}

/* Nothing in it belongs to a request: the member was not asked this, or has answered. */
static void a_frame_that_was_not_sent_is_not_returned(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_members();
    client_open(client);
    client_ask(client, "A", "u");
    receive_from(A);
    struct double_frame other = frame;
    other.issues[0].tag ^= 1ull << 40;
    issuer_double_return_issues(members[A], &other);
    answer_from(A, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    issuer_double_return_issues(members[A], &frame);
    client_ask(client, "A", "v");
    receive_from(A);
    assert_int_equal(frame.header.count, 1);
    assert_memory_equal(frame.issues[0].user_id, "v", 1);
    answer_from(A, 0, VERDICT_ISSUED, 2);
    assert_int_equal(client_read(client), 201);
    client_close(client);
}

static void requests_wait_until_somebody_decides(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    choose_ports();
    open_member(A);
    options.issuer_partitions = 1;
    start();
    client_open(client);
    client_ask(client, "A", "u");
    pump_until(HELD, 1);
    pump_until(IN_FLIGHT, 1);
    issuer_double_set_role(members[A], 1, true);
    receive_from(A);
    answer_from(A, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    client_close(client);
}

static void requests_do_not_wait_longer_than_allowed(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    choose_ports();
    options.gateway_hold_ms = 30;
    start();
    client_open(client);
    client_ask(client, "A", "u");
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    assert_int_equal(client_get(client, "/v1/coupons"), 503);
    assert_code("issuer_unavailable");
    client_close(client);
}

/* It was never sent, so its outcome is known. */
static void a_short_time_limit_does_not_cut_the_hold_short(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    choose_ports();
    options.gateway_issuer_timeout_ms = 10;
    options.gateway_hold_ms = 300;
    start();
    client_open(client);
    client_ask(client, "A", "u");
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    client_close(client);
}

static void without_hold_the_answer_is_at_once(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    options.gateway_hold_ms = 0;
    start_with_members();
    client_open(client);
    client_ask(client, "A", "u");
    receive_from(A);
    issuer_double_set_role(members[A], 1, false);
    issuer_double_return_issues(members[A], &frame);
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    pump_until(HELD, 0);
    client_close(client);
}

/* The owner dies with three requests; what may be decided twice goes to the other one. */
static void a_post_in_flight_is_not_sent_twice(void **state)
{
    struct client *post = &clients[0], *put = &clients[1], *get = &clients[2];
    (void)state;
    start_with_members();
    client_open(post);
    client_open(put);
    client_open(get);
    client_ask(post, "A", "u");
    receive_from(A);
    ask_put(put);
    receive_from(A);
    ask_get(get);
    receive_from(A);
    issuer_double_destroy(&members[A]);
    pump_until(HELD, 2);
    issuer_double_set_role(members[B], 2, true);
    receive_from(B);
    if (frame.header.count == 1) {
        assert_int_equal(frame.issues[0].op, ISSUE_ENSURE);
        answer_from(B, 0, VERDICT_ALREADY_ISSUED, 7);
        receive_from(B);
        answer_from(B, 0, VERDICT_FOUND, 7);
    } else {
        assert_int_equal(frame.header.count, 2);
        assert_int_equal(frame.issues[0].op, ISSUE_ENSURE);
        assert_int_equal(frame.issues[1].op, ISSUE_LOOKUP);
        answer_from(B, 0, VERDICT_ALREADY_ISSUED, 7);
        answer_from(B, 1, VERDICT_FOUND, 7);
    }
    assert_int_equal(client_read(put), 200);
    assert_int_equal(client_read(get), 200);
    pump_until(IN_FLIGHT, 1);
    open_member(A); /* restarted: it will not decide what it had */
    pump_until(IN_FLIGHT, 0);
    assert_int_equal(client_read(post), 503);
    assert_code("outcome_unknown");
    assert_false(issuer_double_has_frame(members[B], 0));
    client_close(post);
    client_close(put);
    client_close(get);
}

/* Both members are asked, and only the answer of the one that was asked last counts; that the other was late does not
 * tell that nothing was decided. */
static void a_put_is_answered_by_the_owner_that_was_asked_last(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_members();
    long late = metric_now(LATE);
    client_open(client);
    ask_put(client);
    receive_from(A);
    struct double_frame first = frame;
    issuer_double_set_role(members[B], 2, true);
    receive_from(B);
    struct frame_issue_reply reply = reply_to(&first.issues[0], VERDICT_LATE, 0);
    issuer_double_reply_issues(members[A], &first, &reply, 1);
    wait_metric(LATE, late + 1);
    answer_from(B, 0, VERDICT_ISSUED, 3);
    assert_int_equal(client_read(client), 201);
    client_close(client);
}

/* The first owner may have decided, so that nobody may say that nothing was. */
static void a_put_that_nobody_answers_is_unknown(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    options.gateway_issuer_timeout_ms = 2000;
    options.gateway_hold_ms = 1;
    start_with_members();
    client_open(client);
    ask_put(client);
    receive_from(A);
    issuer_double_destroy(&members[A]);
    assert_int_equal(client_read(client), 503);
    assert_code("outcome_unknown");
    client_close(client);
}

static void a_late_second_owner_leaves_a_put_unknown(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    options.gateway_issuer_timeout_ms = options.gateway_hold_ms = 3000;
    start_with_members();
    client_open(client);
    ask_put(client);
    receive_from(A);
    issuer_double_set_role(members[B], 2, true);
    receive_from(B);
    answer_from(B, 0, VERDICT_LATE, 0);
    assert_int_equal(client_read(client), 503);
    assert_code("outcome_unknown");
    client_close(client);
}

/* The old owner answers what it has decided before it handed over. */
static void a_post_in_flight_is_answered_by_the_old_owner(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_members();
    long changes = metric_now(CHANGES);
    client_open(client);
    client_ask(client, "A", "u");
    receive_from(A);
    take_over();
    pump_until(CHANGES, changes + 1);
    answer_from(A, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    assert_false(issuer_double_has_frame(members[B], 0));
    client_close(client);
}

static void a_gateway_without_an_owner_is_ready_and_says_so(void **state)
{
    (void)state;
    start_with_members();
    issuer_double_set_role(members[A], 1, false);
    pump_until(CONNECTED, 0);
    wait_for_word_of_missing_issuer();
    issuer_double_set_role(members[A], 3, true);
    pump_until(CONNECTED, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, blank, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_go_to_the_owner),
        TEST(an_owner_of_a_lower_epoch_is_not_asked),
        TEST(a_returned_request_is_answered_by_the_new_owner),
        TEST(a_frame_that_was_not_sent_is_not_returned),
        TEST(requests_wait_until_somebody_decides),
        TEST(requests_do_not_wait_longer_than_allowed),
        TEST(a_short_time_limit_does_not_cut_the_hold_short),
        TEST(without_hold_the_answer_is_at_once),
        TEST(a_post_in_flight_is_not_sent_twice),
        TEST(a_put_is_answered_by_the_owner_that_was_asked_last),
        TEST(a_put_that_nobody_answers_is_unknown),
        TEST(a_late_second_owner_leaves_a_put_unknown),
        TEST(a_post_in_flight_is_answered_by_the_old_owner),
        TEST(a_gateway_without_an_owner_is_ready_and_says_so),
    };
    return cmocka_run_group_tests(tests, gateway_group_set_up, NULL);
}
