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

/* The only table of a small set. */
static struct user_block only_block(const struct user_set *set)
{
    struct user_block block;
    uint64_t first;
    assert_true(user_set_block(set, 0, &block));
    assert_false(user_block_next(&block, &first));
    return block;
}

static void user_set_stands_the_same_however_it_was_filled(void **state)
{
    (void)state;
    struct user_set up, down;
    user_set_init(&up);
    user_set_init(&down);
    for (uint64_t i = 0; i < 10000; i++) {
        struct user_issue one = issue_of(i), other = issue_of(9999 - i);
        user_set_put(&up, user(i), &one);
        user_set_put(&down, user(9999 - i), &other);
    }
    struct user_block a = only_block(&up), b = only_block(&down);
    assert_int_equal(a.capacity, b.capacity);
    assert_memory_equal(a.slots, b.slots, a.capacity * USER_SLOT_BYTES);
    user_set_deinit(&up);
    user_set_deinit(&down);
}

/* Users in any slots, as snapshots had them before tables kept an order. */
static void user_set_loads_tables_without_an_order(void **state)
{
    (void)state;
    struct user_set set, loaded;
    user_set_init(&set);
    user_set_init(&loaded);
    put_users(&set, 0, 1000);
    struct user_block block = only_block(&set);
    unsigned char *slots = calloc(block.capacity, USER_SLOT_BYTES);
    for (uint32_t i = 0; i < block.capacity; i++)
        memcpy(slots + i * USER_SLOT_BYTES, (const char *)block.slots + (block.capacity - 1 - i) * USER_SLOT_BYTES,
               USER_SLOT_BYTES);
    block.slots = slots;
    assert_null(user_set_load(&loaded, &block));
    assert_holds_exactly(&loaded, 1000);
    free(slots);
    user_set_deinit(&set);
    user_set_deinit(&loaded);
}

static void user_set_loads_no_user_twice(void **state)
{
    (void)state;
    struct user_set set, loaded;
    user_set_init(&set);
    user_set_init(&loaded);
    put_users(&set, 0, 1);
    struct user_block block = only_block(&set);
    unsigned char *slots = calloc(block.capacity, USER_SLOT_BYTES);
    for (uint32_t i = 0; i < block.capacity; i++) {
        const char *slot = (const char *)block.slots + i * USER_SLOT_BYTES;
        memcpy(slots, slot, slot[16] != 0 ? USER_SLOT_BYTES : 0);
        memcpy(slots + (size_t)5 * USER_SLOT_BYTES, slot, slot[16] != 0 ? USER_SLOT_BYTES : 0);
    }
    block.slots = slots;
    block.count = 2;
    assert_string_equal(user_set_load(&loaded, &block), "a user twice, or too many for one place");
    free(slots);
    user_set_deinit(&set);
    user_set_deinit(&loaded);
}

static void user_set_takes_many_users_at_the_end_of_a_table(void **state)
{
    (void)state;
    struct user_set set;
    struct user_issue issue = {.sequence = 1, .nth = 1}, found;
    user_set_init(&set);
    for (uint64_t i = 0; i < 30; i++) /* one home, the last */
        user_set_put(&set, (struct fingerprint){0, UINT64_MAX - i}, &issue);
    put_users(&set, 0, 1000);
    for (uint64_t i = 0; i < 30; i++)
        assert_true(user_set_find(&set, (struct fingerprint){0, UINT64_MAX - i}, &found));
    assert_false(user_set_find(&set, (struct fingerprint){0, UINT64_MAX - 30}, &found));
    assert_int_equal(set.count, 1030);
    user_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_set_is_empty_at_first),
        cmocka_unit_test(user_set_finds_all_through_growth_and_splits),
        cmocka_unit_test(user_set_replaces_the_issue_of_a_user),
        cmocka_unit_test(user_set_tells_fingerprints_apart_that_share_a_half),
        cmocka_unit_test(user_set_takes_at_most_40_bytes_a_user),
        cmocka_unit_test(user_set_stands_the_same_however_it_was_filled),
        cmocka_unit_test(user_set_loads_tables_without_an_order),
        cmocka_unit_test(user_set_loads_no_user_twice),
        cmocka_unit_test(user_set_takes_many_users_at_the_end_of_a_table),
        cmocka_unit_test(user_set_divides_into_parts_that_grow_apart_and_unite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
