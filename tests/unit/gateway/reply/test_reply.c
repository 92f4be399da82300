/* Responses byte for byte: heads, problems, issues, coupons, listings. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <jansson.h>

#include "gateway/api/listing.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/reply/json.h"
#include "gateway/reply/reply.h"
#include "shared/code.h"

/* --- fixture --- */

static struct buffer out;
static struct reply_clock reply_clock_now;
static const struct reply_style plain = {.close = false};

static int set_up(void **state)
{
    (void)state;
    reply_init();
    reply_clock_set(&reply_clock_now, 1795228020123456); /* 2026-11-21T02:27:00 */
    out.length = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_deinit(&out);
    return 0;
}

/* --- helpers --- */

static const char *text(void)
{
    buffer_append(&out, "", 1);
    out.length--;
    return out.data;
}

/* The JSON body of the only response in `out`, whose announced length must be correct. */
static json_t *body_json(void)
{
    const char *body = strstr(text(), "\r\n\r\n") + 4;
    const char *length = strstr(out.data, "Content-Length: ") + 16;
    json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(strtoul(length, NULL, 10), strlen(body));
    assert_non_null(json);
    return json;
}

static struct coupon some_coupon(const char *id)
{
    struct coupon coupon = {.title = "t", .quantity = 10, .issued = 3, .per_user_limit = 2};
    strcpy(coupon.id, id);
    coupon.starts_at_us = TIME_NONE;
    coupon.ends_at_us = 1000000;
    coupon.redeem_until_us = TIME_NONE;
    return coupon;
}

static bool add(struct listing *listing, uint16_t partition, const struct coupon *coupon)
{
    static struct frame_coupon wire;
    frame_coupon_write(&wire, coupon);
    return listing_add(listing, partition, &wire, 0);
}

static void list(struct listing *listing)
{
    out.length = 0;
    listing_json_append(listing, &out);
}

/* --- tests --- */

static void a_response_is_written_byte_for_byte(void **state)
{
    struct reply reply = {.status = 200, .type = REPLY_JSON, .fields = "X: y\r\n", .fields_length = 6};
    (void)state;
    reply.body = "{}";
    reply.body_length = 2;
    reply_write(&out, &reply_clock_now, plain, &reply);
    assert_string_equal(text(),
                        "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 02:27:00 GMT\r\nX: y\r\n"
                        "Content-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\n{}");
}

static void the_style_decides_on_connection_and_body(void **state)
{
    struct reply reply = {.status = 200, .type = REPLY_JSON, .body = "{}", .body_length = 2};
    (void)state;
    reply_write(&out, &reply_clock_now, (struct reply_style){.close = true, .http_1_0 = true}, &reply);
    assert_non_null(strstr(text(), "\r\nConnection: close\r\n"));
    out.length = 0;
    reply_write(&out, &reply_clock_now, (struct reply_style){.http_1_0 = true}, &reply);
    assert_non_null(strstr(text(), "\r\nConnection: keep-alive\r\n"));
    out.length = 0;
    reply_write(&out, &reply_clock_now, (struct reply_style){.head_only = true}, &reply);
    assert_non_null(strstr(text(), "Content-Length: 2\r\n\r\n"));
    assert_null(strstr(text(), "{}"));
}

static void the_date_changes_with_the_second(void **state)
{
    struct reply_clock clock = {.date_length = 0};
    (void)state;
    reply_clock_set(&clock, 1795228020999999);
    assert_memory_equal(clock.date, "Date: Sat, 21 Nov 2026 02:27:00 GMT\r\n", clock.date_length);
    reply_clock_set(&clock, 1795228021000000);
    assert_memory_equal(clock.date, "Date: Sat, 21 Nov 2026 02:27:01 GMT\r\n", clock.date_length);
}

static void every_code_is_a_whole_problem(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CODE_COUNT; i++) {
        const struct error_code_row *row = error_code_row((enum error_code)i);
        out.length = 0;
        assert_int_equal(reply_write_problem(&out, &reply_clock_now, plain, (enum error_code)i, NULL), row->status);
        json_t *json = body_json();
        assert_non_null(strstr(out.data, "\r\nContent-Type: application/problem+json\r\n"));
        assert_string_equal(json_string_value(json_object_get(json, "code")), row->code);
        assert_string_equal(json_string_value(json_object_get(json, "title")), row->title);
        assert_string_equal(json_string_value(json_object_get(json, "detail")), row->detail);
        assert_int_equal(json_integer_value(json_object_get(json, "status")), row->status);
        assert_non_null(json_object_get(json, "type"));
        assert_int_equal(strstr(out.data, "\r\nRetry-After: ") != NULL, row->status == 503 || row->status == 429);
        assert_int_equal(strstr(out.data, "\r\nWWW-Authenticate: Bearer") != NULL, row->status == 401);
        json_decref(json);
    }
}

static void problems_contain_their_additions(void **state)
{
    struct api_errors errors = {0};
    struct problem_extras extras = {.errors = &errors, .allow = "GET, HEAD", .retry_after_s = 77};
    (void)state;
    api_errors_add(&errors, "a\"\\\n\x7f", "\xff\xc3");
    api_errors_add(&errors, "b", "\xed\x95\x9c");
    reply_write_problem(&out, &reply_clock_now, plain, ERROR_INVALID_REQUEST, &extras);
    json_t *json = body_json();
    json_t *rows = json_object_get(json, "errors");
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "field")), "a\"\\\n\x7f");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "reason")),
                        "\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 1), "reason")), "\xed\x95\x9c");
    assert_non_null(strstr(out.data, "\r\nAllow: GET, HEAD\r\n"));
    assert_non_null(strstr(out.data, "\r\nRetry-After: 77\r\n"));
    json_decref(json);
}

static void an_issue_is_formatted_at_its_limits(void **state)
{
    char id[COUPON_ID_MAX];
    char user[USER_ID_MAX];
    char json[ISSUE_JSON_MAX];
    (void)state;
    memset(id, 'C', sizeof id);
    memset(user, 'u', sizeof user);
    struct frame_issue issue = {.sequence = UINT32_MAX,
                                .nth = NTH_MAX,
                                .state = ISSUE_ISSUED,
                                .issued_at_us = 253402300799999999,
                                .redeemable_until_us = TIME_NONE,
                                .code = CODE_NUMBER_END - 1};
    struct issue_view view = {.coupon_id = {id, sizeof id}, .user_id = {user, sizeof user}, .issue = &issue};
    size_t length = issue_json_format(json, &view);
    json_t *parsed = json_loadb(json, length, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(parsed, "sequence")), UINT32_MAX);
    assert_string_equal(json_string_value(json_object_get(parsed, "issued_at")), "9999-12-31T23:59:59.999999Z");
    assert_int_equal(json_string_length(json_object_get(parsed, "user_id")), USER_ID_MAX);
    json_decref(parsed);
}

static void a_coupon_shows_state_and_remaining(void **state)
{
    struct coupon coupon = some_coupon("A");
    (void)state;
    coupon_json_append(&out, &coupon, 999999);
    assert_string_equal(text(), "{\"id\":\"A\",\"title\":\"t\",\"description\":null,\"benefit\":null,\"metadata\":null,"
                                "\"quantity\":10,\"issued\":3,\"returned\":0,\"remaining\":7,\"redeemed\":0,"
                                "\"per_user_limit\":2,\"starts_at\":null,\"ends_at\":\"1970-01-01T00:00:01.000000Z\","
                                "\"redeem_until\":null,\"redeem_within_s\":null,\"state\":\"open\",\"owner\":null,"
                                "\"segments\":null,\"version\":0,\"created_at\":\"1970-01-01T00:00:00.000000Z\","
                                "\"updated_at\":\"1970-01-01T00:00:00.000000Z\"}");
    out.length = 0;
    coupon.issued = 10;
    coupon_json_append(&out, &coupon, 1000000);
    assert_non_null(strstr(text(), "\"remaining\":0,"));
    assert_non_null(strstr(text(), "\"state\":\"ended\""));
}

static void not_started_gives_the_seconds_rounded_up(void **state)
{
    static const struct {
        int64_t start_us, now_us;
        const char *field;
    } rows[] = {
        {1000000, 0, "Retry-After: 1\r\n"},
        {1000001, 0, "Retry-After: 2\r\n"},
        {1, 0, "Retry-After: 1\r\n"},
        {5, 9, "Retry-After: 1\r\n"},
        {TIME_US_MAX, 0, "Retry-After: 4294967295\r\n"},
        {TIME_US_MAX, INT64_MIN, "Retry-After: 4294967295\r\n"},
    };
    struct exchange exchange = {.op = ISSUE_POST};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame_issue_reply reply = {.verdict = VERDICT_NOT_STARTED, .issue.issued_at_us = rows[i].start_us};
        reply.now_us = rows[i].now_us;
        out.length = 0;
        assert_int_equal(verdict_answer_issue(&out, &reply_clock_now, plain, &exchange, &reply), 409);
        assert_non_null(strstr(text(), rows[i].field));
    }
}

static void not_started_gives_the_start(void **state)
{
    struct exchange exchange = {.op = ISSUE_POST};
    struct frame_issue_reply reply = {.verdict = VERDICT_NOT_STARTED, .issue.issued_at_us = 1798772400000000};
    (void)state;
    out.length = 0;
    assert_int_equal(verdict_answer_issue(&out, &reply_clock_now, plain, &exchange, &reply), 409);
    assert_non_null(strstr(text(), ",\"starts_at\":\"2027-01-01T03:00:00.000000Z\"}"));
}

static void only_a_wrong_token_is_reported_as_invalid(void **state)
{
    const char *challenge = "WWW-Authenticate: Bearer realm=\"coupond\"";
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct problem_extras extras = {.invalid_token = wrong};
        out.length = 0;
        assert_int_equal(reply_write_problem(&out, &reply_clock_now, plain, ERROR_UNAUTHORIZED, &extras), 401);
        const char *line = strstr(text(), challenge);
        assert_non_null(line);
        line += strlen(challenge);
        assert_int_equal(strncmp(line, wrong ? ", error=\"invalid_token\"\r\n" : "\r\n", wrong ? 25 : 2), 0);
    }
}

static void a_string_is_escaped_where_json_or_utf_8_asks_for_it(void **state)
{
    static const struct {
        const char *text;
        const char *json;
    } strings[] = {
        {"", "\"\""},
        {"plain, all of it", "\"plain, all of it\""},
        {"\"a\\", "\"\\\"a\\\\\""},
        {"a\x1f\x7f", "\"a\\u001f\\u007f\""},
        {"a\xed\x95\x9cz", "\"a\xed\x95\x9cz\""},
        {"\xed\x95", "\"\\ufffd\\ufffd\""},
        {"a\xc0\x80z", "\"a\\ufffd\\ufffdz\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        out.length = 0;
        json_string_append(&out, strings[i].text, strlen(strings[i].text));
        assert_string_equal(text(), strings[i].json);
    }
}

static int answer_issue(enum verdict verdict, struct frame_issue issue)
{
    struct exchange exchange = {.op = ISSUE_POST, .coupon_id = "A", .coupon_id_length = 1};
    struct frame_issue_reply reply = {.verdict = (uint8_t)verdict, .issue = issue};
    int status = verdict_answer_issue(&out, &reply_clock_now, plain, &exchange, &reply);
    struct frame_change_reply change = {.verdict = VERDICT_REDEEMED, .issue = issue};
    exchange.op = CHANGE_REDEEM;
    if (verdict == VERDICT_ISSUED)
        assert_int_equal(verdict_answer_change(&out, &reply_clock_now, plain, &exchange, &change), status);
    assert_true(status != 0 || out.length == 0);
    out.length = 0;
    return status;
}

static void a_reply_with_an_invalid_issue_is_no_answer(void **state)
{
    const struct frame_issue none = {0};
    const struct frame_issue good = {
        .sequence = 1, .nth = 1, .state = ISSUE_ISSUED, .redeemable_until_us = TIME_NONE, .issued_at_us = 1};
    struct frame_issue bad[] = {good, good, good, good, good};
    (void)state;
    bad[0].issued_at_us = INT64_MIN;
    bad[1].issued_at_us = INT64_MAX;
    bad[2].sequence = 0;
    bad[3].state = ISSUE_STATE_COUNT;
    bad[4].nth = 0;
    assert_int_equal(answer_issue(VERDICT_ISSUED, good), 201);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(answer_issue(VERDICT_ISSUED, bad[i]), 0);
    assert_int_equal(answer_issue(VERDICT_ISSUED, none), 0);
    assert_int_equal(answer_issue(VERDICT_SOLD_OUT, none), 409);
    assert_int_equal(answer_issue(VERDICT_NOT_STARTED, (struct frame_issue){.issued_at_us = TIME_NONE}), 0);
    assert_int_equal(answer_issue(VERDICT_NOT_STARTED, (struct frame_issue){.issued_at_us = INT64_MAX}), 0);
}

static int answer_coupon(uint8_t verdict)
{
    struct frame_coupon_reply reply = {.verdict = verdict};
    return verdict_answer_coupon(&out, &reply_clock_now, plain, &reply);
}

static void a_reply_with_an_invalid_coupon_is_no_answer(void **state)
{
    struct frame_coupon_reply good = {.verdict = VERDICT_COUPON_CREATED}, bad;
    struct coupon coupon = some_coupon("a");
    (void)state;
    frame_coupon_write(&good.coupon, &coupon);
    assert_int_equal(verdict_answer_coupon(&out, &reply_clock_now, plain, &good), 201);
    bad = good;
    bad.coupon.id[0] = '\n'; /* would begin a header line */
    assert_int_equal(verdict_answer_coupon(&out, &reply_clock_now, plain, &bad), 0);
    bad = good;
    bad.coupon.issued = bad.coupon.quantity + 1;
    assert_int_equal(verdict_answer_coupon(&out, &reply_clock_now, plain, &bad), 0);
    bad = good;
    bad.coupon.text_lengths[COUPON_TEXT_TITLE] = TITLE_MAX + 1;
    assert_int_equal(verdict_answer_coupon(&out, &reply_clock_now, plain, &bad), 0);
    coupon_text_set(&coupon, COUPON_TEXT_BENEFIT, "{},\"owner\":\"me\"", 15); /* would add a member */
    frame_coupon_write(&bad.coupon, &coupon);
    assert_int_equal(verdict_answer_coupon(&out, &reply_clock_now, plain, &bad), 0);
}

static void refusals_of_a_change_name_the_member(void **state)
{
    (void)state;
    assert_int_equal(answer_coupon(VERDICT_QUANTITY_BELOW_ISSUED), 400);
    assert_non_null(strstr(text(), "\"field\":\"quantity\""));
    out.length = 0;
    assert_int_equal(answer_coupon(VERDICT_WINDOW_INVALID), 400);
    assert_non_null(strstr(text(), "\"field\":\"ends_at\""));
    out.length = 0;
    assert_int_equal(answer_coupon(VERDICT_COUPON_EXISTS), 409);
    assert_int_equal(answer_coupon(VERDICT_ISSUED), 0);
    assert_int_equal(answer_coupon(255), 0);
}

static void a_page_ends_where_nothing_follows(void **state)
{
    struct listing *listing = listing_create(2);
    struct coupon a = some_coupon("a");
    struct coupon b = some_coupon("b");
    struct coupon c = some_coupon("c");
    (void)state;
    list(listing);
    assert_string_equal(text(), "{\"coupons\":[],\"next_cursor\":null}");
    assert_int_equal(listing_ask(listing), 3);
    assert_true(add(listing, 1, &b));
    assert_true(add(listing, 0, &a));
    list(listing);
    assert_non_null(strstr(text(), "\"next_cursor\":null}"));
    assert_true(strstr(out.data, "\"a\"") < strstr(out.data, "\"b\""));
    assert_true(add(listing, 1, &c));
    list(listing);
    assert_non_null(strstr(text(), "\"next_cursor\":\"b\"}"));
    assert_null(strstr(text(), "\"id\":\"c\""));
    listing_destroy(&listing);
    assert_null(listing);
}

static void a_partition_cannot_send_more_than_asked_for(void **state)
{
    struct listing *listing = listing_create(COUPON_LIST_MAX);
    struct coupon coupon = some_coupon("a");
    (void)state;
    assert_int_equal(listing_ask(listing), COUPON_LIST_MAX);
    for (int i = 0; i < COUPON_LIST_MAX; i++)
        assert_true(add(listing, 0, &coupon));
    assert_false(add(listing, 0, &coupon));
    list(listing);
    assert_non_null(strstr(text(), "\"next_cursor\":\"a\"}"));
    listing_destroy(&listing);
}

static void a_page_needs_only_the_bytes_of_its_coupons(void **state)
{
    struct listing *listing = listing_create(COUPON_LIST_MAX);
    struct coupon coupon = some_coupon("a");
    (void)state;
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < COUPON_LIST_MAX; i++)
        assert_true(add(listing, 0, &coupon));
    assert_true(mallinfo2().uordblks - before < (size_t)COUPON_LIST_MAX * 512);
    listing_destroy(&listing);
}

/* Coupon "000" to "399", with JSON's quotes. */
static const char *quoted_id(uint32_t number)
{
    static char id[16];
    snprintf(id, sizeof id, "\"%03u\"", number);
    return id;
}

/* The share of the 400 coupons that is requested from four partitions, shuffled. */
static void add_pages(struct listing *listing)
{
    for (uint32_t n = 0; n < 400; n++) {
        uint32_t number = n * 129 % 400;
        struct coupon coupon = some_coupon("");
        memcpy(coupon.id, quoted_id(number) + 1, 3);
        if (number / 4 < listing_ask(listing))
            assert_true(add(listing, (uint16_t)(number % 4), &coupon));
    }
}

static void a_page_holds_the_first_of_all_partitions_in_their_order(void **state)
{
    static const uint32_t limits[] = {1, 7, 100, 199};
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct listing *listing = listing_create(limits[i]);
        add_pages(listing);
        list(listing);
        const char *at = text();
        for (uint32_t number = 0; number < limits[i]; number++)
            assert_non_null(at = strstr(at, quoted_id(number)));
        assert_null(strstr(text(), quoted_id(limits[i])));
        assert_memory_equal(strstr(text(), "\"next_cursor\":") + 14, quoted_id(limits[i] - 1), 5);
        listing_destroy(&listing);
    }
}

static void clients_refused_together_retry_at_different_times(void **state)
{
    unsigned seen[4] = {0};
    (void)state;
    for (int i = 0; i < 300; i++) {
        out.length = 0;
        reply_write_problem(&out, &reply_clock_now, plain, ERROR_OVERLOADED, NULL);
        buffer_append(&out, "", 1);
        const char *field = strstr(out.data, "\r\nRetry-After: ");
        assert_non_null(field);
        assert_in_range(field[15], '1', '3');
        assert_int_equal(field[16], '\r');
        seen[field[15] - '0']++;
    }
    for (int s = 1; s <= 3; s++)
        assert_in_range(seen[s], 50, 150);
}

static void a_detail_may_be_long_and_hold_quotes(void **state)
{
    char detail[768];
    json_t *json = NULL;
    (void)state;
    memset(detail, '"', sizeof detail - 1);
    detail[sizeof detail - 1] = '\0';
    reply_write_problem(&out, &reply_clock_now, plain, ERROR_ISSUER_UNAVAILABLE,
                        &(struct problem_extras){.detail = detail});
    json = body_json();
    assert_string_equal(json_string_value(json_object_get(json, "detail")), detail);
    assert_string_equal(json_string_value(json_object_get(json, "code")), "issuer_unavailable");
    json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_response_is_written_byte_for_byte),
        TEST(a_detail_may_be_long_and_hold_quotes),
        TEST(the_style_decides_on_connection_and_body),
        TEST(the_date_changes_with_the_second),
        TEST(every_code_is_a_whole_problem),
        TEST(problems_contain_their_additions),
        TEST(an_issue_is_formatted_at_its_limits),
        TEST(a_coupon_shows_state_and_remaining),
        TEST(not_started_gives_the_seconds_rounded_up),
        TEST(not_started_gives_the_start),
        TEST(only_a_wrong_token_is_reported_as_invalid),
        TEST(a_string_is_escaped_where_json_or_utf_8_asks_for_it),
        TEST(a_reply_with_an_invalid_issue_is_no_answer),
        TEST(refusals_of_a_change_name_the_member),
        TEST(a_reply_with_an_invalid_coupon_is_no_answer),
        TEST(a_page_ends_where_nothing_follows),
        TEST(a_partition_cannot_send_more_than_asked_for),
        TEST(a_page_needs_only_the_bytes_of_its_coupons),
        TEST(clients_refused_together_retry_at_different_times),
        TEST(a_page_holds_the_first_of_all_partitions_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
