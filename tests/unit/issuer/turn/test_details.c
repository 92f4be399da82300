/* What an issuer remembers of changes until the store has them, and the codes of issues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/code.h"
#include "tests/unit/issuer/turn/change_fixture.h"
#include "tests/unit/issuer/turn/turn_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

/* --- helpers --- */

static void assert_reference(const struct frame_change_reply *reply, const char *reference)
{
    assert_int_equal(reply->details.reference_length, strlen(reference));
    assert_memory_equal(reply->details.reference, reference, strlen(reference));
}

static void assert_no_details(struct frame_change_reply reply)
{
    const struct frame_details none = {0};
    assert_memory_equal(&reply.details, &none, sizeof none);
}

static struct journal_record record_of(uint64_t seq, const char *coupon, uint32_t sequence, const char *reason)
{
    return (struct journal_record){
        .type = JOURNAL_CHANGE,
        .seq = seq,
        .time_us = NOW_US + (int64_t)seq,
        .coupon_id = coupon,
        .coupon_id_length = strlen(coupon),
        .change = {.kind = JOURNAL_REVOKED, .sequence = sequence, .reason = reason, .reason_length = strlen(reason)},
    };
}

/* --- details --- */

static void details_are_kept_until_the_store_has_them(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    post("C", "b", NOW_US);
    redeem("C", "a", "order-1", NOW_US + 1); /* record 4 */
    redeem("C", "b", "order-2", NOW_US + 2);
    struct frame_change_reply reply = show("C", "a", 1);
    assert_int_equal(reply.verdict, VERDICT_FOUND);
    assert_int_equal(reply.issue.state, ISSUE_REDEEMED);
    assert_reference(&reply, "order-1");
    assert_int_equal(reply.details.changed_at_us, NOW_US + 1);
    journal_note_acked(journal, 3);
    reply = show("C", "a", 1);
    assert_reference(&reply, "order-1");
    journal_note_acked(journal, 4);
    reply = show("C", "a", 1);
    assert_int_equal(reply.issue.state, ISSUE_REDEEMED);
    assert_no_details(reply);
    assert_no_details(redeem("C", "a", "order-1", NOW_US));
    reply = show("C", "b", 2);
    assert_reference(&reply, "order-2");
    journal_note_acked(journal, 5);
    assert_no_details(show("C", "b", 2));
    assert_int_equal(details_bytes(details), 0);
}

static void a_restart_brings_the_details_back_that_the_store_may_lack(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    redeem("C", "a", "order-1", NOW_US + 1);
    undo("C", "a", "order-1", NOW_US + 2);
    redeem("C", "a", "order-2", NOW_US + 3);
    start_again();
    struct frame_change_reply reply = redeem("C", "a", "order-2", NOW_US + 4);
    assert_int_equal(reply.verdict, VERDICT_REDEEMED_BEFORE);
    assert_reference(&reply, "order-2");
    assert_int_equal(reply.details.changed_at_us, NOW_US + 3);
}

static void details_are_of_the_latest_change(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    redeem("C", "a", "order-1", NOW_US + 1);
    undo("C", "a", "order-1", NOW_US + 2);
    struct frame_change_reply reply = revoke_issue("C", "a", "why", CHANGE_RESTOCK, NOW_US + 3);
    assert_int_equal(reply.details.changed_at_us, NOW_US + 3);
    assert_int_equal(reply.details.reference_length, 0);
    assert_int_equal(reply.details.flags, CHANGE_RESTOCK);
    journal_note_acked(journal, 4); /* the older ones are forgotten; that of the revocation is not */
    reply = show("C", "a", 1);
    assert_int_equal(reply.details.changed_at_us, NOW_US + 3);
}

static void details_of_what_is_not_there_are_not_told(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    assert_int_equal(show("D", "a", 1).verdict, VERDICT_COUPON_NOT_FOUND);
    assert_int_equal(show("C", "a", 2).verdict, VERDICT_NOT_ISSUED);
    struct frame_change_reply reply = show("C", "a", 1);
    assert_int_equal(reply.verdict, VERDICT_FOUND);
    assert_int_equal(reply.issue.state, ISSUE_ISSUED);
    assert_no_details(reply);
}

static void many_details_are_found_and_forgotten_in_their_order(void **state)
{
    (void)state;
    struct details *many = details_create();
    struct frame_details found;
    for (uint32_t i = 1; i <= 10000; i++) {
        struct journal_record record = record_of(i, i % 2 ? "C" : "D", 1 + i / 4, "reason");
        details_add(many, &record);
    }
    for (uint32_t i = 1; i <= 10000; i++) {
        const char *coupon = i % 2 ? "C" : "D";
        uint32_t sequence = 1 + i / 4, latest = 4 * (i / 4) + (i % 2 ? 3 : 2);
        assert_true(details_find(many, coupon, 1, sequence, &found));
        assert_int_equal(found.changed_at_us, NOW_US + (latest < 10000 ? latest : i));
    }
    details_forget(many, 5000);
    assert_false(details_find(many, "C", 1, 1, &found));
    assert_true(details_find(many, "C", 1, 2000, &found));
    details_forget(many, 10000);
    assert_int_equal(details_bytes(many), 0);
    assert_false(details_find(many, "C", 1, 2000, &found));
    details_destroy(&many);
}

static void details_take_a_bounded_amount_of_memory(void **state)
{
    (void)state;
    char reason[REASON_MAX + 1] = "";
    struct details *many = details_create();
    struct frame_details found;
    memset(reason, 'x', REASON_MAX);
    for (uint32_t i = 1; i <= 400000; i++) {
        struct journal_record record = record_of(i, "C", i, reason);
        details_add(many, &record);
        assert_true(details_bytes(many) <= DETAILS_BYTES_MAX);
    }
    assert_false(details_find(many, "C", 1, 1, &found)); /* the oldest are dropped */
    assert_true(details_find(many, "C", 1, 400000, &found));
    assert_int_equal(found.reason_length, REASON_MAX);
    details_destroy(&many);
}

/* --- codes --- */

static void a_code_leads_to_its_issue(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    create("D", 9, NOW_US);
    post("C", "a", NOW_US);
    uint64_t code = post("D", "a", NOW_US).issue.code, other = post("C", "b", NOW_US).issue.code;
    assert_int_not_equal(code, other);
    struct frame_change_reply reply = resolve(code);
    assert_int_equal(reply.verdict, VERDICT_FOUND);
    assert_int_equal(reply.coupon_id_length, 1);
    assert_memory_equal(reply.coupon_id, "D", 1);
    assert_int_equal(reply.issue.sequence, 1);
    assert_int_equal(reply.issue.state, ISSUE_ISSUED);
    reply = resolve(other);
    assert_memory_equal(reply.coupon_id, "C", 1);
    assert_int_equal(reply.issue.sequence, 2);
    assert_int_equal(redeem("C", "b", "r", NOW_US).issue.code, other);
    assert_int_equal(resolve(other).issue.state, ISSUE_REDEEMED);
    start_again();
    assert_int_equal(post("D", "a", NOW_US).issue.code, code);
    assert_int_equal(resolve(code).verdict, VERDICT_FOUND);
}

static void a_code_of_no_issue_leads_nowhere(void **state)
{
    (void)state;
    const struct journal_meta *meta = journal_meta(journal);
    create("C", 9, NOW_US);
    uint64_t code = post("C", "a", NOW_US).issue.code;
    assert_int_equal(code, code_make(meta->code_key, 0, 1, 1, 1));
    uint64_t wrong[] = {code_make(meta->code_key, 0, 1, 1, 2), /* not yet issued */
                        code_make(meta->code_key, 0, 1, 2, 1), /* no such coupon */
                        code_make(meta->code_key, 0, 1, code_coupons_max(1), QUANTITY_MAX),
                        code_make((const uint8_t[16]){1}, 0, 1, 1, 1), /* of another journal */
                        code + CODE_NUMBER_END,
                        code ^ 1,
                        0,
                        CODE_NUMBER_END - 1,
                        UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct frame_change_reply reply = resolve(wrong[i]), nothing = {.tag = reply.tag, .now_us = NOW_US};
        nothing.verdict = VERDICT_CODE_NOT_FOUND;
        assert_memory_equal(&reply, &nothing, sizeof reply);
    }
    assert_int_equal(resolve(code).verdict, VERDICT_FOUND);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(details_are_kept_until_the_store_has_them),
        TEST(a_restart_brings_the_details_back_that_the_store_may_lack),
        TEST(details_are_of_the_latest_change),
        TEST(details_of_what_is_not_there_are_not_told),
        TEST(many_details_are_found_and_forgotten_in_their_order),
        TEST(details_take_a_bounded_amount_of_memory),
        TEST(a_code_leads_to_its_issue),
        TEST(a_code_of_no_issue_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
