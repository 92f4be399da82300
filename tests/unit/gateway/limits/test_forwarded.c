/* The client's address behind trusted proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/limits/forwarded.h"

#define PEER    "10.0.0.1"
#define TRUSTED "10.0.0.0/8,2001:db8:ffff::/48"

/* --- helpers --- */

static void client(enum forwarded_field field, const char *peer, const char *fields, char text[NET_ADDRESS_TEXT_MAX])
{
    static char head[16384];
    struct net_ranges trusted;
    struct net_address address;
    const char *at = NULL;
    size_t length = 0;
    int size = snprintf(head, sizeof head, "GET /v1/coupons/a HTTP/1.1\r\nHost: x\r\n%sAccept: */*\r\n\r\n", fields);
    assert_true(size > 0 && (size_t)size < sizeof head);
    assert_null(net_ranges_parse(TRUSTED, &trusted, &at, &length));
    assert_true(net_address_parse(peer, strlen(peer), &address));
    address = forwarded_client(&trusted, field, address, (struct span){head, (size_t)size});
    net_address_format(&address, text);
}

static void assert_client(enum forwarded_field field, const char *fields, const char *wanted)
{
    char text[NET_ADDRESS_TEXT_MAX];
    client(field, PEER, fields, text);
    assert_string_equal(text, wanted);
}

/* --- X-Forwarded-For --- */

static void a_listed_proxy_reports_its_client(void **state)
{
    static const char *const rows[][2] = {
        {"", PEER},
        {"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
        {"x-FORWARDED-for:192.0.2.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7"},
        {"X-Forwarded-For: [2001:db8::7]\r\n", "2001:db8::7"},
        {"X-Forwarded-For: [2001:db8::7]:4711\r\n", "2001:db8::7"},
        {"X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: \t 192.0.2.1 \t\r\n", "192.0.2.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_client(FORWARDED_X_FORWARDED_FOR, rows[i][0], rows[i][1]);
}

static void an_unlisted_peer_is_not_believed(void **state)
{
    char text[NET_ADDRESS_TEXT_MAX];
    (void)state;
    client(FORWARDED_X_FORWARDED_FOR, "192.0.2.99", "X-Forwarded-For: 192.0.2.1\r\n", text);
    assert_string_equal(text, "192.0.2.99");
    client(FORWARDED_FORWARDED, "192.0.2.99", "Forwarded: for=192.0.2.1\r\n", text);
    assert_string_equal(text, "192.0.2.99");
}

static void the_first_untrusted_hop_from_the_right_is_the_client(void **state)
{
    static const char *const rows[][2] = {
        {"X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.0.0.2, 10.0.0.3\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 10.0.0.9, 192.0.2.1\r\nX-Forwarded-For: 10.0.0.2\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 10.0.0.3, 2001:db8:ffff::1\r\n", "10.0.0.3"},
        {"X-Forwarded-For: junk\"; drop, 192.0.2.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 192.0.2.1, , ,\r\nX-Forwarded-For:\r\n", "192.0.2.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_client(FORWARDED_X_FORWARDED_FOR, rows[i][0], rows[i][1]);
}

static void a_hop_that_cannot_be_read_ends_at_the_proxy_that_reported_it(void **state)
{
    static const char *const hops[] = {
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.1:port",
        "192.0.2.1:",
        "192.0.2.1:1234567",
        "\"192.0.2.1\"",
        "[192.0.2.1]",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]x",
        "[2001:db8::7]:",
        "fe80::1%eth0",
        "192.0.2.1 5",
        "example.org",
        "for=192.0.2.1",
        "[]",
        "[",
        ":",
        "192.0.2.1:_",
        "192.0.2.1;1",
        "[::1%lo]",
        "\"",
    };
    char fields[256];
    (void)state;
    for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
        snprintf(fields, sizeof fields, "X-Forwarded-For: 192.0.2.1, %s, 10.0.0.2\r\n", hops[i]);
        assert_client(FORWARDED_X_FORWARDED_FOR, fields, "10.0.0.2");
        snprintf(fields, sizeof fields, "X-Forwarded-For: 192.0.2.1, %s\r\n", hops[i]);
        assert_client(FORWARDED_X_FORWARDED_FOR, fields, PEER);
    }
}

static void only_the_configured_field_counts(void **state)
{
    static const char both[] = "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n";
    (void)state;
    assert_client(FORWARDED_X_FORWARDED_FOR, both, "192.0.2.1");
    assert_client(FORWARDED_FORWARDED, both, "192.0.2.2");
    assert_client(FORWARDED_FORWARDED, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded: for=192.0.2.2\r\n", PEER);
}

static void a_long_chain_is_followed_for_16_hops_and_lines(void **state)
{
    char fields[2048] = "X-Forwarded-For: 192.0.2.1";
    (void)state;
    for (int i = 2; i <= FORWARDED_HOPS_MAX; i++)
        strcat(fields, ", 10.0.0.2");
    strcat(fields, "\r\n");
    assert_client(FORWARDED_X_FORWARDED_FOR, fields, "192.0.2.1");
    strcpy(fields, "X-Forwarded-For: 192.0.2.1");
    for (int i = 1; i <= FORWARDED_HOPS_MAX; i++)
        strcat(fields, ", 10.0.0.2");
    strcat(fields, "\r\n");
    assert_client(FORWARDED_X_FORWARDED_FOR, fields, "10.0.0.2");
    strcpy(fields, "X-Forwarded-For: 192.0.2.1\r\n");
    for (int i = 1; i <= FORWARDED_LINES_MAX; i++)
        strcat(fields, "X-Forwarded-For: \r\n");
    assert_client(FORWARDED_X_FORWARDED_FOR, fields, PEER);
}

/* --- Forwarded --- */

static void elements_are_read_as_rfc_7239_has_them(void **state)
{
    static const char *const rows[][2] = {
        {"Forwarded: for=192.0.2.1\r\n", "192.0.2.1"},
        {"Forwarded: For=192.0.2.1;proto=https;by=10.0.0.1\r\n", "192.0.2.1"},
        {"Forwarded: proto=https ; for=\"192.0.2.1:4711\" ; host=\"shop.example:443\"\r\n", "192.0.2.1"},
        {"Forwarded: for=\"[2001:db8::7]\"\r\n", "2001:db8::7"},
        {"Forwarded: for=\"[2001:db8::7]:4711\"\r\n", "2001:db8::7"},
        {"Forwarded: for=\"192.0.2.1:_port\"\r\n", "192.0.2.1"},
        {"Forwarded: for=1.1.1.1, for=192.0.2.1;by=\"a,b;c\", for=10.0.0.2\r\n", "192.0.2.1"},
        {"Forwarded: for=192.0.2.1\r\nForwarded: for=10.0.0.2\r\n", "192.0.2.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_client(FORWARDED_FORWARDED, rows[i][0], rows[i][1]);
}

static void what_the_client_wrote_cannot_swallow_what_a_proxy_appends(void **state)
{
    static const char *const forged[] = {
        "for=\"1.1.1.1", "for=\"1.1.1.1\\", "\"",           "for=1.1.1.1;by=\"x, for=2.2.2.2;by=",
        "for=1.1.1.1;",  ";;;,,,=",         "for=1.1.1.1\\"};
    char fields[256];
    (void)state;
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        snprintf(fields, sizeof fields, "Forwarded: %s, for=192.0.2.1;proto=http\r\n", forged[i]);
        assert_client(FORWARDED_FORWARDED, fields, "192.0.2.1");
        snprintf(fields, sizeof fields, "Forwarded: %s\r\nForwarded: for=192.0.2.1\r\n", forged[i]);
        assert_client(FORWARDED_FORWARDED, fields, "192.0.2.1");
    }
}

static void a_malformed_element_ends_at_the_proxy_that_reported_it(void **state)
{
    static const char *const elements[] = {
        "for=unknown",
        "for=_hidden",
        "for=\"_hidden:80\"",
        "by=192.0.2.1",
        "for",
        "for=",
        "=192.0.2.1",
        "for=192.0.2.1;for=192.0.2.2",
        "for=192.0.2.1;",
        "for=2001:db8::7",
        "for=\"2001:db8::7\"",
        "for=[2001:db8::7]",
        "for=\"192.0.2.1",
        "for=192.0.2.1\"",
        "for=\"192.0.\\2.1\"",
        "for=\"192.0.2.1\"x",
        "for =192.0.2.1",
        "for=\"192.0.2.1:\"",
        "for=\"[192.0.2.1]\"",
        "192.0.2.1",
        "for=\"\"",
        "for=192.0.2.1 by=b",
        "f,or=192.0.2.1;proto",
        "for=\"192.0.2.1:_\"",
    };
    char fields[256];
    (void)state;
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        snprintf(fields, sizeof fields, "Forwarded: %s, for=10.0.0.2\r\n", elements[i]);
        assert_client(FORWARDED_FORWARDED, fields, "10.0.0.2");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_proxy_reports_its_client),
        cmocka_unit_test(an_unlisted_peer_is_not_believed),
        cmocka_unit_test(the_first_untrusted_hop_from_the_right_is_the_client),
        cmocka_unit_test(a_hop_that_cannot_be_read_ends_at_the_proxy_that_reported_it),
        cmocka_unit_test(only_the_configured_field_counts),
        cmocka_unit_test(a_long_chain_is_followed_for_16_hops_and_lines),
        cmocka_unit_test(elements_are_read_as_rfc_7239_has_them),
        cmocka_unit_test(what_the_client_wrote_cannot_swallow_what_a_proxy_appends),
        cmocka_unit_test(a_malformed_element_ends_at_the_proxy_that_reported_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
