/* Which requests are traced, and when their traces are done; and the queue that takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/tracing/port.h"
#include "gateway/tracing/queue.h"

#define TRACE     "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN      "00f067aa0ba902b7"
#define SECOND_US INT64_C(1000000)
#define NOW_US    (100 * SECOND_US)

static struct trace_queue queue;
static struct trace_port *port;
static struct metrics *metrics;
static int64_t dropped, limited;

/* --- helpers --- */

static void queue_trace(void *arg, struct trace **trace)
{
    (void)arg;
    (void)trace_queue_put(&queue, trace);
}

static void make_port(uint32_t per_million, unsigned per_s, unsigned queue_max)
{
    if (metrics == NULL)
        metrics = metrics_create("gateway", -1);
    dropped = metrics_get(metrics, METRIC_GATEWAY_TRACES, METRIC_TRACE_QUEUE_FULL);
    limited = metrics_get(metrics, METRIC_GATEWAY_TRACES, METRIC_TRACE_LIMITED);
    trace_queue_init(&queue, queue_max);
    port = trace_port_create(&(struct trace_port_config){
        .per_million = per_million, .interval_us = SECOND_US / per_s, .metrics = metrics, .done = queue_trace});
}

static int teardown(void **state)
{
    (void)state;
    trace_port_destroy(&port, NOW_US);
    trace_queue_deinit(&queue);
    return 0;
}

static struct trace *sample(const char *traceparent, int64_t now_us)
{
    struct http_request request = {.method = METHOD_GET};
    if (traceparent != NULL)
        request.traceparent = (struct span){traceparent, strlen(traceparent)};
    return trace_port_sample(port, &request, now_us);
}

static bool is_sampled(const char *traceparent)
{
    struct trace *trace = sample(traceparent, NOW_US);
    bool sampled = trace != NULL;
    trace_destroy(&trace);
    return sampled;
}

/* A trace of a request that was answered, and waits for this record of the store; 0: for none. */
static void answer(uint16_t partition, uint64_t journal_seq)
{
    struct trace *trace = sample("00-" TRACE "-" SPAN "-01", NOW_US);
    assert_non_null(trace);
    trace_send(trace, NOW_US);
    trace_reply(trace, NOW_US, NOW_US, NOW_US);
    trace->partition = partition;
    trace->journal_seq = journal_seq;
    trace->store = journal_seq > 0 ? TRACE_STORE_WAITS : TRACE_STORE_NONE;
    trace_port_answer(port, &trace);
    assert_null(trace);
}

static void assert_done(enum trace_store store, uint64_t journal_seq, int64_t stored_us)
{
    struct trace *trace = trace_queue_take(&queue);
    assert_non_null(trace);
    assert_int_equal(trace->store, store);
    assert_int_equal(trace->journal_seq, journal_seq);
    assert_int_equal(trace->stored_us, stored_us);
    trace_destroy(&trace);
}

static void assert_nothing_done(void)
{
    assert_null(trace_queue_take(&queue));
}

/* --- sampling --- */

static void the_caller_decides_by_its_flag(void **state)
{
    (void)state;
    make_port(0, 1000, 9);
    assert_true(is_sampled("00-" TRACE "-" SPAN "-01"));
    assert_false(is_sampled("00-" TRACE "-" SPAN "-00"));
    assert_false(is_sampled("00-" TRACE "-" SPAN "-0x"));
    assert_false(is_sampled(NULL));
}

static void without_a_parent_the_option_decides(void **state)
{
    unsigned sampled = 0;
    (void)state;
    make_port(1000000, 100000, 9);
    assert_true(is_sampled(NULL));
    assert_true(is_sampled("nonsense"));
    assert_false(is_sampled("00-" TRACE "-" SPAN "-00")); /* the caller has decided */
    teardown(NULL);
    make_port(250000, 100000, 9);
    for (int i = 0; i < 10000; i++)
        sampled += is_sampled(NULL);
    assert_in_range(sampled, 2000, 3000);
}

static void a_trace_goes_on_from_its_parent_or_begins_here(void **state)
{
    (void)state;
    make_port(1000000, 1000, 9);
    struct trace *child = sample("00-" TRACE "-" SPAN "-01", 5), *root = sample(NULL, 6), *other = sample(NULL, 6);
    assert_string_equal(child->trace_id, TRACE);
    assert_string_equal(child->parent_id, SPAN);
    assert_string_not_equal(child->span_id, SPAN);
    assert_int_equal(child->begun_us, 5);
    assert_string_equal(root->parent_id, "");
    assert_int_equal(strlen(root->trace_id), TRACE_ID_DIGITS);
    assert_int_equal(strspn(root->trace_id, "0123456789abcdef"), TRACE_ID_DIGITS);
    assert_string_not_equal(root->trace_id, other->trace_id);
    assert_string_not_equal(root->span_id, other->span_id);
    trace_destroy(&child);
    trace_destroy(&root);
    trace_destroy(&other);
}

static void no_more_than_the_rate_is_traced(void **state)
{
    unsigned sampled = 0;
    (void)state;
    make_port(0, 10, 9);
    for (int i = 0; i < 100; i++)
        sampled += is_sampled("00-" TRACE "-" SPAN "-01");
    assert_int_equal(sampled, 10);
    assert_int_equal(metrics_get(metrics, METRIC_GATEWAY_TRACES, METRIC_TRACE_LIMITED), limited + 90);
    struct trace *next = sample("00-" TRACE "-" SPAN "-01", NOW_US + SECOND_US / 10);
    assert_non_null(next);
    trace_destroy(&next);
    assert_null(sample("00-" TRACE "-" SPAN "-01", NOW_US + SECOND_US / 10));
}

/* --- the end --- */

static void a_trace_that_changed_nothing_is_done_with_its_answer(void **state)
{
    (void)state;
    make_port(0, 1000, 9);
    answer(0, 0);
    assert_nothing_done();
    assert_true(trace_port_has_answered(port));
    trace_port_flush(port, NOW_US + 5, 7 * NOW_US);
    assert_false(trace_port_has_answered(port));
    struct trace *trace = trace_queue_take(&queue);
    assert_int_equal(trace->ended_us, NOW_US + 5);
    assert_int_equal(trace->wall_offset_us, 6 * NOW_US - 5);
    trace_destroy(&trace);
}

static void a_change_is_done_when_the_store_has_it(void **state)
{
    (void)state;
    make_port(0, 1000, 9);
    answer(1, 10);
    answer(2, 10);
    answer(1, 11);
    trace_port_flush(port, NOW_US, NOW_US);
    assert_true(trace_port_waits(port, 1) && trace_port_waits(port, 2) && !trace_port_waits(port, 0));
    trace_port_on_stored(port, 1, 9, NOW_US + 1);
    trace_port_on_stored(port, 0, 99, NOW_US + 1);
    assert_nothing_done();
    trace_port_on_stored(port, 1, 10, NOW_US + 2);
    assert_done(TRACE_STORE_SEEN, 10, NOW_US + 2);
    assert_nothing_done();
    trace_port_on_stored(port, 1, 99, NOW_US + 3);
    assert_done(TRACE_STORE_SEEN, 11, NOW_US + 3);
    assert_false(trace_port_waits(port, 1));
    assert_true(trace_port_waits(port, 2));
}

static void a_change_that_the_store_does_not_get_in_time_is_done_without(void **state)
{
    (void)state;
    make_port(0, 1000, 9);
    answer(1, 10);
    trace_port_flush(port, NOW_US, NOW_US);
    trace_port_tick(port, NOW_US + TRACE_STORE_WAIT_US - 1);
    assert_nothing_done();
    trace_port_tick(port, NOW_US + TRACE_STORE_WAIT_US);
    assert_done(TRACE_STORE_NOT_SEEN, 10, NOW_US + TRACE_STORE_WAIT_US);
    assert_false(trace_port_waits(port, 1));
}

static void no_more_than_the_bound_wait_for_the_store(void **state)
{
    (void)state;
    make_port(0, 100000, TRACES_WAITING_MAX + 9);
    for (uint64_t seq = 1; seq <= TRACES_WAITING_MAX + 2; seq++)
        answer(0, seq);
    trace_port_flush(port, NOW_US, NOW_US);
    assert_done(TRACE_STORE_NOT_SEEN, 1, NOW_US);
    assert_done(TRACE_STORE_NOT_SEEN, 2, NOW_US);
    assert_nothing_done();
}

static void what_finds_no_room_in_the_queue_is_dropped_and_counted(void **state)
{
    (void)state;
    make_port(0, 1000, 2);
    for (int i = 0; i < 5; i++)
        answer(0, 0);
    trace_port_flush(port, NOW_US, NOW_US);
    assert_int_equal(queue.length, 2);
    assert_int_equal(metrics_get(metrics, METRIC_GATEWAY_TRACES, METRIC_TRACE_QUEUE_FULL), dropped + 3);
}

static void the_end_hands_over_what_waits(void **state)
{
    (void)state;
    make_port(0, 1000, 9);
    answer(0, 10);
    trace_port_flush(port, NOW_US, NOW_US);
    trace_port_destroy(&port, NOW_US + 1);
    assert_null(port);
    assert_done(TRACE_STORE_NOT_SEEN, 10, NOW_US + 1);
}

/* --- rounds --- */

static void rounds_beyond_the_bound_are_not_kept(void **state)
{
    struct trace *trace = trace_create(&(struct traceparent){0}, METHOD_GET, 0);
    (void)state;
    trace_reply(trace, 1, 2, 3); /* nothing was sent */
    for (int i = 0; i < TRACE_ROUNDS_MAX + 3; i++) {
        trace_send(trace, 10 * i);
        trace_reply(trace, 10 * i + 1, 10 * i + 2, 10 * i + 3);
    }
    assert_int_equal(trace->rounds_count, TRACE_ROUNDS_MAX);
    assert_int_equal(trace->rounds[TRACE_ROUNDS_MAX - 1].sent_us, 10 * (TRACE_ROUNDS_MAX - 1));
    trace_destroy(&trace);
}

static void a_round_does_not_begin_before_the_reply_to_the_one_before(void **state)
{
    struct trace *trace = trace_create(&(struct traceparent){0}, METHOD_GET, 0);
    (void)state;
    trace_send(trace, 10);
    trace_reply(trace, 11, 12, 25);
    trace_send(trace, 20); /* the loop's clock is that of the turn's beginning */
    trace_reply(trace, 26, 27, 28);
    assert_int_equal(trace->rounds[1].sent_us, 25);
    trace_send(trace, 30);
    assert_int_equal(trace->rounds[2].sent_us, 30);
    trace_destroy(&trace);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_caller_decides_by_its_flag),
        TEST(without_a_parent_the_option_decides),
        TEST(a_trace_goes_on_from_its_parent_or_begins_here),
        TEST(no_more_than_the_rate_is_traced),
        TEST(a_trace_that_changed_nothing_is_done_with_its_answer),
        TEST(a_change_is_done_when_the_store_has_it),
        TEST(a_change_that_the_store_does_not_get_in_time_is_done_without),
        TEST(no_more_than_the_bound_wait_for_the_store),
        TEST(what_finds_no_room_in_the_queue_is_dropped_and_counted),
        TEST(the_end_hands_over_what_waits),
        cmocka_unit_test(rounds_beyond_the_bound_are_not_kept),
        cmocka_unit_test(a_round_does_not_begin_before_the_reply_to_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
