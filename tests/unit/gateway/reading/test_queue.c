/* The queue of requests, and the port through which they come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/reading/port.h"
#include "gateway/reading/queue.h"

/* --- fixture --- */

static struct reading_queue queue;
static struct reading_port port;
static struct metrics *metrics;
static unsigned wakes;
static int askers[4];

static void count_wake(void *arg)
{
    (void)arg;
    wakes++;
}

static int set_up(void **state)
{
    (void)state;
    if (metrics == NULL)
        metrics = metrics_create("gateway", -1);
    reading_queue_init(&queue, 2, metrics);
    reading_port_init(&port);
    reading_port_open(&port, count_wake, NULL);
    wakes = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    reading_port_close(&port);
    reading_queue_deinit(&queue);
    reading_port_deinit(&port);
    return 0;
}

static struct reading_request *ask(int *asker, int64_t now_us)
{
    const struct reading_question question = {.scope = READING_USER};
    struct reading_request *request = reading_request_create(&port, &question, asker);
    reading_port_send(&port, request, now_us);
    return request;
}

/* What a reading thread does with the first request. */
static void answer_one(void)
{
    struct reading_request *request = reading_queue_take(&queue);
    assert_non_null(request);
    reading_port_answer(request->port, request);
}

/* --- tests --- */

static void the_queue_refuses_what_exceeds_its_bound_unless_it_must_enter(void **state)
{
    (void)state;
    struct reading_request *requests[4];
    for (int i = 0; i < 4; i++)
        requests[i] = ask(&askers[i], i);
    assert_true(reading_queue_put(&queue, requests[0], false));
    assert_true(reading_queue_put(&queue, requests[1], false));
    assert_false(reading_queue_put(&queue, requests[2], false));
    assert_true(reading_queue_put(&queue, requests[3], true));
    assert_int_equal(metrics_get(metrics, METRIC_GATEWAY_STORE_QUEUE, 0), 3);
    assert_ptr_equal(reading_queue_take(&queue), requests[0]);
    assert_ptr_equal(reading_queue_take(&queue), requests[1]);
    assert_ptr_equal(reading_queue_take(&queue), requests[3]);
    assert_null(reading_queue_take(&queue));
    assert_int_equal(metrics_get(metrics, METRIC_GATEWAY_STORE_QUEUE, 0), 0);
    for (int i = 0; i < 4; i++) {
        reading_port_forget(requests[i]);
        reading_request_destroy(&requests[i]);
    }
}

static void answered_requests_come_back_in_order(void **state)
{
    (void)state;
    struct reading_request *requests[2] = {ask(&askers[0], 1), ask(&askers[1], 2)};
    assert_ptr_equal(port.oldest, requests[0]);
    for (int i = 0; i < 2; i++)
        assert_true(reading_queue_put(&queue, requests[i], false));
    answer_one();
    answer_one();
    assert_int_equal(wakes, 2);
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(reading_port_take(&port), requests[i]);
        assert_ptr_equal(requests[i]->asker, &askers[i]);
        assert_false(requests[i]->away);
        reading_port_drop(&requests[i]);
    }
    assert_null(port.oldest);
    assert_null(reading_port_take(&port));
}

static void a_dropped_request_is_freed_when_it_comes_back(void **state)
{
    (void)state;
    struct reading_request *dropped = ask(&askers[0], 1);
    struct reading_request *waiting = ask(&askers[1], 2);
    struct reading_request *same = dropped;
    reading_port_count_stream(dropped);
    assert_int_equal(port.streams, 1);
    reading_queue_put(&queue, dropped, false);
    reading_queue_put(&queue, waiting, false);
    reading_port_drop(&dropped);
    assert_null(dropped);
    assert_int_equal(port.streams, 0);
    assert_true(atomic_load(&same->dropped));
    assert_ptr_equal(port.oldest, waiting);
    answer_one();
    answer_one();
    assert_ptr_equal(reading_port_take(&port), waiting);
    reading_port_drop(&waiting);
}

static void requests_that_come_back_to_a_closed_port_are_freed_with_it(void **state)
{
    (void)state;
    struct reading_request *request = ask(&askers[0], 1);
    reading_queue_put(&queue, request, false);
    reading_port_drop(&request);
    reading_port_close(&port);
    answer_one();
    assert_int_equal(wakes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_queue_refuses_what_exceeds_its_bound_unless_it_must_enter),
        TEST(answered_requests_come_back_in_order),
        TEST(a_dropped_request_is_freed_when_it_comes_back),
        TEST(requests_that_come_back_to_a_closed_port_are_freed_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
