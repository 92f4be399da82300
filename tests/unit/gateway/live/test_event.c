/* The text of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/live/event.h"

#define SECOND INT64_C(1000000)
#define NOW    (INT64_C(1763691900) * SECOND) /* 2025-11-21T02:25:00Z */

static const struct coupon limited = {.id = "noon",
                                      .quantity = 5000,
                                      .issued = 12,
                                      .returned = 2,
                                      .redeemed = 3,
                                      .starts_at_us = NOW - SECOND,
                                      .ends_at_us = TIME_NONE,
                                      .journal_seq = 7};

static struct live_view view_of(const struct coupon *coupon, int64_t now_us)
{
    struct live_view view = {0};
    live_view_set(&view, coupon, now_us);
    return view;
}

static void event_has_the_whole_state(void **state)
{
    (void)state;
    struct live_view view = view_of(&limited, NOW);
    char text[LIVE_EVENT_MAX];
    view.rate_tenths = 8124;
    size_t length = live_event_coupon(text, &view, NOW + 42);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text,
                        "event: coupon\nid: 1763691900000042\ndata: {\"id\":\"noon\",\"state\":\"open\","
                        "\"quantity\":5000,\"issued\":12,\"returned\":2,\"remaining\":4990,\"redeemed\":3,"
                        "\"starts_at\":\"2025-11-21T02:24:59.000000Z\",\"ends_at\":null,\"version\":7,\"rate\":812.4,"
                        "\"now\":\"2025-11-21T02:25:00.000042Z\"}\n\n");
}

static void coupon_without_a_bound_has_null(void **state)
{
    (void)state;
    struct coupon coupon = limited;
    char text[LIVE_EVENT_MAX];
    coupon.quantity = QUANTITY_UNLIMITED;
    struct live_view view = view_of(&coupon, NOW);
    live_event_coupon(text, &view, NOW);
    assert_non_null(strstr(text, "\"quantity\":null,"));
    assert_non_null(strstr(text, "\"remaining\":null,"));
}

static void the_largest_event_has_room(void **state)
{
    (void)state;
    struct coupon coupon = {.quantity = QUANTITY_MAX,
                            .issued = UINT32_MAX,
                            .returned = UINT32_MAX,
                            .redeemed = UINT32_MAX,
                            .starts_at_us = TIME_US_MAX,
                            .ends_at_us = TIME_US_MAX,
                            .journal_seq = UINT64_MAX};
    char text[LIVE_EVENT_MAX], chunk[LIVE_CHUNK_MAX];
    memset(coupon.id, 'x', COUPON_ID_MAX);
    struct live_view view = view_of(&coupon, NOW);
    view.rate_tenths = UINT64_MAX;
    size_t length = live_event_coupon(text, &view, ISSUER_TIME_US_MAX);
    assert_true(live_event_chunk(chunk, text, length) < LIVE_CHUNK_MAX);
    assert_true(live_event_unavailable(text, coupon.id, TIME_US_MAX) < LIVE_EVENT_MAX);
}

static void state_follows_the_time(void **state)
{
    (void)state;
    struct coupon coupon = limited;
    coupon.starts_at_us = NOW;
    coupon.ends_at_us = NOW + SECOND;
    struct live_view view = view_of(&coupon, NOW - 1);
    assert_int_equal(view.state, COUPON_SCHEDULED);
    for (int64_t us = NOW - 1; us <= NOW + SECOND; us += SECOND / 2)
        assert_int_equal(live_view_state(&view, us), coupon_state(&coupon, us));
    assert_int_equal(live_view_state(&view, NOW), COUPON_OPEN);
    assert_int_equal(live_view_state(&view, NOW + SECOND), COUPON_ENDED);
}

static void state_is_that_of_the_coupon(void **state)
{
    (void)state;
    struct coupon sold = limited, paused = limited, archived = limited;
    sold.issued = 5002;
    paused.paused = true;
    archived.archived = true;
    assert_int_equal(view_of(&sold, NOW).state, COUPON_SOLD_OUT);
    assert_int_equal(view_of(&paused, NOW).state, COUPON_PAUSED);
    assert_int_equal(view_of(&archived, NOW).state, COUPON_ARCHIVED);
}

static void other_texts_are_as_the_standard_has_them(void **state)
{
    (void)state;
    char text[LIVE_EVENT_MAX];
    live_event_unavailable(text, "noon", NOW);
    assert_string_equal(text,
                        "event: unavailable\ndata: {\"id\":\"noon\",\"since\":\"2025-11-21T02:25:00.000000Z\"}\n\n");
    live_event_heartbeat(text);
    assert_string_equal(text, ":\n\n");
    live_event_retry(text, 3472);
    assert_string_equal(text, "retry: 3472\n\n");
}

static void chunk_has_its_length_in_front(void **state)
{
    (void)state;
    char chunk[LIVE_CHUNK_MAX];
    size_t length = live_event_chunk(chunk, "event: unavailable\n", 19);
    assert_int_equal(length, 25);
    assert_memory_equal(chunk, "13\r\nevent: unavailable\n\r\n", 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_has_the_whole_state),     cmocka_unit_test(coupon_without_a_bound_has_null),
        cmocka_unit_test(the_largest_event_has_room),    cmocka_unit_test(state_follows_the_time),
        cmocka_unit_test(state_is_that_of_the_coupon),   cmocka_unit_test(other_texts_are_as_the_standard_has_them),
        cmocka_unit_test(chunk_has_its_length_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
