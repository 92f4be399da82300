/* Change requests in a turn: an issue is redeemed, no longer redeemed, or revoked; a user's id is erased. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "shared/journal/reader.h"
#include "tests/unit/issuer/turn/change_fixture.h"
#include "tests/unit/issuer/turn/turn_fixture.h"
#include "tests/unit/shared/journal/journal_fixture.h"

/* --- helpers --- */

/* The last record of the journal, valid until the next call. */
static struct journal_record last_record(void)
{
    static struct journal_reader *reader;
    static struct journal_record record;
    struct journal_batch_header header;
    struct error error;
    const void *batch;
    if (reader != NULL)
        journal_reader_close(&reader);
    assert_int_equal(journal_reader_open(journal_fixture_dir, &reader, &error), 0);
    assert_int_equal(journal_reader_seek(reader, journal_written_seq(journal), &error), JOURNAL_READ_BATCH);
    assert_int_equal(journal_reader_next(reader, &batch, &header, &error), JOURNAL_READ_BATCH);
    struct journal_batch_reader records;
    journal_batch_reader_init(&records, batch);
    while (journal_batch_reader_next(&records, &record))
        continue;
    return record;
}

static void assert_text(const char *bytes, size_t length, const char *text)
{
    assert_int_equal(length, strlen(text));
    assert_memory_equal(bytes, text, length);
}

/* --- verdicts and journal --- */

static void a_redemption_is_told_and_taken_back(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    struct frame_issue_reply issued = post("C", "a", NOW_US);
    struct frame_change_reply reply = redeem("C", "a", "order-1", NOW_US + 5);
    assert_int_equal(reply.verdict, VERDICT_REDEEMED);
    assert_int_equal(reply.now_us, NOW_US + 5);
    assert_int_equal(reply.issue.state, ISSUE_REDEEMED);
    issued.issue.state = ISSUE_REDEEMED;
    assert_memory_equal(&reply.issue, &issued.issue, sizeof reply.issue);
    assert_int_equal(reply.details.changed_at_us, NOW_US + 5);
    assert_text(reply.details.reference, reply.details.reference_length, "order-1");
    assert_text(reply.details.actor, reply.details.actor_length, "till-7");
    assert_int_equal(redeem("C", "a", "order-1", NOW_US + 6).verdict, VERDICT_REDEEMED_BEFORE);
    reply = redeem("C", "a", "order-2", NOW_US + 7);
    assert_int_equal(reply.verdict, VERDICT_ALREADY_REDEEMED);
    assert_text(reply.details.reference, reply.details.reference_length, "order-1");
    reply = undo("C", "a", "order-1", NOW_US + 8);
    assert_int_equal(reply.verdict, VERDICT_REDEMPTION_UNDONE);
    assert_int_equal(reply.issue.state, ISSUE_ISSUED);
    assert_int_equal(reply.details.changed_at_us, 0);
    assert_int_equal(post("C", "a", NOW_US + 9).issue.state, ISSUE_ISSUED);
    assert_int_equal(redeem("C", "b", "r", NOW_US).verdict, VERDICT_NOT_ISSUED);
    assert_int_equal(redeem("D", "a", "r", NOW_US).verdict, VERDICT_COUPON_NOT_FOUND);
}

static void a_revocation_is_told_with_its_reason(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    struct frame_change_reply reply =
        revoke_issue("C", "a", "a \"mistake\"", CHANGE_RESTOCK | CHANGE_AGAIN, NOW_US + 5);
    assert_int_equal(reply.verdict, VERDICT_REVOKED);
    assert_int_equal(reply.issue.state, ISSUE_REVOKED);
    assert_int_equal(reply.details.flags, CHANGE_RESTOCK | CHANGE_AGAIN);
    assert_text(reply.details.reason, reply.details.reason_length, "a \"mistake\"");
    assert_int_equal(reply.details.reference_length, 0);
    reply = revoke_issue("C", "a", "again", 0, NOW_US + 6);
    assert_int_equal(reply.verdict, VERDICT_REVOKED_BEFORE);
    assert_int_equal(reply.details.changed_at_us, NOW_US + 5);
    assert_text(reply.details.reason, reply.details.reason_length, "a \"mistake\"");
    assert_int_equal(redeem("C", "a", "r", NOW_US).verdict, VERDICT_ISSUE_REVOKED);
    assert_int_equal(post("C", "a", NOW_US).issue.sequence, 2);
}

static void a_change_is_synced_before_its_reply_can_leave(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    take_change(CHANGE_REDEEM, "C", "a", "r");
    assert_int_equal(journal_written_seq(journal), 2);
    turn_decide(turn, NOW_US, BOOT_US);
    assert_int_equal(journal_written_seq(journal), 3);
    assert_int_equal(journal_synced_seq(journal), 3);
}

static void the_journal_says_who_asked_for_a_change(void **state)
{
    (void)state;
    struct frame_change_request request = change_request(CHANGE_REDEEM, "C", "a", "order-1");
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    request.request_id_length = REQUEST_ID_MAX;
    memset(request.request_id, 'i', sizeof request.request_id);
    assert_int_equal(change(&request, NOW_US + 5).verdict, VERDICT_REDEEMED);
    struct journal_record record = last_record();
    assert_int_equal(record.type, JOURNAL_CHANGE);
    assert_int_equal(record.change.kind, JOURNAL_REDEEMED);
    assert_int_equal(record.change.sequence, 1);
    assert_int_equal(record.time_us, NOW_US + 5);
    assert_text(record.change.user_id, record.change.user_id_length, "a");
    assert_text(record.change.reference, record.change.reference_length, "order-1");
    assert_text(record.origin.actor, record.origin.actor_length, "till-7");
    assert_int_equal(record.origin.request_id_length, REQUEST_ID_MAX);
    start_again(); /* the journal can be read */
    assert_int_equal(redeem("C", "a", "order-1", NOW_US).verdict, VERDICT_REDEEMED_BEFORE);
    undo("C", "a", "order-1", NOW_US + 6);
    assert_int_equal(last_record().change.kind, JOURNAL_UNDONE);
    revoke_issue("C", "a", "reason", CHANGE_AGAIN, NOW_US + 7);
    record = last_record();
    assert_int_equal(record.change.kind, JOURNAL_REVOKED);
    assert_true(record.change.again && !record.change.restock);
    assert_text(record.change.reason, record.change.reason_length, "reason");
    assert_int_equal(record.change.reference_length, 0);
}

static void a_change_is_never_earlier_than_its_issue(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US + 10);
    assert_int_equal(redeem("C", "a", "r", NOW_US).verdict, VERDICT_REDEEMED);
    assert_int_equal(last_record().time_us, NOW_US + 10);
}

static void nothing_is_written_for_changes_that_change_nothing(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    redeem("C", "a", "r", NOW_US);
    uint64_t seq = journal_written_seq(journal);
    redeem("C", "a", "r", NOW_US);
    redeem("C", "a", "s", NOW_US);
    undo("C", "a", "s", NOW_US);
    undo("C", "b", "s", NOW_US);
    revoke_issue("C", "a", "", 0, NOW_US);
    redeem("D", "a", "s", NOW_US);
    assert_int_equal(journal_written_seq(journal), seq);
}

static void frames_of_a_turn_are_decided_in_their_order(void **state)
{
    (void)state;
    create("C", 1, NOW_US);
    take_change(CHANGE_REDEEM, "C", "a", "r");
    take_post("C", "a");
    take_change(CHANGE_REDEEM, "C", "a", "r");
    take_post("C", "b");
    take_change(CHANGE_UNDO, "C", "a", "r");
    take_change(CHANGE_REVOKE, "C", "a", NULL);
    take_post("C", "b");
    turn_decide(turn, NOW_US, BOOT_US);
    assert_int_equal(change_reply_of(0).verdict, VERDICT_NOT_ISSUED);
    assert_int_equal(issue_reply_of(1).verdict, VERDICT_ISSUED);
    assert_int_equal(change_reply_of(2).verdict, VERDICT_REDEEMED);
    assert_int_equal(issue_reply_of(3).verdict, VERDICT_SOLD_OUT);
    assert_int_equal(change_reply_of(4).verdict, VERDICT_REDEMPTION_UNDONE);
    assert_int_equal(change_reply_of(5).verdict, VERDICT_REVOKED);
    assert_int_equal(issue_reply_of(6).verdict, VERDICT_SOLD_OUT); /* nothing went back */
    turn_end(turn);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_REDEEMED), 1);
    assert_int_equal(metrics_get(metrics, METRIC_ISSUER_VERDICTS, VERDICT_REVOKED), 1);
    start_again();
    assert_int_equal(post("C", "a", NOW_US).verdict, VERDICT_ISSUE_REVOKED);
}

static void a_turn_takes_a_bounded_number_of_changes(void **state)
{
    (void)state;
    static struct frame_change_request requests[FRAME_CHANGE_REQUESTS_MAX];
    for (uint64_t i = 0; i < FRAME_CHANGE_REQUESTS_MAX; i++) {
        requests[i] = change_request(CHANGE_REDEEM, "C", "a", "r");
        requests[i].tag = i;
    }
    create("C", 9, NOW_US);
    take_change(CHANGE_REDEEM, "C", "a", "r");
    assert_true(turn_takes_more(turn));
    take(FRAME_CHANGE_REQUESTS, requests, sizeof requests, FRAME_CHANGE_REQUESTS_MAX);
    assert_false(turn_takes_more(turn));
    assert_int_equal(turn_requests(turn), FRAME_CHANGE_REQUESTS_MAX + 1);
    turn_decide(turn, NOW_US, BOOT_US);
    const char *replies = reply_of(1, FRAME_CHANGE_REPLIES, FRAME_CHANGE_REQUESTS_MAX);
    for (uint64_t i = 0; i < FRAME_CHANGE_REQUESTS_MAX; i++) {
        struct frame_change_reply reply;
        memcpy(&reply, replies + i * sizeof reply, sizeof reply);
        assert_int_equal(reply.tag, i);
        assert_int_equal(reply.verdict, VERDICT_NOT_ISSUED);
    }
}

static void malformed_changes_are_dropped(void **state)
{
    (void)state;
    struct frame_change_request good = change_request(CHANGE_REDEEM, "C", "a", "r");
    struct frame_change_request bad[] = {good, good, good, good, good, good, good, good};
    bad[0].op = 0;
    bad[1].op = UINT8_MAX;
    bad[2].reference_length = 0;
    bad[3].reference_length = REFERENCE_MAX + 1;
    bad[4].reference[0] = ' ';
    bad[5].user_id_length = 0;
    bad[6].coupon_id[0] = '/';
    bad[7].actor_length = ACTOR_MAX + 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        take(FRAME_CHANGE_REQUESTS, &bad[i], sizeof bad[i], 1);
        assert_one_more_dropped();
    }
    struct frame_change_request two[] = {good, bad[0]};
    take(FRAME_CHANGE_REQUESTS, two, sizeof two, 2);
    assert_one_more_dropped();
    assert_int_equal(turn_requests(turn), 0);
}

/* --- refusals of the moment --- */

static void a_late_change_is_not_made(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    enum change_op ops[] = {CHANGE_REDEEM, CHANGE_UNDO, CHANGE_REVOKE, CHANGE_SHOW, CHANGE_RESOLVE, CHANGE_ERASE};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        struct frame_change_request request = change_request(ops[i], "C", "a", "r");
        request.sequence = 1;
        take(FRAME_CHANGE_REQUESTS, &request, sizeof request, 1);
        turn_decide(turn, NOW_US, BOOT_US + request.wait_us);
        struct frame_change_reply reply = change_reply_of(0), blank = {.tag = request.tag, .now_us = NOW_US};
        blank.verdict = VERDICT_LATE;
        assert_memory_equal(&reply, &blank, sizeof reply);
        turn_end(turn);
    }
    struct frame_change_request request = change_request(CHANGE_REDEEM, "C", "a", "r");
    take_of(INCARNATION + 1, BOOT_US, FRAME_CHANGE_REQUESTS, &request, sizeof request, 1);
    turn_decide(turn, NOW_US, BOOT_US);
    assert_int_equal(change_reply_of(0).verdict, VERDICT_LATE);
    turn_end(turn);
    assert_int_equal(journal_written_seq(journal), 2);
    assert_int_equal(redeem("C", "a", "r", NOW_US).verdict, VERDICT_REDEEMED);
}

static void without_memory_no_change_is_made_and_what_was_made_is_told(void **state)
{
    (void)state;
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    post("C", "b", NOW_US);
    redeem("C", "a", "r", NOW_US);
    memory_scarce_now = true;
    assert_int_equal(redeem("C", "a", "r", NOW_US).verdict, VERDICT_REDEEMED_BEFORE);
    struct frame_change_reply reply = redeem("C", "b", "r", NOW_US);
    assert_int_equal(reply.verdict, VERDICT_OVERLOADED);
    assert_int_equal(reply.issue.sequence, 0);
    assert_int_equal(revoke_issue("C", "b", "", 0, NOW_US).verdict, VERDICT_OVERLOADED);
    assert_int_equal(erase("b").verdict, VERDICT_ERASED); /* the journal alone grows */
    memory_scarce_now = false;
    assert_int_equal(redeem("C", "b", "r", NOW_US).verdict, VERDICT_REDEEMED);
}

static void on_a_full_disk_no_change_is_made(void **state)
{
    (void)state;
    struct rlimit limit, small;
    assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    create("C", 9, NOW_US);
    post("C", "a", NOW_US);
    redeem("C", "a", "r", NOW_US);
    small = limit;
    small.rlim_cur = 3u << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    start_again_with_segments_of(4u << 20);
    while (journal_reserve(journal, journal_bytes_max(4000, 0, 0)))
        journal_fixture_append_at(journal, 4000, NOW_US); /* issues of another coupon, which nobody replays */
    while (journal_reserve(journal, journal_bytes_max(0, 1, 0)))
        journal_fixture_append_at(journal, 1, NOW_US);
    uint64_t seq = journal_written_seq(journal);
    assert_int_equal(undo("C", "a", "r", NOW_US).verdict, VERDICT_OVERLOADED);
    assert_int_equal(revoke_issue("C", "a", "", 0, NOW_US).verdict, VERDICT_ALREADY_REDEEMED);
    assert_int_equal(erase("a").verdict, VERDICT_OVERLOADED);
    assert_int_equal(journal_written_seq(journal), seq);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while (undo("C", "a", "r", NOW_US).verdict == VERDICT_OVERLOADED)
        continue; /* until the next segment is prepared */
    assert_int_equal(journal_written_seq(journal), seq + 1);
}

/* --- erasing --- */

static void an_erasure_is_journalled_with_the_users_fingerprint(void **state)
{
    (void)state;
    uint8_t fingerprint[16];
    create("C", 9, NOW_US);
    post("C", "alice", NOW_US);
    assert_int_equal(erase("alice").verdict, VERDICT_ERASED);
    struct journal_record record = last_record();
    assert_int_equal(record.type, JOURNAL_ERASURE);
    assert_text(record.erasure.user_id, record.erasure.user_id_length, "alice");
    ledger_user_fingerprint(ledger, "alice", 5, fingerprint);
    assert_memory_equal(record.erasure.fingerprint, fingerprint, sizeof fingerprint);
    assert_int_equal(erase("nobody").verdict, VERDICT_ERASED); /* whether there is anything is not told */
    start_again();
    assert_int_equal(post("C", "alice", NOW_US).verdict, VERDICT_ALREADY_ISSUED); /* never twice */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_redemption_is_told_and_taken_back),
        TEST(a_revocation_is_told_with_its_reason),
        TEST(a_change_is_synced_before_its_reply_can_leave),
        TEST(the_journal_says_who_asked_for_a_change),
        TEST(a_change_is_never_earlier_than_its_issue),
        TEST(nothing_is_written_for_changes_that_change_nothing),
        TEST(frames_of_a_turn_are_decided_in_their_order),
        TEST(a_turn_takes_a_bounded_number_of_changes),
        TEST(malformed_changes_are_dropped),
        TEST(a_late_change_is_not_made),
        TEST(without_memory_no_change_is_made_and_what_was_made_is_told),
        TEST(on_a_full_disk_no_change_is_made),
        TEST(an_erasure_is_journalled_with_the_users_fingerprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
