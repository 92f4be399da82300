/*
 * The status port over real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "shared/telemetry/status_http.h"
#include "tests/unit/shared/unusable_address.h"

/* --- fixture: a status port on a free port of the loopback --- */

struct fixture {
    struct status_http *status;
    struct sockaddr_in address;
    char text[32]; /* of the address */
    struct status_http_config config;
    _Atomic bool ready;
};

/* A free port chosen by the kernel; the socket stays open without listening while the port must stay free. */
static int take_port(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static bool is_ready(void *arg, char why[READY_WHY_MAX])
{
    struct fixture *fixture = arg;
    snprintf(why, 128, "%s", fixture->ready ? "the disk is full" : "no store yet");
    return fixture->ready;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error = {""};
    int fd = take_port(&fixture->address);
    snprintf(fixture->text, sizeof fixture->text, "127.0.0.1:%u", ntohs(fixture->address.sin_port));
    close(fd);
    fixture->config = (struct status_http_config){
        .option = "issuer/http", .address = fixture->text, .ready = is_ready, .arg = fixture};
    *state = fixture;
    if (status_http_open(&fixture->config, &fixture->status, &error) != 0)
        fail_msg("%s", error.text);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    status_http_close(&fixture->status);
    assert_null(fixture->status);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static char answer[262144];

/* Sends one request, and reads until the other side closes. */
static const char *ask(const struct fixture *fixture, const char *method, const char *path, const char *rest)
{
    char request[512];
    size_t length = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->address, sizeof fixture->address), 0);
    int size = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method,
                        path, rest);
    assert_int_equal(send(fd, request, (size_t)size, MSG_NOSIGNAL), size);
    for (ssize_t got = 1; got > 0; length += got > 0 ? (size_t)got : 0)
        got = recv(fd, answer + length, sizeof answer - 1 - length, 0);
    close(fd);
    answer[length] = '\0';
    return answer;
}

static int status_of(const char *text)
{
    int status = 0;
    assert_int_equal(sscanf(text, "HTTP/1.1 %d", &status), 1);
    return status;
}

/* --- tests --- */

static void status_http_serves_metrics_as_prometheus_text(void **state)
{
    const char *text = ask(*state, "GET", "/metrics", "");
    assert_int_equal(status_of(text), 200);
    assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(text, "\ncoupond_build_info{version="));
}

/* Each is disconnected within two seconds; with sixty-four served for ten seconds, the last would wait for forty. */
static void status_http_answers_beside_300_idle_connections(void **state)
{
    struct fixture *fixture = *state;
    const struct timeval patience = {.tv_sec = 5};
    int idle[300];
    char line[64] = "";
    for (size_t i = 0; i < 300; i++) {
        idle[i] = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(idle[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* for connect() */
        assert_int_equal(connect(idle[i], (struct sockaddr *)&fixture->address, sizeof fixture->address), 0);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&fixture->address, sizeof fixture->address), 0);
    static const char request[] = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    ssize_t got = recv(fd, line, sizeof line - 1, 0);
    for (size_t i = 0; i < 300; i++)
        close(idle[i]);
    close(fd);
    assert_true(got > 0);
    assert_int_equal(status_of(line), 200);
}

static void status_http_is_live(void **state)
{
    const char *text = ask(*state, "GET", "/livez", "");
    assert_int_equal(status_of(text), 200);
    assert_non_null(strstr(text, "\r\n\r\n{\"status\":\"live\"}"));
}

static void status_http_is_ready_when_the_role_is(void **state)
{
    struct fixture *fixture = *state;
    const char *text = ask(fixture, "GET", "/readyz", "");
    assert_int_equal(status_of(text), 503);
    assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\r\n\r\n{\"status\":\"not ready\",\"detail\":\"no store yet\"}"));
    fixture->ready = true;
    text = ask(fixture, "GET", "/readyz", "");
    assert_int_equal(status_of(text), 200);
    assert_non_null(strstr(text, "\r\n\r\n{\"status\":\"ready\",\"detail\":\"the disk is full\"}"));
}

static void status_http_tells_where_clients_are_served(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {""};
    status_http_close(&fixture->status);
    fixture->config.http = "[::1]:8080";
    assert_int_equal(status_http_open(&fixture->config, &fixture->status, &error), 0);
    fixture->ready = true;
    assert_non_null(strstr(ask(fixture, "GET", "/readyz", ""), ",\"http\":\"[::1]:8080\"}"));
    assert_null(strstr(ask(fixture, "GET", "/livez", ""), "http\""));
}

static void status_http_answers_head_without_a_body(void **state)
{
    const char *text = ask(*state, "HEAD", "/metrics", "");
    assert_int_equal(status_of(text), 200);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void status_http_knows_no_other_path(void **state)
{
    assert_int_equal(status_of(ask(*state, "GET", "/", "")), 404);
    assert_int_equal(status_of(ask(*state, "GET", "/metrics/", "")), 404);
    assert_int_equal(status_of(ask(*state, "GET", "/../etc/passwd", "")), 404);
}

static void status_http_takes_no_other_method(void **state)
{
    const char *text = ask(*state, "POST", "/metrics", "Content-Length: 0\r\n");
    assert_int_equal(status_of(text), 405);
    assert_non_null(strstr(text, "Allow: GET, HEAD\r\n"));
    assert_int_equal(status_of(ask(*state, "DELETE", "/livez", "")), 405);
}

static void status_http_survives_garbage(void **state)
{
    ask(*state, "\x01\x02", "\xff\xfe", "no colon here\r\n");
    assert_int_equal(status_of(ask(*state, "GET", "/livez", "")), 200);
}

static void status_http_names_an_address_in_use(void **state)
{
    struct fixture *fixture = *state;
    struct status_http *second = NULL;
    struct error error = {""};
    assert_int_equal(status_http_open(&fixture->config, &second, &error), -1);
    assert_null(second);
    assert_non_null(strstr(error.text, fixture->text));
    assert_non_null(strstr(error.text, "Address already in use"));
}

static void status_http_can_be_opened_again_after_it_was_closed(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {""};
    ask(fixture, "GET", "/livez", "");
    status_http_close(&fixture->status);
    if (status_http_open(&fixture->config, &fixture->status, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(status_of(ask(fixture, "GET", "/livez", "")), 200);
}

static void status_http_is_not_opened_without_an_address(void **state)
{
    (void)state;
    struct status_http *status = (struct status_http *)&status;
    assert_int_equal(status_http_open(&(struct status_http_config){.address = ""}, &status, NULL), 0);
    assert_null(status);
    status_http_close(&status);
}

static void status_http_refuses_an_address_that_is_none(void **state)
{
    (void)state;
    struct status_http *status = NULL;
    struct error error = {""};
    struct status_http_config config = {.option = "issuer/http", .address = "nowhere"};
    assert_int_equal(status_http_open(&config, &status, &error), -1);
    assert_non_null(strstr(error.text, "issuer/http: \"nowhere\" is neither HOST:PORT nor [V6]:PORT"));
    config.address = "no host:1";
    assert_int_equal(status_http_open(&config, &status, &error), -1);
    assert_non_null(strstr(error.text, "cannot resolve"));
}

static void status_http_takes_the_first_address_that_the_machine_has(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {""};
    status_http_close(&fixture->status);
    unusable_address_first = true;
    int status = status_http_open(&fixture->config, &fixture->status, &error);
    unusable_address_first = false;
    assert_int_equal(status, 0);
    assert_int_equal(status_of(ask(fixture, "GET", "/livez", "")), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(status_http_serves_metrics_as_prometheus_text),
        TEST(status_http_answers_beside_300_idle_connections),
        TEST(status_http_is_live),
        TEST(status_http_is_ready_when_the_role_is),
        TEST(status_http_tells_where_clients_are_served),
        TEST(status_http_answers_head_without_a_body),
        TEST(status_http_knows_no_other_path),
        TEST(status_http_takes_no_other_method),
        TEST(status_http_survives_garbage),
        TEST(status_http_names_an_address_in_use),
        TEST(status_http_can_be_opened_again_after_it_was_closed),
        TEST(status_http_takes_the_first_address_that_the_machine_has),
        cmocka_unit_test(status_http_is_not_opened_without_an_address),
        cmocka_unit_test(status_http_refuses_an_address_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
