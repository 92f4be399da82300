/*
 * Lists of servers, as in store/host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "shared/host_list.h"

static void assert_shows(const char *text, const char *shown)
{
    struct host_list list;
    struct error error = {{0}};
    char all[1024] = "", one[HOST_LIST_TEXT_MAX];
    if (host_list_parse(text, 3306, &list, &error) != 0)
        fail_msg("%s: %s", text, error.text);
    for (unsigned i = 0; i < list.count; i++) {
        host_list_show(&list.all[i], one);
        strcat(strcat(all, i > 0 ? " " : ""), one);
    }
    assert_string_equal(all, shown);
}

static void entries_are_hosts_with_and_without_ports(void **state)
{
    (void)state;
    assert_shows("db1", "db1:3306");
    assert_shows("db1,db2:3307,db3", "db1:3306 db2:3307 db3:3306");
    assert_shows(" db1 , 10.0.0.2:1 ", "db1:3306 10.0.0.2:1");
    assert_shows("::1", "[::1]:3306");
    assert_shows("[::1],[fe80::2]:3307,::3", "[::1]:3306 [fe80::2]:3307 [::3]:3306");
    assert_shows("", ":3306");
}

static void addresses_lose_their_brackets(void **state)
{
    struct host_list list;
    struct error error;
    (void)state;
    assert_int_equal(host_list_parse("[::1]:3307,db2", 3306, &list, &error), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.all[0].host, "::1");
    assert_int_equal(list.all[0].port, 3307);
    assert_string_equal(list.all[1].host, "db2");
}

static const struct {
    const char *text;
    const char *says;
} faulty[] = {
    {"db1,db2:x", "\"db2:x\" is neither HOST nor HOST:PORT"},
    {"db1:0", "\"db1:0\" is neither"},
    {"db1,db2:65536", "\"db2:65536\" is neither"},
    {"db1:", "\"db1:\" is neither"},
    {"[::1", "\"[::1\" is neither"},
    {"[]", "\"[]\" is neither"},
    {"::1]", "\"::1]\" is neither"},
    {"db1,,db3", "entry 2 is empty"},
    {"db1,", "entry 2 is empty"},
    {",", "entry 1 is empty"},
    {"a,b,c,d,e,f,g,h,i,j", "\"j\" is one more than 9"},
    {"db1,mysql://u:s3cret@db2/x", "entry 2: expected only a host name or address"},
    {"u:s3cret@db1,db2", "entry 1: expected only a host name or address"},
    {"db1?password=s3cret", "entry 1: expected only a host name or address"},
};

static void a_faulty_entry_is_named_and_no_password_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        struct host_list list;
        struct error error = {{0}};
        assert_int_equal(host_list_parse(faulty[i].text, 3306, &list, &error), -1);
        if (strstr(error.text, faulty[i].says) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", faulty[i].text, error.text, faulty[i].says);
        assert_null(strstr(error.text, "s3cret"));
    }
}

static void a_host_that_is_too_long_is_refused(void **state)
{
    struct host_list list;
    struct error error;
    char text[HOST_LIST_HOST_MAX + 2];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(host_list_parse(text, 3306, &list, &error), -1);
    assert_int_equal(host_list_parse(text + 1, 3306, &list, &error), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_hosts_with_and_without_ports),
        cmocka_unit_test(addresses_lose_their_brackets),
        cmocka_unit_test(a_faulty_entry_is_named_and_no_password_shown),
        cmocka_unit_test(a_host_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
