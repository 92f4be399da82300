/*
 * Databases that earlier versions have written become version 4 and keep what they have; for sqlite and, if there is a
 * server, mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/shared/store/old_schemas.h"

#define TIME_US INT64_C(1795227900000000) /* 2026-11-21 02:25 */

/* --- helpers --- */

static bool check_coupon(void *arg, const struct coupon *coupon)
{
    assert_string_equal(coupon->id, "c");
    assert_string_equal(coupon->title, "A coffee");
    assert_int_equal(coupon->quantity, 5);
    assert_int_equal(coupon->number, 0);
    assert_int_equal(coupon->issued, 2);
    assert_int_equal(coupon->returned, 0);
    assert_int_equal(coupon->redeemed, 0);
    assert_int_equal(coupon->redeem_within_s, 0);
    assert_false(coupon->archived);
    assert_true(coupon->starts_at_us == TIME_US && coupon->ends_at_us == TIME_NONE);
    assert_true(coupon->redeem_until_us == TIME_NONE);
    assert_string_equal(coupon->description, "");
    assert_string_equal(coupon->segments, "");
    ++*(unsigned *)arg;
    return true;
}

static bool check_issue(void *arg, const struct store_issue *issue)
{
    unsigned *count = arg;
    ++*count;
    assert_int_equal(issue->sequence, *count);
    assert_memory_equal(issue->user_id, *count == 1 ? "anna" : "bert", 4);
    assert_true(issue->request_key == 0);
    assert_true(issue->issued_at_us == TIME_US);
    return true;
}

static bool check_journal(void *arg, const struct store_journal *journal)
{
    ++*(unsigned *)arg;
    assert_true(journal->last_seq == 3);
    assert_false(store_key_is_known(journal->fingerprint_key));
    assert_true(journal->erased_seq == 0);
    return true;
}

static bool check_letter(void *arg, const struct store_dead_letter *letter)
{
    ++*(unsigned *)arg;
    assert_int_equal(store_letter_type(letter), JOURNAL_ISSUE);
    assert_int_equal(letter->record_length, 2);
    return true;
}

static void assert_kept(struct store_fixture *fixture)
{
    unsigned counts[4] = {0};
    struct error *error = &fixture->error;
    assert_int_equal(store_check_schema(fixture->store, error), STORE_OK);
    assert_int_equal(store_read_begin(fixture->store, error), STORE_OK);
    assert_int_equal(store_each_journal(fixture->store, check_journal, &counts[0], error), STORE_OK);
    assert_int_equal(store_each_coupon(fixture->store, check_coupon, &counts[1], error), STORE_OK);
    assert_int_equal(store_each_issue(fixture->store, check_issue, &counts[2], error), STORE_OK);
    assert_int_equal(store_each_dead_letter(fixture->store, NULL, 0, check_letter, &counts[3], error), STORE_OK);
    store_read_end(fixture->store);
    assert_int_equal(counts[0] + counts[1] + counts[2] + counts[3], 5);
}

/* Everything that is new can be written. */
static void write_new_things(struct store_fixture *fixture)
{
    store_fixture_begin(fixture);
    store_fixture_add_keys(fixture);
    fixture->batch.first_seq = 4;
    struct coupon *coupon = store_fixture_coupon(fixture, "d", 4);
    coupon->quantity = QUANTITY_UNLIMITED;
    memset(coupon->metadata, 'm', METADATA_MAX);
    store_fixture_issue(fixture, "d", 1, "dora", 5)->request_key = 7;
    store_fixture_change(fixture, "c", 2, ISSUE_REDEEMED, 6);
    store_fixture_erasure(fixture, "anna", 7);
    store_fixture_assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT redeemed FROM coupon WHERE id = 'c'"), 1);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE quantity IS NULL"), 1);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = 'anna'"), 0);
}

static void migrate_from(struct store_fixture *fixture, int version)
{
    old_schema_create(fixture, version);
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "start its persister");
    store_fixture_migrate(fixture);
    assert_kept(fixture);
    store_fixture_migrate(fixture); /* changes nothing */
    assert_kept(fixture);
    write_new_things(fixture);
}

/* --- tests --- */

static void a_store_of_version_1_is_migrated_and_keeps_what_it_has(void **state)
{
    migrate_from(*state, 1);
}

static void a_store_of_version_2_is_given_an_id_and_keeps_it(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t id[STORE_ID_BYTES], again[STORE_ID_BYTES];
    migrate_from(fixture, 2);
    assert_int_equal(store_read_id(fixture->store, id, &fixture->error), STORE_OK);
    assert_true(store_id_is_known(id));
    store_fixture_migrate(fixture);
    assert_int_equal(store_read_id(fixture->store, again, &fixture->error), STORE_OK);
    assert_memory_equal(id, again, sizeof id);
}

static void a_store_of_version_2_takes_nothing_before_it_is_migrated(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t id[STORE_ID_BYTES];
    old_schema_create(fixture, 2);
    assert_int_equal(store_read_id(fixture->store, id, &fixture->error), STORE_FAILED);
    store_fixture_begin_issues(fixture, 3);
    assert_int_equal(store_fixture_write(fixture), STORE_FAILED); /* and the delivery migrates it */
}

static void a_store_of_version_3_keeps_its_id(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t id[STORE_ID_BYTES];
    char text[STORE_ID_TEXT_MAX];
    migrate_from(fixture, 3);
    assert_int_equal(store_read_id(fixture->store, id, &fixture->error), STORE_OK);
    store_id_format(id, text);
    assert_string_equal(text, OLD_STORE_ID);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM schema_version"), 4);
}

static void a_migration_that_stopped_half_way_is_completed(void **state)
{
    struct store_fixture *fixture = *state;
    old_schema_create(fixture, 3);
    if (strcmp(fixture->options.store_type, "mysql") == 0) /* sqlite migrates in one transaction */
        store_fixture_sql(fixture, "ALTER TABLE coupon_issue ADD COLUMN request_key VARBINARY(8) NULL, "
                                   "ADD UNIQUE KEY holder_of_user (user_id, coupon_id, nth)");
    store_fixture_migrate(fixture);
    assert_kept(fixture);
}

static void views_indexes_and_triggers_of_somebody_else_outlive_the_migration(void **state)
{
    struct store_fixture *fixture = *state;
    bool sqlite = strcmp(fixture->options.store_type, "sqlite") == 0;
    old_schema_create(fixture, 3);
    store_fixture_sql(fixture, "CREATE VIEW held AS SELECT i.user_id, c.title FROM coupon_issue i "
                               "JOIN coupon c ON c.id = i.coupon_id");
    store_fixture_sql(fixture, "CREATE VIEW titles AS SELECT title FROM coupon");
    store_fixture_sql(fixture, "CREATE INDEX by_time ON coupon_issue (issued_at)");
    store_fixture_sql(fixture, "CREATE TABLE noted (sequence INTEGER)");
    store_fixture_sql(fixture, sqlite ? "CREATE TRIGGER note AFTER INSERT ON coupon_issue "
                                        "BEGIN INSERT INTO noted VALUES (new.sequence); END"
                                      : "CREATE TRIGGER note AFTER INSERT ON coupon_issue "
                                        "FOR EACH ROW INSERT INTO noted VALUES (new.sequence)");
    store_fixture_migrate(fixture);
    assert_kept(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM held WHERE title = 'A coffee'"), 2);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM titles"), 1);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM noted"), 0);
    assert_int_equal(
        store_fixture_number(fixture, sqlite ? "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'by_time'"
                                             : "SELECT COUNT(*) FROM information_schema.statistics WHERE index_name = "
                                               "'by_time' AND table_schema = DATABASE()"),
        1);
    write_new_things(fixture);
    assert_true(store_fixture_number(fixture, "SELECT COUNT(*) FROM noted") > 0);
}

static void a_view_that_is_broken_already_does_not_stop_the_migration(void **state)
{
    struct store_fixture *fixture = *state;
    old_schema_create(fixture, 3);
    store_fixture_sql(fixture, "CREATE TABLE gone (x INTEGER)");
    store_fixture_sql(fixture, "CREATE VIEW broken AS SELECT x FROM gone");
    store_fixture_sql(fixture, "DROP TABLE gone");
    store_fixture_migrate(fixture);
    assert_kept(fixture);
}

static void a_store_of_a_later_version_is_left_alone(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "UPDATE schema_version SET version = 5");
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "use a newer coupond");
}

#define PROMISES(X)                                                                                                    \
    X(a_store_of_version_1_is_migrated_and_keeps_what_it_has)                                                          \
    X(a_store_of_version_2_is_given_an_id_and_keeps_it)                                                                \
    X(a_store_of_version_2_takes_nothing_before_it_is_migrated)                                                        \
    X(a_store_of_version_3_keeps_its_id)                                                                               \
    X(a_migration_that_stopped_half_way_is_completed)                                                                  \
    X(views_indexes_and_triggers_of_somebody_else_outlive_the_migration)                                               \
    X(a_view_that_is_broken_already_does_not_stop_the_migration)                                                       \
    X(a_store_of_a_later_version_is_left_alone)

#include "tests/unit/shared/store/store_main.h"
