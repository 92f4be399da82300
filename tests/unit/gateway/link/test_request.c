/* Requests that wait for an owner or for a reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/link/request.h"
#include "shared/wire/frame_verification.h"

static struct link_request *tagged(enum link_kind kind, uint64_t tag)
{
    struct link_request *request = link_request_create(kind);
    request->record[0] = tag;
    return request;
}

/* --- records --- */

static void only_what_decides_the_same_again_repeats(void **state)
{
    struct frame_issue_request issue = {.op = ISSUE_POST};
    struct frame_change_request change = {.op = CHANGE_REDEEM};
    struct frame_coupon_request coupon = {.op = COUPON_CHANGE};
    struct frame_verification_request verification = {.op = VERIFICATION_START};
    (void)state;
    assert_false(link_record_repeats(LINK_ISSUES, &issue));
    assert_false(link_record_repeats(LINK_CHANGES, &change));
    assert_false(link_record_repeats(LINK_COUPONS, &coupon));
    assert_false(link_record_repeats(LINK_VERIFICATIONS, &verification));
    issue.request_key = 7;
    assert_true(link_record_repeats(LINK_ISSUES, &issue));
    assert_false(link_record_reads(LINK_ISSUES, &issue));
    issue = (struct frame_issue_request){.op = ISSUE_ENSURE};
    assert_true(link_record_repeats(LINK_ISSUES, &issue));
    assert_false(link_record_reads(LINK_ISSUES, &issue));
}

static void every_read_repeats(void **state)
{
    const struct frame_issue_request lookup = {.op = ISSUE_LOOKUP};
    const struct frame_change_request show = {.op = CHANGE_SHOW};
    const struct frame_coupon_request get = {.op = COUPON_GET};
    const struct frame_coupon_request list = {.op = COUPON_LIST};
    const struct frame_verification_request reading = {.op = VERIFICATION_READ};
    (void)state;
    assert_true(link_record_repeats(LINK_ISSUES, &lookup) && link_record_reads(LINK_ISSUES, &lookup));
    assert_true(link_record_repeats(LINK_CHANGES, &show) && link_record_reads(LINK_CHANGES, &show));
    assert_true(link_record_repeats(LINK_COUPONS, &get) && link_record_reads(LINK_COUPONS, &get));
    assert_true(link_record_repeats(LINK_COUPONS, &list) && link_record_reads(LINK_COUPONS, &list));
    assert_true(link_record_repeats(LINK_VERIFICATIONS, &reading) && link_record_reads(LINK_VERIFICATIONS, &reading));
}

static void frames_have_the_kind_of_their_requests(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LINK_KINDS; kind++)
        assert_int_equal(link_kind_of(link_kind_rows[kind].frame), kind);
    assert_int_equal(link_kind_of(FRAME_PING), LINK_KINDS);
    assert_int_equal(link_kind_of(FRAME_ISSUE_REPLIES), LINK_KINDS);
}

static void a_coupon_is_kept_without_what_follows_its_texts(void **state)
{
    const struct coupon coupon = {.id = "A", .title = "abc", .quantity = 5, .per_user_limit = 1};
    struct link_request *request = link_request_create(LINK_COUPONS);
    (void)state;
    frame_coupon_write(&((struct frame_coupon_request *)(void *)request->record)->coupon, &coupon);
    request = link_request_trim(request);
    const struct frame_coupon_request *record = (const void *)request->record;
    assert_int_equal(request->size, offsetof(struct frame_coupon_request, coupon.texts) + 3);
    assert_memory_equal(record->coupon.texts, "abc", 3);
    request = link_request_trim(request); /* sent again */
    assert_int_equal(request->size, offsetof(struct frame_coupon_request, coupon.texts) + 3);
    link_request_destroy(&request);
    request = link_request_trim(link_request_create(LINK_CHANGES));
    assert_int_equal(request->size, sizeof(struct frame_change_request));
    link_request_destroy(&request);
}

/* --- lists --- */

static void sent_requests_are_found_by_kind_and_tag(void **state)
{
    struct link_sent sent = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) /* more than there are buckets */
        link_sent_add(&sent, tagged(i % 2 == 0 ? LINK_ISSUES : LINK_CHANGES, i << 32 | i));
    for (uint64_t i = 0; i < 1000; i += 3) {
        enum link_kind kind = i % 2 == 0 ? LINK_ISSUES : LINK_CHANGES;
        struct link_request *request = link_sent_find(&sent, kind, i << 32 | i);
        assert_non_null(request);
        assert_null(link_sent_find(&sent, LINK_COUPONS, i << 32 | i));
        link_sent_remove(&sent, request);
        link_request_destroy(&request);
        assert_null(link_sent_find(&sent, kind, i << 32 | i));
    }
    assert_int_equal(sent.order.count, 1000 - 334);
    link_sent_clear(&sent);
    assert_int_equal(sent.order.count, 0);
}

static void sent_requests_leave_in_their_order(void **state)
{
    struct link_sent sent = {0};
    (void)state;
    for (uint64_t i = 1; i <= 5; i++)
        link_sent_add(&sent, tagged(LINK_ISSUES, i));
    struct link_request *middle = link_sent_find(&sent, LINK_ISSUES, 3);
    link_sent_remove(&sent, middle);
    struct link_requests all = link_sent_take_all(&sent);
    assert_null(link_sent_find(&sent, LINK_ISSUES, 1));
    link_requests_append(&all, middle);
    for (unsigned i = 0; i < 5; i++) {
        static const uint64_t order[] = {1, 2, 4, 5, 3};
        struct link_request *request = link_requests_pop(&all);
        assert_int_equal(link_request_tag(request), order[i]);
        link_request_destroy(&request);
    }
    assert_null(link_requests_pop(&all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_decides_the_same_again_repeats),
        cmocka_unit_test(every_read_repeats),
        cmocka_unit_test(frames_have_the_kind_of_their_requests),
        cmocka_unit_test(a_coupon_is_kept_without_what_follows_its_texts),
        cmocka_unit_test(sent_requests_are_found_by_kind_and_tag),
        cmocka_unit_test(sent_requests_leave_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
