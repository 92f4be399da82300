/* The sockets that a gateway listens on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/listener.h"
#include "unusable_address.h"

/* ---- fixture ---- */

enum { COUNT = 3 };

static int fds[COUNT];
static uint16_t port;
static bool loopback;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    error.text[0] = '\0';
    port = 0;
    loopback = false;
    unusable_address_first = false;
    return 0;
}

static void close_all(void)
{
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
}

/* ---- tests ---- */

static void all_sockets_share_the_port_that_the_first_got(void **state)
{
    (void)state;
    assert_int_equal(listener_bind("127.0.0.1:0", fds, COUNT, &port, &loopback, &error), 0);
    assert_int_not_equal(port, 0);
    assert_true(loopback);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(listen(fds[i], 1), 0);
    close_all();
}

static void an_address_that_the_machine_does_not_have_is_passed_over(void **state)
{
    (void)state;
    unusable_address_first = true;
    assert_int_equal(listener_bind("127.0.0.1:0", fds, COUNT, &port, &loopback, &error), 0);
    assert_true(loopback);
    close_all();
}

static void no_address_that_the_machine_has_is_a_clear_error(void **state)
{
    (void)state;
    assert_int_equal(listener_bind("192.0.2.1:0", fds, COUNT, &port, &loopback, &error), -1);
    assert_non_null(strstr(error.text, "192.0.2.1:0"));
    assert_non_null(strstr(error.text, strerror(EADDRNOTAVAIL)));
}

static void a_port_in_use_is_told_whatever_came_before(void **state)
{
    char address[32];
    uint16_t again = 0;
    int others[COUNT];

    (void)state;
    assert_int_equal(listener_bind("127.0.0.1:0", fds, COUNT, &port, &loopback, &error), 0);
    assert_int_equal(listen(fds[0], 1), 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    unusable_address_first = true;
    assert_int_equal(listener_bind(address, others, COUNT, &again, &loopback, &error), -1);
    assert_non_null(strstr(error.text, "choose another"));
    close_all();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_sockets_share_the_port_that_the_first_got),
        TEST(an_address_that_the_machine_does_not_have_is_passed_over),
        TEST(no_address_that_the_machine_has_is_a_clear_error),
        TEST(a_port_in_use_is_told_whatever_came_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
