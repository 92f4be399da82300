/* IP addresses and the ranges of a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "shared/net_address.h"

static struct net_address address_of(const char *text)
{
    struct net_address address;
    assert_true(net_address_parse(text, strlen(text), &address));
    return address;
}

static void addresses_are_parsed_and_written_in_one_form(void **state)
{
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:201", "192.0.2.1"},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"::1", "::1"},
        {"::", "::"},
    };
    char written[NET_ADDRESS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_address address = address_of(rows[i].text);
        net_address_format(&address, written);
        assert_string_equal(written, rows[i].written);
    }
}

static void other_text_is_no_address(void **state)
{
    static const char *const texts[] = {"",
                                        " 192.0.2.1",
                                        "192.0.2.1 ",
                                        "192.0.2",
                                        "192.0.2.256",
                                        "0x7f.1",
                                        "192.0.2.01",
                                        "[::1]",
                                        "fe80::1%lo",
                                        "::1/128",
                                        "1.2.3.4:",
                                        "example.org",
                                        "unknown",
                                        "1:2:3:4:5:6",
                                        ":::",
                                        "0000000000000000000000000000000000000000000000000000000000000000::1"};
    struct net_address address;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(net_address_parse(texts[i], strlen(texts[i]), &address));
    assert_false(net_address_parse("::1\0x", 5, &address));
}

static void the_address_of_a_socket_is_that_of_its_family(void **state)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&storage;
    struct net_address address, wanted = address_of("192.0.2.1");
    (void)state;
    four->sin_family = AF_INET;
    four->sin_addr.s_addr = htonl(0xc0000201);
    assert_true(net_address_of_socket(&storage, &address));
    assert_memory_equal(&address, &wanted, sizeof address);
    storage = (struct sockaddr_storage){.ss_family = AF_INET6};
    memcpy(&((struct sockaddr_in6 *)&storage)->sin6_addr, wanted.bytes, 16);
    assert_true(net_address_of_socket(&storage, &address));
    assert_memory_equal(&address, &wanted, sizeof address);
    storage.ss_family = AF_UNIX;
    assert_false(net_address_of_socket(&storage, &address));
}

static void a_range_contains_the_addresses_that_begin_like_it(void **state)
{
    static const struct {
        const char *list, *address;
        bool inside;
    } rows[] = {
        {"", "192.0.2.1", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1/128", "::2", false},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
        {" 10.0.0.0/8 , ::1 ", "::1", true},
    };
    struct net_ranges ranges;
    const char *at = NULL;
    size_t length = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_address address = address_of(rows[i].address);
        assert_null(net_ranges_parse(rows[i].list, &ranges, &at, &length));
        assert_int_equal(net_ranges_contain(&ranges, &address), rows[i].inside);
    }
}

static void the_faulty_member_of_a_list_is_named(void **state)
{
    static const struct {
        const char *list, *member, *fault;
    } rows[] = {
        {"10.0.0.1/8", "10.0.0.1/8", "be the first address of its range"},
        {"::1,10.0.0.0/33", "10.0.0.0/33", "have 0 to 32 bits behind the slash"},
        {"::1/129,::2", "::1/129", "have 0 to 128 bits behind the slash"},
        {"10.0.0.0/", "10.0.0.0/", "have 0 to 32 bits behind the slash"},
        {"10.0.0.0/-1", "10.0.0.0/-1", "have 0 to 32 bits behind the slash"},
        {"::1, proxy", "proxy", "be an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"},
        {"::1,", "", "be an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"},
        {",", "", "be an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"},
        {" ", "", "be an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"},
        {"[::1]", "[::1]", "be an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_ranges ranges;
        const char *at = NULL;
        size_t length = 0;
        const char *fault = net_ranges_parse(rows[i].list, &ranges, &at, &length);
        assert_non_null(fault);
        assert_string_equal(fault, rows[i].fault);
        assert_int_equal(length, strlen(rows[i].member));
        assert_memory_equal(at, rows[i].member, length);
    }
}

static void a_list_has_at_most_64_members(void **state)
{
    char list[4 * (NET_RANGES_MAX + 1)] = "";
    struct net_ranges ranges;
    const char *at = NULL;
    size_t length = 0;
    (void)state;
    for (unsigned i = 0; i < NET_RANGES_MAX; i++)
        strcat(list, i == 0 ? "::1" : ",::1");
    assert_null(net_ranges_parse(list, &ranges, &at, &length));
    assert_int_equal(ranges.count, NET_RANGES_MAX);
    strcat(list, ",::1");
    assert_string_equal(net_ranges_parse(list, &ranges, &at, &length), "be one of at most 64 ranges");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed_and_written_in_one_form),
        cmocka_unit_test(other_text_is_no_address),
        cmocka_unit_test(the_address_of_a_socket_is_that_of_its_family),
        cmocka_unit_test(a_range_contains_the_addresses_that_begin_like_it),
        cmocka_unit_test(the_faulty_member_of_a_list_is_named),
        cmocka_unit_test(a_list_has_at_most_64_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
