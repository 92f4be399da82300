/*
 * The records of a journal, each by itself: what is encoded is decoded, at the limits of every member, and nothing else
 * is. The coupons: test_coupon_record.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/member_name.h"
#include "tests/unit/shared/journal/record_fixture.h"

#define TIME_US INT64_C(1700000000000000)

/* --- issues --- */

static struct journal_record issue_of(size_t coupon_id_length, size_t user_id_length)
{
    return (struct journal_record){
        .type = JOURNAL_ISSUE,
        .coupon_id = record_filler,
        .coupon_id_length = coupon_id_length,
        .issue = {.user_id = record_filler, .user_id_length = user_id_length, .sequence = 1, .nth = 1},
    };
}

static void an_issue_is_read_back_at_its_limits(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        bool stamped = (i & 1) != 0, keyed = (i & 2) != 0;
        struct journal_record issue = issue_of((i & 4) != 0 ? COUPON_ID_MAX : 1, (i & 8) != 0 ? USER_ID_MAX : 1), read;
        issue.issue.sequence = (i & 4) != 0 ? UINT32_MAX : 1;
        issue.issue.nth = (i & 8) != 0 ? NTH_MAX : 1;
        issue.issue.request_key = keyed ? UINT64_MAX : 0;
        record_length =
            journal_encode_stamped_issue(record_bytes, &issue, stamped ? ISSUER_TIME_US_MAX : JOURNAL_NO_STAMP);
        assert_true(record_length <= JOURNAL_ISSUE_BYTES_MAX);
        read = record_fixture_decoded();
        assert_int_equal(read.type, JOURNAL_ISSUE);
        assert_int_equal(read.coupon_id_length, issue.coupon_id_length);
        assert_int_equal(read.issue.user_id_length, issue.issue.user_id_length);
        assert_memory_equal(read.issue.user_id, record_filler, read.issue.user_id_length);
        assert_int_equal(read.issue.sequence, issue.issue.sequence);
        assert_int_equal(read.issue.nth, issue.issue.nth);
        assert_true(read.issue.request_key == issue.issue.request_key);
        assert_int_equal(read.issue.stamped, stamped);
        assert_int_equal(journal_record_has_time(&read), stamped);
        assert_int_equal(read.time_us, stamped ? ISSUER_TIME_US_MAX : 5);
        record_fixture_assert_refused_at_every_other_length();
    }
}

static void an_issue_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    struct journal_record issue = issue_of(3, 4);
    issue.issue.request_key = 9;
    record_length = journal_encode_stamped_issue(record_bytes, &issue, TIME_US);
    RECORD_REFUSES(journal_issue_record, header.type, 0);
    RECORD_REFUSES(journal_issue_record, header.type, JOURNAL_TERM + 1);
    RECORD_REFUSES(journal_issue_record, header.coupon_id_length, 0);
    RECORD_REFUSES(journal_issue_record, header.coupon_id_length, 12);
    RECORD_REFUSES(journal_issue_record, user_id_length, 0);
    RECORD_REFUSES(journal_issue_record, user_id_length, UINT8_MAX);
    RECORD_REFUSES(journal_issue_record, flags, 4);
    RECORD_REFUSES(journal_issue_record, flags, JOURNAL_ISSUE_STAMPED); /* the key is then an id */
    RECORD_REFUSES(journal_issue_record, sequence, 0);
    RECORD_REFUSES(journal_issue_record, nth, 0);
    RECORD_REFUSES(journal_issue_record, nth, NTH_MAX + 1);
    size_t stamp = sizeof(struct journal_issue_record), key = stamp + 8, coupon_id = key + 8, user_id = coupon_id + 3;
    record_fixture_assert_refuses(stamp, &(int64_t){-1}, 8);
    record_fixture_assert_refuses(stamp, &(int64_t){ISSUER_TIME_US_MAX + 1}, 8);
    record_fixture_assert_refuses(key, &(uint64_t){0}, 8);
    record_fixture_assert_refuses(coupon_id, ":", 1);
    record_fixture_assert_refuses(user_id, " ", 1);
    record_fixture_assert_refuses(user_id + 3, "\0", 1);
}

/* --- changes --- */

static struct journal_record change_of(enum journal_change_kind kind)
{
    bool revoked = kind == JOURNAL_REVOKED;
    return (struct journal_record){
        .type = JOURNAL_CHANGE,
        .time_us = TIME_US,
        .coupon_id = "C",
        .coupon_id_length = 1,
        .origin = {"a", 1, "r", 1},
        .change = {.kind = kind,
                   .sequence = 1,
                   .user_id = "u",
                   .user_id_length = 1,
                   .reference = record_filler,
                   .reference_length = revoked ? 0 : 1,
                   .reason = record_filler,
                   .reason_length = revoked ? 1 : 0},
    };
}

static void assert_change_is_read_back(const struct journal_record *change)
{
    record_length = journal_encode_change(record_bytes, change);
    assert_true(record_length <= JOURNAL_CHANGE_BYTES_MAX);
    struct journal_record read = record_fixture_decoded();
    assert_int_equal(read.type, JOURNAL_CHANGE);
    assert_true(journal_record_has_time(&read));
    assert_int_equal(read.time_us, change->time_us);
    assert_int_equal(read.change.kind, change->change.kind);
    assert_int_equal(read.change.sequence, change->change.sequence);
    assert_int_equal(read.change.restock, change->change.restock);
    assert_int_equal(read.change.again, change->change.again);
    assert_int_equal(read.change.user_id_length, change->change.user_id_length);
    assert_int_equal(read.change.reference_length, change->change.reference_length);
    assert_memory_equal(read.change.reference, record_filler, read.change.reference_length);
    assert_int_equal(read.change.reason_length, change->change.reason_length);
    assert_memory_equal(read.change.reason, record_filler, read.change.reason_length);
    assert_int_equal(read.origin.actor_length, change->origin.actor_length);
    assert_int_equal(read.origin.request_id_length, change->origin.request_id_length);
    record_fixture_assert_refused_at_every_other_length();
}

static void a_change_is_read_back_at_its_limits(void **state)
{
    (void)state;
    for (unsigned kind = JOURNAL_REDEEMED; kind <= JOURNAL_REVOKED; kind++) {
        struct journal_record change = change_of((enum journal_change_kind)kind);
        assert_change_is_read_back(&change);
        change.time_us = ISSUER_TIME_US_MAX;
        change.coupon_id = record_filler;
        change.coupon_id_length = COUPON_ID_MAX;
        change.origin = (struct journal_origin){record_filler, ACTOR_MAX, record_filler, REQUEST_ID_MAX};
        change.change.sequence = UINT32_MAX;
        change.change.user_id = record_filler;
        change.change.user_id_length = USER_ID_MAX;
        change.change.reference_length = kind == JOURNAL_REVOKED ? 0 : REFERENCE_MAX;
        change.change.reason_length = kind == JOURNAL_REVOKED ? REASON_MAX : 0;
        change.change.restock = change.change.again = kind == JOURNAL_REVOKED;
        assert_change_is_read_back(&change);
        change.origin = (struct journal_origin){NULL, 0, NULL, 0};
        change.change.user_id_length = 0;
        change.change.reason_length = 0;
        change.time_us = 0;
        assert_change_is_read_back(&change);
    }
    struct journal_record again = change_of(JOURNAL_REVOKED), restock = change_of(JOURNAL_REVOKED);
    again.change.again = restock.change.restock = true;
    assert_change_is_read_back(&again);
    assert_change_is_read_back(&restock);
}

static void a_change_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    struct journal_record change = change_of(JOURNAL_REDEEMED);
    record_length = journal_encode_change(record_bytes, &change);
    RECORD_REFUSES(journal_change_record, header.type, JOURNAL_ERASURE);
    RECORD_REFUSES(journal_change_record, header.coupon_id_length, 0);
    RECORD_REFUSES(journal_change_record, kind, 0);
    RECORD_REFUSES(journal_change_record, kind, JOURNAL_REVOKED); /* it has a reference */
    RECORD_REFUSES(journal_change_record, kind, JOURNAL_REVOKED + 1);
    RECORD_REFUSES(journal_change_record, flags, JOURNAL_CHANGE_RESTOCK);
    RECORD_REFUSES(journal_change_record, flags, JOURNAL_CHANGE_AGAIN);
    RECORD_REFUSES(journal_change_record, user_id_length, UINT8_MAX);
    RECORD_REFUSES(journal_change_record, reference_length, 0);
    RECORD_REFUSES(journal_change_record, reference_length, REFERENCE_MAX + 1);
    RECORD_REFUSES(journal_change_record, reason_length, 1);
    RECORD_REFUSES(journal_change_record, actor_length, ACTOR_MAX + 1);
    RECORD_REFUSES(journal_change_record, request_id_length, REQUEST_ID_MAX + 1);
    RECORD_REFUSES(journal_change_record, reserved, 1);
    RECORD_REFUSES(journal_change_record, sequence, 0);
    RECORD_REFUSES(journal_change_record, time_us, -1);
    RECORD_REFUSES(journal_change_record, time_us, ISSUER_TIME_US_MAX + 1);
    for (size_t i = 0; i < 5; i++) /* coupon id, user id, reference, actor, request id: no blank in any */
        record_fixture_assert_refuses(sizeof(struct journal_change_record) + i, " ", 1);
    change = change_of(JOURNAL_REVOKED);
    record_length = journal_encode_change(record_bytes, &change);
    RECORD_REFUSES(journal_change_record, kind, JOURNAL_UNDONE); /* it has a reason */
    RECORD_REFUSES(journal_change_record, flags, 4);
    RECORD_REFUSES(journal_change_record, reference_length, 1);
    RECORD_REFUSES(journal_change_record, reason_length, REASON_MAX + 1);
    record_fixture_assert_refuses(sizeof(struct journal_change_record) + 2, "\x1f", 1); /* of the reason */
    record_fixture_assert_refuses(sizeof(struct journal_change_record) + 2, "\x80", 1);
}

/* --- erasures --- */

static struct journal_record erasure_of(size_t user_id_length)
{
    return (struct journal_record){
        .type = JOURNAL_ERASURE,
        .origin = {"a", 1, "r", 1},
        .erasure = {.user_id = record_filler, .user_id_length = user_id_length, .fingerprint = {1, 2, [15] = 16}},
    };
}

static void an_erasure_is_read_back_at_its_limits(void **state)
{
    (void)state;
    for (unsigned most = 0; most < 2; most++) {
        struct journal_record erasure = erasure_of(most ? USER_ID_MAX : 1), read;
        if (most)
            erasure.origin = (struct journal_origin){record_filler, ACTOR_MAX, record_filler, REQUEST_ID_MAX};
        record_length = journal_encode_erasure(record_bytes, &erasure);
        assert_true(record_length <= JOURNAL_CHANGE_BYTES_MAX);
        read = record_fixture_decoded();
        assert_int_equal(read.type, JOURNAL_ERASURE);
        assert_false(journal_record_has_time(&read));
        assert_int_equal(read.coupon_id_length, 0);
        assert_int_equal(read.erasure.user_id_length, erasure.erasure.user_id_length);
        assert_memory_equal(read.erasure.user_id, record_filler, read.erasure.user_id_length);
        assert_memory_equal(read.erasure.fingerprint, erasure.erasure.fingerprint, 16);
        assert_int_equal(read.origin.actor_length, erasure.origin.actor_length);
        assert_int_equal(read.origin.request_id_length, erasure.origin.request_id_length);
        record_fixture_assert_refused_at_every_other_length();
    }
}

static void an_erasure_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    struct journal_record erasure = erasure_of(2);
    record_length = journal_encode_erasure(record_bytes, &erasure);
    RECORD_REFUSES(journal_erasure_record, header.coupon_id_length, 1);
    RECORD_REFUSES(journal_erasure_record, user_id_length, 0);
    RECORD_REFUSES(journal_erasure_record, user_id_length, UINT8_MAX);
    RECORD_REFUSES(journal_erasure_record, actor_length, UINT8_MAX);
    RECORD_REFUSES(journal_erasure_record, request_id_length, UINT8_MAX);
    RECORD_REFUSES(journal_erasure_record, reserved, 1);
    for (size_t i = 0; i < 4; i++)
        record_fixture_assert_refuses(sizeof(struct journal_erasure_record) + i, " ", 1);
}

/* --- sweeps --- */

static struct journal_record sweep_of(uint32_t until)
{
    return (struct journal_record){
        .type = JOURNAL_SWEEP,
        .coupon_id = "C",
        .coupon_id_length = 1,
        .origin = {"a", 1, "r", 1},
        .sweep = {.until = until, .reason = record_filler, .reason_length = 1},
    };
}

static void assert_sweep_is_read_back(const struct journal_record *sweep)
{
    record_length = journal_encode_sweep(record_bytes, sweep);
    assert_true(record_length <= JOURNAL_CHANGE_BYTES_MAX);
    struct journal_record read = record_fixture_decoded();
    assert_int_equal(read.type, JOURNAL_SWEEP);
    assert_false(journal_record_has_time(&read));
    assert_int_equal(read.coupon_id_length, sweep->coupon_id_length);
    assert_int_equal(read.sweep.ended, sweep->sweep.ended);
    assert_int_equal(read.sweep.restock, sweep->sweep.restock);
    assert_int_equal(read.sweep.again, sweep->sweep.again);
    assert_int_equal(read.sweep.until, sweep->sweep.until);
    assert_int_equal(read.sweep.reason_length, sweep->sweep.reason_length);
    assert_int_equal(read.origin.actor_length, sweep->origin.actor_length);
    assert_int_equal(read.origin.request_id_length, sweep->origin.request_id_length);
    record_fixture_assert_refused_at_every_other_length();
}

static void a_sweep_is_read_back_at_its_limits(void **state)
{
    (void)state;
    struct journal_record sweep = sweep_of(1);
    assert_sweep_is_read_back(&sweep);
    sweep = sweep_of(UINT32_MAX);
    sweep.coupon_id = record_filler;
    sweep.coupon_id_length = COUPON_ID_MAX;
    sweep.origin = (struct journal_origin){record_filler, ACTOR_MAX, record_filler, REQUEST_ID_MAX};
    sweep.sweep.ended = sweep.sweep.restock = sweep.sweep.again = true;
    sweep.sweep.reason_length = REASON_MAX;
    assert_sweep_is_read_back(&sweep);
}

static void a_sweep_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    struct journal_record sweep = sweep_of(1);
    record_length = journal_encode_sweep(record_bytes, &sweep);
    RECORD_REFUSES(journal_sweep_record, header.coupon_id_length, 0);
    RECORD_REFUSES(journal_sweep_record, ended, 2);
    RECORD_REFUSES(journal_sweep_record, flags, 4);
    RECORD_REFUSES(journal_sweep_record, reason_length, UINT8_MAX);
    RECORD_REFUSES(journal_sweep_record, actor_length, UINT8_MAX);
    RECORD_REFUSES(journal_sweep_record, request_id_length, UINT8_MAX);
    RECORD_REFUSES(journal_sweep_record, until, 0);
    record_fixture_assert_refuses(sizeof(struct journal_sweep_record), "/", 1);
    record_fixture_assert_refuses(sizeof(struct journal_sweep_record) + 1, "\x1f", 1);
    record_fixture_assert_refuses(sizeof(struct journal_sweep_record) + 2, " ", 1);
    record_fixture_assert_refuses(sizeof(struct journal_sweep_record) + 3, " ", 1);
}

/* --- terms --- */

static void assert_term_is_read_back(uint64_t epoch, const char *owner, size_t owner_length)
{
    record_length = journal_encode_term(record_bytes, epoch, owner, owner_length);
    assert_true(record_length <= JOURNAL_CHANGE_BYTES_MAX);
    struct journal_record read = record_fixture_decoded();
    assert_int_equal(read.type, JOURNAL_TERM);
    assert_false(journal_record_has_time(&read));
    assert_int_equal(read.term.epoch, epoch);
    assert_int_equal(read.term.owner_length, owner_length);
    assert_memory_equal(read.term.owner, owner, owner_length);
    assert_int_equal(read.coupon_id_length, 0);
    assert_int_equal(read.origin.actor_length, 0);
    record_fixture_assert_refused_at_every_other_length();
}

static void a_term_is_read_back_at_its_limits(void **state)
{
    (void)state;
    assert_term_is_read_back(1, "a", 1);
    assert_term_is_read_back(UINT64_MAX, record_filler, MEMBER_NAME_MAX);
}

static void a_term_with_an_impossible_member_is_refused(void **state)
{
    (void)state;
    record_length = journal_encode_term(record_bytes, 1, "issuer-1", 8);
    RECORD_REFUSES(journal_term_record, header.coupon_id_length, 1);
    RECORD_REFUSES(journal_term_record, owner_length, 0);
    RECORD_REFUSES(journal_term_record, owner_length, MEMBER_NAME_MAX + 1);
    RECORD_REFUSES(journal_term_record, reserved[2], 1);
    RECORD_REFUSES(journal_term_record, epoch, 0);
    record_fixture_assert_refuses(sizeof(struct journal_term_record), "/", 1);
}

static void the_erased_id_in_a_store_is_told_from_an_id(void **state)
{
    (void)state;
    assert_true(user_id_is_erased("erased:0123456789abcdef0123456789abcdef", ERASED_ID_LENGTH));
    assert_false(user_id_is_erased("erased:0123456789abcdef0123456789abcdef", ERASED_ID_LENGTH - 1));
    assert_false(user_id_is_erased("erased:0123456789abcdef0123456789abcdeg", ERASED_ID_LENGTH));
    assert_false(user_id_is_erased("Erased:0123456789abcdef0123456789abcdef", ERASED_ID_LENGTH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issue_is_read_back_at_its_limits),
        cmocka_unit_test(an_issue_with_an_impossible_member_is_refused),
        cmocka_unit_test(a_change_is_read_back_at_its_limits),
        cmocka_unit_test(a_change_with_an_impossible_member_is_refused),
        cmocka_unit_test(an_erasure_is_read_back_at_its_limits),
        cmocka_unit_test(an_erasure_with_an_impossible_member_is_refused),
        cmocka_unit_test(a_sweep_is_read_back_at_its_limits),
        cmocka_unit_test(a_sweep_with_an_impossible_member_is_refused),
        cmocka_unit_test(a_term_is_read_back_at_its_limits),
        cmocka_unit_test(a_term_with_an_impossible_member_is_refused),
        cmocka_unit_test(the_erased_id_in_a_store_is_told_from_an_id),
    };
    return cmocka_run_group_tests(tests, record_fixture_setup, NULL);
}
