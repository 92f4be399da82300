/*
 * What becomes of issues: their states, the counters of their coupons, the history of policies, and keys; for sqlite
 * and, if there is a server, mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/query.h"
#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static int64_t number(struct store_fixture *fixture, const char *sql)
{
    return store_fixture_number(fixture, sql);
}

/* A store with the coupon "c" and issues 1 to `count`, records 1 to count + 1. */
static void begin_with(struct store_fixture *fixture, uint32_t count)
{
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, count);
    store_fixture_assert_written(fixture);
}

/* The records `first` to `last` come next. */
static void begin_frame(struct store_fixture *fixture, uint64_t first, uint64_t last)
{
    store_fixture_begin(fixture);
    fixture->batch.first_seq = first;
    fixture->batch.last_seq = last;
}

static void write_change(struct store_fixture *fixture, uint32_t sequence, enum issue_state state, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    store_fixture_change(fixture, "c", sequence, state, seq)->restock = state == ISSUE_REVOKED;
    store_fixture_assert_written(fixture);
}

static void assert_counters(struct store_fixture *fixture, int64_t returned, int64_t redeemed)
{
    assert_int_equal(number(fixture, "SELECT returned FROM coupon WHERE id = 'c'"), returned);
    assert_int_equal(number(fixture, "SELECT redeemed FROM coupon WHERE id = 'c'"), redeemed);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue_state WHERE state = 'revoked' AND restock = 1"),
                     returned);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue_state WHERE state = 'redeemed'"), redeemed);
}

/* --- states --- */

struct seen {
    struct store_change changes[8];
    char texts[8][4][REASON_MAX + 1];
    size_t count;
};

static void keep_text(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    out[length] = '\0';
}

static bool keep_change(void *arg, const struct store_change *change)
{
    struct seen *seen = arg;
    char(*texts)[REASON_MAX + 1] = seen->texts[seen->count];
    keep_text(texts[0], change->user_id, change->user_id_length);
    keep_text(texts[1], change->reference, change->reference_length);
    keep_text(texts[2], change->reason, change->reason_length);
    keep_text(texts[3], change->actor, change->actor_length);
    seen->changes[seen->count++] = *change;
    return true;
}

static void read_changes(struct store_fixture *fixture, struct seen *seen)
{
    seen->count = 0;
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_change(fixture->store, keep_change, seen, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
}

static void changes_are_read_back_with_the_users_of_their_issues(void **state)
{
    struct store_fixture *fixture = *state;
    static struct seen seen;
    begin_with(fixture, 2);
    begin_frame(fixture, 4, 6);
    struct store_change *revoked = store_fixture_change(fixture, "c", 2, ISSUE_REVOKED, 4);
    revoked->restock = revoked->again = true;
    revoked->reason = "it's \\ 커피 ☕";
    revoked->reason_length = (uint8_t)strlen(revoked->reason);
    store_fixture_change(fixture, "c", 1, ISSUE_REDEEMED, 5);
    store_fixture_change(fixture, "c", 9, ISSUE_REDEEMED, 6); /* its issue comes later */
    store_fixture_assert_written(fixture);
    read_changes(fixture, &seen);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.changes[0].sequence, 1);
    assert_int_equal(seen.changes[0].state, ISSUE_REDEEMED);
    assert_true(seen.changes[0].journal_seq == 5);
    assert_true(seen.changes[0].changed_at_us == fixture->changes[1].changed_at_us);
    assert_string_equal(seen.texts[0][0], "u1");
    assert_string_equal(seen.texts[0][1], "r");
    assert_string_equal(seen.texts[0][3], "admin");
    assert_int_equal(seen.changes[1].state, ISSUE_REVOKED);
    assert_true(seen.changes[1].restock && seen.changes[1].again);
    assert_string_equal(seen.texts[1][0], "u2");
    assert_string_equal(seen.texts[1][2], "it's \\ 커피 ☕");
    assert_string_equal(seen.texts[2][0], "");
    assert_counters(fixture, 1, 2);
}

static void a_change_may_follow_its_issue_and_its_coupon_in_the_same_frame(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_change(fixture, "c", 2, ISSUE_REDEEMED, 5);
    store_fixture_change(fixture, "c", 2, ISSUE_ISSUED, 6); /* taken back */
    store_fixture_change(fixture, "c", 2, ISSUE_REDEEMED, 7);
    store_fixture_change(fixture, "c", 3, ISSUE_REVOKED, 8);
    store_fixture_assert_written(fixture);
    assert_counters(fixture, 0, 1);
    assert_int_equal(number(fixture, "SELECT journal_seq FROM coupon_issue_state WHERE sequence = 2"), 7);
    assert_int_equal(number(fixture, "SELECT last_seq FROM journal"), 8);
    store_fixture_assert_written(fixture); /* resent */
    assert_counters(fixture, 0, 1);
}

/* Every order of three changes of an issue, each sent twice. */
static void changes_end_alike_in_whichever_order_they_come(void **state)
{
    struct store_fixture *fixture = *state;
    static const unsigned orders[][6] = {
        {0, 1, 2, 0, 1, 2}, {2, 1, 0, 2, 1, 0}, {1, 0, 0, 2, 2, 1}, {2, 0, 2, 1, 1, 0}, {0, 2, 1, 1, 0, 2}};
    static const enum issue_state states[] = {ISSUE_REDEEMED, ISSUE_ISSUED, ISSUE_REVOKED};
    begin_with(fixture, 5);
    for (uint32_t i = 0; i < 5; i++) {
        for (size_t at = 0; at < 6; at++)
            write_change(fixture, i + 1, states[orders[i][at]], 10 + 10 * i + orders[i][at]);
        assert_counters(fixture, i + 1, 0);
    }
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue_state WHERE state = 'revoked'"), 5);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue_state WHERE reference <> ''"), 0);
}

static void a_redemption_that_is_undone_leaves_a_row_and_no_count(void **state)
{
    struct store_fixture *fixture = *state;
    begin_with(fixture, 1);
    write_change(fixture, 1, ISSUE_REDEEMED, 3);
    assert_counters(fixture, 0, 1);
    write_change(fixture, 1, ISSUE_ISSUED, 4);
    assert_counters(fixture, 0, 0);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue_state WHERE state = 'issued'"), 1);
}

static void a_change_that_contradicts_the_state_of_its_own_record_is_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    begin_with(fixture, 1);
    write_change(fixture, 1, ISSUE_REDEEMED, 3);
    begin_frame(fixture, 3, 3);
    store_fixture_change(fixture, "c", 1, ISSUE_REDEEMED, 3)->reference = "s";
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
    store_fixture_assert_error(fixture, "coupon c, sequence 1");
    assert_counters(fixture, 0, 1);
}

static void a_change_whose_coupon_is_missing_is_rejected(void **state)
{
    struct store_fixture *fixture = *state;
    begin_with(fixture, 1);
    begin_frame(fixture, 3, 4);
    store_fixture_change(fixture, "c", 1, ISSUE_REDEEMED, 3);
    store_fixture_change(fixture, "d", 1, ISSUE_REDEEMED, 4);
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
    store_fixture_assert_error(fixture, "coupon d is not in the store");
    assert_counters(fixture, 0, 0);
}

static struct store_change many[3000];

/* More than fit into one statement, of coupons some of which also have issues. */
static void thousands_of_changes_are_counted_at_their_coupons(void **state)
{
    struct store_fixture *fixture = *state;
    char sql[128];
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3000);
    store_fixture_coupon(fixture, "b", 3002);
    store_fixture_coupon(fixture, "d", 3003);
    store_fixture_assert_written(fixture);
    begin_frame(fixture, 4000, 8000);
    store_fixture_issue(fixture, "b", 1, "x", 4000);
    store_fixture_issue(fixture, "d", 1, "x", 4001);
    fixture->batch.changes = many;
    for (uint32_t i = 0; i < 3000; i++) {
        store_fixture_begin(fixture);
        many[i] = *store_fixture_change(fixture,
                                        i % 3 == 0   ? "c"
                                        : i % 3 == 1 ? "b"
                                                     : "a",
                                        i + 1, i % 2 == 0 ? ISSUE_REDEEMED : ISSUE_REVOKED, 4002 + i);
        many[i].restock = i % 2 == 1;
    }
    begin_frame(fixture, 4000, 8000);
    store_fixture_coupon(fixture, "a", 7999);
    store_fixture_issue(fixture, "b", 1, "x", 4000);
    store_fixture_issue(fixture, "d", 1, "x", 4001);
    fixture->batch.changes = many;
    fixture->batch.changes_count = 3000;
    for (int round = 0; round < 2; round++) {
        store_fixture_assert_written(fixture);
        for (const char *id = "abc"; *id; id++) {
            snprintf(sql, sizeof sql, "SELECT returned * 1000 + redeemed FROM coupon WHERE id = '%c'", *id);
            assert_int_equal(number(fixture, sql), 500500);
        }
        assert_int_equal(number(fixture, "SELECT issued FROM coupon WHERE id = 'd'"), 1);
    }
}

/* --- coupons, keys and history --- */

static bool take_coupon(void *arg, const struct coupon *coupon)
{
    *(struct coupon *)arg = *coupon;
    return true;
}

static void read_coupon(struct store_fixture *fixture, struct coupon *coupon)
{
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_coupon(fixture->store, take_coupon, coupon, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
}

static void fill_texts(struct coupon *coupon)
{
    memset(coupon->title, 't', TITLE_MAX);
    memset(coupon->description, '\'', DESCRIPTION_MAX);
    memset(coupon->benefit, 'b', BENEFIT_MAX);
    memset(coupon->metadata, '\\', METADATA_MAX);
    memset(coupon->owner, 'o', OWNER_MAX);
    memset(coupon->segments, 's', SEGMENTS_MAX);
}

static void a_coupon_keeps_all_of_its_members(void **state)
{
    struct store_fixture *fixture = *state;
    static struct coupon there;
    store_fixture_migrate(fixture);
    for (uint64_t seq = 1; seq <= 2; seq++) { /* inserted, then changed */
        begin_frame(fixture, seq, seq);
        struct coupon *coupon = store_fixture_coupon(fixture, "c", seq);
        coupon->number = 17;
        coupon->quantity = seq == 1 ? QUANTITY_UNLIMITED : QUANTITY_MAX;
        coupon->redeem_within_s = seq == 1 ? 0 : REDEEM_WITHIN_MAX;
        coupon->redeem_until_us = seq == 1 ? TIME_US_MAX : TIME_NONE;
        coupon->archived = seq == 2;
        fill_texts(coupon);
        store_fixture_assert_written(fixture);
        read_coupon(fixture, &there);
        struct store_coupon is = store_coupon_borrow(&there);
        assert_true(store_coupon_equal(&is, &fixture->rows[0]));
        assert_int_equal(there.returned + there.redeemed + there.issued, 0);
        store_fixture_assert_written(fixture); /* the same again is no contradiction */
    }
}

static void request_keys_are_kept_and_compared(void **state)
{
    struct store_fixture *fixture = *state;
    begin_with(fixture, 20); /* as many as go by arrays */
    begin_frame(fixture, 30, 50);
    for (uint32_t i = 0; i < 20; i++) {
        char user[8];
        snprintf(user, sizeof user, "k%u", i);
        store_fixture_issue(fixture, "c", 21 + i, user, 30 + i)->request_key = i % 3 == 0 ? 0 : 0xfedcba9876543200 + i;
    }
    store_fixture_assert_written(fixture);
    store_fixture_assert_written(fixture);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE request_key IS NULL"), 27);
    assert_int_equal(number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE HEX(request_key) = 'FEDCBA9876543201'"),
                     1);
    fixture->issues[1].request_key++;
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
}

struct histories {
    char policies[8][4096];
    uint64_t seqs[8];
    char actors[8][ACTOR_MAX + 1];
    size_t count;
};

static bool keep_history(void *arg, const struct store_history_row *history)
{
    struct histories *histories = arg;
    size_t i = histories->count++;
    memcpy(histories->policies[i], history->policy, history->policy_length);
    histories->policies[i][history->policy_length] = '\0';
    keep_text(histories->actors[i], history->actor, history->actor_length);
    histories->seqs[i] = history->journal_seq;
    return true;
}

static void every_policy_that_a_coupon_had_is_in_its_history(void **state)
{
    struct store_fixture *fixture = *state;
    static struct histories histories;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 1, 3);
    store_fixture_coupon(fixture, "c", 1);
    struct coupon *changed = store_fixture_coupon(fixture, "c", 2);
    snprintf(changed->description, sizeof changed->description, "two\nlines \"and\" \\ 커피");
    snprintf(changed->benefit, sizeof changed->benefit, "{\"off\":10}");
    changed->quantity = QUANTITY_UNLIMITED;
    store_fixture_coupon(fixture, "d", 3);
    store_fixture_borrow(fixture);
    fixture->rows[1].origin = (struct journal_origin){"kim", 3, "req-9", 5};
    assert_int_equal(store_write(fixture->store, &fixture->batch, &fixture->error), STORE_OK);
    assert_int_equal(store_write(fixture->store, &fixture->batch, &fixture->error), STORE_OK);
    histories.count = 0;
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_history(fixture->store, "c", keep_history, &histories, &fixture->error), STORE_OK);
    assert_int_equal(histories.count, 2);
    assert_true(histories.seqs[0] == 1 && histories.seqs[1] == 2);
    assert_string_equal(histories.actors[0], "");
    assert_string_equal(histories.actors[1], "kim");
    assert_non_null(strstr(histories.policies[0], "\"quantity\":1000000,"));
    assert_non_null(strstr(histories.policies[0], "\"description\":null,"));
    assert_non_null(strstr(histories.policies[0], "\"owner\":null,\"segments\":null}"));
    assert_non_null(strstr(histories.policies[1], "\"description\":\"two\\u000alines \\\"and\\\" \\\\ 커피\""));
    assert_non_null(strstr(histories.policies[1], "\"benefit\":{\"off\":10},\"metadata\":null,\"quantity\":null,"));
    assert_int_equal(store_each_history(fixture->store, NULL, keep_history, &histories, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
    assert_int_equal(histories.count, 2 + 3);
}

static void read_page(struct store_fixture *fixture, uint64_t before, size_t limit, struct histories *histories)
{
    const struct store_history_query query = {"c", 1, before, limit};
    histories->count = 0;
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_read_history(fixture->store, &query, keep_history, histories, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
}

static void a_history_is_read_in_pages_from_the_latest_change_on(void **state)
{
    struct store_fixture *fixture = *state;
    static struct histories histories;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 1, 6);
    for (uint64_t seq = 1; seq <= 5; seq++)
        store_fixture_coupon(fixture, "c", seq);
    store_fixture_coupon(fixture, "d", 6);
    store_fixture_borrow(fixture);
    assert_int_equal(store_write(fixture->store, &fixture->batch, &fixture->error), STORE_OK);
    read_page(fixture, UINT64_MAX, 2, &histories);
    assert_true(histories.count == 2 && histories.seqs[0] == 5 && histories.seqs[1] == 4);
    read_page(fixture, 4, 2, &histories);
    assert_true(histories.count == 2 && histories.seqs[0] == 3 && histories.seqs[1] == 2);
    read_page(fixture, 2, 2, &histories);
    assert_true(histories.count == 1 && histories.seqs[0] == 1);
    read_page(fixture, 1, 2, &histories);
    assert_true(histories.count == 0);
}

static void the_owner_of_a_coupon_is_found(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_coupon_owner owner;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 1, 2);
    snprintf(store_fixture_coupon(fixture, "c", 1)->owner, OWNER_MAX + 1, "shop");
    store_fixture_coupon(fixture, "d", 2);
    store_fixture_borrow(fixture);
    assert_int_equal(store_write(fixture->store, &fixture->batch, &fixture->error), STORE_OK);
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_find_owner(fixture->store, "c", 1, &owner, &fixture->error), STORE_OK);
    assert_true(owner.found && owner.owner_length == 4 && memcmp(owner.owner, "shop", 4) == 0);
    assert_int_equal(store_find_owner(fixture->store, "d", 1, &owner, &fixture->error), STORE_OK);
    assert_true(owner.found && owner.owner_length == 0);
    assert_int_equal(store_find_owner(fixture->store, "e", 1, &owner, &fixture->error), STORE_OK);
    assert_false(owner.found);
    store_read_end(fixture->store);
}

static bool keep_journal(void *arg, const struct store_journal *journal)
{
    *(struct store_journal *)arg = *journal;
    return true;
}

static struct store_journal read_journal(struct store_fixture *fixture)
{
    struct store_journal journal = {.partition = 9};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_journal(fixture->store, keep_journal, &journal, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
    return journal;
}

static void the_keys_of_a_journal_are_kept_once_they_are_known(void **state)
{
    struct store_fixture *fixture = *state;
    begin_with(fixture, 1);
    assert_false(store_key_is_known(read_journal(fixture).fingerprint_key));
    begin_frame(fixture, 3, 3);
    store_fixture_add_keys(fixture);
    store_fixture_issue(fixture, "c", 2, "b", 3);
    store_fixture_assert_written(fixture);
    struct store_journal journal = read_journal(fixture);
    assert_memory_equal(journal.fingerprint_key, fixture->batch.fingerprint_key, 16);
    assert_memory_equal(journal.code_key, fixture->batch.code_key, 16);
    begin_frame(fixture, 4, 4); /* of an issuer that does not tell */
    store_fixture_issue(fixture, "c", 3, "d", 4);
    store_fixture_assert_written(fixture);
    assert_memory_equal(read_journal(fixture).code_key, journal.code_key, 16);
    memset(journal.journal_id, 0x77, 16);
    assert_int_equal(store_adopt_journal(fixture->store, &journal, &fixture->error), STORE_OK);
    assert_memory_equal(read_journal(fixture).fingerprint_key, journal.fingerprint_key, 16);
}

#define PROMISES(X)                                                                                                    \
    X(changes_are_read_back_with_the_users_of_their_issues)                                                            \
    X(a_change_may_follow_its_issue_and_its_coupon_in_the_same_frame)                                                  \
    X(changes_end_alike_in_whichever_order_they_come)                                                                  \
    X(a_redemption_that_is_undone_leaves_a_row_and_no_count)                                                           \
    X(a_change_that_contradicts_the_state_of_its_own_record_is_rejected)                                               \
    X(a_change_whose_coupon_is_missing_is_rejected)                                                                    \
    X(thousands_of_changes_are_counted_at_their_coupons)                                                               \
    X(a_coupon_keeps_all_of_its_members)                                                                               \
    X(request_keys_are_kept_and_compared)                                                                              \
    X(a_history_is_read_in_pages_from_the_latest_change_on)                                                            \
    X(the_owner_of_a_coupon_is_found)                                                                                  \
    X(every_policy_that_a_coupon_had_is_in_its_history)                                                                \
    X(the_keys_of_a_journal_are_kept_once_they_are_known)

#include "tests/unit/shared/store/store_main.h"
