/* The gateway's threads over real sockets, with a double of the issuer that the tests step by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <czmq.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "shared/log.h"
#include "tests/support/issuer_double.h"

/* ---- fixture ---- */

enum { NOW_US = 1700000000, PATIENCE_S = 10 };

static struct options options;
static struct gateway *gateway;
static struct issuer_double *issuer;
static unsigned starts; /* makes the names of inproc endpoints differ */

/* Options for a gateway on a port of its own; time-outs that end no test by accident. */
static int blank(void **state)
{
    (void)state;
    options_init(&options);
    snprintf(options.gateway_http, sizeof(options.gateway_http), "127.0.0.1:0");
    snprintf(options.gateway_requests, sizeof(options.gateway_requests), "inproc://double-%u", ++starts);
    options.gateway_issuer_timeout_ms = 600000;
    options.gateway_header_timeout_ms = 600000;
    options.gateway_idle_timeout_ms = 600000;
    options.gateway_drain_timeout_ms = 600000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    options.gateway_drain_timeout_ms = 0;
    gateway_stop(&gateway);
    issuer_double_destroy(&issuer);
    return 0;
}

static int group_set_up(void **state)
{
    (void)state;
    zsys_handler_set(NULL);
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

/* ---- helpers: HTTP ---- */

/* A connection and what has been read of it beyond the last response. */
struct client {
    int fd;
    char data[1 << 20];
    size_t length;
};

struct response {
    int status;
    char head[2048];
    char body[1 << 16];
};

static struct client clients[4];
static struct response response;

static void client_open(struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(gateway_port(gateway))};
    struct timeval patience = {.tv_sec = PATIENCE_S};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    client->length = 0;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void client_close(struct client *client)
{
    close(client->fd);
}

static void client_send(struct client *client, const char *text)
{
    size_t length = strlen(text);

    assert_int_equal(send(client->fd, text, length, MSG_NOSIGNAL), length);
}

/* True when more came; false at the end of the connection. */
static bool client_fill(struct client *client)
{
    ssize_t got = recv(client->fd, client->data + client->length, sizeof(client->data) - client->length, 0);

    if (got < 0 && errno == ECONNRESET)
        return false;
    assert_true(got >= 0); /* else nothing came in ten seconds */
    client->length += (size_t)got;
    return got > 0;
}

/* The next response into `response`, with the body that its Content-Length announces. */
static int client_read_method(struct client *client, bool head)
{
    char *end = NULL;
    size_t body = 0;

    while ((end = memmem(client->data, client->length, "\r\n\r\n", 4)) == NULL)
        assert_true(client_fill(client));
    size_t size = (size_t)(end - client->data) + 4;
    assert_true(size < sizeof(response.head));
    memcpy(response.head, client->data, size);
    response.head[size] = '\0';
    assert_int_equal(sscanf(response.head, "HTTP/1.1 %d ", &response.status), 1);
    const char *length = strstr(response.head, "Content-Length: ");
    if (length != NULL && !head)
        body = strtoul(length + 16, NULL, 10);
    assert_true(body < sizeof(response.body));
    while (client->length < size + body)
        assert_true(client_fill(client));
    memcpy(response.body, client->data + size, body);
    response.body[body] = '\0';
    client->length -= size + body;
    memmove(client->data, client->data + size + body, client->length);
    return response.status;
}

static int client_read(struct client *client)
{
    return client_read_method(client, false);
}

static bool client_ended(struct client *client)
{
    return client->length == 0 && !client_fill(client);
}

/* One request of a coupon by a user, without waiting for the answer. */
static void client_ask(struct client *client, const char *coupon, const char *user)
{
    char text[512];
    int body = snprintf(NULL, 0, "{\"user_id\":\"%s\"}", user);

    snprintf(text, sizeof(text),
             "POST /v1/coupons/%s/issues HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n{\"user_id\":\"%s\"}",
             coupon, body, user);
    client_send(client, text);
}

static int client_get(struct client *client, const char *path)
{
    char text[256];

    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    client_send(client, text);
    return client_read(client);
}

static void assert_code(const char *code)
{
    char text[64];

    snprintf(text, sizeof(text), "\"code\":\"%s\"", code);
    if (strstr(response.body, text) == NULL)
        fail_msg("no code %s in %d %s", code, response.status, response.body);
    assert_non_null(strstr(response.head, "application/problem+json"));
}

/* ---- helpers: gateway and issuer ---- */

static void start(void)
{
    struct error error = {""};

    if (gateway_start(&gateway, &options, &error) != 0)
        fail_msg("%s", error.text);
}

/* Waits until /readyz answers `status`, while the double, if there is one, answers pings. */
static void wait_ready(int status)
{
    struct client *client = &clients[3];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;

    client_open(client);
    while (client_get(client, "/readyz") != status && zclock_mono() < until) {
        if (issuer != NULL)
            issuer_double_pump(issuer);
        zclock_sleep(1);
    }
    assert_int_equal(response.status, status);
    client_close(client);
}

static void start_with_issuer(uint16_t partitions)
{
    options.issuer_partitions = partitions;
    issuer = issuer_double_create(options.gateway_requests, partitions);
    start();
    wait_ready(200);
}

static struct frame_issue_reply reply_to(const struct frame_issue_request *request, enum verdict verdict,
                                         uint32_t sequence)
{
    return (struct frame_issue_reply){.tag = request->tag,
                                      .verdict = (uint8_t)verdict,
                                      .sequence = sequence,
                                      .issued_at_us = NOW_US,
                                      .now_us = NOW_US};
}

static void answer(const struct double_frame *frame, unsigned index, enum verdict verdict, uint32_t sequence)
{
    struct frame_issue_reply reply = reply_to(&frame->issues[index], verdict, sequence);

    issuer_double_reply_issues(issuer, frame, &reply, 1);
}

static struct double_frame frame;

static struct double_frame *receive(uint16_t partition)
{
    assert_true(issuer_double_receive(issuer, partition, &frame));
    return &frame;
}

/* The value of a line of /metrics, waited for, since it is counted on another thread. */
static void wait_metric(const char *name, long least)
{
    struct client *client = &clients[3];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    long value = -1;
    char text[128];

    snprintf(text, sizeof(text), "\n%s ", name);
    client_open(client);
    while (value < least && zclock_mono() < until) {
        assert_int_equal(client_get(client, "/metrics"), 200);
        const char *line = strstr(response.body, text);
        value = line == NULL ? -1 : strtol(line + strlen(text), NULL, 10);
    }
    client_close(client);
    if (value < least)
        fail_msg("%s is %ld, not %ld", name, value, least);
}

static long metric_now(const char *name)
{
    struct client *client = &clients[3];
    char text[128];

    snprintf(text, sizeof(text), "\n%s ", name);
    client_open(client);
    assert_int_equal(client_get(client, "/metrics"), 200);
    client_close(client);
    const char *line = strstr(response.body, text);
    return line == NULL ? 0 : strtol(line + strlen(text), NULL, 10);
}

/* ---- tests ---- */

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
    assert_string_equal(response.body, "{\"coupon_id\":\"A0001\",\"user_id\":\"alice\",\"sequence\":7,"
                                       "\"issued_at\":\"1970-01-01T00:28:20.000000Z\"}");
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
        {"PUT", VERDICT_FOUND, 200, "\"sequence\":3"},
        {"GET", VERDICT_FOUND, 200, "\"sequence\":3"},
        {"GET", VERDICT_NOT_ISSUED, 404, "\"not_issued\""},
        {"GET", VERDICT_COUPON_NOT_FOUND, 404, "\"coupon_not_found\""},
        {"POST", VERDICT_ALREADY_ISSUED, 409, "\"issue\":{\"coupon_id\":\"A\",\"user_id\":\"u\",\"sequence\":3,"},
        {"POST", VERDICT_SOLD_OUT, 409, "\"sold_out\""},
        {"POST", VERDICT_NOT_STARTED, 409, "\"not_started\""},
        {"POST", VERDICT_PAUSED, 409, "\"paused\""},
        {"POST", VERDICT_ENDED, 410, "\"ended\""},
        {"POST", VERDICT_OVERLOADED, 503, "\"overloaded\""},
        {"GET", VERDICT_ISSUED, 503, "\"outcome_unknown\""},
        {"POST", VERDICT_NONE, 503, "\"outcome_unknown\""},
        {"POST", (enum verdict)200, 503, "\"outcome_unknown\""},
    };
    struct client *client = &clients[0];

    (void)state;
    start_with_issuer(1);
    client_open(client);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "%s /v1/coupons/A/issues/u HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].line);
        if (strcmp(rows[i].line, "POST") == 0)
            client_ask(client, "A", "u");
        else
            client_send(client, text);
        answer(receive(0), 0, rows[i].verdict, 3);
        assert_int_equal(client_read(client), rows[i].status);
        assert_non_null(strstr(response.body, rows[i].text));
        if (rows[i].status == 503 || rows[i].verdict == VERDICT_NOT_STARTED)
            assert_non_null(strstr(response.head, "Retry-After: 1\r\n"));
    }
    client_close(client);
}

static void garbage_and_strangers_replies_are_dropped(void **state)
{
    struct client *client = &clients[0];
    struct frame_header header;
    struct frame_issue_reply reply;
    long dropped = 0;
    long late = 0;

    (void)state;
    start_with_issuer(1);
    dropped = metric_now("coupond_gateway_frames_dropped_total");
    late = metric_now("coupond_gateway_replies_late_total");
    client_open(client);
    client_ask(client, "A", "u");
    receive(0);
    issuer_double_send(issuer, &frame, "garbage", 7);
    issuer_double_send(issuer, &frame, "", 0);
    frame_header_write(&header, FRAME_ISSUE_REPLIES, 0, 1, 5);
    issuer_double_send(issuer, &frame, &header, sizeof(header));
    frame_header_write(&header, FRAME_PONG, 0, 9, 0);
    issuer_double_send(issuer, &frame, &header, sizeof(header));
    frame_header_write(&header, FRAME_PING, 0, 1, 0);
    issuer_double_send(issuer, &frame, &header, sizeof(header));
    reply = reply_to(&frame.issues[0], VERDICT_ISSUED, 9);
    reply.tag ^= 1ull << 40; /* another generation */
    issuer_double_reply_issues(issuer, &frame, &reply, 1);
    reply.tag = UINT64_MAX;
    issuer_double_reply_issues(issuer, &frame, &reply, 1);
    answer(&frame, 0, VERDICT_ISSUED, 1);
    answer(&frame, 0, VERDICT_ISSUED, 2); /* answered already */
    assert_int_equal(client_read(client), 201);
    assert_non_null(strstr(response.body, "\"sequence\":1,"));
    wait_metric("coupond_gateway_frames_dropped_total", dropped + 5);
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

static void without_an_issuer_the_answer_is_at_once(void **state)
{
    struct client *client = &clients[0];

    (void)state;
    start();
    client_open(client);
    client_ask(client, "A", "u");
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    assert_non_null(strstr(response.head, "Retry-After: 1\r\n"));
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
    answer(&frame, 0, VERDICT_ISSUED, 1);
    wait_metric("coupond_gateway_replies_late_total", late + 1);
    client_close(client);
}

/* A base endpoint on a port that is free at the moment. */
static void choose_tcp(void)
{
    zsock_t *probe = zsock_new(ZMQ_ROUTER);
    int port = zsock_bind(probe, "tcp://127.0.0.1:*");

    zsock_destroy(&probe);
    snprintf(options.gateway_requests, sizeof(options.gateway_requests), "tcp://127.0.0.1:%d", port);
}

static void an_issuer_that_dies_is_told_at_once_and_found_again(void **state)
{
    struct client *client = &clients[0];

    (void)state;
    choose_tcp();
    start_with_issuer(1);
    client_open(client);
    client_ask(client, "A", "u");
    receive(0);
    issuer_double_destroy(&issuer);
    assert_int_equal(client_read(client), 503);
    assert_code("outcome_unknown");
    client_ask(client, "A", "u");
    assert_int_equal(client_read(client), 503);
    assert_code("issuer_unavailable");
    wait_ready(503);
    issuer = issuer_double_create(options.gateway_requests, 1);
    wait_ready(200);
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
    setsockopt(clients[0].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
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

static void requests_beyond_the_bound_are_told_overloaded(void **state)
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
    assert_non_null(strstr(response.head, "Retry-After: 1\r\n"));
    answer(&frame, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(&clients[0]), 201);
    client_ask(&clients[1], "A", "v");
    answer(receive(0), 0, VERDICT_ISSUED, 2);
    assert_int_equal(client_read(&clients[1]), 201);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static void connections_beyond_the_bound_are_closed(void **state)
{
    (void)state;
    options.gateway_connections_max = 1;
    start();
    client_open(&clients[0]);
    assert_int_equal(client_get(&clients[0], "/livez"), 200);
    client_open(&clients[1]);
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
    memset(body, 'x', sizeof(body) - 1);
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
        /* As much as the kernel takes; what it does not is sent as answers are read. */
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

/* Listed coupons of one partition, ids as given. */
static void answer_list(uint16_t partition, const char *const *ids, uint32_t count)
{
    struct frame_coupon_reply replies[4] = {0};
    struct coupon coupon = {.title = "t", .quantity = 5, .per_user_limit = 1};

    receive(partition);
    assert_int_equal(frame.coupons[0].op, COUPON_LIST);
    replies[0].tag = frame.coupons[0].tag;
    replies[0].verdict = VERDICT_NONE;
    coupon.starts_at_us = TIME_NONE;
    coupon.ends_at_us = TIME_NONE;
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
    snprintf(location, sizeof(location), "Location: /v1/coupons/%.*s\r\n", frame.coupons[0].coupon.id_length,
             frame.coupons[0].coupon.id);
    assert_non_null(strstr(response.head, location));
    assert_non_null(strstr(response.body, "\"title\":\"\\\"x\\\"\",\"quantity\":300,\"issued\":0,\"remaining\":300,"));
    client_close(client);
}

static void *stop_gateway(void *arg)
{
    (void)arg;
    gateway_stop(&gateway);
    return NULL;
}

static void draining_answers_what_is_in_flight_and_ends(void **state)
{
    pthread_t stopper;

    (void)state;
    start_with_issuer(1);
    client_open(&clients[0]);
    client_open(&clients[1]);
    assert_int_equal(client_get(&clients[1], "/livez"), 200);
    client_ask(&clients[0], "A", "u");
    receive(0);
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
    struct options others;
    struct gateway *other = NULL;
    struct error error = {""};

    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        options.gateway_threads = threads;
        start();
        others = options;
        snprintf(others.gateway_http, sizeof(others.gateway_http), "127.0.0.1:%u", gateway_port(gateway));
        for (others.gateway_threads = 1; others.gateway_threads <= 2; others.gateway_threads++) {
            assert_int_equal(gateway_start(&other, &others, &error), -1);
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
    for (size_t i = 0; i < sizeof(https) / sizeof(https[0]); i++) {
        snprintf(options.gateway_http, sizeof(options.gateway_http), "%s", https[i]);
        assert_int_equal(gateway_start(&gateway, &options, &error), -1);
        assert_non_null(strstr(error.text, "gateway/http"));
    }
    blank(NULL);
    snprintf(options.gateway_requests, sizeof(options.gateway_requests), "http://x:1");
    assert_int_equal(gateway_start(&gateway, &options, &error), -1);
    assert_non_null(strstr(error.text, "gateway/requests"));
    snprintf(options.gateway_requests, sizeof(options.gateway_requests), "ipc:///%0200d", 0); /* too long a path */
    assert_int_equal(gateway_start(&gateway, &options, &error), -1);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, blank, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_issue_goes_to_the_issuer_and_back),
        TEST(requests_of_one_turn_travel_in_one_frame),
        TEST(replies_out_of_turn_are_answered_in_turn),
        TEST(every_verdict_has_its_answer),
        TEST(garbage_and_strangers_replies_are_dropped),
        TEST(a_coupon_reply_to_an_issue_request_is_no_answer),
        TEST(without_an_issuer_the_answer_is_at_once),
        TEST(an_issuer_that_does_not_answer_leaves_the_outcome_unknown),
        TEST(an_issuer_that_dies_is_told_at_once_and_found_again),
        TEST(a_client_that_leaves_is_forgotten),
        TEST(a_client_that_closes_its_side_still_reads_the_answer),
        TEST(requests_beyond_the_bound_are_told_overloaded),
        TEST(connections_beyond_the_bound_are_closed),
        TEST(a_request_that_never_ends_is_timed_out),
        TEST(an_idle_connection_is_closed),
        TEST(a_body_is_asked_for_when_the_client_waits),
        TEST(a_refused_body_does_not_tear_the_answer_away),
        TEST(a_reader_that_is_slow_gets_everything_in_order),
        TEST(many_pipelined_requests_pass_the_bound_of_one_connection),
        TEST(listings_are_merged_over_the_partitions),
        TEST(a_coupon_is_created_with_an_id_of_its_own),
        TEST(draining_answers_what_is_in_flight_and_ends),
        TEST(draining_ends_at_its_bound_without_an_answer),
        TEST(a_port_in_use_is_a_clear_error),
        TEST(endpoints_that_make_no_sense_are_clear_errors),
        TEST(several_threads_share_a_port),
        TEST(http_1_0_and_close_end_the_connection),
    };
    return cmocka_run_group_tests(tests, group_set_up, NULL);
}
