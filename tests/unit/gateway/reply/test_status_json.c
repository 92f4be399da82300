/* The answer to GET /v1/status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "gateway/reply/status_json.h"
#include "shared/coupon.h"

static json_t *json_of(const struct status *status)
{
    struct buffer text = {0};
    status_json_append(&text, status);
    json_t *json = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    buffer_deinit(&text);
    assert_non_null(json);
    return json;
}

static const json_t *at(const json_t *json, const char *outer, const char *inner)
{
    return json_object_get(json_object_get(json, outer), inner);
}

static void unknown_things_are_null(void **state)
{
    (void)state;
    const struct status status = {
        .version = "1", .detail = "", .partitions_count = 1, .as_of_us = TIME_NONE, .buckets_count = 1};
    json_t *json = json_of(&status);
    const json_t *partition = json_array_get(json_object_get(json, "partitions"), 0);
    assert_true(json_is_null(json_object_get(json, "detail")));
    assert_true(json_is_null(json_object_get(partition, "journal_seq")));
    assert_true(json_is_null(json_object_get(partition, "stored_seq")));
    assert_true(json_is_false(at(json, "store", "available")));
    assert_true(json_is_null(at(json, "store", "as_of")));
    assert_true(json_is_null(at(json, "store", "lag_s")));
    json_decref(json);
}

static void no_journal_is_behind_what_is_stored(void **state)
{
    (void)state;
    const struct status status = {
        .version = "1",
        .detail = "",
        .partitions_count = 3,
        .partitions = {{.heard = true, .journal_seq = 3, .stored = true, .stored_seq = 5},
                       {.heard = true, .journal_seq = 9, .stored = true, .stored_seq = 5},
                       {.heard = true, .journal_seq = 3, .stored_seq = 5}},
    };
    static const int expected[] = {5, 9, 3};
    json_t *json = json_of(&status);
    for (size_t p = 0; p < 3; p++) {
        const json_t *partition = json_array_get(json_object_get(json, "partitions"), p);
        assert_int_equal(json_integer_value(json_object_get(partition, "journal_seq")), expected[p]);
    }
    json_decref(json);
}

static void lag_is_the_time_since_as_of_and_never_negative(void **state)
{
    (void)state;
    struct status status = {.version = "1", .detail = "", .now_us = 5250000, .as_of_us = 5000000, .available = true};
    json_t *json = json_of(&status);
    assert_true(json_number_value(at(json, "store", "lag_s")) == 0.25);
    json_decref(json);
    status.as_of_us = 6000000;
    json = json_of(&status);
    assert_true(json_number_value(at(json, "store", "lag_s")) == 0);
    json_decref(json);
}

static void buckets_are_cumulative_and_the_last_has_no_bound(void **state)
{
    (void)state;
    const struct status status = {.version = "1",
                                  .detail = "",
                                  .buckets_count = 3,
                                  .buckets = {{10, 1}, {2500000, 2}, {0, 4}},
                                  .sum_us = 1234567};
    json_t *json = json_of(&status);
    const json_t *latency = at(json, "gateway", "latency_s");
    const json_t *buckets = json_object_get(latency, "buckets");
    const json_t *second = json_array_get(buckets, 1), *last = json_array_get(buckets, 2);
    assert_int_equal(json_array_size(buckets), 3);
    assert_true(json_real_value(json_object_get(second, "le")) == 2.5);
    assert_int_equal(json_integer_value(json_object_get(second, "count")), 3);
    assert_true(json_is_null(json_object_get(last, "le")));
    assert_int_equal(json_integer_value(json_object_get(last, "count")), 7);
    assert_int_equal(json_integer_value(json_object_get(latency, "count")), 7);
    json_decref(json);
}

static void details_are_escaped(void **state)
{
    (void)state;
    const struct status status = {.version = "1", .detail = "a \"quoted\"\nline"};
    json_t *json = json_of(&status);
    assert_string_equal(json_string_value(json_object_get(json, "detail")), status.detail);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_things_are_null),
        cmocka_unit_test(no_journal_is_behind_what_is_stored),
        cmocka_unit_test(lag_is_the_time_since_as_of_and_never_negative),
        cmocka_unit_test(buckets_are_cumulative_and_the_last_has_no_bound),
        cmocka_unit_test(details_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
