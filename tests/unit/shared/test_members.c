/*
 * The list of members, and the endpoints that follow from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "shared/members.h"

static void a_list_has_names_hosts_and_offsets(void **state)
{
    struct members members;
    struct error error;
    (void)state;
    assert_int_equal(members_parse("a=10.0.0.1, b=db.example:+10 ,c=[::1]", &members, &error), 0);
    assert_int_equal(members.count, 3);
    assert_string_equal(members.all[0].name, "a");
    assert_string_equal(members.all[0].host, "10.0.0.1");
    assert_int_equal(members.all[0].offset, 0);
    assert_string_equal(members.all[1].host, "db.example");
    assert_int_equal(members.all[1].offset, 10);
    assert_string_equal(members.all[2].host, "::1");
    assert_int_equal(members_find(&members, "c"), 2);
    assert_int_equal(members_find(&members, "d"), MEMBER_NONE);
    assert_int_equal(members_parse("", &members, &error), 0);
    assert_int_equal(members.count, 0);
}

static void a_hash_names_a_member_in_any_list(void **state)
{
    struct members one, other;
    struct error error;
    (void)state;
    assert_int_equal(members_parse("a=x,b=y", &one, &error), 0);
    assert_int_equal(members_parse("c=z,b=y,a=x", &other, &error), 0);
    assert_int_equal(members_find_hash(&other, members_hash(&one, 0)), 2);
    assert_int_equal(members_find_hash(&one, members_hash(&other, 0)), MEMBER_NONE);
    assert_int_equal(members_hash(&one, MEMBER_NONE), 0);
    assert_int_equal(members_find_hash(&one, 0), MEMBER_NONE);
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const bad[] = {
        "a",
        "=x",
        "a=",
        "a=x:7100",
        "a b=x",
        "a=x,a=y",
        ",a=x",
        "a=x:+0",
        "a=x:+",
        "a=x:+60001",
        "a=x:+1x",
        "a=tcp://x",
        "a=::1",
        "a=[x",
        "a=x y",
        "a=x:+1:+2",
        "a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9,j=10",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct members members;
        struct error error = {""};
        if (members_parse(bad[i], &members, &error) == 0)
            fail_msg("\"%s\" is accepted", bad[i]);
        assert_true(error.text[0] != '\0');
    }
}

static void endpoints_have_the_member_s_host_and_port(void **state)
{
    struct members members;
    struct error error;
    char out[64];
    (void)state;
    assert_int_equal(members_parse("a=10.0.0.1,b=[fe80::2]:+10", &members, &error), 0);
    assert_true(members_endpoint(&members, 0, "tcp://0.0.0.0:7100", out, sizeof out));
    assert_string_equal(out, "tcp://10.0.0.1:7100");
    assert_true(members_endpoint(&members, 1, "tcp://0.0.0.0:7100", out, sizeof out));
    assert_string_equal(out, "tcp://[fe80::2]:7110");
    assert_true(members_own_endpoint(&members, 1, "tcp://0.0.0.0:7100", out, sizeof out));
    assert_string_equal(out, "tcp://0.0.0.0:7110");
    assert_true(members_own_endpoint(&members, 1, "tcp://[::]:7100", out, sizeof out));
    assert_string_equal(out, "tcp://[::]:7110");
    assert_false(members_endpoint(&members, 1, "tcp://0.0.0.0:65530", out, sizeof out));
    assert_false(members_endpoint(&members, 1, "ipc:///run/r", out, sizeof out));
    assert_false(members_endpoint(&members, 1, "tcp://0.0.0.0:7100", out, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_has_names_hosts_and_offsets),
        cmocka_unit_test(a_hash_names_a_member_in_any_list),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(endpoints_have_the_member_s_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
