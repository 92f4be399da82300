/*
 * The map from sequences to values: the same as an array, in less memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/sequence_map.h"

#define SEQUENCES 20000u

/* --- fixture --- */

static struct sequence_map map;
static uint64_t array[SEQUENCES];
static uint64_t random_state;

static int setup(void **state)
{
    (void)state;
    map = (struct sequence_map){0};
    memset(array, 0, sizeof array);
    random_state = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sequence_map_deinit(&map);
    return 0;
}

/* --- helpers --- */

/* xorshift64 (Marsaglia 2003). */
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void set(uint32_t sequence, uint64_t value)
{
    sequence_map_set(&map, sequence, value);
    array[sequence] = value;
}

static void assert_same(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SEQUENCES; i++) {
        assert_int_equal(sequence_map_get(&map, i), array[i]);
        count += array[i] != 0;
    }
    assert_int_equal(map.count, count);
}

static uint64_t entry(uint32_t within, uint64_t value)
{
    return (uint64_t)within << SEQUENCE_VALUE_BITS | value;
}

static void assert_load_refused(uint32_t number, uint32_t count, const uint64_t *entries)
{
    uint32_t before = map.count;
    assert_non_null(sequence_map_load(&map, number, count, entries));
    assert_int_equal(map.count, before);
}

/* --- values --- */

static void an_empty_map_has_no_value_and_takes_no_memory(void **state)
{
    (void)state;
    uint32_t number = 0;
    assert_int_equal(sequence_map_get(&map, 0), 0);
    assert_int_equal(sequence_map_get(&map, UINT32_MAX), 0);
    sequence_map_set(&map, 5, 0);
    assert_int_equal(sequence_map_bytes(&map), 0);
    assert_null(sequence_map_page(&map, &number));
}

static void a_map_is_the_same_as_an_array_after_any_changes(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        uint32_t range = 1 + (uint32_t)(random_number() % SEQUENCES);
        for (unsigned i = 0; i < 3000; i++) {
            uint64_t value = random_number() % 3 == 0 ? 0 : random_number() & SEQUENCE_VALUE_MAX;
            set((uint32_t)(random_number() % range), value);
        }
        assert_same();
    }
    for (uint32_t i = 0; i < SEQUENCES; i++)
        set(i, 0);
    assert_same();
}

static void a_map_reaches_to_the_last_sequence_and_the_largest_value(void **state)
{
    (void)state;
    sequence_map_set(&map, UINT32_MAX, SEQUENCE_VALUE_MAX);
    sequence_map_set(&map, 0, 1);
    assert_int_equal(sequence_map_get(&map, UINT32_MAX), SEQUENCE_VALUE_MAX);
    assert_int_equal(sequence_map_get(&map, UINT32_MAX - 1), 0);
    assert_int_equal(sequence_map_get(&map, 0), 1);
    sequence_map_set(&map, UINT32_MAX, 0);
    assert_int_equal(sequence_map_get(&map, UINT32_MAX), 0);
    assert_int_equal(map.count, 1);
}

static void an_entry_takes_at_most_twelve_bytes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SEQUENCES; i++) {
        if (random_number() % 10 == 0)
            set(i, 1);
    }
    assert_true(sequence_map_bytes(&map) <= 12 * (size_t)map.count);
    for (uint32_t i = 0; i < SEQUENCES; i++)
        set(i, 1);
    assert_int_equal(map.count, SEQUENCES);
    assert_true(sequence_map_bytes(&map) <= 12 * (size_t)map.count);
}

static void a_map_that_was_merged_has_the_values_of_both(void **state)
{
    (void)state;
    struct sequence_map from = {0};
    for (unsigned i = 0; i < 5000; i++) {
        uint32_t sequence = (uint32_t)(random_number() % SEQUENCES);
        if (i % 2 == 0 && array[sequence] == 0)
            set(sequence, 1 + i);
        else
            sequence_map_set(&from, sequence, array[sequence] = 1 + i);
    }
    sequence_map_merge(&map, &from);
    assert_int_equal(from.count, 0);
    assert_int_equal(sequence_map_bytes(&from), 0);
    assert_same();
}

static void an_empty_map_takes_over_the_one_that_is_merged(void **state)
{
    (void)state;
    struct sequence_map from = {0};
    sequence_map_set(&from, 7000, array[7000] = 3);
    sequence_map_merge(&map, &from);
    assert_int_equal(sequence_map_bytes(&from), 0);
    sequence_map_merge(&map, &from);
    assert_same();
}

/* --- snapshots --- */

static void the_pages_of_a_map_make_the_same_map_again(void **state)
{
    (void)state;
    struct sequence_map copy = {0};
    unsigned pages = 0;
    for (uint32_t i = 3 * SEQUENCE_PAGE_ENTRIES; i < SEQUENCES; i += 1 + i % 7)
        set(i, i);
    uint32_t number = 0, before = 0;
    for (const struct sequence_page *page; (page = sequence_map_page(&map, &number)) != NULL; before = ++number) {
        unsigned char unaligned[1 + sizeof page->entries[0] * SEQUENCE_PAGE_ENTRIES];
        assert_true(number >= before && number >= 3);
        memcpy(unaligned + 1, page->entries, page->count * sizeof page->entries[0]);
        assert_null(sequence_map_load(&copy, number, page->count, unaligned + 1));
        pages++;
    }
    assert_int_equal(pages, SEQUENCES / SEQUENCE_PAGE_ENTRIES - 3 + 1);
    sequence_map_deinit(&map);
    map = copy;
    assert_same();
    set(SEQUENCES - 1, 9); /* and goes on */
    set(3 * SEQUENCE_PAGE_ENTRIES + 1, 9);
    assert_same();
}

static void a_page_without_entries_is_gone(void **state)
{
    (void)state;
    uint32_t number = 0;
    set(5, 1);
    set(5000, 1);
    set(5, 0);
    assert_non_null(sequence_map_page(&map, &number));
    assert_int_equal(number, 5000 / SEQUENCE_PAGE_ENTRIES);
}

static void a_page_in_disorder_is_refused(void **state)
{
    (void)state;
    static uint64_t many[SEQUENCE_PAGE_ENTRIES + 1];
    const uint64_t right[] = {entry(0, 1), entry(1, 5), entry(1023, SEQUENCE_VALUE_MAX)};
    assert_load_refused(0, 2, (uint64_t[]){entry(1, 5), entry(0, 5)}); /* descends */
    assert_load_refused(0, 2, (uint64_t[]){entry(1, 5), entry(1, 6)}); /* the same twice */
    assert_load_refused(0, 2, (uint64_t[]){entry(1, 5), entry(2, 0)}); /* no value */
    assert_load_refused(0, 1, (uint64_t[]){0});
    assert_load_refused(0, 0, right);
    for (uint32_t i = 0; i <= SEQUENCE_PAGE_ENTRIES; i++)
        many[i] = entry(i % SEQUENCE_PAGE_ENTRIES, 1);
    assert_load_refused(0, SEQUENCE_PAGE_ENTRIES + 1, many);
    assert_load_refused(SEQUENCE_PAGES_MAX, 3, right);
    assert_null(sequence_map_load(&map, SEQUENCE_PAGES_MAX - 1, 3, right));
    assert_load_refused(SEQUENCE_PAGES_MAX - 1, 3, right); /* twice */
    assert_null(sequence_map_load(&map, 0, SEQUENCE_PAGE_ENTRIES, many));
    assert_int_equal(sequence_map_get(&map, UINT32_MAX), SEQUENCE_VALUE_MAX);
    assert_int_equal(map.count, SEQUENCE_PAGE_ENTRIES + 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_map_has_no_value_and_takes_no_memory),
        TEST(a_map_is_the_same_as_an_array_after_any_changes),
        TEST(a_map_reaches_to_the_last_sequence_and_the_largest_value),
        TEST(an_entry_takes_at_most_twelve_bytes),
        TEST(a_map_that_was_merged_has_the_values_of_both),
        TEST(an_empty_map_takes_over_the_one_that_is_merged),
        TEST(the_pages_of_a_map_make_the_same_map_again),
        TEST(a_page_without_entries_is_gone),
        TEST(a_page_in_disorder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
