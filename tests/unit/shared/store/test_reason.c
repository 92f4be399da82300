/* Users in the reasons of dead letters. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/judge.h"
#include "shared/store/reason.h"

static struct store_issue issue_to(const char *user_id)
{
    return (struct store_issue){.coupon_id = "c",
                                .coupon_id_length = 1,
                                .user_id = user_id,
                                .user_id_length = (uint8_t)strlen(user_id),
                                .sequence = 1,
                                .nth = 1};
}

static void the_reason_of_a_conflict_names_both_users(void **state)
{
    (void)state;
    const struct store_issue wanted = issue_to("bert"), there = issue_to("anna:x@y");
    char named[STORE_REASON_USER_MAX];
    struct error error;
    size_t length = 0;
    store_issue_conflict(&wanted, &there, &error);
    const char *other = store_reason_other_user(error.text, &length);
    assert_non_null(other);
    assert_int_equal(length, 8);
    assert_memory_equal(other, "anna:x@y", length);
    length = store_reason_user("bert", 4, named);
    assert_int_equal(length, strlen(named));
    assert_non_null(strstr(error.text, named));
    store_reason_user("anna:x@y", 8, named);
    assert_non_null(strstr(error.text, named));
}

static void other_reasons_name_no_other_user(void **state)
{
    (void)state;
    static const char *const reasons[] = {"",
                                          "to user ",
                                          "to user a, to user ",
                                          "to user a, to user b",
                                          "to user a, to user b c,",
                                          "issues its sequence 1 to user anna"};
    const struct store_issue issue = issue_to("anna");
    struct error error;
    size_t length = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        assert_null(store_reason_other_user(reasons[i], &length));
    store_coupon_missing(&issue, &error);
    assert_null(store_reason_other_user(error.text, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_of_a_conflict_names_both_users),
        cmocka_unit_test(other_reasons_name_no_other_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
