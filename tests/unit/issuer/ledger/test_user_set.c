/*
 * The user set: finds every user that was put, through every growth and split, within its memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "issuer/ledger/user_set.h"

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
    assert_int_equal(set->count, count);
    struct user_issue found;
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

/* The resident anonymous memory of this process. */
static uint64_t resident_bytes(void)
{
    char line[256];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "RssAnon: %llu", &kilobytes) != 1)
        ;
    fclose(file);
    return kilobytes * 1024;
}

/* Tables that fill in place keep no unused page, through two rounds of splits. */
static void user_set_takes_no_more_memory_than_it_says(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* the test's own memory counts, too */
#endif
    struct user_set set;
    user_set_init(&set);
    uint64_t before = resident_bytes();
    for (uint64_t count = 0; count < 1500000; count += 50000) {
        put_users(&set, count, 50000);
        uint64_t taken = resident_bytes() - before;
        assert_true(taken <= user_set_bytes(&set) + (4u << 20));
        assert_true(taken <= (count + 50000) * 40 + (4u << 20));
    }
    user_set_deinit(&set);
    assert_true(resident_bytes() <= before + (4u << 20));
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
    assert_true(user_set_block(set, 0, &block));
    uint64_t first;
    assert_false(user_block_next(&block, &first));
    return block;
}

/* The number of occupied slots of the block. */
static uint32_t taken_slots(const struct user_block *block)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < block->capacity; i++) {
        uint32_t sequence;
        memcpy(&sequence, (const char *)block->slots + i * USER_SLOT_BYTES + 16, sizeof sequence);
        taken += sequence != 0;
    }
    return taken;
}

static void user_set_copies_itself_table_by_table(void **state)
{
    (void)state;
    const uint64_t sizes[] = {1, 14, 15, 16, 17, 8000, 16383, 16384, 40000, 200000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct user_set set, copy;
        struct user_block block;
        uint64_t first = 0;
        user_set_init(&set);
        user_set_init(&copy);
        put_users(&set, 0, sizes[i]);
        do {
            assert_true(user_set_block(&set, first, &block));
            assert_int_equal(taken_slots(&block), block.count);
            assert_true(block.count < block.capacity && block.capacity >= 16); /* the format of older programs */
            assert_null(user_set_load(&copy, &block));
        } while (user_block_next(&block, &first));
        assert_true(user_set_is_whole(&copy));
        assert_int_equal(copy.held, set.held);
        assert_holds_exactly(&copy, sizes[i]);
        put_users(&copy, sizes[i], 100);
        assert_holds_exactly(&copy, sizes[i] + 100);
        user_set_deinit(&set);
        user_set_deinit(&copy);
    }
}

/* Users in any slots, and more of them than a table takes, as in older snapshots. */
static void load_scattered(uint32_t users, uint32_t capacity)
{
    struct user_set set, loaded;
    uint64_t first = 0;
    user_set_init(&set);
    user_set_init(&loaded);
    put_users(&set, 0, users);
    unsigned char *slots = calloc(capacity, USER_SLOT_BYTES);
    uint32_t at = 0;
    struct user_block block;
    do {
        assert_true(user_set_block(&set, first, &block));
        for (uint32_t i = block.count; i-- > 0; at += at % 5 == 0 ? 2 : 1)
            memcpy(slots + (size_t)at * USER_SLOT_BYTES, (const char *)block.slots + (size_t)i * USER_SLOT_BYTES,
                   USER_SLOT_BYTES);
    } while (user_block_next(&block, &first));
    assert_true(at < capacity);
    block = (struct user_block){.capacity = capacity, .count = users, .slots = slots};
    assert_null(user_set_load(&loaded, &block));
    assert_true(user_set_is_whole(&loaded));
    assert_int_equal(loaded.held, set.held);
    assert_holds_exactly(&loaded, users);
    block.count = users + 1;
    user_set_deinit(&loaded);
    assert_string_equal(user_set_load(&loaded, &block),
                        "a table of users has a wrong count or a user who does not belong to it");
    free(slots);
    user_set_deinit(&set);
    user_set_deinit(&loaded);
}

static void user_set_loads_tables_as_older_snapshots_have_them(void **state)
{
    (void)state;
    load_scattered(1, 16);
    load_scattered(1000, 1300);
    load_scattered(16384, 21000);
    load_scattered(50000, 65536);
}

static void user_set_loads_no_table_that_cannot_be(void **state)
{
    (void)state;
    struct user_set set, loaded;
    user_set_init(&set);
    user_set_init(&loaded);
    put_users(&set, 0, 20);
    struct user_block block = only_block(&set), other = block;
    other.count = block.capacity;
    assert_string_equal(user_set_load(&loaded, &other), "a table of users has an impossible size");
    other = block;
    other.depth = 1; /* users of the other half are among them */
    assert_non_null(user_set_load(&loaded, &other));
    user_set_deinit(&loaded);
    assert_null(user_set_load(&loaded, &block));
    assert_string_equal(user_set_load(&loaded, &block), "two tables of users have the same position");
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
    assert_string_equal(user_set_load(&loaded, &block), "a user twice");
    free(slots);
    user_set_deinit(&set);
    user_set_deinit(&loaded);
}

/* More users than one line of the index takes; after the last line they continue in the first. */
static void user_set_takes_many_users_of_one_line(void **state)
{
    (void)state;
    struct user_set set;
    struct user_issue issue = {.sequence = 1, .nth = 1}, found;
    user_set_init(&set);
    for (uint64_t i = 0; i < 40; i++)
        user_set_put(&set, (struct fingerprint){0, UINT64_MAX - i}, &issue);
    put_users(&set, 0, 40000);
    for (uint64_t i = 0; i < 40; i++)
        assert_true(user_set_find(&set, (struct fingerprint){0, UINT64_MAX - i}, &found));
    assert_false(user_set_find(&set, (struct fingerprint){0, UINT64_MAX - 40}, &found));
    assert_int_equal(set.count, 40040);
    user_set_deinit(&set);
}

/* Their index entries are equal, and even their lines. */
static void user_set_tells_users_apart_whose_entries_are_alike(void **state)
{
    (void)state;
    struct user_set set;
    struct user_issue found;
    user_set_init(&set);
    for (uint32_t i = 0; i < 100; i++) {
        struct user_issue issue = {.sequence = i + 1, .nth = 1};
        user_set_put(&set, (struct fingerprint){i, 7}, &issue);
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(user_set_find(&set, (struct fingerprint){i, 7}, &found));
        assert_int_equal(found.sequence, i + 1);
    }
    assert_false(user_set_find(&set, (struct fingerprint){100, 7}, &found));
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
        cmocka_unit_test(user_set_takes_no_more_memory_than_it_says),
        cmocka_unit_test(user_set_copies_itself_table_by_table),
        cmocka_unit_test(user_set_loads_tables_as_older_snapshots_have_them),
        cmocka_unit_test(user_set_loads_no_table_that_cannot_be),
        cmocka_unit_test(user_set_loads_no_user_twice),
        cmocka_unit_test(user_set_takes_many_users_of_one_line),
        cmocka_unit_test(user_set_tells_users_apart_whose_entries_are_alike),
        cmocka_unit_test(user_set_divides_into_parts_that_grow_apart_and_unite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
