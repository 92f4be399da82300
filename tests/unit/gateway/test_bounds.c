/* The limits of the gateway: connections, requests, time, draining, ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <czmq.h>

#include "gateway/dispatch/dispatch.h"
#include "tests/unit/gateway/gateway_fixture.h"

/* --- tests --- */

static void requests_beyond_the_limit_get_overloaded(void **state)
{
    (void)state;
    options.gateway_in_flight_max = 1;
    start_with_issuer(1);
    client_open(&clients[0]);
    client_open(&clients[1]);
    client_ask(&clients[0], "A", "u");
    receive(0);
    client_ask(&clients[1], "A", "v");
    assert_int_equal(client_read(&clients[1]), 503);
    assert_code("overloaded");
    assert_non_null(strstr(response.head, "Retry-After: "));
    answer(&frame, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(&clients[0]), 201);
    client_ask(&clients[1], "A", "v");
    answer(receive(0), 0, VERDICT_ISSUED, 2);
    assert_int_equal(client_read(&clients[1]), 201);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static void connections_beyond_the_limit_get_overloaded_and_are_closed(void **state)
{
    (void)state;
    options.gateway_connections_max = 1;
    start();
    client_open(&clients[0]);
    assert_int_equal(client_get(&clients[0], "/livez"), 200);
    client_open(&clients[1]);
    assert_int_equal(client_read(&clients[1]), 503);
    assert_code("overloaded");
    assert_non_null(strstr(response.head, "Retry-After: "));
    assert_non_null(strstr(response.head, "Connection: close\r\n"));
    assert_true(client_ended(&clients[1]));
    assert_int_equal(client_get(&clients[0], "/livez"), 200);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static void a_request_that_never_ends_is_timed_out(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    options.gateway_header_timeout_ms = 50;
    start();
    client_open(client);
    client_send(client, "GET /livez HTTP/1.1\r\nHost");
    assert_int_equal(client_read(client), 408);
    assert_code("request_timeout");
    assert_non_null(strstr(response.head, "Connection: close\r\n"));
    assert_true(client_ended(client));
    client_close(client);
}

static void an_idle_connection_is_closed(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    options.gateway_idle_timeout_ms = 50;
    start();
    client_open(client);
    assert_int_equal(client_get(client, "/livez"), 200);
    assert_true(client_ended(client));
    client_close(client);
}

static void a_body_is_asked_for_when_the_client_waits(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_send(client, "POST /v1/coupons/A/issues HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        "Content-Length: 15\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(client_read(client), 100);
    client_send(client, "{\"user_id\":\"u\"}");
    answer(receive(0), 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(client), 201);
    client_close(client);
}

static void a_refused_body_does_not_tear_the_answer_away(void **state)
{
    static char body[300000];
    struct client *client = &clients[0];
    (void)state;
    start();
    client_open(client);
    client_send(client, "POST /v1/coupons HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
    memset(body, 'x', sizeof body - 1);
    client_send(client, body);
    assert_int_equal(client_read(client), 413);
    assert_code("too_large");
    assert_true(client_ended(client));
    client_close(client);
}

static void a_reader_that_is_slow_gets_everything_in_order(void **state)
{
    enum { ROUNDS = 3000 };
    struct client *client = &clients[0];
    static char text[ROUNDS * 48 + 1];
    size_t length = 0;
    size_t sent = 0;

    (void)state;
    start();
    client_open(client);
    for (int i = 0; i < ROUNDS; i++)
        length += (size_t)sprintf(text + length, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", i % 2 ? "/livez" : "/metrics");
    for (int i = 0; i < ROUNDS; i++) {
        /* Sends as much as the kernel accepts; the rest is sent while answers are read. */
        ssize_t got = send(client->fd, text + sent, length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += got > 0 ? (size_t)got : 0;
        assert_int_equal(client_read(client), 200);
        assert_int_equal(strncmp(response.body, "{\"status\"", 9) == 0, i % 2);
    }
    assert_int_equal(sent, length);
    client_close(client);
}

static void many_pipelined_requests_pass_the_bound_of_one_connection(void **state)
{
    enum { ROUNDS = 200 };
    struct client *client = &clients[0];
    static char text[ROUNDS * 64 + 1];
    unsigned seen = 0;
    unsigned most = 0;

    (void)state;
    start_with_issuer(1);
    client_open(client);
    for (int i = 0; i < ROUNDS; i++)
        sprintf(text + strlen(text), "PUT /v1/coupons/A/issues/u%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    client_send(client, text);
    shutdown(client->fd, SHUT_WR);
    while (seen < ROUNDS) {
        receive(0);
        most = frame.header.count > most ? frame.header.count : most;
        for (unsigned i = 0; i < frame.header.count; i++)
            answer(&frame, i, VERDICT_ISSUED, ++seen);
    }
    assert_int_equal(most, 64);
    for (int i = 0; i < ROUNDS; i++) {
        char expected[64];
        assert_int_equal(client_read(client), 201);
        sprintf(expected, "\"user_id\":\"u%d\",\"sequence\":%d,", i, i + 1);
        assert_non_null(strstr(response.body, expected));
    }
    assert_true(client_ended(client));
    client_close(client);
}

static void send_list_request(struct client *client)
{
    client_send(client, "GET /v1/coupons?limit=200 HTTP/1.1\r\nHost: a\r\n\r\n");
}

/* Answers the listing in `frame` with an empty page. */
static void answer_empty_list(void)
{
    struct frame_coupon_reply none = {.tag = frame.coupons[0].tag, .verdict = VERDICT_NONE, .now_us = NOW_US};
    assert_int_equal(frame.header.kind, FRAME_COUPON_REQUESTS);
    assert_int_equal(frame.header.count, 1);
    assert_int_equal(frame.coupons[0].op, COUPON_LIST);
    issuer_double_reply_coupons(issuer, &frame, &none, 1);
}

static void pipelined_lists_go_to_the_issuer_one_after_the_other(void **state)
{
    struct client *client = &clients[0];
    (void)state;
    start_with_issuer(1);
    client_open(client);
    client_send(client, "PUT /v1/coupons/A/issues/u HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /v1/coupons?cursor=C&limit=7 HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /v1/coupons HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
                        "PUT /v1/coupons/A/issues/v HTTP/1.1\r\nHost: a\r\n\r\n");
    shutdown(client->fd, SHUT_WR);
    answer(receive(0), 0, VERDICT_ISSUED, 1);
    receive(0);
    assert_memory_equal(frame.coupons[0].coupon.id, "C", 2);
    assert_int_equal(frame.coupons[0].coupon.quantity, 8);
    answer_empty_list();
    receive(0);
    answer_empty_list();
    answer(receive(0), 0, VERDICT_ISSUED, 2);
    assert_int_equal(client_read(client), 201);
    assert_int_equal(client_read(client), 200);
    assert_string_equal(response.body, "{\"coupons\":[],\"next_cursor\":null}");
    assert_int_equal(client_read(client), 200);
    assert_string_equal(response.body, "{\"coupons\":[],\"next_cursor\":null}");
    assert_int_equal(client_read(client), 200);
    assert_int_equal(client_read(client), 200);
    assert_non_null(strstr(response.body, "coupond_gateway_requests_total"));
    assert_int_equal(client_read(client), 201);
    assert_true(client_ended(client));
    client_close(client);
}

static void lists_beyond_their_limit_get_overloaded(void **state)
{
    static struct client askers[LISTINGS_MAX];
    struct client *late = &clients[0];
    (void)state;
    start_with_issuer(1);
    for (int i = 0; i < LISTINGS_MAX; i++) {
        client_open(&askers[i]);
        send_list_request(&askers[i]);
        receive(0);
    }
    client_open(late);
    send_list_request(late);
    assert_int_equal(client_read(late), 503);
    assert_code("overloaded");
    answer_empty_list();
    assert_int_equal(client_read(&askers[LISTINGS_MAX - 1]), 200);
    send_list_request(late);
    receive(0);
    answer_empty_list();
    assert_int_equal(client_read(late), 200);
    client_close(late);
    for (int i = 0; i < LISTINGS_MAX; i++)
        client_close(&askers[i]);
}

/* `idle` leaves more and more answers unread until `asker` gets `overloaded` for `path`. The kernel may still accept
 * some of them afterwards, so that one refusal does not imply the next. */
static void fill_until_refused(struct client *idle, struct client *asker, const char *path)
{
    static const char request[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    static char text[1000 * sizeof request];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    size_t at = 0;
    for (int i = 0; i < 1000; i++)
        strcpy(text + (size_t)i * (sizeof request - 1), request);
    do {
        ssize_t sent = send(idle->fd, text + at, strlen(text) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at = sent > 0 ? (at + (size_t)sent) % strlen(text) : at;
        client_get(asker, path);
    } while (strstr(response.body, "\"code\":\"overloaded\"") == NULL && zclock_mono() < until);
    assert_int_equal(response.status, 503);
    assert_code("overloaded");
}

static void unread_answers_prevent_further_large_ones(void **state)
{
    static const char *const paths[] = {"/metrics", "/docs", "/v1/coupons?limit=200"};
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    (void)state;
    options.gateway_unread_bytes_max = 4096;
    start(); /* a list that is not refused for this reason gets issuer_unavailable */
    client_open(&clients[1]);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        client_open(&clients[0]);
        fill_until_refused(&clients[0], &clients[1], paths[i]);
        assert_int_equal(client_get(&clients[1], "/livez"), 200);
        client_close(&clients[0]);
    }
    while (client_get(&clients[1], "/metrics") == 503 && zclock_mono() < until)
        ;
    assert_int_equal(response.status, 200);
    client_close(&clients[1]);
}

static void *stop_gateway(void *arg)
{
    (void)arg;
    gateway_stop(&gateway);
    return NULL;
}

static void draining_answers_requests_in_flight_and_ends(void **state)
{
    (void)state;
    start_with_issuer(1);
    client_open(&clients[0]);
    client_open(&clients[1]);
    assert_int_equal(client_get(&clients[1], "/livez"), 200);
    client_ask(&clients[0], "A", "u");
    receive(0);
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_gateway, NULL), 0);
    assert_true(client_ended(&clients[1])); /* idle: closed at once */
    answer(&frame, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(&clients[0]), 201);
    assert_non_null(strstr(response.head, "Connection: close\r\n"));
    assert_true(client_ended(&clients[0]));
    assert_int_equal(pthread_join(stopper, NULL), 0);
    assert_null(gateway);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static void draining_ends_at_its_bound_without_an_answer(void **state)
{
    (void)state;
    options.gateway_drain_timeout_ms = 30;
    start_with_issuer(1);
    client_open(&clients[0]);
    client_ask(&clients[0], "A", "u");
    receive(0);
    gateway_stop(&gateway);
    assert_true(client_ended(&clients[0]));
    client_close(&clients[0]);
}

static void a_port_in_use_is_a_clear_error(void **state)
{
    struct gateway *other = NULL;
    struct error error = {""};
    (void)state;
    struct options others;
    for (int threads = 1; threads <= 2; threads++) {
        options.gateway_threads = threads;
        start();
        others = options;
        snprintf(others.gateway_http, sizeof others.gateway_http, "127.0.0.1:%u", gateway_port(gateway));
        for (others.gateway_threads = 1; others.gateway_threads <= 2; others.gateway_threads++) {
            assert_int_equal(gateway_start(&others, &other, &error), -1);
            assert_null(other);
            assert_non_null(strstr(error.text, others.gateway_http));
            assert_non_null(strstr(error.text, "ddress already in use"));
        }
        gateway_stop(&gateway);
    }
}

static void endpoints_that_make_no_sense_are_clear_errors(void **state)
{
    static const char *const https[] = {"nonsense", "127.0.0.1", "127.0.0.1:99999", "no.such.host.invalid:80"};
    struct error error = {""};
    (void)state;
    for (size_t i = 0; i < sizeof https / sizeof https[0]; i++) {
        snprintf(options.gateway_http, sizeof options.gateway_http, "%s", https[i]);
        assert_int_equal(gateway_start(&options, &gateway, &error), -1);
        assert_non_null(strstr(error.text, "gateway/http"));
    }
    gateway_blank(NULL);
    snprintf(options.gateway_requests, sizeof options.gateway_requests, "http://x:1");
    assert_int_equal(gateway_start(&options, &gateway, &error), -1);
    assert_non_null(strstr(error.text, "gateway/requests"));
    snprintf(options.gateway_requests, sizeof options.gateway_requests, "ipc:///%0200d", 0); /* the path is too long */
    assert_int_equal(gateway_start(&options, &gateway, &error), -1);
    assert_non_null(strstr(error.text, "gateway/requests"));
}

static void several_threads_share_a_port(void **state)
{
    (void)state;
    options.gateway_threads = 3;
    start_with_issuer(1);
    for (int i = 0; i < 30; i++) {
        client_open(&clients[0]);
        assert_int_equal(client_get(&clients[0], "/livez"), 200);
        client_close(&clients[0]);
    }
}

static void http_1_0_and_close_end_the_connection(void **state)
{
    (void)state;
    start();
    client_open(&clients[0]);
    client_send(&clients[0], "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(client_read(&clients[0]), 200);
    assert_non_null(strstr(response.head, "Connection: keep-alive\r\n"));
    client_send(&clients[0], "GET /livez HTTP/1.0\r\n\r\n");
    assert_int_equal(client_read(&clients[0]), 200);
    assert_non_null(strstr(response.head, "Connection: close\r\n"));
    assert_true(client_ended(&clients[0]));
    client_close(&clients[0]);
}

/* Must be the last test: without privileges the limit cannot be raised again. */
static void connections_beyond_the_limit_of_open_files_get_overloaded(void **state)
{
    const struct rlimit low = {130, 130}; /* two more than are reserved for other files */
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    start();
    for (int i = 0; i < 3; i++) {
        client_open(&clients[i]);
        assert_int_equal(i < 2 ? client_get(&clients[i], "/livez") : client_read(&clients[i]), i < 2 ? 200 : 503);
    }
    assert_code("overloaded");
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
    (void)setrlimit(RLIMIT_NOFILE, &before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gateway_blank, gateway_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_beyond_the_limit_get_overloaded),
        TEST(connections_beyond_the_limit_get_overloaded_and_are_closed),
        TEST(a_request_that_never_ends_is_timed_out),
        TEST(an_idle_connection_is_closed),
        TEST(a_body_is_asked_for_when_the_client_waits),
        TEST(a_refused_body_does_not_tear_the_answer_away),
        TEST(a_reader_that_is_slow_gets_everything_in_order),
        TEST(many_pipelined_requests_pass_the_bound_of_one_connection),
        TEST(pipelined_lists_go_to_the_issuer_one_after_the_other),
        TEST(lists_beyond_their_limit_get_overloaded),
        TEST(unread_answers_prevent_further_large_ones),
        TEST(draining_answers_requests_in_flight_and_ends),
        TEST(draining_ends_at_its_bound_without_an_answer),
        TEST(a_port_in_use_is_a_clear_error),
        TEST(endpoints_that_make_no_sense_are_clear_errors),
        TEST(several_threads_share_a_port),
        TEST(http_1_0_and_close_end_the_connection),
        TEST(connections_beyond_the_limit_of_open_files_get_overloaded),
    };
    return cmocka_run_group_tests(tests, gateway_group_set_up, NULL);
}
