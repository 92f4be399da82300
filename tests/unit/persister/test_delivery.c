/*
 * Frames on their way into a store that the test simulates: it rejects rows, fails on demand, and keeps account.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persister/delivery.h"
#include "shared/store/backend.h"
#include "tests/unit/persister/events_fixture.h"

#define SEQS_MAX   64
#define SCRIPT_MAX 64
#define MIN_MS     10
#define MAX_MS     1000
#define NOW_US     INT64_C(1763691900000777)

/* --- fixture --- */

struct fake {
    struct store base;
    enum store_result script[SCRIPT_MAX]; /* of the next attempts; STORE_OK: depending on the rows */
    unsigned scripted;
    unsigned attempts; /* writes and lookups */
    unsigned migrations;
    bool refuses_letters;
    bool poisoned[SEQS_MAX];
    bool stored[SEQS_MAX];
    bool dead[SEQS_MAX];
    char reason[SEQS_MAX][STORE_REASON_MAX + 1];
    uint64_t closed_seq; /* last_seq of the finished frame */
    const char *says;    /* why a row is rejected */
};

struct fixture {
    struct fake fake;
    struct delivery delivery;
    struct delivery_step step;
    struct events events;
    int64_t waited_ms;
};

/* --- the store --- */

static enum store_result next_scripted(struct fake *fake, struct error *error)
{
    unsigned attempt = fake->attempts++;
    error_set(error, "as the script says");
    return attempt < fake->scripted ? fake->script[attempt] : STORE_OK;
}

static enum store_result refuse_rows(const struct fake *fake, const struct store_batch *batch, struct error *error)
{
    bool has_coupon = fake->stored[1] || batch->coupons_count > 0;
    error_set(error, "%s", fake->says);
    for (size_t i = 0; i < batch->coupons_count; i++)
        if (fake->poisoned[batch->coupons[i].journal_seq])
            return STORE_REJECTED;
    for (size_t i = 0; i < batch->issues_count; i++)
        if (fake->poisoned[batch->issues[i].journal_seq] || !has_coupon)
            return STORE_REJECTED;
    return STORE_OK;
}

static void take_letters(struct fake *fake, const struct store_batch *batch)
{
    if (batch->scope == STORE_FRAME) {
        memset(fake->dead, 0, sizeof fake->dead);
        fake->closed_seq = batch->last_seq;
    }
    for (size_t i = 0; i < batch->dead_count; i++) {
        const struct store_dead_letter *letter = &batch->dead[i];
        fake->dead[letter->journal_seq] = true;
        memcpy(fake->reason[letter->journal_seq], letter->reason, strlen(letter->reason) + 1);
        assert_true(letter->dead_at_us == NOW_US);
        assert_in_range(letter->record_length, 8, JOURNAL_RECORD_BYTES_MAX);
    }
}

static enum store_result fake_write(struct store *base, const struct store_batch *batch, struct error *error)
{
    struct fake *fake = (struct fake *)base;
    enum store_result result = next_scripted(fake, error);
    if (result == STORE_BEHIND)
        base->behind_seq = 17;
    if (result == STORE_OK)
        result = refuse_rows(fake, batch, error);
    if (result == STORE_OK && batch->dead_count > 0 && fake->refuses_letters)
        result = STORE_REJECTED;
    if (result != STORE_OK)
        return result;
    for (size_t i = 0; i < batch->coupons_count; i++)
        fake->stored[batch->coupons[i].journal_seq] = true;
    for (size_t i = 0; i < batch->issues_count; i++)
        fake->stored[batch->issues[i].journal_seq] = true;
    take_letters(fake, batch);
    return STORE_OK;
}

static enum store_result fake_each_dead_coupon(struct store *base, const uint8_t journal_id[16],
                                               store_dead_coupon_fn each, void *arg, struct error *error)
{
    struct fake *fake = (struct fake *)base;
    enum store_result result = next_scripted(fake, error);
    assert_int_equal(journal_id[0], 0x5a);
    if (fake->dead[1] && !fake->stored[1])
        each(arg, "c", fake->reason[1]); /* already found when the connection breaks */
    return result;
}

static enum store_result fake_migrate(struct store *base, struct error *error)
{
    (void)error;
    ((struct fake *)base)->migrations++;
    return STORE_OK;
}

static const struct store_ops fake_ops = {
    .migrate = fake_migrate,
    .write = fake_write,
    .each_dead_coupon = fake_each_dead_coupon,
};

/* A frame of coupon "c", record 1, and its issues, records 2 to 8. */
static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->fake.base.ops = &fake_ops;
    fixture->fake.says = "refused";
    delivery_init(&fixture->delivery, &fixture->fake.base, 1, MIN_MS, MAX_MS);
    events_coupon_with_issues(&fixture->events, 0, 1, 7);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    delivery_deinit(&fixture->delivery);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static void begin(struct fixture *fixture)
{
    memset(fixture->fake.stored, 0, sizeof fixture->fake.stored);
    memset(fixture->fake.dead, 0, sizeof fixture->fake.dead);
    fixture->fake.closed_seq = 0;
    fixture->fake.attempts = 0;
    fixture->waited_ms = 0;
    assert_int_equal(delivery_begin(&fixture->delivery, fixture->events.bytes, fixture->events.size), FRAME_OK);
}

static void script(struct fixture *fixture, unsigned attempt, enum store_result result)
{
    memset(fixture->fake.script, 0, sizeof fixture->fake.script);
    fixture->fake.script[attempt] = result;
    fixture->fake.scripted = attempt + 1;
}

static enum delivery_action work(struct fixture *fixture)
{
    delivery_work(&fixture->delivery, NOW_US, 0, &fixture->step);
    fixture->waited_ms += fixture->step.wait_ms;
    return fixture->step.action;
}

static enum delivery_action work_to_the_end(struct fixture *fixture)
{
    for (unsigned steps = 0; work(fixture) == DELIVERY_AGAIN; steps++)
        assert_in_range(steps, 0, 1000);
    return fixture->step.action;
}

static void assert_answer(const struct fixture *fixture, enum frame_kind kind, uint64_t first_seq, uint64_t last_seq)
{
    assert_int_equal(fixture->step.action, DELIVERY_ANSWER);
    struct frame_header header;
    assert_int_equal(frame_check(&fixture->step.answer, sizeof fixture->step.answer, &header), FRAME_OK);
    assert_int_equal(header.kind, kind);
    assert_int_equal(fixture->step.answer.ack.first_seq, first_seq);
    assert_int_equal(fixture->step.answer.ack.last_seq, last_seq);
    assert_int_equal(fixture->step.answer.ack.journal_id[5], 0x5a);
}

/* Each record is stored, or a dead letter if it is poisoned, and never both. */
static void assert_account(const struct fixture *fixture)
{
    const struct fake *fake = &fixture->fake;
    assert_answer(fixture, FRAME_ACK, 1, 8);
    assert_int_equal(fake->closed_seq, 8);
    size_t dead = 0;
    for (unsigned seq = 1; seq <= 8; seq++) {
        bool lost = fake->poisoned[seq] || fake->poisoned[1];
        assert_int_equal(fake->stored[seq], !lost);
        assert_int_equal(fake->dead[seq], lost);
        dead += lost;
    }
    assert_int_equal(fixture->step.dead_count, dead);
}

/* --- tests --- */

static void a_frame_is_written_whole_and_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_ANSWER);
    assert_account(fixture);
    assert_int_equal(fixture->step.rows, 8);
    assert_int_equal(fixture->fake.attempts, 1);
    assert_int_equal(fixture->waited_ms, 0);
}

static void a_frame_that_makes_no_sense_is_named_and_nothing_is_tried(void **state)
{
    struct fixture *fixture = *state;
    fixture->events.bytes[fixture->events.size - 1] ^= 1;
    assert_int_not_equal(delivery_begin(&fixture->delivery, fixture->events.bytes, fixture->events.size), FRAME_OK);
    assert_int_equal(fixture->delivery.state, DELIVERY_IDLE);
    assert_int_equal(fixture->fake.attempts, 0);
}

static void a_passing_fault_is_tried_again_ever_later_for_as_long_as_it_takes(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t waits[] = {10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000};
    fixture->fake.scripted = sizeof waits / sizeof *waits;
    for (unsigned i = 0; i < fixture->fake.scripted; i++)
        fixture->fake.script[i] = STORE_RETRY;
    begin(fixture);
    for (unsigned i = 0; i < fixture->fake.scripted; i++) {
        assert_int_equal(work(fixture), DELIVERY_AGAIN);
        assert_int_equal(fixture->step.wait_ms, waits[i]);
        assert_int_equal(fixture->step.result, STORE_RETRY);
    }
    assert_int_equal(work(fixture), DELIVERY_ANSWER);
    assert_account(fixture);
    assert_int_equal(fixture->fake.migrations, 0);
    script(fixture, 0, STORE_RETRY);
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_AGAIN);
    assert_int_equal(fixture->step.wait_ms, MIN_MS);
}

static void a_fault_that_stays_has_the_schema_made_and_then_waits_longest(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.scripted = 3;
    for (unsigned i = 0; i < 3; i++)
        fixture->fake.script[i] = STORE_FAILED;
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_AGAIN);
    assert_int_equal(fixture->step.wait_ms, MIN_MS);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(work(fixture), DELIVERY_AGAIN);
        assert_int_equal(fixture->step.wait_ms, MAX_MS);
    }
    assert_int_equal(fixture->fake.migrations, 3);
    assert_int_equal(work(fixture), DELIVERY_ANSWER);
    assert_account(fixture);
}

static void a_store_that_has_less_is_told_to_the_issuer_from_any_state(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.poisoned[3] = true;
    begin(fixture);
    work_to_the_end(fixture);
    unsigned attempts = fixture->fake.attempts;
    assert_true(attempts > 5);
    for (unsigned at = 0; at < attempts; at++) {
        script(fixture, at, STORE_BEHIND);
        begin(fixture);
        work_to_the_end(fixture);
        assert_int_equal(fixture->fake.attempts, at + 1);
        assert_answer(fixture, FRAME_BEHIND, 18, 17);
        assert_int_equal(fixture->fake.closed_seq, 0);
        assert_int_equal(fixture->step.dead_count, 0);
    }
}

static void a_frame_without_records_is_answered_only_by_a_store_that_has_less(void **state)
{
    struct fixture *fixture = *state;
    events_begin(&fixture->events, 0, 1, 9);
    events_end(&fixture->events);
    events_fixed(&fixture->events)->acked_seq = 8;
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_DROP);
    assert_int_equal(fixture->step.result, STORE_OK);
    assert_int_equal(fixture->fake.closed_seq, 0);
    script(fixture, 1, STORE_BEHIND);
    fixture->fake.script[0] = STORE_RETRY;
    begin(fixture);
    assert_int_equal(work_to_the_end(fixture), DELIVERY_ANSWER);
    assert_answer(fixture, FRAME_BEHIND, 18, 17);
    script(fixture, 0, STORE_REJECTED);
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_AGAIN);
    assert_int_equal(fixture->step.result, STORE_FAILED);
}

static void a_frame_that_is_meant_for_another_store_is_handed_back(void **state)
{
    struct fixture *fixture = *state;
    memset(fixture->fake.base.id, 0x77, sizeof fixture->fake.base.id);
    script(fixture, 0, STORE_OTHER);
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_ANSWER);
    assert_int_equal(fixture->step.result, STORE_OTHER);
    assert_answer(fixture, FRAME_REFUSED, 1, 8);
    assert_int_equal(fixture->step.answer.ack.store_id[9], 0x77);
    assert_int_equal(fixture->delivery.state, DELIVERY_IDLE);
}

static void a_store_that_another_journal_fills_drops_the_frame(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 0, STORE_FOREIGN);
    begin(fixture);
    assert_int_equal(work(fixture), DELIVERY_DROP);
    assert_int_equal(fixture->step.result, STORE_FOREIGN);
    assert_int_equal(fixture->delivery.state, DELIVERY_IDLE);
}

static void whichever_issues_are_refused_become_dead_letters_and_the_others_are_stored(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned which = 0; which < 1u << 7; which++) {
        for (unsigned i = 0; i < 7; i++)
            fixture->fake.poisoned[2 + i] = which >> i & 1;
        begin(fixture);
        work_to_the_end(fixture);
        assert_account(fixture);
        for (size_t i = 0; i < fixture->step.dead_count; i++)
            assert_string_equal(fixture->step.dead[i].reason, "refused");
    }
}

static void the_issues_of_a_coupon_that_is_refused_follow_it_without_being_tried(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.poisoned[1] = true;
    begin(fixture);
    work_to_the_end(fixture);
    assert_account(fixture);
    assert_string_equal(fixture->fake.reason[1], "refused");
    assert_string_equal(fixture->fake.reason[5], "its coupon is a dead letter: refused");
    assert_int_equal(fixture->fake.attempts, 5); /* whole, coupon, its letter, the lookup, all letters */
}

/* Wherever a temporary fault hits, nothing is lost and nothing is in both places. */
static void a_passing_fault_at_any_attempt_changes_nothing_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    static const enum store_result faults[] = {STORE_RETRY, STORE_FAILED};
    for (unsigned first = 1; first <= 2; first++) {
        memset(fixture->fake.poisoned, 0, sizeof fixture->fake.poisoned);
        fixture->fake.poisoned[first] = fixture->fake.poisoned[6] = true;
        fixture->fake.scripted = 0;
        begin(fixture);
        work_to_the_end(fixture);
        unsigned attempts = fixture->fake.attempts;
        for (unsigned at = 0; at < 2 * attempts; at++) {
            script(fixture, at / 2, faults[at % 2]);
            begin(fixture);
            work_to_the_end(fixture);
            assert_account(fixture);
            assert_int_equal(fixture->fake.attempts, attempts + 1);
            assert_int_equal(fixture->waited_ms, MIN_MS);
        }
    }
}

static void dead_letters_that_are_refused_themselves_are_never_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.poisoned[4] = true;
    fixture->fake.refuses_letters = true;
    begin(fixture);
    for (unsigned failures = 0; failures < 5; failures += fixture->step.result == STORE_FAILED) {
        assert_int_equal(work(fixture), DELIVERY_AGAIN);
        assert_int_equal(fixture->step.dead_count, 0);
        if (fixture->step.result == STORE_FAILED)
            assert_int_equal(fixture->step.wait_ms, failures == 0 ? MIN_MS : MAX_MS);
    }
    fixture->fake.refuses_letters = false;
    work_to_the_end(fixture);
    assert_account(fixture);
}

static void rows_that_a_store_lost_between_two_attempts_are_written_with_the_last(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.poisoned[4] = true;
    begin(fixture);
    unsigned steps = 0;
    for (; work(fixture) == DELIVERY_AGAIN; steps++)
        ;
    for (unsigned lost_at = 1; lost_at <= steps; lost_at++) {
        begin(fixture);
        for (unsigned i = 0; i < lost_at; i++)
            assert_int_equal(work(fixture), DELIVERY_AGAIN);
        memset(fixture->fake.stored, 0, sizeof fixture->fake.stored);
        work_to_the_end(fixture);
        assert_account(fixture);
    }
}

/* However often the set of rejected rows changes while a frame is halved. */
static void rows_that_are_refused_after_they_were_taken_become_dead_letters_too(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.poisoned[4] = true;
    begin(fixture);
    for (unsigned seq = 5; seq <= 8; seq++) {
        while (fixture->delivery.state != DELIVERY_ROWS || fixture->delivery.ranges_count > 0)
            assert_int_equal(work(fixture), DELIVERY_AGAIN);
        fixture->fake.poisoned[seq] = true;
        assert_int_equal(work(fixture), DELIVERY_AGAIN);
        fixture->fake.stored[seq] = false; /* it was, before */
    }
    work_to_the_end(fixture);
    assert_account(fixture);
}

static void a_frame_that_is_given_up_leaves_nothing_behind_in_the_next(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.poisoned[1] = fixture->fake.poisoned[4] = true;
    begin(fixture);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(work(fixture), DELIVERY_AGAIN);
    memset(fixture->fake.poisoned, 0, sizeof fixture->fake.poisoned);
    begin(fixture);
    work_to_the_end(fixture);
    assert_account(fixture);
}

static void a_reason_is_short_and_valid_whatever_the_server_says(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *says;
        const char *kept;
    } rows[] = {
        {"쿠폰 \"x\"", "쿠폰 \"x\""},
        {"cut \xec\xbf", "cut ??"},
        {"\x1b[31mred\n\x7f", "?[31mred??"},
        {"\xc0\xaf \xed\xa0\x80 \xc2\x85 \xf0\x9f\x8e\x81", "?? ??? ?? ????"},
    };
    fixture->fake.poisoned[4] = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture->fake.says = rows[i].says;
        begin(fixture);
        work_to_the_end(fixture);
        assert_string_equal(fixture->fake.reason[4], rows[i].kept);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_is_written_whole_and_acknowledged),
        TEST(a_frame_that_makes_no_sense_is_named_and_nothing_is_tried),
        TEST(a_passing_fault_is_tried_again_ever_later_for_as_long_as_it_takes),
        TEST(a_fault_that_stays_has_the_schema_made_and_then_waits_longest),
        TEST(a_store_that_has_less_is_told_to_the_issuer_from_any_state),
        TEST(a_frame_without_records_is_answered_only_by_a_store_that_has_less),
        TEST(a_frame_that_is_meant_for_another_store_is_handed_back),
        TEST(a_store_that_another_journal_fills_drops_the_frame),
        TEST(whichever_issues_are_refused_become_dead_letters_and_the_others_are_stored),
        TEST(the_issues_of_a_coupon_that_is_refused_follow_it_without_being_tried),
        TEST(a_passing_fault_at_any_attempt_changes_nothing_in_the_end),
        TEST(dead_letters_that_are_refused_themselves_are_never_acknowledged),
        TEST(rows_that_a_store_lost_between_two_attempts_are_written_with_the_last),
        TEST(rows_that_are_refused_after_they_were_taken_become_dead_letters_too),
        TEST(a_frame_that_is_given_up_leaves_nothing_behind_in_the_next),
        TEST(a_reason_is_short_and_valid_whatever_the_server_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
