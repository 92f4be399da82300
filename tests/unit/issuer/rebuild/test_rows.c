/* The store's rows on their way into new ledgers: issues, what became of them, and users who were erased. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/coupon.h"
#include "issuer/rebuild/rows.h"
#include "shared/store/erased.h"

#define TIME_US INT64_C(1763691900000000)

/* --- fixture --- */

static struct rebuild_rows rows;
static struct journal_meta meta;
static struct error error;
static struct coupon coupon;
static struct store_change changes[8];
static size_t changes_count;

static int setup(void **state)
{
    (void)state;
    struct store_journal stored = {.partitions = 1, .last_seq = 3};
    memset(stored.fingerprint_key, 0x11, 16);
    memset(stored.code_key, 0x22, 16);
    meta = (struct journal_meta){.partitions = 1};
    rebuild_rows_init(&rows, 1, false);
    assert_int_equal(rebuild_rows_journal(&rows, &stored), 0);
    rebuild_rows_begin(&rows, &meta);
    coupon = (struct coupon){.id = "c",
                             .title = "A coffee",
                             .number = 7,
                             .quantity = 2,
                             .per_user_limit = 1,
                             .starts_at_us = TIME_NONE,
                             .ends_at_us = TIME_NONE,
                             .redeem_until_us = TIME_NONE,
                             .created_at_us = TIME_US,
                             .updated_at_us = TIME_US,
                             .journal_seq = 1};
    changes_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rebuild_rows_deinit(&rows);
    return 0;
}

/* --- helpers --- */

static int issue(uint32_t sequence, const char *user_id, uint16_t nth, uint64_t seq)
{
    struct store_issue row = {.coupon_id = "c",
                              .coupon_id_length = 1,
                              .user_id = user_id,
                              .user_id_length = (uint8_t)strlen(user_id),
                              .nth = nth,
                              .sequence = sequence,
                              .issued_at_us = TIME_US + sequence,
                              .journal_seq = seq};
    return rebuild_rows_issue(&rows, &row);
}

static struct store_change *change(uint32_t sequence, enum issue_state state, uint64_t seq)
{
    bool revoked = state == ISSUE_REVOKED;
    changes[changes_count] = (struct store_change){.coupon_id = "c",
                                                   .coupon_id_length = 1,
                                                   .user_id = "",
                                                   .reference = revoked ? "" : "order-1",
                                                   .reference_length = revoked ? 0 : 7,
                                                   .reason = "",
                                                   .actor = "",
                                                   .state = (uint8_t)state,
                                                   .restock = revoked,
                                                   .again = revoked,
                                                   .sequence = sequence,
                                                   .changed_at_us = TIME_US + 100,
                                                   .journal_seq = seq};
    return &changes[changes_count++];
}

/* What comes before the issues. */
static void begin(void)
{
    assert_int_equal(rebuild_rows_coupon(&rows, &coupon), 0);
    for (size_t i = 0; i < changes_count; i++)
        assert_int_equal(rebuild_rows_revocation(&rows, &changes[i]), 0);
}

/* What comes after them. */
static int end(void)
{
    int result = rebuild_rows_end_issues(&rows);
    for (size_t i = 0; i < changes_count && result == 0; i++)
        result = rebuild_rows_redemption(&rows, &changes[i]);
    if (result == 0)
        result = rebuild_rows_quantity(&rows, &coupon);
    return rebuild_rows_end(&rows, &error) == 0 ? result : -1;
}

static void assert_wrong(const char *words)
{
    assert_int_equal(end(), -1);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static struct coupon rebuilt(void)
{
    struct coupon out;
    ledger_coupon_read(ledger_entry(rows.parts[0].ledger, "c", 1), &out);
    return out;
}

/* --- tests --- */

static void the_keys_of_the_store_are_those_of_the_new_journal(void **state)
{
    (void)state;
    assert_int_equal(meta.fingerprint_key[15], 0x11);
    assert_int_equal(meta.code_key[15], 0x22);
    assert_true(meta.checksum == journal_checksum(&meta, sizeof meta));
}

static void no_number_of_a_record_is_used_again(void **state)
{
    (void)state;
    struct store_journal stored = {.partitions = 1, .last_seq = 3, .newest_seq = 9}; /* an erasure, say */
    assert_int_equal(rebuild_rows_journal(&rows, &stored), 0);
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_int_equal(end(), 0);
    assert_true(rows.parts[0].last_seq == 9);
}

static void what_became_of_issues_is_known_again(void **state)
{
    (void)state;
    change(1, ISSUE_REDEEMED, 5);
    change(2, ISSUE_REVOKED, 4);
    change(3, ISSUE_ISSUED, 9);
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_int_equal(issue(2, "bert", 1, 3), 0);
    assert_int_equal(issue(3, "bert", 2, 6), 0); /* again, from the piece that went back */
    assert_int_equal(end(), 0);
    struct coupon there = rebuilt();
    assert_int_equal(there.number, 7);
    assert_int_equal(there.quantity, 2);
    assert_int_equal(there.issued, 3);
    assert_int_equal(there.returned, 1);
    assert_int_equal(there.redeemed, 1);
    assert_true(rows.parts[0].last_seq == 9); /* the newest change is the last record */
}

static void the_counters_of_the_row_are_not_added_to_those_of_the_states(void **state)
{
    (void)state;
    coupon.returned = 1;
    coupon.redeemed = 1;
    change(1, ISSUE_REDEEMED, 5);
    change(2, ISSUE_REVOKED, 4);
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_int_equal(issue(2, "bert", 1, 3), 0);
    assert_int_equal(end(), 0);
    assert_int_equal(rebuilt().returned, 1);
    assert_int_equal(rebuilt().redeemed, 1);
}

static void a_quantity_that_was_lowered_after_a_return_is_no_contradiction(void **state)
{
    (void)state;
    coupon.quantity = 1;
    coupon.journal_seq = 5;
    change(1, ISSUE_REVOKED, 4);
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_int_equal(issue(2, "bert", 1, 3), 0);
    assert_int_equal(end(), 0);
    assert_int_equal(rebuilt().quantity, 1);
}

static void more_in_force_than_the_quantity_is_refused(void **state)
{
    (void)state;
    coupon.quantity = 1;
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_int_equal(issue(2, "bert", 1, 3), 0);
    assert_wrong("coupon c: a coupon's quantity below what is issued");
}

static void a_second_issue_before_the_first_was_revoked_is_refused(void **state)
{
    (void)state;
    change(1, ISSUE_REVOKED, 4);
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_int_equal(issue(2, "anna", 2, 3), 0); /* applied with the next rows */
    assert_wrong("above the user's limit");
}

static void a_state_of_an_issue_that_is_not_there_is_refused(void **state)
{
    (void)state;
    change(2, ISSUE_REDEEMED, 4);
    begin();
    assert_int_equal(issue(1, "anna", 1, 2), 0);
    assert_wrong("the state of sequence 2: a change of an issue that was never made");
}

static void a_state_with_invalid_values_is_refused(void **state)
{
    (void)state;
    struct store_change *row = change(1, ISSUE_REDEEMED, 4);
    row->reference_length = 0;
    assert_int_equal(rebuild_rows_coupon(&rows, &coupon), 0);
    assert_int_equal(rebuild_rows_revocation(&rows, row), -1);
    assert_int_equal(rebuild_rows_end(&rows, &error), -1);
    assert_non_null(strstr(error.text, "its state holds invalid values"));
}

static void an_erased_user_is_known_by_the_fingerprint(void **state)
{
    (void)state;
    uint8_t fingerprint[16];
    char erased_id[ERASED_ID_LENGTH + 1];
    struct user_issue there;
    store_fingerprint(meta.fingerprint_key, "anna", 4, fingerprint);
    store_erased_id(fingerprint, erased_id);
    begin();
    assert_int_equal(issue(1, erased_id, 1, 2), 0);
    assert_int_equal(end(), 0);
    assert_true(ledger_lookup(rows.parts[0].ledger, "c", 1, "anna", 4, &there));
    assert_int_equal(there.sequence, 1);
    assert_true(ledger_lookup(rows.parts[0].ledger, "c", 1, erased_id, ERASED_ID_LENGTH, &there));
}

static void an_issue_that_is_a_dead_letter_keeps_its_idempotency_key(void **state)
{
    (void)state;
    unsigned char bytes[JOURNAL_RECORD_BYTES_MAX];
    struct journal_record record = {
        .type = JOURNAL_ISSUE,
        .coupon_id = "c",
        .coupon_id_length = 1,
        .issue = {.user_id = "anna", .user_id_length = 4, .sequence = 1, .nth = 1, .request_key = 4711}};
    struct store_dead_letter letter = {.journal_seq = 2,
                                       .recorded_at_us = TIME_US,
                                       .coupon_id = "c",
                                       .coupon_id_length = 1,
                                       .user_id = "anna",
                                       .user_id_length = 4,
                                       .sequence = 1,
                                       .nth = 1,
                                       .reason = "refused",
                                       .record = bytes};
    letter.record_length = (uint16_t)journal_encode_stamped_issue(bytes, &record, JOURNAL_NO_STAMP);
    begin();
    assert_int_equal(rebuild_rows_letter(&rows, &letter), 0);
    assert_int_equal(end(), 0);
    const struct ledger_coupon *there = ledger_entry(rows.parts[0].ledger, "c", 1);
    assert_int_equal(there->issued, 1);
    assert_int_equal(ledger_coupon_value(there, COUPON_MAP_REQUESTS, 1), 4711);
}

static void changes_and_erasures_that_are_dead_letters_must_be_stored_first(void **state)
{
    (void)state;
    struct store_dead_letter letter = {
        .journal_seq = 5, .coupon_id = "c", .coupon_id_length = 1, .sequence = 1, .reason = "refused"};
    assert_int_equal(rebuild_rows_letter(&rows, &letter), -1);
    assert_int_equal(rebuild_rows_end(&rows, &error), -1);
    assert_non_null(strstr(error.text, "a change of an issue is a dead letter"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_keys_of_the_store_are_those_of_the_new_journal),
        TEST(no_number_of_a_record_is_used_again),
        TEST(what_became_of_issues_is_known_again),
        TEST(the_counters_of_the_row_are_not_added_to_those_of_the_states),
        TEST(a_quantity_that_was_lowered_after_a_return_is_no_contradiction),
        TEST(more_in_force_than_the_quantity_is_refused),
        TEST(a_second_issue_before_the_first_was_revoked_is_refused),
        TEST(a_state_of_an_issue_that_is_not_there_is_refused),
        TEST(a_state_with_invalid_values_is_refused),
        TEST(an_erased_user_is_known_by_the_fingerprint),
        TEST(an_issue_that_is_a_dead_letter_keeps_its_idempotency_key),
        TEST(changes_and_erasures_that_are_dead_letters_must_be_stored_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
