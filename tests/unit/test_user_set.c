/* The user set: finds all that was put, through every growth and split, within its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "issuer/user_set.h"

static const unsigned char key[crypto_shorthash_siphashx24_KEYBYTES] = {7};

static struct fingerprint user(uint64_t number)
{
    struct fingerprint fingerprint;
    crypto_shorthash_siphashx24((unsigned char *)&fingerprint, (const unsigned char *)&number, sizeof number, key);
    return fingerprint;
}

static struct user_issue issue_of(uint64_t number)
{
    return (struct user_issue){.sequence = (uint32_t)number + 1,
                               .nth = (uint16_t)(number % 1000 + 1),
                               .issued_at_us = 1700000000000000 + (int64_t)number};
}

static void put_users(struct user_set *set, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        struct user_issue issue = issue_of(i);
        user_set_put(set, user(i), &issue);
    }
}

static void assert_holds_exactly(const struct user_set *set, uint64_t count)
{
    struct user_issue found;
    assert_int_equal(set->count, count);
    for (uint64_t i = 0; i < count; i++) {
        struct user_issue issue = issue_of(i);
        assert_true(user_set_find(set, user(i), &found));
        assert_int_equal(found.sequence, issue.sequence);
        assert_int_equal(found.nth, issue.nth);
        assert_int_equal(found.issued_at_us, issue.issued_at_us);
    }
    for (uint64_t i = count; i < count + 1000; i++)
        assert_false(user_set_find(set, user(i), &found));
}

static void user_set_is_empty_at_first(void **state)
{
    (void)state;
    struct user_set set;
    user_set_init(&set);
    assert_holds_exactly(&set, 0);
    assert_int_equal(user_set_bytes(&set), 0);
    user_set_deinit(&set);
}

static void user_set_finds_all_through_growth_and_splits(void **state)
{
    (void)state;
    struct user_set set;
    user_set_init(&set);
    uint64_t count = 0;
    for (uint64_t step = 1; count < 300000; step = step * 2 < 50000 ? step * 2 : 50000) {
        put_users(&set, count, step);
        count += step;
        assert_holds_exactly(&set, count);
    }
    assert_true(set.depth > 0);
    user_set_deinit(&set);
}

static void user_set_replaces_the_issue_of_a_user(void **state)
{
    (void)state;
    struct user_set set;
    struct user_issue found, second = {.sequence = 9, .nth = 2, .issued_at_us = 5};
    user_set_init(&set);
    put_users(&set, 0, 100);
    user_set_put(&set, user(50), &second);
    assert_int_equal(set.count, 100);
    assert_true(user_set_find(&set, user(50), &found));
    assert_int_equal(found.sequence, 9);
    assert_int_equal(found.nth, 2);
    assert_int_equal(found.issued_at_us, 5);
    user_set_deinit(&set);
}

static void user_set_tells_fingerprints_apart_that_share_a_half(void **state)
{
    (void)state;
    struct user_set set;
    struct user_issue issue = {.sequence = 1, .nth = 1}, found;
    struct fingerprint one = {1, 1}, low = {1, 2}, high = {2, 1};
    user_set_init(&set);
    user_set_put(&set, one, &issue);
    assert_true(user_set_find(&set, one, &found));
    assert_false(user_set_find(&set, low, &found));
    assert_false(user_set_find(&set, high, &found));
    user_set_deinit(&set);
}

static void user_set_takes_at_most_40_bytes_a_user(void **state)
{
    (void)state;
    struct user_set set;
    user_set_init(&set);
    put_users(&set, 0, 10000);
    for (uint64_t count = 10000; count < 1000000; count += 10000) {
        assert_true(user_set_bytes(&set) <= 40 * count);
        put_users(&set, count, 10000);
    }
    user_set_deinit(&set);
}

static void assert_divides_and_unites(unsigned bits, uint64_t before, uint64_t after)
{
    struct user_set set, parts[4];
    struct user_set *pointers[4] = {&parts[0], &parts[1], &parts[2], &parts[3]};
    user_set_init(&set);
    put_users(&set, 0, before);
    user_set_divide(&set, bits, pointers);
    assert_int_equal(set.count, 0);
    for (uint64_t i = before; i < before + after; i++) {
        struct user_issue issue = issue_of(i);
        user_set_put(pointers[bits == 0 ? 0 : user(i).high >> (64 - bits)], user(i), &issue);
    }
    user_set_unite(&set, bits, pointers);
    for (size_t i = 0; i < 4; i++)
        assert_true(i >= (size_t)1 << bits || parts[i].directory == NULL);
    assert_holds_exactly(&set, before + after);
    assert_true(user_set_is_whole(&set));
    put_users(&set, before + after, 100);
    assert_holds_exactly(&set, before + after + 100);
    user_set_deinit(&set);
}

static void user_set_divides_into_parts_that_grow_apart_and_unite(void **state)
{
    (void)state;
    const uint64_t sizes[] = {0, 1, 2, 10, 1000, 100000};
    for (unsigned bits = 0; bits <= 2; bits++) {
        for (size_t i = 0; i < 36; i++)
            assert_divides_and_unites(bits, sizes[i / 6], sizes[i % 6]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_set_is_empty_at_first),
        cmocka_unit_test(user_set_finds_all_through_growth_and_splits),
        cmocka_unit_test(user_set_replaces_the_issue_of_a_user),
        cmocka_unit_test(user_set_tells_fingerprints_apart_that_share_a_half),
        cmocka_unit_test(user_set_takes_at_most_40_bytes_a_user),
        cmocka_unit_test(user_set_divides_into_parts_that_grow_apart_and_unite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
