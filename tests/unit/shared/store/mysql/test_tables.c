/*
 * Altered tables: the message about them, and that the statement in it repairs them. Skipped unless COUPOND_TEST_MYSQL
 * names a server (tests/support/servers.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/mysql/mysql.h"
#include "tests/unit/shared/store/store_fixture.h"

#define MENDS "repair it with: "

struct change {
    const char *statement;
    const char *words;
};

/* --- helpers --- */

/* Like an operator who runs the statement from the message. */
static void mend(struct store_fixture *fixture)
{
    const char *statement = strstr(fixture->error.text, MENDS);
    if (!statement)
        fail_msg("nothing mends it: %s", fixture->error.text);
    store_fixture_sql(fixture, statement + strlen(MENDS));
}

static void assert_refused(struct store_fixture *fixture, enum store_result result, const struct change *change)
{
    if (result != STORE_FAILED)
        fail_msg("%s: result %d: %s", change->statement, (int)result, fixture->error.text);
    store_fixture_assert_error(fixture, change->words);
}

/* MySQL 8 has indexes over expressions, without a column name. Here a column of this name stands for one, since MariaDB
 * has none. The linker redirects mysql_real_query() to this. */
#define EXPRESSION "expression"
#define ASKED      "column_name"

int __real_mysql_real_query(MYSQL *connection, const char *text, unsigned long length);
int __wrap_mysql_real_query(MYSQL *connection, const char *text, unsigned long length);

int __wrap_mysql_real_query(MYSQL *connection, const char *text, unsigned long length)
{
    char query[2048];
    snprintf(query, sizeof query, "%.*s", (int)length, text);
    const char *at = strstr(query, "information_schema.statistics") ? strstr(query, ASKED) : NULL;
    if (!at)
        return __real_mysql_real_query(connection, text, length);
    char changed[sizeof query + 64];
    snprintf(changed, sizeof changed, "%.*sNULLIF(" ASKED ", '" EXPRESSION "')%s", (int)(at - query), query,
             at + strlen(ASKED));
    return __real_mysql_real_query(connection, changed, strlen(changed));
}

static void assert_taken(struct store_fixture *fixture, const char *statement)
{
    store_fixture_sql(fixture, statement);
    if (store_check_schema(fixture->store, &fixture->error) != STORE_OK)
        fail_msg("%s: %s", statement, fixture->error.text);
}

/* --- tests --- */

static const struct change changes[] = {
    {"ALTER TABLE coupon CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
     "column id is varchar(32) COLLATE utf8mb4_general_ci NOT NULL, and must be VARCHAR(32) COLLATE ascii_bin NOT "
     "NULL"},
    {"ALTER TABLE dead_letter CONVERT TO CHARACTER SET latin1", "(and 3 more of this table)"},
    {"ALTER TABLE journal CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
     "table journal: column journal_id"},
    {"ALTER TABLE coupon MODIFY title VARCHAR(512) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL",
     "column title is varchar(512) COLLATE latin1_bin"},
    {"ALTER TABLE coupon MODIFY title VARCHAR(511) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", "title"},
    {"ALTER TABLE coupon_issue ENGINE=MyISAM", "table coupon_issue: its engine is MyISAM, and must be InnoDB"},
    {"ALTER TABLE coupon_issue MODIFY user_id VARCHAR(63) COLLATE ascii_bin NOT NULL", "user_id is varchar(63)"},
    {"ALTER TABLE coupon_issue MODIFY user_id BIGINT NOT NULL", "user_id is bigint"},
    {"ALTER TABLE coupon_issue MODIFY nth TINYINT UNSIGNED NOT NULL", "nth is tinyint"},
    {"ALTER TABLE coupon_issue MODIFY sequence INT NOT NULL", "sequence is int"},
    {"ALTER TABLE coupon_issue MODIFY issued_at DATETIME(3) NOT NULL", "issued_at is datetime(3)"},
    {"ALTER TABLE coupon_issue MODIFY issued_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)", "timestamp(6)"},
    {"ALTER TABLE coupon MODIFY starts_at DATETIME(6) NOT NULL", "and must be DATETIME(6) NULL"},
    {"ALTER TABLE dead_letter MODIFY record VARBINARY(100) NOT NULL", "record is varbinary(100)"},
    {"ALTER TABLE coupon DROP COLUMN issued",
     "column issued is missing, or this user may not see it, and must be INT UNSIGNED NOT NULL"},
    {"ALTER TABLE journal DROP COLUMN ahead", "column ahead is missing"},
    {"ALTER TABLE coupon_issue DROP KEY holder",
     "key holder is missing, and must be unique over user_id, coupon_id, nth"},
    {"ALTER TABLE coupon_issue DROP KEY holder, ADD KEY holder (user_id, coupon_id, nth)",
     "key holder is not unique over user_id, coupon_id, nth"},
    {"ALTER TABLE coupon_issue DROP KEY holder, ADD UNIQUE KEY holder (coupon_id, user_id(10), nth)",
     "key holder is unique over coupon_id, user_id(10), nth"},
    {"ALTER TABLE coupon_issue DROP PRIMARY KEY",
     "key PRIMARY is missing, and must be unique over coupon_id, sequence"},
    {"ALTER TABLE coupon MODIFY quantity INT UNSIGNED NOT NULL", "and must be INT UNSIGNED NULL"},
    {"ALTER TABLE coupon MODIFY metadata VARCHAR(4096) CHARACTER SET ascii NOT NULL", "column metadata is"},
    {"ALTER TABLE coupon_history MODIFY policy TINYTEXT COLLATE utf8mb4_bin NOT NULL", "column policy is tinytext"},
    {"ALTER TABLE coupon_issue MODIFY request_key VARBINARY(7) NULL", "request_key is varbinary(7)"},
    {"ALTER TABLE coupon_issue_state DROP PRIMARY KEY", "key PRIMARY is missing"},
    {"ALTER TABLE coupon DROP PRIMARY KEY, ADD PRIMARY KEY (id, issued)", "key PRIMARY is unique over id, issued"},
};
#define CHANGES_COUNT (sizeof changes / sizeof *changes)

static void a_table_that_was_changed_is_told_by_whoever_looks_and_mended_by_what_is_said(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    for (size_t i = 0; i < CHANGES_COUNT; i++) {
        store_fixture_sql(fixture, changes[i].statement);
        assert_refused(fixture, store_check_schema(fixture->store, &fixture->error), &changes[i]);
        assert_refused(fixture, store_migrate(fixture->store, &fixture->error), &changes[i]);
        assert_true(store_awaits_setup(fixture->store));
        assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
        store_fixture_begin_issues(fixture, 3);
        assert_refused(fixture, store_fixture_write(fixture), &changes[i]);
        assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
        while (store_check_schema(fixture->store, &fixture->error) != STORE_OK)
            mend(fixture);
        assert_false(store_awaits_setup(fixture->store));
    }
    store_fixture_assert_written(fixture);
}

/* The store has checked the tables, and checks again because of the server's error. */
static void a_table_that_is_changed_while_it_is_written_is_told_and_no_row_is_to_blame(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct change refusing[] = {
        {"ALTER TABLE coupon_issue MODIFY user_id VARCHAR(1) COLLATE ascii_bin NOT NULL", "user_id is varchar(1)"},
        {"ALTER TABLE coupon_issue MODIFY user_id INT NOT NULL", "user_id is int"},
        {"ALTER TABLE coupon_issue MODIFY journal_seq TINYINT NOT NULL", "journal_seq is tinyint"},
        {"ALTER TABLE coupon_issue RENAME COLUMN nth TO n", "column nth is missing"},
        {"ALTER TABLE coupon_issue MODIFY user_id VARCHAR(64) COLLATE utf8mb4_general_ci NOT NULL",
         "utf8mb4_general_ci"},
    };
    store_fixture_migrate(fixture);
    for (size_t i = 0; i < sizeof refusing / sizeof *refusing; i++) {
        store_fixture_begin(fixture);
        store_fixture_coupon(fixture, "c", 1);
        store_fixture_assert_written(fixture);
        store_fixture_sql(fixture, refusing[i].statement);
        store_fixture_begin_issues(fixture, 300);
        snprintf(fixture->users[1], sizeof fixture->users[1], "%s", "U1");
        fixture->issues[1].user_id_length = 2;
        assert_refused(fixture, store_fixture_write(fixture), &refusing[i]);
        assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
        store_fixture_sql(fixture, "DROP TABLE coupon_issue, coupon, journal, dead_letter, schema_version");
        store_fixture_migrate(fixture);
    }
}

static void a_table_that_is_missing_is_told(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "DROP TABLE dead_letter");
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
    store_fixture_assert_error(fixture, "table dead_letter is missing, or this user may not see it");
}

static void what_is_wider_than_it_need_be_is_taken(void **state)
{
    struct store_fixture *fixture = *state;
    static const char *const wider[] = {
        "ALTER TABLE coupon_issue CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "ALTER TABLE coupon_issue MODIFY user_id VARCHAR(128) COLLATE ascii_bin NOT NULL",
        "ALTER TABLE coupon_issue MODIFY sequence BIGINT NOT NULL, MODIFY nth INT NOT NULL, ADD KEY (user_id)",
        "ALTER TABLE coupon MODIFY title TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, ADD COLUMN shop INT NULL",
        "ALTER TABLE dead_letter MODIFY record BLOB NOT NULL",
        "ALTER TABLE coupon MODIFY paused INT NOT NULL",
    };
    store_fixture_migrate(fixture);
    for (size_t i = 0; i < sizeof wider / sizeof *wider; i++)
        store_fixture_sql(fixture, wider[i]);
    if (store_check_schema(fixture->store, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    store_fixture_begin_issues(fixture, 300);
    store_fixture_assert_written(fixture);
}

static void an_index_of_the_operator_is_none_of_ours_whatever_it_is_over(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_sql(fixture, "ALTER TABLE coupon_issue ADD COLUMN " EXPRESSION " INT NULL");
    assert_taken(fixture, "CREATE INDEX by_expression ON coupon_issue (" EXPRESSION ")");
    assert_taken(fixture, "CREATE INDEX by_both ON coupon_issue (user_id(4), " EXPRESSION ", nth)");
    assert_taken(fixture, "CREATE UNIQUE INDEX one_of_each ON coupon_issue (coupon_id, user_id, nth, " EXPRESSION ")");
    assert_taken(fixture, "CREATE FULLTEXT INDEX words ON coupon (title)");
    if (store_fixture_number(fixture, "SELECT VERSION() NOT LIKE '%MariaDB%'"))
        assert_taken(fixture, "CREATE INDEX by_day ON coupon_issue ((DATE(issued_at)))");
    store_fixture_begin_issues(fixture, 300);
    store_fixture_assert_written(fixture);
    static const struct change over_it = {
        "ALTER TABLE coupon_issue DROP KEY holder, ADD UNIQUE KEY holder (coupon_id, " EXPRESSION ")",
        "key holder is unique over coupon_id, an expression, and must be"};
    store_fixture_sql(fixture, over_it.statement);
    assert_refused(fixture, store_check_schema(fixture->store, &fixture->error), &over_it);
    mend(fixture);
    store_fixture_assert_written(fixture);
}

static void a_unique_key_by_which_a_row_could_overwrite_another_is_to_be_dropped(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct change foreign[] = {
        {"ALTER TABLE coupon_history ADD UNIQUE KEY `a``b` (request_id)",
         "table coupon_history: key a`b is unique over request_id, and must be dropped, because a row could overwrite"},
        {"ALTER TABLE coupon_issue_state ADD UNIQUE KEY once (coupon_id, reference(20))",
         "key once is unique over coupon_id, reference(20), and must be dropped"},
        {"ALTER TABLE dead_letter ADD UNIQUE KEY once (user_id)", "table dead_letter: key once is unique over user_id"},
        {"ALTER TABLE erasure ADD UNIQUE KEY once (fingerprint)", "table erasure: key once is unique over fingerprint"},
        {"ALTER TABLE journal ADD UNIQUE KEY once (journal_id)", "table journal: key once is unique over journal_id"},
        {"ALTER TABLE erasure DROP PRIMARY KEY, ADD PRIMARY KEY (fingerprint), "
         "ADD UNIQUE KEY ours (journal_id, journal_seq)",
         "table erasure: key PRIMARY is unique over fingerprint, and must be dropped"},
    };
    store_fixture_migrate(fixture);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        store_fixture_sql(fixture, foreign[i].statement);
        assert_refused(fixture, store_check_schema(fixture->store, &fixture->error), &foreign[i]);
        mend(fixture);
        assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
    }
    assert_taken(fixture, "ALTER TABLE dead_letter ADD UNIQUE KEY more (journal_seq, journal_id, user_id)");
    assert_taken(fixture, "ALTER TABLE coupon_history DROP PRIMARY KEY, ADD COLUMN row_id BIGINT UNSIGNED "
                          "AUTO_INCREMENT PRIMARY KEY, ADD UNIQUE KEY ours (coupon_id, journal_seq)");
    assert_taken(fixture, "ALTER TABLE coupon ADD UNIQUE KEY titles (title)"); /* rejects rows, but overwrites none */
}

static void a_server_that_cuts_what_it_concatenates_shows_the_same_keys(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_admin_sql("SET GLOBAL group_concat_max_len = 16");
    store_destroy(&fixture->store);
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
    store_fixture_begin_issues(fixture, 3);
    enum store_result written = store_fixture_write(fixture);
    store_fixture_admin_sql("SET GLOBAL group_concat_max_len = DEFAULT");
    if (written != STORE_OK)
        fail_msg("%s", fixture->error.text);
}

static void assert_two_to_one_holder_are_told(struct store_fixture *fixture, const char *statement)
{
    store_fixture_begin_issues(fixture, 3);
    store_fixture_assert_written(fixture);
    store_fixture_begin(fixture);
    store_fixture_issue(fixture, "c", 4, "u2", 5);
    fixture->batch.first_seq = 5;
    if (store_fixture_write(fixture) != STORE_REJECTED)
        fail_msg("%s: %s", statement, fixture->error.text);
    store_fixture_assert_error(fixture, "coupon c: the journal has sequence 4");
}

/* A key with any name also finds the holder of a coupon, whatever name the server reports. */
static void a_unique_key_over_our_columns_serves_whatever_it_is_called(void **state)
{
    struct store_fixture *fixture = *state;
    static const char *const others[] = {
        "ALTER TABLE coupon_issue RENAME KEY holder TO `who's.holder`",
        "ALTER TABLE coupon_issue DROP KEY holder, ADD UNIQUE KEY (user_id, nth, coupon_id)",
        "ALTER TABLE coupon_issue DROP KEY holder, ADD KEY holder (user_id), ADD UNIQUE KEY twice (coupon_id, user_id, "
        "nth)",
        "ALTER TABLE coupon_issue ADD UNIQUE KEY first_of_two (coupon_id, user_id, nth)",
        "ALTER TABLE coupon_issue DROP PRIMARY KEY, ADD COLUMN row_id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, "
        "ADD UNIQUE KEY issue (coupon_id, sequence)",
        "ALTER TABLE coupon DROP PRIMARY KEY, ADD UNIQUE KEY (id)",
        "ALTER TABLE journal DROP PRIMARY KEY, ADD UNIQUE KEY part (partition_no)",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        store_fixture_migrate(fixture);
        assert_taken(fixture, others[i]);
        assert_two_to_one_holder_are_told(fixture, others[i]);
        store_fixture_begin_issues(fixture, 300);
        store_fixture_assert_written(fixture);
        store_fixture_sql(fixture, "DROP TABLE coupon_issue, coupon, journal, dead_letter, schema_version");
    }
}

static void a_key_that_holds_more_or_less_than_our_columns_does_not_serve(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct change short_of[] = {
        {"ALTER TABLE coupon_issue DROP KEY holder, ADD UNIQUE KEY a (coupon_id, user_id, nth, sequence)",
         "key holder is missing, and must be"},
        {"ALTER TABLE coupon_issue DROP KEY holder, ADD KEY b (coupon_id, user_id, nth)", "key holder is missing"},
        {"ALTER TABLE coupon_issue DROP KEY holder, ADD UNIQUE KEY d (coupon_id, user_id, sequence)",
         "key holder is missing"},
        {"ALTER TABLE coupon_issue DROP KEY holder, ADD UNIQUE KEY e (coupon_id, user_id(60), nth)",
         "key holder is missing"},
    };
    store_fixture_migrate(fixture);
    for (size_t i = 0; i < sizeof short_of / sizeof *short_of; i++) {
        store_fixture_sql(fixture, short_of[i].statement);
        assert_refused(fixture, store_check_schema(fixture->store, &fixture->error), &short_of[i]);
        mend(fixture);
        assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
    }
}

#define SEES "'sees_little'@'localhost'"

static void grant(const struct store_fixture *fixture, const char *what, const char *table)
{
    char sql[OPTION_STRING_MAX + 128];
    snprintf(sql, sizeof sql, "GRANT %s ON %s.%s TO " SEES, what, fixture->options.store_database, table);
    store_fixture_admin_sql(sql);
}

static enum store_result check_as_who_sees_little(struct store_fixture *fixture)
{
    store_destroy(&fixture->store);
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
    enum store_result result = store_connect(fixture->store, &fixture->error);
    return result == STORE_OK ? store_check_schema(fixture->store, &fixture->error) : result;
}

static void what_a_user_may_not_see_is_to_be_granted_and_nothing_is_to_be_dropped(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    store_fixture_admin_sql("DROP USER IF EXISTS " SEES);
    store_fixture_admin_sql("CREATE USER " SEES " IDENTIFIED BY 'x'");
    snprintf(fixture->options.store_user, sizeof fixture->options.store_user, "sees_little");
    snprintf(fixture->options.store_password, sizeof fixture->options.store_password, "x");
    grant(fixture, "SELECT", "journal");
    grant(fixture, "SELECT", "schema_version");
    assert_int_equal(check_as_who_sees_little(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "table coupon is missing, or this user may not see it; first GRANT it SELECT");
    assert_null(strstr(fixture->error.text, "drop"));
    grant(fixture, "SELECT", "coupon");
    grant(fixture, "SELECT", "coupon_history");
    grant(fixture, "SELECT", "coupon_issue_state");
    grant(fixture, "SELECT", "erasure");
    grant(fixture, "SELECT (coupon_id, sequence, user_id, nth, issued_at, request_key)", "coupon_issue");
    grant(fixture, "SELECT", "dead_letter");
    assert_int_equal(check_as_who_sees_little(fixture), STORE_FAILED);
    store_fixture_assert_error(fixture, "column journal_seq is missing, or this user may not see it, and must be");
    grant(fixture, "SELECT (journal_seq)", "coupon_issue");
    if (check_as_who_sees_little(fixture) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    store_fixture_admin_sql("DROP USER " SEES);
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_fixture_setup_mysql, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_table_that_was_changed_is_told_by_whoever_looks_and_mended_by_what_is_said),
        TEST(a_table_that_is_changed_while_it_is_written_is_told_and_no_row_is_to_blame),
        TEST(a_table_that_is_missing_is_told),
        TEST(what_is_wider_than_it_need_be_is_taken),
        TEST(an_index_of_the_operator_is_none_of_ours_whatever_it_is_over),
        TEST(a_unique_key_by_which_a_row_could_overwrite_another_is_to_be_dropped),
        TEST(a_server_that_cuts_what_it_concatenates_shows_the_same_keys),
        TEST(a_unique_key_over_our_columns_serves_whatever_it_is_called),
        TEST(a_key_that_holds_more_or_less_than_our_columns_does_not_serve),
        TEST(what_a_user_may_not_see_is_to_be_granted_and_nothing_is_to_be_dropped),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    return store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql tables", tests, NULL, NULL)
                                     : cmocka_run_group_tests_name("store mysql tables", none, NULL, NULL);
}
