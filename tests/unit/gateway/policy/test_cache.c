/* The cache of coupons, its pages, and the board of changes, with simulated times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http/etag.h"
#include "gateway/policy/board.h"
#include "gateway/policy/cache.h"
#include "gateway/policy/page.h"
#include "shared/clock.h"

#define SECOND INT64_C(1000000)
#define TTL    SECOND
#define NOW    (100 * SECOND)
#define ISSUER (1763691900 * SECOND) /* the issuer's clock at NOW */
#define NEVER  INT64_MIN             /* no change is known */

/* --- fixture --- */

static struct policy_cache *cache;
static struct coupon coupon;

static int set_up(void **state)
{
    (void)state;
    cache = policy_cache_create(16, TTL);
    coupon = (struct coupon){.id = "A",
                             .title = "t",
                             .quantity = 5,
                             .per_user_limit = 1,
                             .starts_at_us = TIME_NONE,
                             .ends_at_us = TIME_NONE,
                             .redeem_until_us = TIME_NONE,
                             .journal_seq = 7};
    reply_init();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    policy_cache_destroy(&cache);
    return 0;
}

/* --- helpers --- */

static struct span span(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* Received at NOW, requested `asked_before_us` earlier. */
static void put(const struct coupon *what, int64_t asked_before_us)
{
    struct policy_report report = {.id = span("A"),
                                   .coupon = what,
                                   .from_issuer = true,
                                   .asked_us = NOW - asked_before_us,
                                   .reported_us = NOW,
                                   .issuer_us = ISSUER};
    policy_cache_put(cache, &report, NOW);
}

static const struct policy_entry *find(int64_t now_us, int64_t changed_us)
{
    return policy_cache_find(cache, span("A"), now_us, changed_us);
}

static enum error_code refusal(int64_t now_us, int64_t changed_us)
{
    struct policy_start start = {0};
    return policy_cache_refusal(cache, span("A"), now_us, changed_us, &start);
}

static bool body_has(const struct policy_entry *entry, const char *text)
{
    return memmem(entry->body.data, entry->body.length, text, strlen(text)) != NULL;
}

/* --- tests: entries --- */

static void an_entry_is_found_until_it_expires(void **state)
{
    (void)state;
    assert_null(find(NOW, NEVER));
    put(&coupon, 10);
    assert_non_null(find(NOW, NEVER));
    assert_true(body_has(find(NOW, NEVER), "\"id\":\"A\""));
    assert_non_null(find(NOW - 10 + TTL - 1, NEVER));
    assert_null(find(NOW - 10 + TTL, NEVER)); /* the age counts from the request */
    assert_null(policy_cache_find(cache, span("B"), NOW, NEVER));
}

static void a_change_outdates_earlier_requests(void **state)
{
    (void)state;
    put(&coupon, 10);
    assert_null(find(NOW, NOW - 5)); /* changed while the answer was in transit */
    assert_null(find(NOW, NOW - 10));
    assert_non_null(find(NOW, NOW - 11));
}

static void an_older_answer_does_not_replace_a_newer(void **state)
{
    (void)state;
    coupon.issued = 3;
    put(&coupon, 10);
    coupon.issued = 2;
    put(&coupon, 20);
    assert_true(body_has(find(NOW, NEVER), "\"issued\":3"));
    coupon.issued = 4;
    put(&coupon, 9);
    assert_true(body_has(find(NOW, NEVER), "\"issued\":4"));
}

static void an_unknown_coupon_is_unknown_for_a_short_while(void **state)
{
    (void)state;
    put(NULL, 0);
    assert_false(find(NOW, NEVER)->known);
    assert_false(find(NOW + POLICY_UNKNOWN_TTL_US - 1, NEVER)->known);
    assert_null(find(NOW + POLICY_UNKNOWN_TTL_US, NEVER));
    put(NULL, 0);
    assert_null(find(NOW, NOW)); /* it was created */
    put(&coupon, -1);
    assert_true(find(NOW + 2, NEVER)->known);
}

static void the_state_comes_with_the_issuers_time_and_never_early(void **state)
{
    uint64_t scheduled = 0;
    (void)state;
    coupon.starts_at_us = ISSUER + 1000;
    coupon.ends_at_us = ISSUER + 2000;
    put(&coupon, 500);
    scheduled = find(NOW + 999, NEVER)->etag;
    assert_true(body_has(find(NOW + 999, NEVER), "\"state\":\"scheduled\""));
    assert_true(body_has(find(NOW + 1000, NEVER), "\"state\":\"open\""));
    assert_int_not_equal(find(NOW + 1000, NEVER)->etag, scheduled);
    assert_true(body_has(find(NOW + 2000, NEVER), "\"state\":\"ended\""));
}

static void a_full_cache_forgets_the_longest_unused_and_keeps_its_bound(void **state)
{
    char id[16];
    unsigned kept = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct policy_report report = {.coupon = &coupon, .asked_us = NOW, .reported_us = NOW, .issuer_us = ISSUER};
        snprintf(id, sizeof id, "c%d", i);
        report.id = span(id);
        policy_cache_put(cache, &report, NOW + i);
        put(&coupon, -i); /* this one is used all the time */
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "c%d", i);
        kept += policy_cache_find(cache, span(id), NOW, NEVER) != NULL;
    }
    assert_in_range(kept, 8, 15);
    assert_non_null(find(NOW + 1000, NEVER));
}

static void a_flood_of_unknown_ids_pushes_out_no_coupon(void **state)
{
    char id[16];
    (void)state;
    put(&coupon, 0);
    for (int i = 0; i < 1000; i++) {
        struct policy_report report = {.asked_us = NOW + i, .reported_us = NOW + i, .issuer_us = ISSUER};
        snprintf(id, sizeof id, "c%d", i);
        report.id = span(id);
        policy_cache_put(cache, &report, NOW + i);
    }
    assert_non_null(find(NOW + 1000, NEVER));
}

/* --- tests: refusals --- */

static void a_request_long_before_the_start_is_refused(void **state)
{
    struct policy_start start = {0};
    (void)state;
    coupon.starts_at_us = ISSUER + 10 * SECOND;
    put(&coupon, 1000);
    assert_int_equal(policy_cache_refusal(cache, span("A"), NOW + 1, NEVER, &start), ERROR_NOT_STARTED);
    assert_int_equal(start.in_s, 10);
    assert_int_equal(start.starts_at_us, coupon.starts_at_us);
    assert_int_equal(refusal(NOW + 1, NOW), ERROR_CODE_COUNT); /* the start may have moved */
    assert_int_equal(refusal(NOW - 1000 + POLICY_REFUSAL_TTL_US, NEVER), ERROR_CODE_COUNT);
}

static void most_of_the_time_no_request_is_refused(void **state)
{
    (void)state;
    assert_false(policy_cache_refuses(cache, NOW));
    put(&coupon, 5); /* without a start */
    assert_false(policy_cache_refuses(cache, NOW));
    coupon.starts_at_us = ISSUER + 10 * SECOND;
    coupon.issued = 1;
    put(&coupon, 4);
    assert_false(policy_cache_refuses(cache, NOW));
    coupon.issued = 0;
    put(&coupon, 3);
    assert_true(policy_cache_refuses(cache, NOW - 3 + POLICY_REFUSAL_TTL_US - 1));
    assert_false(policy_cache_refuses(cache, NOW - 3 + POLICY_REFUSAL_TTL_US));
    put(NULL, 2);
    assert_true(policy_cache_refuses(cache, NOW - 2 + POLICY_REFUSAL_TTL_US - 1));
}

static void near_its_start_a_coupon_is_the_issuers(void **state)
{
    (void)state;
    coupon.starts_at_us = ISSUER + POLICY_START_MARGIN_US + 1001;
    put(&coupon, 1000); /* the issuer's clock may be ahead by the duration of the request */
    assert_int_equal(refusal(NOW, NEVER), ERROR_NOT_STARTED);
    assert_int_equal(refusal(NOW + 1, NEVER), ERROR_CODE_COUNT);
}

static void a_possible_holder_is_never_refused(void **state)
{
    (void)state;
    coupon.starts_at_us = ISSUER + 10 * SECOND;
    coupon.issued = 1;
    put(&coupon, 0);
    assert_int_equal(refusal(NOW, NEVER), ERROR_CODE_COUNT);
}

static void a_paused_coupon_and_an_open_one_are_the_issuers(void **state)
{
    (void)state;
    put(&coupon, 0);
    assert_int_equal(refusal(NOW, NEVER), ERROR_CODE_COUNT);
    coupon.starts_at_us = ISSUER + 10 * SECOND;
    coupon.paused = true;
    put(&coupon, -1);
    assert_int_equal(refusal(NOW, NEVER), ERROR_CODE_COUNT);
}

static void an_unknown_coupon_is_refused_until_it_may_be_there(void **state)
{
    (void)state;
    put(NULL, 0);
    assert_int_equal(refusal(NOW + 1, NEVER), ERROR_COUPON_NOT_FOUND);
    assert_int_equal(refusal(NOW + 1, NOW), ERROR_CODE_COUNT);
    assert_int_equal(refusal(NOW + POLICY_REFUSAL_TTL_US, NEVER), ERROR_CODE_COUNT);
}

static void an_entry_from_redis_refuses_no_request(void **state)
{
    struct policy_report report = {
        .id = span("A"), .coupon = &coupon, .asked_us = NOW, .reported_us = NOW, .issuer_us = ISSUER};
    (void)state;
    coupon.starts_at_us = ISSUER + 10 * SECOND;
    policy_cache_put(cache, &report, NOW);
    assert_non_null(find(NOW, NEVER));
    assert_int_equal(refusal(NOW, NEVER), ERROR_CODE_COUNT);
    report.coupon = NULL;
    report.asked_us++;
    policy_cache_put(cache, &report, NOW);
    assert_int_equal(refusal(NOW, NEVER), ERROR_CODE_COUNT);
}

/* --- tests: pages --- */

static char *page_text(const struct policy_page *page, const char *if_none_match, int status)
{
    static struct buffer out;
    struct reply_clock clock = {.date = "", .date_length = 0};
    buffer_clear(&out, 0);
    assert_int_equal(policy_page_write(&out, &clock, (struct reply_style){.close = false}, page, if_none_match),
                     status);
    buffer_append(&out, "", 1);
    return out.data;
}

static void a_page_says_how_old_it_is_and_may_become(void **state)
{
    struct policy_page page = {.coupon_id = span("A"),
                               .body = span("{}"),
                               .version = 7,
                               .etag = 0x1234,
                               .ttl_us = TTL,
                               .until_change_us = INT64_MAX};
    (void)state;
    assert_non_null(strstr(page_text(&page, NULL, 200), "\r\nETag: \"0000000000000007-0000000000001234-"));
    assert_non_null(strstr(page_text(&page, NULL, 200), "\"\r\nAge: 0\r\nCache-Control: public, max-age=1\r\n"));
    page.ttl_us = 60 * SECOND;
    page.age_us = 37 * SECOND + 5;
    assert_non_null(strstr(page_text(&page, NULL, 200), "\r\nAge: 37\r\nCache-Control: public, max-age=60\r\n"));
    page.until_change_us = 3 * SECOND; /* other caches must not keep it beyond the state */
    assert_non_null(strstr(page_text(&page, NULL, 200), "\r\nAge: 37\r\nCache-Control: public, max-age=40\r\n"));
    page.age_us = 61 * SECOND;
    assert_non_null(strstr(page_text(&page, NULL, 200), "max-age=60\r\n"));
    page.ttl_us = page.age_us = 0;
    assert_non_null(strstr(page_text(&page, NULL, 200), "\r\nCache-Control: no-cache\r\n"));
}

/* A list that ends with the page's tag. */
static char *naming(const char *before, const struct policy_page *page)
{
    static char out[256];
    char tag[ETAG_LENGTH + 1] = "";
    etag_format(tag, page->coupon_id, page->version, page->etag);
    snprintf(out, sizeof out, "%s%s", before, tag);
    return out;
}

static void a_client_that_has_the_page_gets_304(void **state)
{
    struct policy_page page = {.coupon_id = span("A"),
                               .body = span("{}"),
                               .version = 7,
                               .etag = 0xabc,
                               .ttl_us = TTL,
                               .until_change_us = INT64_MAX};
    struct policy_page newer = page;
    const char *before[] = {"", "W/", "\"x\", "};
    const char *other[] = {"\"x\"", "", "\"*\""};
    char *tag = NULL;
    char *text = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        text = page_text(&page, naming(before[i], &page), 304);
        assert_memory_equal(text, "HTTP/1.1 304 Not Modified\r\n", 27);
        assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
        assert_null(strstr(text, "Content-"));
        assert_non_null(strstr(text, "ETag: \"0000000000000007-0000000000000abc-"));
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_non_null(strstr(page_text(&page, other[i], 200), "\r\n\r\n{}"));
    page_text(&page, "*", 304);
    tag = naming("", &page);
    page_text(&page, tag + 1, 200);
    tag[strlen(tag) - 1] = '\0';
    page_text(&page, tag, 200);
    newer.etag++;
    page_text(&page, naming("", &newer), 200);
    newer.coupon_id = span("B");
    newer.etag--;
    page_text(&page, naming("", &newer), 200);
}

static void if_match_lets_through_the_page_that_any_of_its_tags_names(void **state)
{
    struct policy_page page = {.coupon_id = span("A"), .version = 7, .etag = 0xabc};
    struct policy_page newer = page;
    char tag[ETAG_LENGTH + 1] = "";
    char list[512];
    (void)state;
    newer.etag++;
    etag_format(tag, newer.coupon_id, newer.version, newer.etag);
    assert_true(policy_page_passes(NULL, &page));
    assert_true(policy_page_passes(naming("\"x\", ", &page), &page));
    snprintf(list, sizeof list, "%s, %s", naming("", &page), tag);
    assert_true(policy_page_passes(list, &page)); /* a later tag of the same version does not hide it */
    assert_true(policy_page_passes(list, &newer));
    assert_false(policy_page_passes(tag, &page));
    assert_false(policy_page_passes(naming("W/", &page), &page));
    assert_false(policy_page_passes("", &page));
}

/* --- tests: the board --- */

static void the_board_returns_the_latest_change(void **state)
{
    struct policy_board *board = policy_board_create();
    (void)state;
    assert_true(policy_board_changed_us(board, 5) == INT64_MIN);
    policy_board_change(board, 5, 100);
    policy_board_change(board, 5, 90); /* from a slower thread */
    assert_int_equal(policy_board_changed_us(board, 5), 100);
    assert_true(policy_board_changed_us(board, 6) == INT64_MIN);
    policy_board_change_all(board, 200);
    assert_int_equal(policy_board_changed_us(board, 5), 200);
    assert_int_equal(policy_board_changed_us(board, 6), 200);
    policy_board_destroy(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_is_found_until_it_expires, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_outdates_earlier_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_answer_does_not_replace_a_newer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_coupon_is_unknown_for_a_short_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_state_comes_with_the_issuers_time_and_never_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_cache_forgets_the_longest_unused_and_keeps_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_unknown_ids_pushes_out_no_coupon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_long_before_the_start_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(most_of_the_time_no_request_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(near_its_start_a_coupon_is_the_issuers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_possible_holder_is_never_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_paused_coupon_and_an_open_one_are_the_issuers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_coupon_is_refused_until_it_may_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_from_redis_refuses_no_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_says_how_old_it_is_and_may_become, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_has_the_page_gets_304, set_up, tear_down),
        cmocka_unit_test_setup_teardown(if_match_lets_through_the_page_that_any_of_its_tags_names, set_up, tear_down),
        cmocka_unit_test(the_board_returns_the_latest_change),
    };
    return cmocka_run_group_tests_name("policy_cache", tests, NULL, NULL);
}
