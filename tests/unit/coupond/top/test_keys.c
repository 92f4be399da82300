#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/top/keys.h"

static void assert_key(enum top_key key, const char *bytes, size_t taken_expected)
{
    size_t taken = 0;
    assert_int_equal(top_key_read(bytes, strlen(bytes), &taken), key);
    assert_int_equal(taken, taken_expected);
}

static void keys_are_read_in_both_modes_of_a_terminal(void **state)
{
    (void)state;
    assert_key(TOP_KEY_UP, "\033[A", 3);
    assert_key(TOP_KEY_DOWN, "\033OBq", 3);
    assert_key(TOP_KEY_HOME, "\033[1~", 4);
    assert_key(TOP_KEY_HOME, "\033OH", 3);
    assert_key(TOP_KEY_END, "\033[F", 3);
    assert_key(TOP_KEY_PAGE_UP, "\033[5~\033[5~", 4);
    assert_key(TOP_KEY_PAGE_DOWN, "\033[6~", 4);
    assert_key(TOP_KEY_PAGE_DOWN, " ", 1);
    assert_key(TOP_KEY_UP, "k", 1);
    assert_key(TOP_KEY_DOWN, "j", 1);
    assert_key(TOP_KEY_QUIT, "Q", 1);
}

static void other_keys_mean_nothing_and_do_not_quit(void **state)
{
    (void)state;
    assert_key(TOP_KEY_NONE, "x", 1);
    assert_key(TOP_KEY_NONE, "\033", 1);
    assert_key(TOP_KEY_NONE, "\033[", 2);
    assert_key(TOP_KEY_NONE, "\033[1;5", 5);
    assert_key(TOP_KEY_NONE, "\033[1;5q", 6);
    assert_key(TOP_KEY_NONE, "\033[66~", 5);
    assert_key(TOP_KEY_NONE, "\033Oq", 3);
    assert_key(TOP_KEY_NONE, "\xff", 1);
}

static void scrolling_stays_within_the_list(void **state)
{
    (void)state;
    assert_int_equal(top_key_scroll(TOP_KEY_DOWN, 0, 5, 20), 1);
    assert_int_equal(top_key_scroll(TOP_KEY_DOWN, 15, 5, 20), 15);
    assert_int_equal(top_key_scroll(TOP_KEY_UP, 0, 5, 20), 0);
    assert_int_equal(top_key_scroll(TOP_KEY_PAGE_DOWN, 0, 5, 20), 4);
    assert_int_equal(top_key_scroll(TOP_KEY_PAGE_DOWN, 13, 5, 20), 15);
    assert_int_equal(top_key_scroll(TOP_KEY_PAGE_UP, 3, 5, 20), 0);
    assert_int_equal(top_key_scroll(TOP_KEY_END, 0, 5, 20), 15);
    assert_int_equal(top_key_scroll(TOP_KEY_HOME, 15, 5, 20), 0);
    assert_int_equal(top_key_scroll(TOP_KEY_NONE, 15, 5, 8), 3);
    assert_int_equal(top_key_scroll(TOP_KEY_END, 0, 5, 0), 0);
    assert_int_equal(top_key_scroll(TOP_KEY_PAGE_DOWN, 0, 1, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_in_both_modes_of_a_terminal),
        cmocka_unit_test(other_keys_mean_nothing_and_do_not_quit),
        cmocka_unit_test(scrolling_stays_within_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
