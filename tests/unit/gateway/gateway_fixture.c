#include "tests/unit/gateway/gateway_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <czmq.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/telemetry/log.h"

/* --- fixture --- */

struct options options;
struct gateway *gateway;
struct issuer_double *issuer;
static unsigned starts; /* makes the inproc endpoints unique */

/* Options for a gateway on its own port, with time-outs that do not affect tests by accident. */
int gateway_blank(void **state)
{
    (void)state;
    options_init(&options);
    snprintf(options.gateway_http, sizeof options.gateway_http, "127.0.0.1:0");
    options.gateway_operator_http[0] = '\0';
    options.gateway_public_metrics = true; /* read on the present connection */
    snprintf(options.gateway_requests, sizeof options.gateway_requests, "inproc://double-%u", ++starts);
    options.gateway_issuer_timeout_ms = 600000;
    options.gateway_header_timeout_ms = 600000;
    options.gateway_idle_timeout_ms = 600000;
    options.gateway_drain_timeout_ms = 600000;
    options.gateway_policy_ttl_ms = 0; /* off, so that tests see every query */
    return 0;
}

int gateway_tear_down(void **state)
{
    (void)state;
    options.gateway_drain_timeout_ms = 0;
    gateway_stop(&gateway);
    issuer_double_destroy(&issuer);
    return 0;
}

int gateway_group_set_up(void **state)
{
    (void)state;
    zsys_handler_set(NULL);
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

/* --- helpers: HTTP --- */

struct client clients[4];
struct response response;

void client_open(struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(gateway_port(gateway))};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    client->length = 0;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
}

void client_close(struct client *client)
{
    close(client->fd);
}

void client_send(struct client *client, const char *text)
{
    size_t length = strlen(text);
    assert_int_equal(send(client->fd, text, length, MSG_NOSIGNAL), length);
}

/* True when more arrived; false at the end of the connection. */
static bool client_fill(struct client *client)
{
    ssize_t got = recv(client->fd, client->data + client->length, sizeof client->data - client->length, 0);
    if (got < 0 && errno == ECONNRESET)
        return false;
    assert_true(got >= 0); /* otherwise nothing arrived within ten seconds */
    client->length += (size_t)got;
    return got > 0;
}

/* Reads the next response into `response`, with a body of its Content-Length. */
int client_read_method(struct client *client, bool head)
{
    char *end = NULL;
    size_t body = 0;
    while ((end = memmem(client->data, client->length, "\r\n\r\n", 4)) == NULL)
        assert_true(client_fill(client));
    size_t size = (size_t)(end - client->data) + 4;
    assert_true(size < sizeof response.head);
    memcpy(response.head, client->data, size);
    response.head[size] = '\0';
    assert_int_equal(sscanf(response.head, "HTTP/1.1 %d ", &response.status), 1);
    const char *length = strstr(response.head, "Content-Length: ");
    if (length != NULL && !head)
        body = strtoul(length + 16, NULL, 10);
    assert_true(body < sizeof response.body);
    while (client->length < size + body)
        assert_true(client_fill(client));
    memcpy(response.body, client->data + size, body);
    response.body[body] = '\0';
    client->length -= size + body;
    memmove(client->data, client->data + size + body, client->length);
    return response.status;
}

int client_read(struct client *client)
{
    return client_read_method(client, false);
}

bool client_ended(struct client *client)
{
    return client->length == 0 && !client_fill(client);
}

/* Sends a user's request for a coupon, without waiting for the answer. */
void client_ask(struct client *client, const char *coupon, const char *user)
{
    char text[512];
    int body = snprintf(NULL, 0, "{\"user_id\":\"%s\"}", user);
    snprintf(text, sizeof text,
             "POST /v1/coupons/%s/issues HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n{\"user_id\":\"%s\"}",
             coupon, body, user);
    client_send(client, text);
}

int client_get(struct client *client, const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    client_send(client, text);
    return client_read(client);
}

void assert_code(const char *code)
{
    char text[64];
    snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    if (strstr(response.body, text) == NULL)
        fail_msg("no code %s in %d %s", code, response.status, response.body);
    assert_non_null(strstr(response.head, "application/problem+json"));
}

/* --- helpers: gateway and issuer --- */

void start(void)
{
    struct error error = {""};
    if (gateway_start(&options, &gateway, &error) != 0)
        fail_msg("%s", error.text);
}

static bool misses_issuer(void)
{
    return strstr(response.body, "No answer from partition") != NULL;
}

/* Waits until /readyz answers `status` and names nothing missing, while the double, if there is one, answers pings. */
void wait_ready(int status)
{
    struct client *client = &clients[3];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    client_open(client);
    while ((client_get(client, "/readyz") != status || misses_issuer()) && zclock_mono() < until) {
        if (issuer != NULL)
            issuer_double_pump(issuer);
        zclock_sleep(1);
    }
    assert_int_equal(response.status, status);
    client_close(client);
}

void wait_for_word_of_missing_issuer(void)
{
    struct client *client = &clients[3];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    client_open(client);
    do
        assert_int_equal(client_get(client, "/readyz"), 200); /* a load balancer keeps sending, and clients get 503 */
    while (!misses_issuer() && zclock_mono() < until);
    assert_true(misses_issuer());
    client_close(client);
}

/* A base endpoint on a port that is currently free. */
void choose_tcp(void)
{
    zsock_t *probe = zsock_new(ZMQ_ROUTER);
    int port = zsock_bind(probe, "tcp://127.0.0.1:*");
    zsock_destroy(&probe);
    snprintf(options.gateway_requests, sizeof options.gateway_requests, "tcp://127.0.0.1:%d", port);
}

void start_with_issuer(uint16_t partitions)
{
    options.issuer_partitions = partitions;
    issuer = issuer_double_create(options.gateway_requests, partitions);
    start();
    wait_ready(200);
}

struct frame_issue_reply reply_to(const struct frame_issue_request *request, enum verdict verdict, uint32_t sequence)
{
    return (struct frame_issue_reply){.tag = request->tag,
                                      .verdict = (uint8_t)verdict,
                                      .now_us = NOW_US,
                                      .issue = {.sequence = sequence,
                                                .nth = 1,
                                                .state = sequence > 0 ? ISSUE_ISSUED : ISSUE_NONE,
                                                .issued_at_us = NOW_US,
                                                .redeemable_until_us = TIME_NONE}};
}

void answer(const struct double_frame *of, unsigned index, enum verdict verdict, uint32_t sequence)
{
    struct frame_issue_reply reply = reply_to(&of->issues[index], verdict, sequence);
    issuer_double_reply_issues(issuer, of, &reply, 1);
}

struct double_frame frame;

struct double_frame *receive(uint16_t partition)
{
    assert_true(issuer_double_receive(issuer, partition, &frame));
    return &frame;
}

/* Waits for a value in /metrics, since it is counted on another thread. */
void wait_metric(const char *name, long least)
{
    struct client *client = &clients[3];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    long value = -1;
    char text[128];
    snprintf(text, sizeof text, "\n%s ", name);
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

long metric_now(const char *name)
{
    struct client *client = &clients[3];
    char text[128];
    snprintf(text, sizeof text, "\n%s ", name);
    client_open(client);
    assert_int_equal(client_get(client, "/metrics"), 200);
    client_close(client);
    const char *line = strstr(response.body, text);
    return line == NULL ? 0 : strtol(line + strlen(text), NULL, 10);
}
