/* The pool of exchanges and the timer wheel. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/connection/exchange.h"
#include "gateway/connection/timer_wheel.h"

/* --- fixture --- */

static struct exchanges exchanges;
static struct timer_wheel wheel;
static struct timer_node nodes[4];
static unsigned fired;

static int set_up(void **state)
{
    (void)state;
    exchanges_init(&exchanges, 3);
    timer_wheel_init(&wheel, 10, 1000);
    memset(nodes, 0, sizeof nodes);
    fired = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    exchanges_deinit(&exchanges);
    return 0;
}

/* --- helpers --- */

static void on_fire(struct timer_node *node, void *arg)
{
    (void)arg;
    fired |= 1u << (node - nodes);
}

static unsigned fire_some_until(uint64_t now_ms, unsigned most)
{
    fired = 0;
    timer_wheel_advance(&wheel, now_ms, most, on_fire, NULL);
    return fired;
}

static unsigned fire_until(uint64_t now_ms)
{
    return fire_some_until(now_ms, UINT32_MAX);
}

/* --- tests --- */

static void the_pool_hands_out_no_more_than_it_has(void **state)
{
    struct exchange *first = exchange_acquire(&exchanges);
    (void)state;
    assert_non_null(exchange_acquire(&exchanges));
    assert_false(exchanges_full(&exchanges));
    assert_non_null(exchange_acquire(&exchanges));
    assert_true(exchanges_full(&exchanges));
    assert_null(exchange_acquire(&exchanges));
    exchange_release(&exchanges, first);
    assert_ptr_equal(exchange_acquire(&exchanges), first);
}

/* At the end of a thread some are still in use. */
static void what_an_exchange_owns_is_freed_with_the_pool(void **state)
{
    struct exchange *exchange = exchange_acquire(&exchanges);
    (void)state;
    size_t before = mallinfo2().uordblks;
    exchange->change = malloc(100000);
    exchanges_deinit(&exchanges);
    assert_true(mallinfo2().uordblks <= before);
}

static void a_tag_finds_its_exchange_while_it_waits(void **state)
{
    struct exchange *exchange = exchange_acquire(&exchanges);
    uint64_t tag = exchange_tag(exchange);
    (void)state;
    assert_null(exchange_find(&exchanges, tag));
    exchange_wait(&exchanges, exchange, 1, 100);
    assert_ptr_equal(exchange_find(&exchanges, tag), exchange);
    exchange_settle(&exchanges, exchange);
    assert_null(exchange_find(&exchanges, tag));
}

static void a_tag_of_an_earlier_generation_finds_no_exchange(void **state)
{
    struct exchange *exchange = exchange_acquire(&exchanges);
    uint64_t tag = exchange_tag(exchange);
    (void)state;
    exchange_wait(&exchanges, exchange, 1, 100);
    exchange_release(&exchanges, exchange);
    assert_ptr_equal(exchange_acquire(&exchanges), exchange);
    exchange_wait(&exchanges, exchange, 1, 200);
    assert_null(exchange_find(&exchanges, tag));
    assert_ptr_equal(exchange_find(&exchanges, exchange_tag(exchange)), exchange);
}

static void unknown_tags_find_no_exchange(void **state)
{
    (void)state;
    assert_null(exchange_find(&exchanges, 0));
    assert_null(exchange_find(&exchanges, 3));
    assert_null(exchange_find(&exchanges, UINT64_MAX));
    assert_null(exchange_find(&exchanges, 1ull << 32));
}

static void those_that_wait_are_in_the_order_of_their_begin(void **state)
{
    struct exchange *a = exchange_acquire(&exchanges);
    struct exchange *b = exchange_acquire(&exchanges);
    struct exchange *c = exchange_acquire(&exchanges);
    (void)state;
    exchange_wait(&exchanges, b, 1, 1);
    exchange_wait(&exchanges, a, 2, 2);
    exchange_wait(&exchanges, c, 3, 3);
    assert_int_equal(exchanges.waiting_count, 3);
    assert_ptr_equal(exchanges.oldest, b);
    exchange_settle(&exchanges, a);
    assert_ptr_equal(b->newer, c);
    exchange_release(&exchanges, b);
    assert_ptr_equal(exchanges.oldest, c);
    assert_ptr_equal(exchanges.newest, c);
    exchange_settle(&exchanges, c);
    exchange_settle(&exchanges, c);
    assert_null(exchanges.oldest);
    assert_null(exchanges.newest);
    assert_int_equal(exchanges.waiting_count, 0);
}

static void a_node_fires_once_and_not_before_it_is_due(void **state)
{
    (void)state;
    timer_wheel_put(&wheel, &nodes[0], 1050);
    timer_wheel_put(&wheel, &nodes[1], 1055);
    assert_int_equal(fire_until(1059), 0);
    assert_int_equal(fire_until(1060), 3);
    assert_int_equal(fire_until(100000), 0);
}

static void a_node_that_is_due_already_fires_in_the_next_tick(void **state)
{
    (void)state;
    timer_wheel_put(&wheel, &nodes[0], 3);
    assert_int_equal(fire_until(1009), 0);
    assert_int_equal(fire_until(1010), 1);
}

static void nodes_move_and_leave(void **state)
{
    (void)state;
    timer_wheel_put(&wheel, &nodes[0], 1500);
    timer_wheel_put(&wheel, &nodes[1], 1500);
    timer_wheel_put(&wheel, &nodes[0], 1100);
    timer_wheel_remove(&nodes[1]);
    timer_wheel_remove(&nodes[1]);
    assert_int_equal(fire_until(1200), 1);
    assert_int_equal(fire_until(2000), 0);
}

static void a_node_beyond_the_wheel_fires_early_for_its_owner_to_put_back(void **state)
{
    (void)state;
    timer_wheel_put(&wheel, &nodes[0], 1000000);
    assert_int_equal(fire_until(1000 + 10 * (TIMER_WHEEL_BUCKETS - 2)), 0);
    assert_int_equal(fire_until(1000 + 10 * TIMER_WHEEL_BUCKETS), 1);
}

static void a_long_stall_fires_everything_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        timer_wheel_put(&wheel, &nodes[i], 1000 + i * 600);
    assert_int_equal(fire_until(900000000), 15);
}

static void nodes_beyond_the_bound_of_a_call_fire_at_the_next(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        timer_wheel_put(&wheel, &nodes[i], i < 3 ? 1050 : 1100);
    assert_int_equal(fire_some_until(1060, 2), 3);
    timer_wheel_put(&wheel, &nodes[0], 3); /* already due, but not in the tick that is firing */
    assert_int_equal(fire_some_until(1060, 2), 4);
    assert_int_equal(fire_some_until(900000000, 1), 1);
    assert_int_equal(fire_some_until(900000000, 1), 8);
    assert_int_equal(fire_some_until(900000000, 1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_pool_hands_out_no_more_than_it_has),
        TEST(what_an_exchange_owns_is_freed_with_the_pool),
        TEST(a_tag_finds_its_exchange_while_it_waits),
        TEST(a_tag_of_an_earlier_generation_finds_no_exchange),
        TEST(unknown_tags_find_no_exchange),
        TEST(those_that_wait_are_in_the_order_of_their_begin),
        TEST(a_node_fires_once_and_not_before_it_is_due),
        TEST(a_node_that_is_due_already_fires_in_the_next_tick),
        TEST(nodes_move_and_leave),
        TEST(a_node_beyond_the_wheel_fires_early_for_its_owner_to_put_back),
        TEST(a_long_stall_fires_everything_once),
        TEST(nodes_beyond_the_bound_of_a_call_fire_at_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
