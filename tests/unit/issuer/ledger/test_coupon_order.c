/*
 * Coupons in the order of their ids, and the index around them, compared with a sorted array, in any order of
 * insertion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <malloc.h>

#include "issuer/ledger/coupon_index.h"

#define COUPONS 30000u

/* --- fixture --- */

static struct coupon_index whole;

static int setup(void **state)
{
    (void)state;
    coupon_index_init(&whole, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    coupon_index_deinit(&whole);
    return 0;
}

/* --- helpers --- */

static struct coupon numbered(unsigned number)
{
    struct coupon coupon = {.title = "Summer sale, 2 for 1", .quantity = 1, .per_user_limit = 1};
    snprintf(coupon.id, sizeof coupon.id, "summer-%08u", number);
    return coupon;
}

static void add(unsigned number)
{
    struct coupon coupon = numbered(number);
    coupon_index_add(&whole, &coupon);
}

/* Every number below COUPONS once, in a scrambled order: 7919 is a prime that does not divide it. */
static unsigned shuffled(unsigned i)
{
    return i * 7919u % COUPONS;
}

static void assert_next(struct coupon_order_place *place, unsigned number)
{
    struct coupon expected = numbered(number);
    struct ledger_coupon *next = coupon_order_next(place);
    assert_non_null(next);
    assert_string_equal(next->id, expected.id);
}

/* Checks that numbers 0 to `count` - 1 are found, and listed from any id on. */
static void assert_holds(unsigned count)
{
    struct coupon_order_place place = coupon_order_after(&whole.order, "");
    assert_int_equal(whole.count, count);
    assert_int_equal(whole.order.count, count);
    assert_true(coupon_order_is_sound(&whole.order));
    for (unsigned i = 0; i < count; i++)
        assert_next(&place, i);
    assert_null(coupon_order_next(&place));
    assert_null(coupon_order_next(&place));
    for (unsigned i = 0; i < count; i += 97) {
        struct coupon coupon = numbered(i);
        place = coupon_order_after(&whole.order, coupon.id);
        if (i + 1 < count)
            assert_next(&place, i + 1);
        strcat(coupon.id, "-"); /* no such coupon */
        place = coupon_order_after(&whole.order, coupon.id);
        if (i + 1 < count)
            assert_next(&place, i + 1);
        assert_null(coupon_index_find(&whole, coupon.id, strlen(coupon.id)));
    }
    for (unsigned i = 0; i < count; i++) {
        struct coupon coupon = numbered(i);
        struct ledger_coupon *found = coupon_index_find(&whole, coupon.id, strlen(coupon.id));
        assert_non_null(found);
        assert_string_equal(found->id, coupon.id);
    }
}

/* The maximum number of levels above the leaves, when each node is at least half full. */
static unsigned height_max(size_t count)
{
    unsigned height = 0;
    for (size_t nodes = count / (COUPON_ORDER_FANOUT / 2) + 1; nodes > 1; nodes = nodes / (COUPON_ORDER_FANOUT / 2) + 1)
        height++;
    return height;
}

/* --- tests --- */

static void an_empty_order_has_no_coupon(void **state)
{
    (void)state;
    assert_holds(0);
    assert_null(coupon_index_find(&whole, "a", 1));
}

static void coupons_that_come_in_no_order_are_listed_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUPONS; i++) {
        add(shuffled(i));
        if (i % 1009 == 0)
            assert_true(coupon_order_is_sound(&whole.order));
    }
    assert_holds(COUPONS);
}

static void coupons_that_rise_are_listed_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUPONS; i++)
        add(i);
    assert_holds(COUPONS);
}

static void coupons_that_fall_are_listed_in_order(void **state)
{
    (void)state;
    for (unsigned i = COUPONS; i > 0; i--)
        add(i - 1);
    assert_holds(COUPONS);
}

/* Adding a coupon moves a bounded number of others: at most a node's entries on each level, plus those that a splitting
 * node hands on. */
static void adding_moves_no_more_coupons_the_more_there_are(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUPONS; i++) {
        uint64_t before = whole.order.shifted;
        add(shuffled(i));
        assert_true(whole.order.height <= height_max(whole.count));
        assert_true(whole.order.shifted - before <= 2 * COUPON_ORDER_FANOUT * (whole.order.height + 1));
    }
    assert_true(whole.order.shifted < COUPONS * COUPON_ORDER_FANOUT);
}

static void no_table_of_the_index_holds_more_than_its_share(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUPONS; i++)
        add(shuffled(i));
    for (size_t i = 0; i < COUPON_INDEX_TABLES; i++) {
        assert_true(whole.tables[i].count * 2 <= whole.tables[i].slots_count);
        assert_true(whole.tables[i].count < 3 * COUPONS / COUPON_INDEX_TABLES);
    }
}

static void coupons_keep_their_places_and_numbers(void **state)
{
    (void)state;
    add(shuffled(0));
    struct ledger_coupon *first = coupon_index_at(&whole, 0);
    for (unsigned i = 1; i < COUPONS; i++)
        add(shuffled(i));
    assert_ptr_equal(coupon_index_at(&whole, 0), first);
    for (unsigned i = 0; i < COUPONS; i++) {
        struct coupon expected = numbered(shuffled(i));
        assert_string_equal(coupon_index_at(&whole, i)->id, expected.id);
    }
}

static void a_coupon_is_read_as_it_was_added_and_changed(void **state)
{
    (void)state;
    struct coupon coupon = numbered(1), read;
    coupon.quantity = 7;
    coupon.issued = 3;
    coupon.paused = true;
    coupon.starts_at_us = TIME_NONE;
    coupon.ends_at_us = 5;
    coupon.created_at_us = 1;
    coupon.updated_at_us = 2;
    coupon.journal_seq = 9;
    struct ledger_coupon *entry = coupon_index_add(&whole, &coupon);
    ledger_coupon_read(entry, &read);
    assert_memory_equal(&read, &coupon, sizeof read);
    memset(coupon.title, 0, sizeof coupon.title);
    memset(coupon.title, 't', TITLE_MAX);
    coupon.quantity = 8;
    coupon.paused = false;
    ledger_coupon_change(entry, &coupon);
    ledger_coupon_read(entry, &read);
    assert_memory_equal(&read, &coupon, sizeof read);
}

/* Including its title, its entries in both indexes, and an empty user set. */
static void a_coupon_takes_little_more_than_a_quarter_of_a_kilobyte(void **state)
{
    (void)state;
    size_t before = mallinfo2().uordblks;
    if (before == 0)
        skip(); /* a sanitizer's allocator does not report sizes */
    for (unsigned i = 0; i < COUPONS; i++)
        add(shuffled(i));
    size_t each = (mallinfo2().uordblks - before) / COUPONS;
    if (each > 272)
        fail_msg("a coupon takes %zu bytes", each);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_order_has_no_coupon),
        TEST(coupons_that_come_in_no_order_are_listed_in_order),
        TEST(coupons_that_rise_are_listed_in_order),
        TEST(coupons_that_fall_are_listed_in_order),
        TEST(adding_moves_no_more_coupons_the_more_there_are),
        TEST(no_table_of_the_index_holds_more_than_its_share),
        TEST(coupons_keep_their_places_and_numbers),
        TEST(a_coupon_is_read_as_it_was_added_and_changed),
        TEST(a_coupon_takes_little_more_than_a_quarter_of_a_kilobyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
