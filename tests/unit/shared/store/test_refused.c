/*
 * What a store rejects for good, and how it knows what it has: for sqlite and, if there is a server, mysql. Each fault
 * is produced in a real database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static bool is_sqlite(const struct store_fixture *fixture)
{
    return strcmp(fixture->options.store_type, "sqlite") == 0;
}

static void run(struct store_fixture *fixture, const char *sqlite, const char *mysql)
{
    store_fixture_sql(fixture, is_sqlite(fixture) ? sqlite : mysql);
}

static void assert_result(struct store_fixture *fixture, enum store_result result, const char *words)
{
    fixture->error.text[0] = '\0';
    enum store_result got = store_fixture_write(fixture);
    if (got != result)
        fail_msg("result %d instead of %d: %s", (int)got, (int)result, fixture->error.text);
    store_fixture_assert_error(fixture, words);
}

static int64_t count_of(struct store_fixture *fixture, const char *table)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", table);
    return store_fixture_number(fixture, sql);
}

static void assert_nothing_stored(struct store_fixture *fixture)
{
    assert_int_equal(count_of(fixture, "coupon"), 0);
    assert_int_equal(count_of(fixture, "coupon_issue"), 0);
    assert_int_equal(count_of(fixture, "journal"), 0);
}

/* Records first to last of the journal were acknowledged up to `acked`; the rows do not matter. */
static void begin_frame(struct store_fixture *fixture, uint64_t first, uint64_t last, uint64_t acked)
{
    store_fixture_begin(fixture);
    fixture->batch.first_seq = first;
    fixture->batch.last_seq = last;
    fixture->batch.acked_seq = acked;
}

static void assert_has(struct store_fixture *fixture, int64_t last_seq, const char *ahead)
{
    char sql[128];
    assert_int_equal(store_fixture_number(fixture, "SELECT last_seq FROM journal"), last_seq);
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM journal WHERE ahead = '%s'", ahead);
    assert_int_equal(store_fixture_number(fixture, sql), 1);
}

/* --- rows that are refused --- */

static void a_trigger_that_raises_rejects_the_rows(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    run(fixture,
        "CREATE TRIGGER barred BEFORE INSERT ON coupon_issue WHEN NEW.user_id = 'u2' "
        "BEGIN SELECT RAISE(ABORT, 'u2 is barred'); END",
        "CREATE TRIGGER barred BEFORE INSERT ON coupon_issue FOR EACH ROW IF NEW.user_id = 'u2' "
        "THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'u2 is barred'; END IF");
    store_fixture_begin_issues(fixture, 3);
    assert_result(fixture, STORE_REJECTED, "u2 is barred");
    assert_nothing_stored(fixture);
    store_fixture_sql(fixture, "DROP TRIGGER barred");
    store_fixture_assert_written(fixture);
}

static void a_coupon_that_a_trigger_bars_is_rejected_when_new_and_when_changed(void **state)
{
    struct store_fixture *fixture = *state;
    static const char *const events[] = {"UPDATE", "INSERT"};
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 1);
    store_fixture_assert_written(fixture);
    for (size_t i = 0; i < 2; i++) {
        char sqlite[256];
        char mysql[256];
        snprintf(sqlite, sizeof sqlite,
                 "CREATE TRIGGER barred BEFORE %s ON coupon BEGIN SELECT RAISE(ROLLBACK, 'barred'); END", events[i]);
        snprintf(mysql, sizeof mysql,
                 "CREATE TRIGGER barred BEFORE %s ON coupon FOR EACH ROW SIGNAL SQLSTATE '45001' "
                 "SET MESSAGE_TEXT = 'barred', MYSQL_ERRNO = 31000",
                 events[i]);
        run(fixture, sqlite, mysql);
        store_fixture_begin(fixture);
        store_fixture_coupon(fixture, i == 0 ? "c" : "d", 5)->updated_at_us += 7;
        assert_result(fixture, STORE_REJECTED, "barred");
        store_fixture_sql(fixture, "DROP TRIGGER barred");
        assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE journal_seq = 5"), (int)i);
        store_fixture_assert_written(fixture);
    }
}

static void a_check_constraint_rejects_the_rows(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    run(fixture, "CREATE TRIGGER few AFTER UPDATE ON coupon WHEN NEW.issued > 2 BEGIN SELECT RAISE(FAIL, 'few'); END",
        "ALTER TABLE coupon ADD CONSTRAINT few CHECK (issued <= 2)");
    store_fixture_begin_issues(fixture, 3);
    assert_result(fixture, STORE_REJECTED, "few");
    assert_nothing_stored(fixture);
    store_fixture_begin_issues(fixture, 2);
    store_fixture_assert_written(fixture);
}

static void a_unique_index_of_somebody_else_rejects_the_rows(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "CREATE UNIQUE INDEX once ON coupon_issue (user_id)");
    store_fixture_begin_issues(fixture, 1);
    store_fixture_assert_written(fixture);
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "d", 3);
    store_fixture_issue(fixture, "d", 1, "u1", 4);
    assert_result(fixture, STORE_REJECTED, "coupon_issue");
    store_fixture_issue(fixture, "d", 2, "x.holder", 5);
    assert_result(fixture, STORE_REJECTED, "coupon_issue");
    store_fixture_sql(fixture, is_sqlite(fixture) ? "DROP INDEX once" : "DROP INDEX once ON coupon_issue");
    store_fixture_sql(fixture, "CREATE UNIQUE INDEX once ON coupon (title)");
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "e", 6);
    assert_result(fixture, STORE_REJECTED, "coupon");
}

static void a_user_id_under_another_name_of_a_key_is_rejected_too(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "CREATE UNIQUE INDEX once ON coupon_issue (user_id)");
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "c", 1);
    store_fixture_coupon(fixture, "d", 2);
    store_fixture_issue(fixture, "c", 1, "x.holder", 3);
    store_fixture_issue(fixture, "d", 1, "x.holder", 4);
    assert_result(fixture, STORE_REJECTED, "coupon_issue");
}

/* --- not the rows' fault --- */

static void a_table_that_lacks_a_column_is_a_fault_and_no_row_is_to_blame(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "ALTER TABLE coupon_issue RENAME COLUMN issued_at TO given_at");
    store_fixture_begin_issues(fixture, 1);
    assert_result(fixture, STORE_FAILED, "issued_at");
}

static void a_journal_table_that_refuses_is_a_fault_and_no_row_is_to_blame(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    run(fixture, "CREATE TRIGGER barred BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'barred'); END",
        "CREATE TRIGGER barred BEFORE INSERT ON journal FOR EACH ROW SIGNAL SQLSTATE '45000'");
    store_fixture_begin_issues(fixture, 1);
    assert_result(fixture, STORE_FAILED, "journal");
    assert_nothing_stored(fixture);
}

/* --- what the store has --- */

static void frames_in_any_order_are_counted_exactly(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 1, 10, 0);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 10, "");
    begin_frame(fixture, 21, 30, 0);
    store_fixture_assert_written(fixture);
    begin_frame(fixture, 41, 50, 10);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 10, "21-30,41-50");
    begin_frame(fixture, 11, 20, 10);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 30, "41-50");
    begin_frame(fixture, 31, 40, 10);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 50, "");
}

static void assert_behind(struct store_fixture *fixture, uint64_t has)
{
    assert_result(fixture, STORE_BEHIND, "came back empty or from a backup");
    assert_int_equal(store_behind_seq(fixture->store), has);
}

static void a_store_that_lost_acknowledged_records_says_so_and_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "DELETE FROM coupon_issue WHERE journal_seq > 2");
    store_fixture_sql(fixture, "UPDATE journal SET last_seq = 2"); /* as in an older backup */
    begin_frame(fixture, 5, 5, 4);
    store_fixture_issue(fixture, "c", 4, "u4", 5);
    assert_behind(fixture, 2);
    assert_int_equal(count_of(fixture, "coupon_issue"), 1);
    store_fixture_sql(fixture, "DELETE FROM journal");
    assert_behind(fixture, 0);
    fixture->batch.scope = STORE_PART;
    assert_behind(fixture, 0);
    assert_int_equal(count_of(fixture, "journal"), 0);
}

/*
 * The first frame was acknowledged while the second, which did not know that, was in flight; then everything was lost.
 */
static void a_frame_from_before_the_loss_does_not_hide_it(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 2, 2, 0);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 0, "2-2");
    begin_frame(fixture, 3, 3, 2);
    assert_behind(fixture, 0);
    begin_frame(fixture, 1, 1, 0);
    store_fixture_assert_written(fixture);
    begin_frame(fixture, 3, 3, 2);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 3, "");
}

/* Records 1 to 20 are in no journal file any more. */
static void a_store_is_not_asked_for_what_can_never_come_again(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 21, 30, 20);
    assert_behind(fixture, 0);
    fixture->batch.gone_seq = 20;
    store_fixture_assert_written(fixture);
    assert_has(fixture, 30, "");
    store_fixture_sql(fixture, "DELETE FROM journal");
    begin_frame(fixture, 31, 40, 30);
    fixture->batch.gone_seq = 20;
    assert_behind(fixture, 0);
}

static void a_part_of_a_frame_leaves_the_journals_row_where_it_is(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    fixture->batch.scope = STORE_PART;
    store_fixture_assert_written(fixture);
    assert_has(fixture, 0, "");
    assert_int_equal(count_of(fixture, "coupon_issue"), 3);
    fixture->batch.journal_id[0] ^= 1;
    assert_result(fixture, STORE_FOREIGN, "foreign journal");
}

static void what_nobody_wrote_into_ahead_is_told(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    begin_frame(fixture, 1, 10, 0);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "UPDATE journal SET ahead = '5-3'");
    assert_result(fixture, STORE_FAILED, "never writes");
}

static void a_partition_is_handed_over_to_another_journal(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_journal journal = {.partition = 0, .partitions = 1, .last_seq = 7};
    memset(journal.journal_id, 0x11, sizeof journal.journal_id);
    store_fixture_migrate(fixture);
    begin_frame(fixture, 41, 50, 0);
    store_fixture_assert_written(fixture);
    assert_int_equal(store_adopt_journal(fixture->store, &journal, &fixture->error), STORE_OK);
    assert_has(fixture, 7, "");
    assert_result(fixture, STORE_FOREIGN, "11111111111111111111111111111111");
    begin_frame(fixture, 8, 9, 7);
    memset(fixture->batch.journal_id, 0x11, sizeof fixture->batch.journal_id);
    store_fixture_assert_written(fixture);
    assert_has(fixture, 9, "");
    store_fixture_sql(fixture, "DELETE FROM journal");
    assert_int_equal(store_adopt_journal(fixture->store, &journal, &fixture->error), STORE_OK);
    assert_has(fixture, 7, "");
}

/* --- which store it is --- */

static void what_is_meant_for_another_store_is_not_written(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t id[STORE_ID_BYTES];
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    memset(fixture->batch.store_id, 0x77, sizeof fixture->batch.store_id);
    assert_result(fixture, STORE_OTHER, "77777777777777777777777777777777");
    assert_nothing_stored(fixture);
    assert_int_equal(store_read_id(fixture->store, id, &fixture->error), STORE_OK);
    assert_memory_equal(store_id(fixture->store), id, sizeof id);
    memcpy(fixture->batch.store_id, id, sizeof id);
    store_fixture_assert_written(fixture);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define PROMISES(X)                                                                                                    \
    X(a_trigger_that_raises_rejects_the_rows)                                                                          \
    X(a_coupon_that_a_trigger_bars_is_rejected_when_new_and_when_changed)                                              \
    X(a_check_constraint_rejects_the_rows)                                                                             \
    X(a_unique_index_of_somebody_else_rejects_the_rows)                                                                \
    X(a_user_id_under_another_name_of_a_key_is_rejected_too)                                                           \
    X(a_table_that_lacks_a_column_is_a_fault_and_no_row_is_to_blame)                                                   \
    X(a_journal_table_that_refuses_is_a_fault_and_no_row_is_to_blame)                                                  \
    X(frames_in_any_order_are_counted_exactly)                                                                         \
    X(a_store_that_lost_acknowledged_records_says_so_and_writes_nothing)                                               \
    X(a_store_is_not_asked_for_what_can_never_come_again)                                                              \
    X(a_frame_from_before_the_loss_does_not_hide_it)                                                                   \
    X(a_part_of_a_frame_leaves_the_journals_row_where_it_is)                                                           \
    X(what_nobody_wrote_into_ahead_is_told)                                                                            \
    X(a_partition_is_handed_over_to_another_journal)                                                                   \
    X(what_is_meant_for_another_store_is_not_written)

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, store_fixture_setup_sqlite, store_fixture_teardown),
#define ON_MYSQL(test)  cmocka_unit_test_setup_teardown(test, store_fixture_setup_mysql, store_fixture_teardown),

int main(void)
{
    const struct CMUnitTest sqlite[] = {PROMISES(ON_SQLITE)};
    const struct CMUnitTest mysql[] = {PROMISES(ON_MYSQL)};
    const struct CMUnitTest no_mysql[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    int failures = cmocka_run_group_tests_name("store sqlite", sqlite, NULL, NULL);
    failures += store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql", mysql, NULL, NULL)
                                          : cmocka_run_group_tests_name("store mysql", no_mysql, NULL, NULL);
    return failures;
}
