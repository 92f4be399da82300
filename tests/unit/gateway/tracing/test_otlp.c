/* Traces as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/tracing/otlp.h"

#define TRACE     "4bf92f3577b34da6a3ce929d0e0e4736"
#define CALLER    "00f067aa0ba902b7"
#define OWN       "1111111111111111"
#define OFFSET_US INT64_C(1790000000000000)

/* --- helpers --- */

static struct trace trace_of_an_issue(void)
{
    return (struct trace){
        .trace_id = TRACE,
        .parent_id = CALLER,
        .span_id = OWN,
        .seed = 7,
        .request_id = "r-1",
        .coupon_id = "noon",
        .method = METHOD_PUT,
        .route = "/v1/coupons/{id}/issues/{user_id}",
        .verdict = "issued",
        .status = 201,
        .begun_us = 100,
        .ended_us = 200,
        .wall_offset_us = OFFSET_US,
        .rounds_count = 1,
        .rounds = {{100, 110, 120, 180}},
        .store = TRACE_STORE_SEEN,
        .partition = 3,
        .journal_seq = UINT64_C(9007199254740993),
        .stored_us = 900,
    };
}

/* The request's spans; the caller frees it. */
static json_t *spans_of(const struct trace *const *traces, size_t count, unsigned spans)
{
    struct buffer out = {0};
    json_error_t error;
    unsigned appended = 0;
    otlp_begin(&out, "i-1", "1.2");
    for (size_t i = 0; i < count; i++)
        appended += otlp_append(&out, traces[i], i == 0);
    otlp_end(&out);
    assert_int_equal(appended, spans);
    json_t *request = json_loadb(out.data, out.length, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(request);
    buffer_deinit(&out);
    json_t *resource = json_array_get(json_object_get(request, "resourceSpans"), 0);
    json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);
    json_t *found = json_incref(json_object_get(scope, "spans"));
    assert_int_equal(json_array_size(found), spans);
    json_decref(request);
    return found;
}

static const char *text(const json_t *span, const char *name)
{
    return json_string_value(json_object_get(span, name));
}

/* The attribute's value; NULL: it has none. */
static const json_t *attribute(const json_t *span, const char *key, const char *type)
{
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(span, "attributes"), i, pair)
    {
        if (strcmp(text(pair, "key"), key) == 0)
            return json_object_get(json_object_get(pair, "value"), type);
    }
    return NULL;
}

static void assert_time(const json_t *span, const char *name, int64_t us)
{
    assert_true(strtoll(text(span, name), NULL, 10) == (OFFSET_US + us) * 1000);
}

static void assert_child(const json_t *span, const char *name, int64_t from_us, int64_t to_us)
{
    assert_string_equal(text(span, "name"), name);
    assert_string_equal(text(span, "traceId"), TRACE);
    assert_string_equal(text(span, "parentSpanId"), OWN);
    assert_int_equal(strlen(text(span, "spanId")), SPAN_ID_DIGITS);
    assert_string_not_equal(text(span, "spanId"), OWN);
    assert_time(span, "startTimeUnixNano", from_us);
    assert_time(span, "endTimeUnixNano", to_us);
}

static json_int_t status_code(const json_t *span)
{
    return json_integer_value(json_object_get(json_object_get(span, "status"), "code"));
}

/* --- tests --- */

static void an_issue_has_six_spans(void **state)
{
    struct trace trace = trace_of_an_issue();
    const struct trace *traces[] = {&trace};
    json_t *spans = spans_of(traces, 1, 6), *gateway = json_array_get(spans, 0);
    (void)state;
    assert_string_equal(text(gateway, "name"), "gateway");
    assert_string_equal(text(gateway, "spanId"), OWN);
    assert_string_equal(text(gateway, "parentSpanId"), CALLER);
    assert_int_equal(json_integer_value(json_object_get(gateway, "kind")), 2);
    assert_time(gateway, "startTimeUnixNano", 100);
    assert_time(gateway, "endTimeUnixNano", 200);
    assert_string_equal(json_string_value(attribute(gateway, "http.request.method", "stringValue")), "PUT");
    assert_string_equal(json_string_value(attribute(gateway, "http.route", "stringValue")), trace.route);
    assert_string_equal(json_string_value(attribute(gateway, "http.response.status_code", "intValue")), "201");
    assert_string_equal(json_string_value(attribute(gateway, "coupond.coupon_id", "stringValue")), "noon");
    assert_int_equal(status_code(gateway), 0);
    assert_child(json_array_get(spans, 1), "wait", 100, 110);
    assert_child(json_array_get(spans, 2), "decision", 110, 120);
    assert_child(json_array_get(spans, 3), "sync", 120, 180);
    assert_child(json_array_get(spans, 4), "reply", 180, 200);
    const json_t *store = json_array_get(spans, 5);
    assert_child(store, "store", 120, 900);
    assert_true(json_is_true(attribute(store, "coupond.store.seen", "boolValue")));
    assert_string_equal(json_string_value(attribute(store, "coupond.journal_seq", "intValue")), "9007199254740993");
    json_decref(spans);
}

static void a_request_answered_without_the_issuer_has_one_span(void **state)
{
    struct trace trace = {.trace_id = TRACE, .span_id = OWN, .request_id = "r", .status = 404, .ended_us = 1};
    const struct trace *traces[] = {&trace};
    json_t *spans = spans_of(traces, 1, 1), *gateway = json_array_get(spans, 0);
    (void)state;
    assert_null(json_object_get(gateway, "parentSpanId"));
    assert_null(attribute(gateway, "http.route", "stringValue"));
    assert_null(attribute(gateway, "coupond.verdict", "stringValue"));
    assert_string_equal(json_string_value(attribute(gateway, "http.request.method", "stringValue")), "_OTHER");
    assert_int_equal(status_code(gateway), 0); /* a client's error is none of the server's */
    json_decref(spans);
}

static void what_did_not_come_is_an_error(void **state)
{
    struct trace unknown = trace_of_an_issue(), unseen = trace_of_an_issue();
    const struct trace *traces[] = {&unknown, &unseen};
    unknown.rounds[0] = (struct trace_round){.sent_us = 100};
    unknown.store = TRACE_STORE_NONE;
    unknown.status = 503;
    unseen.store = TRACE_STORE_NOT_SEEN;
    json_t *spans = spans_of(traces, 2, 2 + 6);
    (void)state;
    assert_int_equal(status_code(json_array_get(spans, 0)), 2);
    assert_child(json_array_get(spans, 1), "wait", 100, 200);
    assert_int_equal(status_code(json_array_get(spans, 1)), 2);
    const json_t *store = json_array_get(spans, 7);
    assert_child(store, "store", 120, 900);
    assert_int_equal(status_code(store), 2);
    assert_string_equal(text(json_object_get(store, "status"), "message"), "not seen");
    assert_true(json_is_false(attribute(store, "coupond.store.seen", "boolValue")));
    json_decref(spans);
}

static void each_round_has_its_spans_and_no_two_ids_are_equal(void **state)
{
    struct trace trace = trace_of_an_issue();
    const struct trace *traces[] = {&trace};
    trace.rounds_count = TRACE_ROUNDS_MAX;
    for (int i = 0; i < TRACE_ROUNDS_MAX; i++)
        trace.rounds[i] = (struct trace_round){100 + 10 * i, 101 + 10 * i, 102 + 10 * i, 103 + 10 * i};
    json_t *spans = spans_of(traces, 1, OTLP_SPANS_MAX);
    (void)state;
    for (size_t i = 0; i < OTLP_SPANS_MAX; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(text(json_array_get(spans, i), "spanId"), text(json_array_get(spans, j), "spanId"));
    }
    assert_child(json_array_get(spans, 4), "reply", 103, 110);
    assert_child(json_array_get(spans, 5), "wait", 110, 111);
    assert_child(json_array_get(spans, 16), "reply", 133, 200);
    json_decref(spans);
}

static void the_longest_texts_fit(void **state)
{
    struct trace trace = trace_of_an_issue();
    const struct trace *traces[] = {&trace};
    memset(trace.request_id, 'x', REQUEST_ID_MAX);
    memset(trace.coupon_id, 'y', COUPON_ID_MAX);
    (void)state;
    json_decref(spans_of(traces, 1, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issue_has_six_spans),
        cmocka_unit_test(a_request_answered_without_the_issuer_has_one_span),
        cmocka_unit_test(what_did_not_come_is_an_error),
        cmocka_unit_test(each_round_has_its_spans_and_no_two_ids_are_equal),
        cmocka_unit_test(the_longest_texts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
