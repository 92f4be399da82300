/*
 * The promises of every store; the same suite for sqlite and, if there is a server, for mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

struct rows {
    struct coupon coupons[8];
    size_t coupons_count;
    struct store_issue issues[16];
    char ids[16][2][USER_ID_MAX + 1];
    size_t issues_count;
    struct store_journal journals[8];
    size_t journals_count;
    size_t stop_after; /* rows of a kind; 0: unlimited */
};

static bool keep_journal(void *arg, const struct store_journal *journal)
{
    struct rows *rows = arg;
    rows->journals[rows->journals_count++] = *journal;
    return rows->journals_count != rows->stop_after;
}

static bool keep_coupon(void *arg, const struct coupon *coupon)
{
    struct rows *rows = arg;
    rows->coupons[rows->coupons_count++] = *coupon;
    return rows->coupons_count != rows->stop_after;
}

static bool keep_issue(void *arg, const struct store_issue *issue)
{
    struct rows *rows = arg;
    size_t i = rows->issues_count++;
    if (i < 16) {
        rows->issues[i] = *issue;
        snprintf(rows->ids[i][0], USER_ID_MAX + 1, "%.*s", issue->coupon_id_length, issue->coupon_id);
        snprintf(rows->ids[i][1], USER_ID_MAX + 1, "%.*s", issue->user_id_length, issue->user_id);
    }
    return rows->issues_count != rows->stop_after;
}

static void walk(struct store_fixture *fixture, struct rows *rows)
{
    struct store *store = fixture->store;
    assert_int_equal(store_each_journal(store, keep_journal, rows, &fixture->error), STORE_OK);
    assert_int_equal(store_each_coupon(store, keep_coupon, rows, &fixture->error), STORE_OK);
    assert_int_equal(store_each_issue(store, keep_issue, rows, &fixture->error), STORE_OK);
}

static void read_all(struct store_fixture *fixture, struct rows *rows)
{
    memset(rows, 0, sizeof *rows);
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    walk(fixture, rows);
    store_read_end(fixture->store);
}

static void assert_coupon_equal(const struct coupon *a, const struct coupon *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->title, b->title);
    assert_int_equal(a->quantity, b->quantity);
    assert_int_equal(a->per_user_limit, b->per_user_limit);
    assert_int_equal(a->paused, b->paused);
    assert_true(a->starts_at_us == b->starts_at_us);
    assert_true(a->ends_at_us == b->ends_at_us);
    assert_true(a->created_at_us == b->created_at_us);
    assert_true(a->updated_at_us == b->updated_at_us);
    assert_true(a->journal_seq == b->journal_seq);
}

/* --- schema --- */

static void a_store_without_a_schema_is_refused_and_says_who_makes_it(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "persister creates it"));
}

static void migrating_creates_the_schema_and_migrating_again_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    store_fixture_migrate(fixture);
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM schema_version"), 1);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM dead_letter"), 0);
}

static void a_newer_schema_is_left_alone(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "INSERT INTO schema_version (version, applied_at) VALUES (99, '2026-11-21 00:00:00')");
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "version 99"));
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "newer coupond"));
}

/* --- rows --- */

static void coupons_come_back_exactly_as_they_were_written(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    struct coupon *plain = store_fixture_coupon(fixture, "plain", 1);
    plain->starts_at_us = 0;                /* 1970-01-01T00:00:00Z */
    plain->ends_at_us = 253402300799999999; /* 9999-12-31T23:59:59.999999Z */
    plain->quantity = QUANTITY_MAX;
    plain->per_user_limit = PER_USER_LIMIT_MAX;
    struct coupon *odd = store_fixture_coupon(fixture, "Odd.-_", 9007199254740993);
    odd->paused = true;
    odd->starts_at_us = 1774746000000001; /* 2026-03-29T01:00:00.000001Z, a clock change in Europe */
    snprintf(odd->title, sizeof odd->title, "%s", "it's \"half\\price\" %s; DROP TABLE coupon; -- 선착순 🎟️");
    struct coupon *longest = store_fixture_coupon(fixture, "abcdefghijklmnopqrstuvwxyz012345", 3);
    memset(longest->title, 'x', TITLE_MAX);
    store_fixture_assert_written(fixture);

    struct rows rows;
    read_all(fixture, &rows);
    assert_int_equal(rows.coupons_count, 3);
    assert_coupon_equal(&rows.coupons[0], odd); /* in the byte order of the ids */
    assert_coupon_equal(&rows.coupons[1], longest);
    assert_coupon_equal(&rows.coupons[2], plain);
}

static void issues_come_back_exactly_as_they_were_written(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_coupon(fixture, "c", 1)->per_user_limit = 3;
    store_fixture_coupon(fixture, "d", 2);
    const char *longest = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct store_issue *last = store_fixture_issue(fixture, "d", 4000000000u, longest, 6);
    last->issued_at_us = 253402300799999999;
    struct store_issue *second = store_fixture_issue(fixture, "c", 2, "a.b:c@d", 4);
    second->nth = 1000;
    struct store_issue *first = store_fixture_issue(fixture, "c", 1, "a.b:c@d", 3);
    first->issued_at_us = 0;
    store_fixture_assert_written(fixture);

    const struct store_issue *wanted[] = {first, second, last};
    struct rows rows;
    read_all(fixture, &rows);
    assert_int_equal(rows.issues_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rows.ids[i][0], wanted[i]->coupon_id);
        assert_string_equal(rows.ids[i][1], wanted[i]->user_id);
        assert_int_equal(rows.issues[i].sequence, wanted[i]->sequence);
        assert_int_equal(rows.issues[i].nth, wanted[i]->nth);
        assert_true(rows.issues[i].issued_at_us == wanted[i]->issued_at_us);
        assert_true(rows.issues[i].journal_seq == wanted[i]->journal_seq);
    }
}

static void ids_that_differ_only_in_case_are_different(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_coupon(fixture, "Case", 1);
    store_fixture_coupon(fixture, "case", 2);
    store_fixture_issue(fixture, "Case", 1, "User", 3);
    store_fixture_issue(fixture, "Case", 2, "user", 4);
    store_fixture_issue(fixture, "case", 1, "User", 5);
    store_fixture_assert_written(fixture);
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), 2);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
}

static void issued_follows_from_the_issues_of_each_coupon(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_coupon(fixture, "b", 1)->issued = 77;
    store_fixture_coupon(fixture, "a", 2);
    store_fixture_coupon(fixture, "none", 3);
    for (uint32_t i = 1; i <= 5; i++) {
        char user[24];
        snprintf(user, sizeof user, "u%u", i);
        store_fixture_issue(fixture, "b", i, user, 2 * i + 2);
        if (i <= 3)
            store_fixture_issue(fixture, "a", i, user, 2 * i + 3);
    }
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon WHERE id = 'a'"), 3);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon WHERE id = 'b'"), 5);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon WHERE id = 'none'"), 0);
}

static void a_batch_of_many_statements_is_written_whole_and_again(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 30000); /* about 2 MiB of SQL */
    store_fixture_assert_written(fixture);
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 30000);
    assert_int_equal(store_fixture_number(fixture, "SELECT MAX(sequence) FROM coupon_issue"), 30000);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon"), 30000);
    assert_int_equal(store_fixture_number(fixture, "SELECT last_seq FROM journal"), 30001);
}

/* --- again, in pieces, out of order --- */

static void an_older_policy_never_overwrites_a_newer_and_issued_never_goes_down(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    struct coupon *newer = store_fixture_coupon(fixture, "c", 9);
    newer->quantity = 7;
    newer->paused = true;
    newer->starts_at_us = 5;
    store_fixture_assert_written(fixture);

    store_fixture_begin_issues(fixture, 1);
    store_fixture_assert_written(fixture);
    struct rows rows;
    read_all(fixture, &rows);
    assert_int_equal(rows.coupons_count, 1);
    assert_int_equal(rows.coupons[0].quantity, 7);
    assert_int_equal(rows.coupons[0].issued, 3);
    assert_true(rows.coupons[0].paused);
    assert_true(rows.coupons[0].starts_at_us == 5);
    assert_true(rows.coupons[0].journal_seq == 9);
    assert_true(rows.journals[0].last_seq == 9);
}

static void a_bound_of_the_window_can_be_taken_away(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_coupon(fixture, "c", 1)->ends_at_us = 1000000;
    store_fixture_assert_written(fixture);
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "c", 2);
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE ends_at IS NULL"), 1);
}

/* --- reading --- */

static void journals_of_all_partitions_are_told(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    for (uint16_t partition = 0; partition < 3; partition++) {
        store_fixture_begin(fixture);
        fixture->batch.partition = (uint16_t)(2 - partition);
        fixture->batch.partitions = 3;
        fixture->batch.journal_id[0] = (uint8_t)(2 - partition);
        fixture->batch.last_seq = UINT64_C(1) << 62;
        store_fixture_assert_written(fixture);
    }
    struct rows rows;
    read_all(fixture, &rows);
    assert_int_equal(rows.journals_count, 3);
    for (uint16_t partition = 0; partition < 3; partition++) {
        assert_int_equal(rows.journals[partition].partition, partition);
        assert_int_equal(rows.journals[partition].partitions, 3);
        assert_int_equal(rows.journals[partition].journal_id[0], partition);
        assert_int_equal(rows.journals[partition].journal_id[1], 0x5a);
        assert_true(rows.journals[partition].last_seq == UINT64_C(1) << 62);
    }
}

static void a_reader_sees_one_snapshot_while_others_write(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 2);
    store_fixture_assert_written(fixture);
    struct store *writer = store_fixture_another(fixture);
    struct rows rows = {0};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_journal(fixture->store, keep_journal, &rows, &fixture->error), STORE_OK);
    store_fixture_begin_issues(fixture, 4);
    store_fixture_coupon(fixture, "late", 6);
    assert_int_equal(store_write(writer, &fixture->batch, &fixture->error), STORE_OK);
    rows.journals_count = 0;
    walk(fixture, &rows);
    store_read_end(fixture->store);
    assert_true(rows.journals[0].last_seq == 3);
    assert_int_equal(rows.coupons_count, 1);
    assert_int_equal(rows.coupons[0].issued, 2);
    assert_int_equal(rows.issues_count, 2);
    read_all(fixture, &rows);
    assert_int_equal(rows.coupons_count, 2);
    assert_int_equal(rows.issues_count, 4);
    store_destroy(&writer);
}

static void a_walk_ends_early_when_told_to_and_the_store_goes_on(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_coupon(fixture, "d", 9);
    store_fixture_assert_written(fixture);
    struct rows rows = {.stop_after = 1};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    walk(fixture, &rows);
    store_read_end(fixture->store);
    assert_int_equal(rows.coupons_count, 1);
    assert_int_equal(rows.issues_count, 1);
    store_fixture_assert_written(fixture);
}

static void a_row_that_coupond_never_wrote_is_told_and_not_believed(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 1);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "UPDATE journal SET journal_id = 'nonsense'");
    struct rows rows = {0};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_journal(fixture->store, keep_journal, &rows, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "never writes"));
    store_read_end(fixture->store);
}

/* --- options --- */

static void an_unknown_type_of_store_is_refused(void **state)
{
    (void)state;
    struct options options;
    struct error error;
    options_init(&options);
    snprintf(options.store_type, sizeof options.store_type, "oracle");
    assert_null(store_create(&options, &error));
    assert_non_null(strstr(error.text, "store/type"));
    snprintf(options.store_type, sizeof options.store_type, "mysql");
    snprintf(options.store_tls, sizeof options.store_tls, "maybe");
    assert_null(store_create(&options, &error));
    assert_non_null(strstr(error.text, "store/tls"));
}

static void a_missing_store_is_destroyed_in_peace(void **state)
{
    (void)state;
    struct store *store = NULL;
    store_destroy(&store);
    assert_null(store);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define PROMISES(X)                                                                                                    \
    X(a_store_without_a_schema_is_refused_and_says_who_makes_it)                                                       \
    X(migrating_creates_the_schema_and_migrating_again_changes_nothing)                                                \
    X(a_newer_schema_is_left_alone)                                                                                    \
    X(coupons_come_back_exactly_as_they_were_written)                                                                  \
    X(issues_come_back_exactly_as_they_were_written)                                                                   \
    X(ids_that_differ_only_in_case_are_different)                                                                      \
    X(issued_follows_from_the_issues_of_each_coupon)                                                                   \
    X(a_batch_of_many_statements_is_written_whole_and_again)                                                           \
    X(an_older_policy_never_overwrites_a_newer_and_issued_never_goes_down)                                             \
    X(a_bound_of_the_window_can_be_taken_away)                                                                         \
    X(journals_of_all_partitions_are_told)                                                                             \
    X(a_reader_sees_one_snapshot_while_others_write)                                                                   \
    X(a_walk_ends_early_when_told_to_and_the_store_goes_on)                                                            \
    X(a_row_that_coupond_never_wrote_is_told_and_not_believed)

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, store_fixture_setup_sqlite, store_fixture_teardown),
#define ON_MYSQL(test)  cmocka_unit_test_setup_teardown(test, store_fixture_setup_mysql, store_fixture_teardown),

int main(void)
{
    const struct CMUnitTest common[] = {
        cmocka_unit_test(an_unknown_type_of_store_is_refused),
        cmocka_unit_test(a_missing_store_is_destroyed_in_peace),
    };
    const struct CMUnitTest sqlite[] = {PROMISES(ON_SQLITE)};
    const struct CMUnitTest mysql[] = {PROMISES(ON_MYSQL)};
    const struct CMUnitTest no_mysql[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    int failures = cmocka_run_group_tests_name("store", common, NULL, NULL);
    failures += cmocka_run_group_tests_name("store sqlite", sqlite, NULL, NULL);
    failures += store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql", mysql, NULL, NULL)
                                          : cmocka_run_group_tests_name("store mysql", no_mysql, NULL, NULL);
    return failures;
}
