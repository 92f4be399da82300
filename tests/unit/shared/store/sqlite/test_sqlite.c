/*
 * Faults of a database file, each produced on a real one.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/unit/shared/store/store_fixture.h"

#define NOBODY 65534

/* --- helpers --- */

static void set_path(struct store_fixture *fixture, const char *path)
{
    snprintf(fixture->options.store_path, sizeof fixture->options.store_path, "%s", path);
    store_destroy(&fixture->store);
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
}

/* --- tests --- */

static void a_reader_leaves_no_file_behind_where_none_was(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "does not exist");
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_FAILED);
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    assert_int_not_equal(access(fixture->options.store_path, F_OK), 0);
}

static void a_folder_that_is_missing_is_made_for_the_writer_alone(void **state)
{
    struct store_fixture *fixture = *state;
    char outer[160], inner[192], path[224];
    snprintf(outer, sizeof outer, "%s/var", fixture->directory);
    snprintf(inner, sizeof inner, "%s/lib", outer);
    snprintf(path, sizeof path, "%s/coupond.db", inner);
    set_path(fixture, path);
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    assert_int_not_equal(access(outer, F_OK), 0);
    store_fixture_migrate(fixture);
    assert_int_equal(access(path, F_OK), 0);
    store_destroy(&fixture->store);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(rmdir(outer), 0);
}

static void a_folder_that_cannot_be_made_is_named_with_the_option(void **state)
{
    struct store_fixture *fixture = *state;
    set_path(fixture, "/proc/nowhere/all.db");
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "cannot create the folder /proc/nowhere: ");
    store_fixture_assert_error(fixture, "store/path");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    FILE *file = fopen(fixture->options.store_path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "not a database");
    store_fixture_assert_error(fixture, "set store/path to another file");
    assert_null(strstr(fixture->error.text, "PRAGMA"));
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
}

static void a_file_that_may_only_be_read_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_destroy(&fixture->store);
    assert_int_equal(chmod(fixture->options.store_path, 0444), 0);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(NOBODY), 0);
    fixture->store = store_create(&fixture->options, &fixture->error);
    store_fixture_begin_issues(fixture, 1);
    enum store_result result = store_fixture_write(fixture);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(result, STORE_FAILED);
    store_fixture_assert_error(fixture, fixture->options.store_path);
    store_fixture_assert_error(fixture, "let this user write to the file and its folder");
    assert_null(strstr(fixture->error.text, "PRAGMA"));
}

static void a_locked_database_is_a_passing_fault(void **state)
{
    struct store_fixture *fixture = *state;
    sqlite3 *locker = NULL;
    store_fixture_migrate(fixture);
    assert_int_equal(sqlite3_open(fixture->options.store_path, &locker), SQLITE_OK);
    assert_int_equal(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    store_fixture_begin_issues(fixture, 10);
    assert_int_equal(store_fixture_write(fixture), STORE_RETRY);
    store_fixture_assert_error(fixture, "locked");
    sqlite3_close(locker);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 10);
}

/* A limit on file sizes simulates a full disk: the write fails in the same place. */
static void a_full_disk_is_a_passing_fault_that_leaves_nothing_of_the_batch(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    store_fixture_begin_issues(fixture, 20000);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = {.rlim_cur = 256 * 1024, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum store_result result = store_fixture_write(fixture);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, STORE_RETRY);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 20000);
}

static void a_table_that_is_gone_will_not_come_back_by_itself(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "DROP TABLE coupon_issue");
    store_fixture_begin_issues(fixture, 1);
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "coupon_issue");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), 0);
}

static void assert_rejected(struct store_fixture *fixture, const char *words)
{
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
    store_fixture_assert_error(fixture, words);
}

/* RAISE(IGNORE) writes nothing without an error: acknowledging that would lose the issue. */
static void a_trigger_that_leaves_rows_out_silently_rejects_them(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "CREATE TRIGGER hush BEFORE INSERT ON coupon_issue WHEN NEW.user_id = 'u2' "
                               "BEGIN SELECT RAISE(IGNORE); END");
    store_fixture_begin_issues(fixture, 3);
    assert_rejected(fixture, "a trigger prevented the write");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
}

static void a_check_and_a_type_that_do_not_take_a_value_reject_the_row(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "DROP TABLE coupon_issue");
    store_fixture_sql(fixture, "CREATE TABLE coupon_issue (coupon_id TEXT, sequence INTEGER CHECK (sequence < 3), "
                               "user_id INTEGER, nth INTEGER, issued_at TEXT, journal_seq INTEGER, request_key BLOB, "
                               "PRIMARY KEY (coupon_id, sequence)) STRICT");
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "c", 1);
    store_fixture_issue(fixture, "c", 1, "12345", 2);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    store_fixture_issue(fixture, "c", 2, "alice", 3);
    assert_rejected(fixture, "cannot store TEXT value in INTEGER column");
    store_fixture_begin(fixture);
    store_fixture_issue(fixture, "c", 3, "12345", 4);
    assert_rejected(fixture, "CHECK constraint failed");
}

static void a_file_that_is_deleted_or_replaced_is_noticed_at_the_next_write(void **state)
{
    struct store_fixture *fixture = *state;
    char other[OPTION_STRING_MAX + 8];
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    assert_int_equal(remove(fixture->options.store_path), 0);
    fixture->batch.acked_seq = 1;
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "does not exist");
    store_fixture_migrate(fixture);
    assert_int_equal(store_fixture_write(fixture), STORE_BEHIND);
    snprintf(other, sizeof other, "%s.other", fixture->options.store_path);
    store_fixture_sql(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(rename(fixture->options.store_path, other), 0);
    struct store *another = store_fixture_another(fixture);
    assert_int_equal(store_write(another, &(struct store_batch){.partitions = 1, .first_seq = 1, .last_seq = 9}, NULL),
                     STORE_OK);
    store_destroy(&another);
    assert_int_equal(store_fixture_write(fixture), STORE_FOREIGN);
}

static void a_stored_row_with_a_time_that_is_none_is_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 2);
    assert_int_equal(store_fixture_write(fixture), STORE_OK);
    store_fixture_sql(fixture, "UPDATE coupon_issue SET issued_at = 'yesterday' WHERE sequence = 2");
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
    store_fixture_assert_error(fixture, "sequence 2");
}

static void begin_everything(struct store_fixture *fixture, uint16_t partition, struct store_dead_letter *letter)
{
    uint64_t seq = 10u * partition;
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, partition == 0 ? "c" : "d", seq + 1);
    store_fixture_change(fixture, "c", partition + 1u, ISSUE_REDEEMED, seq + 2);
    store_fixture_erasure(fixture, "anna", seq + 3);
    fixture->batch.partition = partition;
    fixture->batch.partitions = 2;
    fixture->batch.first_seq = seq + 1;
    fixture->batch.last_seq = seq + 4;
    *letter = (struct store_dead_letter){.journal_seq = seq + 4,
                                         .partition = partition,
                                         .coupon_id = "x",
                                         .coupon_id_length = 1,
                                         .record = "1",
                                         .record_length = 1,
                                         .reason = "because"};
    memcpy(letter->journal_id, fixture->batch.journal_id, sizeof letter->journal_id);
    fixture->batch.dead = letter;
    fixture->batch.dead_count = 1;
}

static void a_unique_index_of_somebody_else_lets_no_row_overwrite_another(void **state)
{
    static const struct {
        const char *table;
        const char *column;
        enum store_result result;
    } indexes[] = {{"coupon_history", "request_id", STORE_REJECTED},
                   {"coupon_issue_state", "reference", STORE_REJECTED},
                   {"erasure", "actor", STORE_REJECTED},
                   {"dead_letter", "reason", STORE_FAILED},
                   {"journal", "partitions", STORE_FAILED}};
    struct store_fixture *fixture = *state;
    struct store_dead_letter letter;
    char sql[128];
    store_fixture_migrate(fixture);
    begin_everything(fixture, 0, &letter);
    store_fixture_assert_written(fixture);
    begin_everything(fixture, 1, &letter);
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        snprintf(sql, sizeof sql, "CREATE UNIQUE INDEX once ON %s (%s)", indexes[i].table, indexes[i].column);
        store_fixture_sql(fixture, sql);
        assert_int_equal(store_fixture_write(fixture), indexes[i].result);
        store_fixture_assert_error(fixture, indexes[i].table);
        store_fixture_sql(fixture, "DROP INDEX once");
    }
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM journal WHERE partition_no = 0"), 1);
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM dead_letter"), 2);
}

static void the_counters_of_a_coupon_are_written_once_per_batch(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_begin_issues(fixture, 4);
    store_fixture_coupon(fixture, "d", 6);
    store_fixture_issue(fixture, "d", 1, "u1", 7);
    store_fixture_assert_written(fixture);
    store_fixture_sql(fixture, "CREATE TABLE noted (id TEXT)");
    store_fixture_sql(fixture, "CREATE TRIGGER note AFTER UPDATE OF returned, redeemed ON coupon "
                               "BEGIN INSERT INTO noted VALUES (new.id); END");
    store_fixture_begin(fixture);
    store_fixture_change(fixture, "c", 1, ISSUE_REDEEMED, 8);
    store_fixture_change(fixture, "c", 2, ISSUE_REDEEMED, 9);
    store_fixture_change(fixture, "d", 1, ISSUE_REDEEMED, 10);
    store_fixture_change(fixture, "c", 4, ISSUE_REVOKED, 11)->restock = true;
    for (int round = 0; round < 2; round++) { /* the second changes nothing */
        store_fixture_assert_written(fixture);
        assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM noted"), 2);
        assert_int_equal(store_fixture_number(fixture, "SELECT redeemed FROM coupon WHERE id = 'c'"), 2);
        assert_int_equal(store_fixture_number(fixture, "SELECT returned FROM coupon WHERE id = 'c'"), 1);
        assert_int_equal(store_fixture_number(fixture, "SELECT redeemed FROM coupon WHERE id = 'd'"), 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup_sqlite, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_leaves_no_file_behind_where_none_was),
        TEST(a_folder_that_is_missing_is_made_for_the_writer_alone),
        TEST(a_folder_that_cannot_be_made_is_named_with_the_option),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(a_file_that_may_only_be_read_is_refused),
        TEST(a_locked_database_is_a_passing_fault),
        TEST(a_full_disk_is_a_passing_fault_that_leaves_nothing_of_the_batch),
        TEST(a_table_that_is_gone_will_not_come_back_by_itself),
        TEST(a_trigger_that_leaves_rows_out_silently_rejects_them),
        TEST(a_check_and_a_type_that_do_not_take_a_value_reject_the_row),
        TEST(a_unique_index_of_somebody_else_lets_no_row_overwrite_another),
        TEST(the_counters_of_a_coupon_are_written_once_per_batch),
        TEST(a_file_that_is_deleted_or_replaced_is_noticed_at_the_next_write),
        TEST(a_stored_row_with_a_time_that_is_none_is_a_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
