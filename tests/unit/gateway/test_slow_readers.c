/* Clients that do not read, or read slowly: how long a gateway keeps their answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <czmq.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/unit/gateway/gateway_fixture.h"

/* --- fixture --- */

enum {
    TIMEOUT_MS = 400,
    PAUSE_MS = 25,       /* between two reads of a slow reader */
    STEP_BYTES = 1024,   /* bytes per read: one write of the gateway then takes many time-outs */
    WINDOW_BYTES = 4096, /* the kernel's buffer for it */
    ATTEMPTS = 20,       /* for a machine that stalls meanwhile */
};

static const char request[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
static struct client reader;
static size_t sent; /* bytes of requests */

static int set_up(void **state)
{
    gateway_blank(state);
    options.gateway_header_timeout_ms = TIMEOUT_MS;
    start();
    return 0;
}

/* --- helpers --- */

static void open_reader(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(gateway_port(gateway))};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int window = WINDOW_BYTES;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reader.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    reader.length = 0;
    sent = 0;
    setsockopt(reader.fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    setsockopt(reader.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(reader.fd, (struct sockaddr *)&address, sizeof address), 0);
}

/* Sends as many requests as the gateway accepts now; false when it has hung up. */
static bool ask_more(void)
{
    static char text[64 * 1024];
    size_t length = sizeof request - 1;
    for (size_t at = 0; at + length <= sizeof text; at += length)
        memcpy(text + at, request, length);
    for (;;) {
        size_t begin = sent % length; /* a request may have been sent in part */
        ssize_t got = send(reader.fd, text + begin, sizeof text / length * length - begin, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (got < 0)
            return errno == EAGAIN;
        sent += (size_t)got;
    }
}

/* Reads in small steps over several time-outs while the gateway always has more to write. Returns the longest time
 * between two steps; *alive is false when the gateway hung up. */
static int64_t read_slowly(bool *alive)
{
    int64_t begun = zclock_mono();
    int64_t last = begun;
    int64_t longest = 0;
    *alive = true;
    while (*alive && zclock_mono() - begun < 4 * TIMEOUT_MS) {
        *alive = ask_more() && recv(reader.fd, reader.data, STEP_BYTES, 0) > 0;
        longest = zclock_mono() - last > longest ? zclock_mono() - last : longest;
        last = zclock_mono();
        zclock_sleep(PAUSE_MS);
    }
    return longest;
}

/* --- tests --- */

static void a_reader_that_takes_nothing_is_given_up(void **state)
{
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    (void)state;
    open_reader();
    while (ask_more() && zclock_mono() < until)
        zclock_sleep(1);
    assert_true(zclock_mono() < until);
    wait_metric("coupond_gateway_connection_timeouts_total{reason=\"slow_reader\"}", 1);
    client_close(&reader);
}

static void a_reader_that_goes_on_slowly_is_not(void **state)
{
    bool alive = false;
    int64_t longest = TIMEOUT_MS;
    (void)state;
    /* A long pause on our side proves nothing, so this is repeated. */
    for (int i = 0; i < ATTEMPTS && !alive && longest > TIMEOUT_MS / 2; i++) {
        open_reader();
        longest = read_slowly(&alive);
        client_close(&reader);
    }
    assert_true(alive);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, gateway_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_that_takes_nothing_is_given_up),
        TEST(a_reader_that_goes_on_slowly_is_not),
    };
    return cmocka_run_group_tests(tests, gateway_group_set_up, NULL);
}
