/* Issues as JSON, CSV and NDJSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/reading/rows.h"
#include "gateway/reply/json.h"
#include "shared/coupon.h"

/* --- helpers --- */

#define NOW_US     INT64_C(1763691960000000)
#define CHECK_OF_1 "3" /* the check character of the code 1 */
#define HEADER                                                                                                         \
    "coupon_id,user_id,sequence,nth,code,issued_at,redeemable_until,state,reference,redeemed_at,reason,revoked_at\r\n"

static const struct store_issue_view view = {
    .issue = {.coupon_id = "noon",
              .coupon_id_length = 4,
              .user_id = "@kim",
              .user_id_length = 4,
              .nth = 2,
              .sequence = 17,
              .issued_at_us = 1763691900000001},
    .title = "\"정오\"",
    .title_length = 8,
    .benefit = "{\"won\":1000}",
    .benefit_length = 12,
    .number = 1,
    .redeem_until_us = TIME_NONE,
};

/* Redeemed with a reference that CSV and JSON quote. */
static struct store_issue_view redeemed(void)
{
    struct store_issue_view changed = view;
    changed.change = (struct store_change){
        .state = ISSUE_REDEEMED, .reference = "a,\"b\"", .reference_length = 5, .changed_at_us = 1763691900000002};
    return changed;
}
#define ISSUE                                                                                                          \
    "\"coupon_id\":\"noon\",\"user_id\":\"@kim\",\"sequence\":17,\"nth\":2,\"code\":\"00000000001" CHECK_OF_1          \
    "\",\"issued_at\":\"2025-11-21T02:25:00.000001Z\",\"redeemable_until\":null,\"state\":\"issued\""

static void assert_text(struct buffer *out, const char *wanted)
{
    buffer_append(out, "", 1);
    assert_string_equal(out->data, wanted);
    buffer_deinit(out);
}

static void append_twice(struct buffer *out, enum reading_scope scope, enum reading_format format)
{
    const struct reading_question question = {.scope = scope, .format = format};
    reading_rows_begin(out, format);
    reading_rows_append(out, &question, &view, 1, NOW_US);
    reading_rows_append(out, &question, &view, 1, NOW_US);
}

/* --- tests --- */

static void csv_has_a_header_and_a_line_for_each_issue(void **state)
{
    (void)state;
    struct buffer out = {0};
    append_twice(&out, READING_COUPON, READING_CSV);
    assert_text(&out, HEADER "noon,@kim,17,2,00000000001" CHECK_OF_1 ",2025-11-21T02:25:00.000001Z,,issued,,,,\r\n"
                             "noon,@kim,17,2,00000000001" CHECK_OF_1 ",2025-11-21T02:25:00.000001Z,,issued,,,,\r\n");
}

static void csv_shows_what_became_of_an_issue(void **state)
{
    (void)state;
    struct buffer out = {0};
    const struct reading_question question = {.scope = READING_COUPON, .format = READING_CSV};
    struct store_issue_view row = redeemed();
    row.redeem_until_us = NOW_US;
    reading_rows_append(&out, &question, &row, ISSUE_CODE_UNKNOWN, NOW_US);
    row.change.state = ISSUE_NONE;
    reading_rows_append(&out, &question, &row, ISSUE_CODE_UNKNOWN, NOW_US);
    assert_text(&out, "noon,@kim,17,2,,2025-11-21T02:25:00.000001Z,2025-11-21T02:26:00.000000Z,redeemed,"
                      "\"a,\"\"b\"\"\",2025-11-21T02:25:00.000002Z,,\r\n"
                      "noon,@kim,17,2,,2025-11-21T02:25:00.000001Z,2025-11-21T02:26:00.000000Z,expired,,,,\r\n");
}

static void ndjson_has_an_object_on_each_line(void **state)
{
    (void)state;
    struct buffer out = {0};
    append_twice(&out, READING_USER, READING_NDJSON);
    assert_text(&out, "{" ISSUE "}\n{" ISSUE "}\n");
}

static void a_page_of_a_coupon_has_its_issues_and_the_next_cursor(void **state)
{
    (void)state;
    struct buffer out = {0};
    append_twice(&out, READING_COUPON, READING_JSON);
    reading_rows_wrap(&out, "issues", 1763691900000000, SPAN_LITERAL("17"));
    assert_text(&out, "{\"as_of\":\"2025-11-21T02:25:00.000000Z\",\"issues\":[{" ISSUE "},{" ISSUE
                      "}],\"next_cursor\":\"17\"}");
}

static void an_issue_of_a_user_has_the_coupons_title(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct store_issue_view untitled = view;
    const struct reading_question question = {.scope = READING_USER, .format = READING_JSON};
    untitled.title = NULL;
    reading_rows_append(&out, &question, &view, 1, NOW_US);
    reading_rows_append(&out, &question, &untitled, 1, NOW_US);
    reading_rows_wrap(&out, "issues", TIME_NONE, SPAN_NONE);
    assert_text(&out,
                "{\"as_of\":null,\"issues\":[{" ISSUE ",\"title\":\"\\\"정오\\\"\",\"benefit\":{\"won\":1000}},{" ISSUE
                ",\"title\":null,\"benefit\":{\"won\":1000}}],\"next_cursor\":null}");
}

/* People may change what is in a database. */
static void a_benefit_that_is_no_json_is_left_out(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct store_issue_view changed = view;
    const struct reading_question question = {.scope = READING_USER, .format = READING_JSON};
    changed.benefit = "{},\"code\":\"\"";
    changed.benefit_length = 12;
    reading_rows_append(&out, &question, &changed, 1, NOW_US);
    assert_text(&out, "{" ISSUE ",\"title\":\"\\\"정오\\\"\",\"benefit\":null}");
}

static void a_page_without_issues_is_a_page(void **state)
{
    (void)state;
    struct buffer out = {0};
    reading_rows_wrap(&out, "issues", TIME_NONE, SPAN_NONE);
    assert_text(&out, "{\"as_of\":null,\"issues\":[],\"next_cursor\":null}");
}

static void csv_quotes_what_needs_quotes(void **state)
{
    (void)state;
    struct buffer out = {0};
    static const struct span fields[] = {{"plain", 5}, {"a,b", 3}, {"say \"hi\"", 8}, {"two\r\nlines", 10}, {"", 0}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        reading_csv_append(&out, fields[i]);
        buffer_append(&out, ";", 1);
    }
    assert_text(&out, "plain;\"a,b\";\"say \"\"hi\"\"\";\"two\r\nlines\";;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_header_and_a_line_for_each_issue),
        cmocka_unit_test(csv_shows_what_became_of_an_issue),
        cmocka_unit_test(ndjson_has_an_object_on_each_line),
        cmocka_unit_test(a_page_of_a_coupon_has_its_issues_and_the_next_cursor),
        cmocka_unit_test(an_issue_of_a_user_has_the_coupons_title),
        cmocka_unit_test(a_benefit_that_is_no_json_is_left_out),
        cmocka_unit_test(a_page_without_issues_is_a_page),
        cmocka_unit_test(csv_quotes_what_needs_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
