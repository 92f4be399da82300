/*
 * The sockets that roles listen on: the addresses of a name, with IPv6 and without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/listen.h"
#include "tests/unit/shared/unusable_address.h"

/* --- fixture --- */

enum { COUNT = 3 };

static struct listen_sockets sockets;
static struct error error;
static bool no_ipv6;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

int __wrap_socket(int family, int type, int protocol)
{
    if (family == AF_INET6 && no_ipv6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return __real_socket(family, type, protocol);
}

static int set_up(void **state)
{
    (void)state;
    error.text[0] = '\0';
    unusable_address_first = false;
    no_ipv6 = false;
    sockets = (struct listen_sockets){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    listen_close(&sockets);
    return 0;
}

/* --- helpers --- */

static bool machine_has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = __real_socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static int bind_to(const char *address)
{
    return listen_bind(&sockets, "gateway/http", address, COUNT, &error);
}

static void listen_on_all(void)
{
    for (unsigned a = 0; a < sockets.addresses; a++)
        for (unsigned i = 0; i < sockets.count; i++)
            assert_int_equal(listen(sockets.fds[a][i], 1), 0);
}

static bool connects(int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(sockets.port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback, .sin6_port = htons(sockets.port)};
    bool is_v4 = family == AF_INET;
    int fd = __real_socket(family, SOCK_STREAM, 0);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool connected =
        connect(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6) == 0;
    close(fd);
    return connected;
}

/* --- tests --- */

static void all_sockets_share_the_port_that_the_first_got(void **state)
{
    (void)state;
    assert_int_equal(bind_to("127.0.0.1:0"), 0);
    assert_int_not_equal(sockets.port, 0);
    assert_true(sockets.loopback);
    assert_int_equal(sockets.addresses, 1);
    listen_on_all();
}

static void an_address_that_the_machine_does_not_have_is_passed_over(void **state)
{
    (void)state;
    unusable_address_first = true;
    assert_int_equal(bind_to("127.0.0.1:0"), 0);
    assert_true(sockets.loopback);
}

static void no_address_that_the_machine_has_is_a_clear_error(void **state)
{
    (void)state;
    assert_int_equal(bind_to("192.0.2.1:0"), -1);
    assert_non_null(strstr(error.text, "192.0.2.1:0"));
    assert_non_null(strstr(error.text, strerror(EADDRNOTAVAIL)));
}

static void a_port_in_use_is_told_whatever_came_before(void **state)
{
    char address[32];
    (void)state;
    assert_int_equal(bind_to("127.0.0.1:0"), 0);
    listen_on_all();
    snprintf(address, sizeof address, "127.0.0.1:%u", sockets.port);
    unusable_address_first = true;
    struct listen_sockets others;
    assert_int_equal(listen_bind(&others, "gateway/http", address, COUNT, &error), -1);
    assert_non_null(strstr(error.text, "choose another"));
    assert_int_equal(others.addresses, 0);
}

static void localhost_is_both_loopback_addresses(void **state)
{
    char text[64];
    (void)state;
    if (!machine_has_ipv6())
        skip();
    assert_int_equal(bind_to("localhost:0"), 0);
    listen_on_all();
    assert_true(connects(AF_INET) && connects(AF_INET6));
    assert_true(sockets.loopback);
    snprintf(text, sizeof text, "127.0.0.1:%u,[::1]:%u", sockets.port, sockets.port);
    assert_string_equal(sockets.text, text);
}

static void a_star_is_every_address_of_both_kinds(void **state)
{
    (void)state;
    if (!machine_has_ipv6())
        skip();
    assert_int_equal(bind_to("*:0"), 0);
    listen_on_all();
    assert_true(connects(AF_INET) && connects(AF_INET6));
    assert_false(sockets.loopback);
    assert_int_equal(strncmp(sockets.text, "[::]:", 5), 0);
}

static void a_machine_without_ipv6_goes_on_without(void **state)
{
    (void)state;
    no_ipv6 = true;
    assert_int_equal(bind_to("localhost:0"), 0);
    listen_on_all();
    assert_true(connects(AF_INET));
    assert_int_equal(strncmp(sockets.text, "127.0.0.1:", 10), 0);
    assert_null(strchr(sockets.text, ','));
    listen_close(&sockets);
    assert_int_equal(bind_to("*:0"), 0);
    listen_on_all();
    assert_true(connects(AF_INET));
    assert_int_equal(strncmp(sockets.text, "0.0.0.0:", 8), 0);
    assert_false(sockets.loopback);
}

static void half_of_localhost_in_use_is_an_error(void **state)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t size = sizeof address;
    char text[32];
    int fd = -1;
    (void)state;
    if (!machine_has_ipv6())
        skip();
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(text, sizeof text, "localhost:%u", ntohs(address.sin6_port));
    assert_int_equal(bind_to(text), -1);
    assert_non_null(strstr(error.text, "choose another"));
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_sockets_share_the_port_that_the_first_got),
        TEST(an_address_that_the_machine_does_not_have_is_passed_over),
        TEST(no_address_that_the_machine_has_is_a_clear_error),
        TEST(a_port_in_use_is_told_whatever_came_before),
        TEST(localhost_is_both_loopback_addresses),
        TEST(a_star_is_every_address_of_both_kinds),
        TEST(a_machine_without_ipv6_goes_on_without),
        TEST(half_of_localhost_in_use_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
