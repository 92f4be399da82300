/* The protocol between gateway and issuer, with a double of the issuer that the tests control step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <czmq.h>
#include <sys/socket.h>

#include "tests/unit/gateway/gateway_fixture.h"

/* --- tests --- */

static void an_issue_goes_to_the_issuer_and_back(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_ask(client, "A0001", "alice");
    receive(0);
    assert_int_equal(frame.header.count, 1);
    assert_int_equal(frame.issues[0].op, ISSUE_POST);
    assert_true(frame_issue_request_valid(&frame.issues[0]));
    assert_memory_equal(frame.issues[0].coupon_id, "A0001", 5);
    assert_memory_equal(frame.issues[0].user_id, "alice", 5);
    answer(&frame, 0, VERDICT_ISSUED, 7);
    assert_int_equal(client_read(client), 201);
    assert_string_equal(response.body, "{\"coupon_id\":\"A0001\",\"user_id\":\"alice\",\"sequence\":7,\"nth\":1,"
                                       "\"code\":\"000000000000\",\"issued_at\":\"1970-01-01T00:28:20.000000Z\","
                                       "\"redeemable_until\":null,\"state\":\"issued\"}");
    assert_non_null(strstr(response.head, "Location: /v1/coupons/A0001/issues/alice\r\n"));
    client_close(client);
}

static void requests_of_one_turn_travel_in_one_frame(void **state)
{
    struct client *client = &clients[0];
    char text[8192] = "";
    (void)state;
    start_with_issuer(1);
    client_open(client);
    for (int i = 0; i < 20; i++)
        sprintf(text + strlen(text), "PUT /v1/coupons/A/issues/u%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    client_send(client, text);
    receive(0);
    assert_int_equal(frame.header.count, 20);
    for (unsigned i = 0; i < 20; i++)
        answer(&frame, i, VERDICT_ISSUED, i + 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(client_read(client), 201);
        sprintf(text, "\"user_id\":\"u%d\",\"sequence\":%d,", i, i + 1);
        assert_non_null(strstr(response.body, text));
    }
    client_close(client);
}

static void replies_out_of_turn_are_answered_in_turn(void **state)
{
    struct client *client = &clients[0];
    struct frame_issue_reply replies[3];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_send(client, "PUT /v1/coupons/A/issues/u0 HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
                        "PUT /v1/coupons/A/issues/u1 HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
                        "HEAD /v1/coupons/A/issues/u2 HTTP/1.1\r\nHost: a\r\n\r\n"
                        "BROKEN\r\n\r\n");
    receive(0);
    assert_int_equal(frame.header.count, 3);
    for (unsigned i = 0; i < 3; i++)
        replies[2 - i] = reply_to(&frame.issues[i], i == 2 ? VERDICT_FOUND : VERDICT_ISSUED, i + 1);
    issuer_double_reply_issues(issuer, &frame, replies, 3);
    assert_int_equal(client_read(client), 201);
    assert_non_null(strstr(response.body, "\"u0\""));
    assert_int_equal(client_read(client), 200);
    assert_string_equal(response.body, "{\"status\":\"live\"}");
    assert_int_equal(client_read(client), 201);
    assert_non_null(strstr(response.body, "\"u1\""));
    assert_int_equal(client_read(client), 404);
    assert_int_equal(client_read_method(client, true), 200);
    assert_int_equal(client_read(client), 400);
    assert_non_null(strstr(response.head, "Connection: close\r\n"));
    assert_true(client_ended(client));
    client_close(client);
}

static void every_verdict_has_its_answer(void **state)
{
    static const struct {
        const char *line;
        enum verdict verdict;
        int status;
        const char *text;
    } rows[] = {
        {"PUT", VERDICT_ISSUED, 201, "\"sequence\":3"},
        {"PUT", VERDICT_ALREADY_ISSUED, 200, "\"sequence\":3"},
        {"PUT", VERDICT_FOUND, 503, "\"outcome_unknown\""},
        {"PUT", VERDICT_ISSUE_REVOKED, 409, "\"revoked\""},
        {"GET", VERDICT_FOUND, 200, "\"sequence\":3"},
        {"GET", VERDICT_NOT_ISSUED, 404, "\"not_issued\""},
        {"GET", VERDICT_COUPON_NOT_FOUND, 404, "\"coupon_not_found\""},
        {"POST", VERDICT_ALREADY_ISSUED, 409, "\"issue\":{\"coupon_id\":\"A\",\"user_id\":\"u\",\"sequence\":3,"},
        {"POST", VERDICT_REPLAYED, 201, "\"sequence\":3"},
        {"POST", VERDICT_ISSUE_REVOKED, 409, "\"issue\":{\"coupon_id\":\"A\",\"user_id\":\"u\",\"sequence\":3,"},
        {"POST", VERDICT_SOLD_OUT, 409, "\"sold_out\""},
        {"POST", VERDICT_NOT_STARTED, 409, "\"not_started\""},
        {"POST", VERDICT_PAUSED, 409, "\"paused\""},
        {"POST", VERDICT_ENDED, 410, "\"ended\""},
        {"POST", VERDICT_OVERLOADED, 503, "\"overloaded\""},
        {"POST", VERDICT_LATE, 503, "\"issuer_unavailable\""},
        {"GET", VERDICT_ISSUED, 503, "\"outcome_unknown\""},
        {"POST", VERDICT_NONE, 503, "\"outcome_unknown\""},
        {"POST", (enum verdict)200, 503, "\"outcome_unknown\""},
    };
    struct client *client = &clients[0];

    (void)state;
    start_with_issuer(1);
    client_open(client);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s /v1/coupons/A/issues/u HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].line);
        if (strcmp(rows[i].line, "POST") == 0)
            client_ask(client, "A", "u");
        else
            client_send(client, text);
        answer(receive(0), 0, rows[i].verdict, 3);
        assert_int_equal(client_read(client), rows[i].status);
        assert_non_null(strstr(response.body, rows[i].text));
        if (rows[i].status == 503 || rows[i].verdict == VERDICT_NOT_STARTED)
            assert_non_null(strstr(response.head, "Retry-After: "));
    }
    client_close(client);
}

static void garbage_and_strangers_replies_are_dropped(void **state)
{
    struct client *client = &clients[0];
    long malformed = 0;
    long misdirected = 0;
    long late = 0;
    (void)state;
    start_with_issuer(1);
    malformed = metric_now("coupond_gateway_frames_dropped_total{reason=\"malformed\"}");
    misdirected = metric_now("coupond_gateway_frames_dropped_total{reason=\"misdirected\"}");
    late = metric_now("coupond_gateway_replies_late_total");
    client_open(client);
    client_ask(client, "A", "u");
    receive(0);
    issuer_double_send(issuer, &frame, "garbage", 7);
    issuer_double_send(issuer, &frame, "", 0);
    struct frame_header header;
    frame_header_write(&header, FRAME_ISSUE_REPLIES, 0, 1, 5);
    issuer_double_set_clock(issuer, &header);
    issuer_double_send(issuer, &frame, &header, sizeof header);
    struct {
        struct frame_header header;
        struct frame_pong pong;
    } pong = {.pong = {.now_us = 1}};
    frame_header_write(&pong.header, FRAME_PONG, 0, 9, 1);
    issuer_double_set_clock(issuer, &pong.header);
    issuer_double_send(issuer, &frame, &pong, sizeof pong);
    frame_header_write(&header, FRAME_PING, 0, 1, 0);
    issuer_double_send(issuer, &frame, &header, sizeof header);
    frame_header_write(&pong.header, FRAME_PONG, 0, 1, 1); /* without an incarnation */
    issuer_double_send(issuer, &frame, &pong, sizeof pong);
    struct frame_issue_reply reply = reply_to(&frame.issues[0], VERDICT_ISSUED, 9);
    reply.tag ^= 1ull << 40; /* another generation */
    issuer_double_reply_issues(issuer, &frame, &reply, 1);
    reply.tag = UINT64_MAX;
    issuer_double_reply_issues(issuer, &frame, &reply, 1);
    answer(&frame, 0, VERDICT_ISSUED, 1);
    answer(&frame, 0, VERDICT_ISSUED, 2); /* already answered */
    assert_int_equal(client_read(client), 201);
    assert_non_null(strstr(response.body, "\"sequence\":1,"));
    wait_metric("coupond_gateway_frames_dropped_total{reason=\"malformed\"}", malformed + 5);
    wait_metric("coupond_gateway_frames_dropped_total{reason=\"misdirected\"}", misdirected + 1);
    wait_metric("coupond_gateway_replies_late_total", late + 3);
    client_ask(client, "A", "v");
    answer(receive(0), 0, VERDICT_ISSUED, 2);
    assert_int_equal(client_read(client), 201);
    client_close(client);
}

static void a_coupon_reply_to_an_issue_request_is_no_answer(void **state)
{
    struct client *client = &clients[0];
    struct frame_coupon_reply reply = {.verdict = VERDICT_FOUND};
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_ask(client, "A", "u");
    reply.tag = receive(0)->issues[0].tag;
    issuer_double_reply_coupons(issuer, &frame, &reply, 1);
    assert_int_equal(client_read(client), 503);
    assert_code("outcome_unknown");
    client_close(client);
}

static void a_request_id_is_returned_to_its_client(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_send(client, "PUT /v1/coupons/A/issues/u HTTP/1.1\r\nHost: x\r\nx-request-id:  r-1 \r\n\r\n"
                        "GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: r-2\r\n\r\n"
                        "GET /nothing HTTP/1.1\r\nHost: x\r\nX-Request-Id: r-3\r\n\r\n"
                        "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    answer(receive(0), 0, VERDICT_SOLD_OUT, 0);
    assert_int_equal(client_read(client), 409);
    assert_non_null(strstr(response.head, "X-Request-Id: r-1\r\n"));
    assert_non_null(strstr(response.body, ",\"request_id\":\"r-1\"}"));
    assert_int_equal(client_read(client), 200);
    assert_non_null(strstr(response.head, "X-Request-Id: r-2\r\n"));
    assert_int_equal(client_read(client), 404);
    assert_non_null(strstr(response.body, ",\"request_id\":\"r-3\"}"));
    assert_int_equal(client_read(client), 200);
    assert_null(strstr(response.head, "X-Request-Id"));
    client_close(client);
}

static void without_an_issuer_the_answer_is_at_once(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start();
    client_open(client);
    client_ask(client, "A", "u");
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    assert_non_null(strstr(response.head, "Retry-After: "));
    assert_int_equal(client_get(client, "/v1/coupons"), 503);
    assert_code("issuer_unavailable");
    assert_int_equal(client_get(client, "/readyz"), 503);
    assert_non_null(strstr(response.body, "No answer from partition 0"));
    assert_int_equal(client_get(client, "/livez"), 200);
    client_close(client);
}

static void an_issuer_that_does_not_answer_leaves_the_outcome_unknown(void **state)
{
    struct client *client = &clients[0];
    long late = 0;
    (void)state;
    options.gateway_issuer_timeout_ms = 20;
    start_with_issuer(1);
    late = metric_now("coupond_gateway_replies_late_total");
    client_open(client);
    client_ask(client, "A", "u");
    receive(0);
    assert_int_equal(client_read(client), 503);
    assert_code("outcome_unknown");
    assert_non_null(strstr(response.body, "again with PUT; a second POST may issue one more"));
    answer(&frame, 0, VERDICT_ISSUED, 1);
    wait_metric("coupond_gateway_replies_late_total", late + 1);
    client_close(client);
}

/* A read is answered at once; a request that may still be decided is not, as long as it may. */
static void a_dead_issuer_is_reported_when_nothing_can_be_decided_any_more(void **state)
{
    struct client *client = &clients[0];
    struct client *other = &clients[1];
    (void)state;
    choose_tcp();
    start_with_issuer(1);
    client_open(client);
    client_open(other);
    client_ask(client, "A", "u");
    receive(0);
    client_send(other, "GET /v1/coupons/A/issues/u HTTP/1.1\r\nHost: a\r\n\r\n");
    receive(0);
    issuer_double_destroy(&issuer);
    assert_int_equal(client_read(other), 503);
    assert_code("issuer_unavailable");
    client_ask(other, "A", "u");
    assert_int_equal(client_read(other), 503);
    assert_code("issuer_unavailable");
    wait_for_word_of_missing_issuer();
    wait_metric("coupond_gateway_in_flight", 1);
    issuer = issuer_double_create(options.gateway_requests, 1);
    wait_ready(200);
    assert_int_equal(client_read(client), 503);
    assert_code("outcome_unknown");
    client_close(other);
    client_ask(client, "A", "u");
    answer(receive(0), 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    client_close(client);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
    long late = 0;
    (void)state;
    start_with_issuer(1);
    late = metric_now("coupond_gateway_replies_late_total");
    client_open(&clients[0]);
    client_ask(&clients[0], "A", "u");
    receive(0);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(clients[0].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client_close(&clients[0]);
    while (metric_now("coupond_gateway_connections") > 1)
        zclock_sleep(1);
    answer(&frame, 0, VERDICT_ISSUED, 1);
    wait_metric("coupond_gateway_replies_late_total", late + 1);
}

static void a_client_that_closes_its_side_still_reads_the_answer(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_ask(client, "A", "u");
    client_send(client, "GET /li");
    shutdown(client->fd, SHUT_WR);
    answer(receive(0), 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    assert_true(client_ended(client));
    client_close(client);
}

/* Answers with one partition's coupons, with the given ids. */
static void answer_list(uint16_t partition, const char *const *ids, uint32_t count)
{
    struct frame_coupon_reply replies[4] = {0};
    struct coupon coupon = {.title = "t", .quantity = 5, .per_user_limit = 1};
    receive(partition);
    assert_int_equal(frame.coupons[0].op, COUPON_LIST);
    replies[0].tag = frame.coupons[0].tag;
    replies[0].verdict = VERDICT_NONE;
    coupon.starts_at_us = TIME_NONE;
    coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    for (uint32_t i = 0; i < count; i++) {
        replies[i] = (struct frame_coupon_reply){.tag = frame.coupons[0].tag, .verdict = VERDICT_FOUND};
        replies[i].remaining = count - 1 - i;
        strcpy(coupon.id, ids[i]);
        frame_coupon_write(&replies[i].coupon, &coupon);
    }
    issuer_double_reply_coupons(issuer, &frame, replies, count == 0 ? 1 : count);
}

static void listings_are_merged_over_the_partitions(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(3);
    client_open(client);
    client_send(client, "GET /v1/coupons?limit=3 HTTP/1.1\r\nHost: a\r\n\r\n");
    answer_list(2, (const char *const[]){"b", "e"}, 2);
    answer_list(0, NULL, 0);
    answer_list(1, (const char *const[]){"a", "c", "d"}, 3);
    assert_int_equal(client_read(client), 200);
    const char *a = strstr(response.body, "{\"id\":\"a\"");
    const char *b = strstr(response.body, "{\"id\":\"b\"");
    const char *c = strstr(response.body, "{\"id\":\"c\"");
    assert_true(a != NULL && b > a && c > b);
    assert_null(strstr(response.body, "{\"id\":\"d\""));
    assert_non_null(strstr(response.body, "\"next_cursor\":\"c\"}"));
    client_send(client, "GET /v1/coupons?limit=3&cursor=c HTTP/1.1\r\nHost: a\r\n\r\n");
    answer_list(0, NULL, 0);
    assert_int_equal(frame.coupons[0].coupon.id_length, 1);
    answer_list(1, (const char *const[]){"d"}, 1);
    answer_list(2, (const char *const[]){"e"}, 1);
    assert_int_equal(client_read(client), 200);
    assert_non_null(strstr(response.body, "\"next_cursor\":null}"));
    client_close(client);
}

/* A partition says up to which id it has looked. */
static void a_listing_with_an_invalid_id_is_no_answer(void **state)
{
    static const char *const ids[] = {"a\"b", "a b", ".."};
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct frame_coupon_reply reply = {.verdict = VERDICT_NONE};
        client_send(client, "GET /v1/coupons HTTP/1.1\r\nHost: a\r\n\r\n");
        reply.tag = receive(0)->coupons[0].tag;
        reply.coupon.id_length = (uint8_t)strlen(ids[i]);
        memcpy(reply.coupon.id, ids[i], strlen(ids[i]));
        issuer_double_reply_coupons(issuer, &frame, &reply, 1);
        assert_int_equal(client_read(client), 503);
        assert_code("outcome_unknown");
    }
    client_close(client);
}

static void a_coupon_is_created_with_an_id_of_its_own(void **state)
{
    struct client *client = &clients[0];
    struct frame_coupon_reply reply = {.verdict = VERDICT_COUPON_CREATED, .now_us = NOW_US};
    char location[128];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_send(client, "POST /v1/coupons HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        "Content-Length: 32\r\n\r\n{\"title\":\"\\\"x\\\"\",\"quantity\":300}");
    receive(0);
    assert_int_equal(frame.coupons[0].op, COUPON_CREATE);
    assert_true(frame_coupon_request_valid(&frame.coupons[0]));
    assert_int_equal(frame.coupons[0].coupon.quantity, 300);
    reply.tag = frame.coupons[0].tag;
    reply.coupon = frame.coupons[0].coupon;
    issuer_double_reply_coupons(issuer, &frame, &reply, 1);
    assert_int_equal(client_read(client), 201);
    snprintf(location, sizeof location, "Location: /v1/coupons/%.*s\r\n", frame.coupons[0].coupon.id_length,
             frame.coupons[0].coupon.id);
    assert_non_null(strstr(response.head, location));
    assert_non_null(strstr(response.body, "\"quantity\":300,\"issued\":0,\"returned\":0,\"remaining\":300,"));
    client_close(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gateway_blank, gateway_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_issue_goes_to_the_issuer_and_back),
        TEST(requests_of_one_turn_travel_in_one_frame),
        TEST(replies_out_of_turn_are_answered_in_turn),
        TEST(every_verdict_has_its_answer),
        TEST(garbage_and_strangers_replies_are_dropped),
        TEST(a_coupon_reply_to_an_issue_request_is_no_answer),
        TEST(a_request_id_is_returned_to_its_client),
        TEST(without_an_issuer_the_answer_is_at_once),
        TEST(an_issuer_that_does_not_answer_leaves_the_outcome_unknown),
        TEST(a_dead_issuer_is_reported_when_nothing_can_be_decided_any_more),
        TEST(a_client_that_leaves_is_forgotten),
        TEST(a_client_that_closes_its_side_still_reads_the_answer),
        TEST(listings_are_merged_over_the_partitions),
        TEST(a_listing_with_an_invalid_id_is_no_answer),
        TEST(a_coupon_is_created_with_an_id_of_its_own),
    };
    return cmocka_run_group_tests(tests, gateway_group_set_up, NULL);
}
