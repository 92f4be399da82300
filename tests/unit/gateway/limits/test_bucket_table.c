/* Token buckets: their arithmetic, and the table's bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "gateway/limits/bucket_table.h"

#define SECOND_US ((int64_t)1000000)
#define NOW_US    (1000 * SECOND_US)
#define KEY_A     ((uint64_t)0xa1b2c3 << 40)

/* --- helpers --- */

/* The key with this tag in set 0. */
static uint64_t key(unsigned tag)
{
    return (uint64_t)tag << 40;
}

static unsigned take_all(struct bucket_table *table, uint64_t hash, int64_t now_us)
{
    unsigned taken = 0;
    bool evicted = false;
    while (bucket_table_take(table, hash, now_us, &evicted) == 0)
        taken++;
    return taken;
}

static uint32_t sweep_round(struct bucket_table *table, int64_t now_us)
{
    uint32_t tracked = 0;
    for (int i = 0; i < 64; i++)
        tracked = bucket_table_sweep(table, now_us);
    return tracked;
}

/* --- arithmetic --- */

static void a_key_has_its_burst_at_once(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 5);
    (void)state;
    assert_int_equal(take_all(table, KEY_A, NOW_US), 5);
    bucket_table_destroy(&table);
    assert_null(table);
}

static void an_empty_bucket_says_when_its_next_token_comes(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 2);
    bool evicted = false;
    (void)state;
    take_all(table, KEY_A, NOW_US);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US, &evicted), SECOND_US);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US + 1, &evicted), SECOND_US - 1);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US + SECOND_US - 1, &evicted), 1);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US + SECOND_US, &evicted), 0);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US + SECOND_US, &evicted), SECOND_US);
    bucket_table_destroy(&table);
}

static void a_refused_take_costs_nothing(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 1);
    bool evicted = false;
    (void)state;
    take_all(table, KEY_A, NOW_US);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bucket_table_take(table, KEY_A, NOW_US, &evicted), SECOND_US);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US + SECOND_US, &evicted), 0);
    bucket_table_destroy(&table);
}

static void tokens_come_back_one_by_one_up_to_the_burst(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 5);
    (void)state;
    take_all(table, KEY_A, NOW_US);
    assert_int_equal(take_all(table, KEY_A, NOW_US + 3 * SECOND_US), 3);
    assert_int_equal(take_all(table, KEY_A, NOW_US + 100 * SECOND_US), 5);
    bucket_table_destroy(&table);
}

static void over_a_long_time_the_rate_is_exact(void **state)
{
    struct bucket_table *table = bucket_table_create(1, 10 * 1000, 3); /* 100 a second */
    bool evicted = false;
    unsigned taken = 0;
    (void)state;
    for (int64_t us = 0; us < 10 * SECOND_US; us += 777)
        taken += bucket_table_take(table, KEY_A, NOW_US + us, &evicted) == 0;
    assert_in_range(taken, 1000, 1003);
    bucket_table_destroy(&table);
}

static void keys_do_not_share_tokens(void **state)
{
    struct bucket_table *table = bucket_table_create(2, SECOND_US, 3);
    (void)state;
    assert_int_equal(take_all(table, key(1), NOW_US), 3);
    assert_int_equal(take_all(table, key(2), NOW_US), 3);
    assert_int_equal(take_all(table, key(1) | 1, NOW_US), 3); /* the other set */
    assert_int_equal(take_all(table, key(0), NOW_US), 0);     /* shares the tag of an empty place with key 1 */
    bucket_table_destroy(&table);
}

static void a_clock_that_goes_back_gives_no_tokens_and_costs_none(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 2);
    bool evicted = false;
    (void)state;
    take_all(table, KEY_A, NOW_US);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US - 500 * SECOND_US, &evicted), SECOND_US);
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US, &evicted), SECOND_US);
    assert_int_equal(take_all(table, KEY_A, NOW_US + 2 * SECOND_US), 2);
    bucket_table_destroy(&table);
}

static void times_wrap_around_without_a_trace(void **state)
{
    const int64_t wrap_us = (int64_t)1 << 40;
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 4);
    bool evicted = false;
    (void)state;
    assert_int_equal(take_all(table, KEY_A, wrap_us - SECOND_US), 4);
    assert_int_equal(bucket_table_take(table, KEY_A, wrap_us - 1, &evicted), 1);
    assert_int_equal(take_all(table, KEY_A, wrap_us + SECOND_US), 2);
    sweep_round(table, wrap_us + 10 * SECOND_US);
    assert_int_equal(take_all(table, KEY_A, 1000 * wrap_us), 4);
    bucket_table_destroy(&table);
}

static void the_largest_bucket_does_not_overflow(void **state)
{
    struct bucket_table *table = bucket_table_create(1, BUCKET_CAPACITY_US_MAX / 4, 4);
    bool evicted = false;
    (void)state;
    assert_int_equal(take_all(table, KEY_A, INT64_MAX / 2), 4);
    assert_int_equal(bucket_table_take(table, KEY_A, INT64_MAX / 2, &evicted), BUCKET_CAPACITY_US_MAX / 4);
    bucket_table_destroy(&table);
}

/* --- bounds --- */

static void a_full_bucket_makes_room_without_an_eviction(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 1);
    bool evicted = false;
    (void)state;
    for (unsigned tag = 1; tag <= 1000; tag++) {
        assert_int_equal(bucket_table_take(table, key(tag), NOW_US + tag * SECOND_US, &evicted), 0);
        assert_false(evicted);
    }
    bucket_table_destroy(&table);
}

static void an_evicted_key_comes_back_with_no_more_tokens(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 10);
    bool evicted = false;
    (void)state;
    for (unsigned tag = 1; tag <= BUCKET_SET; tag++) {
        for (int i = 0; i < 7; i++)
            assert_int_equal(bucket_table_take(table, key(tag), NOW_US, &evicted), 0);
    }
    assert_false(evicted);
    /* newcomers push all of them out, and pay with the tokens that were left: 8 × 3 */
    unsigned taken = 0;
    for (unsigned tag = 100; tag < 1000; tag++)
        taken += bucket_table_take(table, key(tag), NOW_US, &evicted) == 0;
    assert_int_equal(taken, BUCKET_SET * 3);
    assert_true(evicted);
    for (unsigned tag = 1; tag <= BUCKET_SET; tag++)
        assert_int_equal(take_all(table, key(tag), NOW_US), 0);
    bucket_table_destroy(&table);
}

static void the_fullest_of_a_set_is_evicted(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 10);
    bool evicted = false;
    (void)state;
    for (unsigned tag = 1; tag <= BUCKET_SET; tag++) {
        for (unsigned i = 0; i < tag; i++)
            bucket_table_take(table, key(tag), NOW_US, &evicted);
    }
    assert_int_equal(bucket_table_take(table, key(99), NOW_US, &evicted), 0);
    assert_true(evicted);
    assert_int_equal(take_all(table, key(99), NOW_US), 8); /* 10, less the debt of key 1, less its own */
    assert_int_equal(take_all(table, key(8), NOW_US), 2);
    bucket_table_destroy(&table);
}

static void a_round_counts_and_then_forgets(void **state)
{
    struct bucket_table *table = bucket_table_create(64, SECOND_US, 3);
    bool evicted = false;
    (void)state;
    assert_int_equal(sweep_round(table, NOW_US), 0);
    for (unsigned i = 0; i < 100; i++)
        bucket_table_take(table, key(1 + i / 64) | i % 64, NOW_US, &evicted);
    assert_int_equal(sweep_round(table, NOW_US), 100);
    assert_int_equal(take_all(table, key(1), NOW_US), 2); /* sweeping changes no bucket that is in use */
    assert_int_equal(sweep_round(table, NOW_US + SECOND_US), 1);
    assert_int_equal(sweep_round(table, NOW_US + 3 * SECOND_US), 0);
    assert_int_equal(take_all(table, key(1), NOW_US + 3 * SECOND_US), 3);
    bucket_table_destroy(&table);
}

/* --- threads --- */

enum { THREADS = 4, TAKES = 20000 };

struct taker {
    struct bucket_table *table;
    unsigned taken;
};

static void *take_on_a_thread(void *arg)
{
    struct taker *taker = arg;
    bool evicted = false;
    for (unsigned i = 0; i < TAKES; i++)
        taker->taken += bucket_table_take(taker->table, KEY_A, NOW_US, &evicted) == 0;
    return NULL;
}

static void threads_together_take_no_more_than_the_burst(void **state)
{
    struct bucket_table *table = bucket_table_create(1, SECOND_US, 1000);
    struct taker takers[THREADS];
    pthread_t threads[THREADS];
    unsigned taken = 0;
    bool evicted = false;
    (void)state;
    assert_int_equal(bucket_table_take(table, KEY_A, NOW_US, &evicted), 0); /* it has its place */
    for (int i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){table, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, take_on_a_thread, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, 999);
    bucket_table_destroy(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_its_burst_at_once),
        cmocka_unit_test(an_empty_bucket_says_when_its_next_token_comes),
        cmocka_unit_test(a_refused_take_costs_nothing),
        cmocka_unit_test(tokens_come_back_one_by_one_up_to_the_burst),
        cmocka_unit_test(over_a_long_time_the_rate_is_exact),
        cmocka_unit_test(keys_do_not_share_tokens),
        cmocka_unit_test(a_clock_that_goes_back_gives_no_tokens_and_costs_none),
        cmocka_unit_test(times_wrap_around_without_a_trace),
        cmocka_unit_test(the_largest_bucket_does_not_overflow),
        cmocka_unit_test(a_full_bucket_makes_room_without_an_eviction),
        cmocka_unit_test(an_evicted_key_comes_back_with_no_more_tokens),
        cmocka_unit_test(the_fullest_of_a_set_is_evicted),
        cmocka_unit_test(a_round_counts_and_then_forgets),
        cmocka_unit_test(threads_together_take_no_more_than_the_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
