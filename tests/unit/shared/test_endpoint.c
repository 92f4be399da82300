/*
 * Parsing endpoints, and the endpoints of partitions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/endpoint.h"

static void a_scheme_with_something_behind_it_is_a_transport(void **state)
{
    (void)state;
    assert_int_equal(endpoint_transport("tcp://10.0.0.1:7100"), ENDPOINT_TCP);
    assert_int_equal(endpoint_transport("ipc:///run/coupond/requests"), ENDPOINT_IPC);
    assert_int_equal(endpoint_transport("inproc://requests"), ENDPOINT_INPROC);
    assert_int_equal(endpoint_transport("shm:///run/coupond/requests"), ENDPOINT_SHM);
    assert_int_equal(endpoint_transport("ipc://"), ENDPOINT_NONE);
    assert_int_equal(endpoint_transport("udp://10.0.0.1:7100"), ENDPOINT_NONE);
    assert_int_equal(endpoint_transport("TCP://10.0.0.1:7100"), ENDPOINT_NONE);
    assert_int_equal(endpoint_transport(""), ENDPOINT_NONE);
}

static void the_address_is_what_follows_the_scheme(void **state)
{
    (void)state;
    assert_string_equal(endpoint_address("tcp://[::1]:7100"), "[::1]:7100");
    assert_string_equal(endpoint_address("shm:///run/r"), "/run/r");
    assert_string_equal(endpoint_address("no scheme"), "no scheme");
}

static void remote_is_what_other_machines_may_reach(void **state)
{
    (void)state;
    assert_true(endpoint_is_remote("tcp://0.0.0.0:7100"));
    assert_true(endpoint_is_remote("tcp://[2001:db8::1]:7100"));
    assert_true(endpoint_is_remote("tcp://localhost.example:7100"));
    assert_false(endpoint_is_remote("tcp://127.0.0.1:7100"));
    assert_false(endpoint_is_remote("tcp://localhost:7100"));
    assert_false(endpoint_is_remote("tcp://[::1]:7100"));
    assert_false(endpoint_is_remote("ipc:///run/r"));
}

static void brackets_tell_an_ipv6_address(void **state)
{
    (void)state;
    assert_true(endpoint_is_ipv6("tcp://[::1]:7100"));
    assert_false(endpoint_is_ipv6("tcp://10.0.0.1:7100"));
    assert_false(endpoint_is_ipv6("ipc://[::1]:7100"));
}

static void endpoints_of_partitions_follow_from_the_base(void **state)
{
    (void)state;
    char endpoint[64];
    assert_true(endpoint_of_partition("tcp://127.0.0.1:7100", 3, endpoint, sizeof endpoint));
    assert_string_equal(endpoint, "tcp://127.0.0.1:7103");
    assert_true(endpoint_of_partition("tcp://[::1]:7100", 0, endpoint, sizeof endpoint));
    assert_string_equal(endpoint, "tcp://[::1]:7100");
    assert_true(endpoint_of_partition("ipc:///run/coupond/r", 12, endpoint, sizeof endpoint));
    assert_string_equal(endpoint, "ipc:///run/coupond/r-12");
    assert_true(endpoint_of_partition("inproc://r", 0, endpoint, sizeof endpoint));
    assert_string_equal(endpoint, "inproc://r-0");
    assert_false(endpoint_of_partition("tcp://127.0.0.1:65535", 1, endpoint, sizeof endpoint));
    assert_false(endpoint_of_partition("tcp://127.0.0.1:x", 0, endpoint, sizeof endpoint));
    assert_false(endpoint_of_partition("udp://127.0.0.1:1", 0, endpoint, sizeof endpoint));
    assert_false(endpoint_of_partition("ipc:///run/coupond/r", 12, endpoint, 10));
}

static const struct {
    const char *address, *host; /* NULL: refused */
    uint16_t port;
} addresses[] = {
    {"127.0.0.1:8080", "127.0.0.1", 8080},
    {"[::1]:80", "::1", 80},
    {"localhost:0", "localhost", 0},
    {"*:65535", "*", 65535},
    {"x:65536", NULL, 0},
    {"x:", NULL, 0},
    {":80", NULL, 0},
    {"[]:80", NULL, 0},
    {"::1:80", NULL, 0},
    {"x", NULL, 0},
    {"", NULL, 0},
    {"x:8o", NULL, 0},
    {"x:-1", NULL, 0},
    {"x: 80", NULL, 0},
    {"x:000080", NULL, 0},
    {"abcdefghijklmnopq:1", NULL, 0},
    {"x:80 ", NULL, 0},
};

static void endpoint_split_separates_host_and_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char host[16] = "";
        uint16_t port = 0;
        bool split = endpoint_split(addresses[i].address, host, sizeof host, &port);
        if (split != (addresses[i].host != NULL))
            fail_msg("\"%s\" gave %d", addresses[i].address, split);
        if (split) {
            assert_string_equal(host, addresses[i].host);
            assert_int_equal(port, addresses[i].port);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scheme_with_something_behind_it_is_a_transport),
        cmocka_unit_test(the_address_is_what_follows_the_scheme),
        cmocka_unit_test(remote_is_what_other_machines_may_reach),
        cmocka_unit_test(brackets_tell_an_ipv6_address),
        cmocka_unit_test(endpoints_of_partitions_follow_from_the_base),
        cmocka_unit_test(endpoint_split_separates_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
