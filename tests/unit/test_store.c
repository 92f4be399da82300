/* What every store promises; the same suite for sqlite and, where there is a server, for mysql. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_fixture.h"

/* Helpers */

static void migrate(struct store_fixture *fixture)
{
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_OK);
}

static void assert_written(struct store_fixture *fixture)
{
    enum store_result result = store_fixture_write(fixture);
    if (result != STORE_OK)
        fail_msg("%s", fixture->error.text);
}

static void assert_conflict(struct store_fixture *fixture, const char *first, const char *second)
{
    fixture->error.text[0] = '\0';
    assert_int_equal(store_fixture_write(fixture), STORE_CONFLICT);
    assert_non_null(strstr(fixture->error.text, first));
    assert_non_null(strstr(fixture->error.text, second));
}

/* The coupon "c" and issues 1 to `count` of it, to users u1, u2, …; journal sequences from 1. */
static void begin_coupon_with_issues(struct store_fixture *fixture, uint32_t count)
{
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "c", 1);
    for (uint32_t i = 1; i <= count; i++) {
        char user[24];
        snprintf(user, sizeof user, "u%u", i);
        store_fixture_issue(fixture, "c", i, user, i + 1);
    }
}

struct rows {
    struct coupon coupons[8];
    size_t coupons_count;
    struct store_issue issues[16];
    char ids[16][2][USER_ID_MAX + 1];
    size_t issues_count;
    struct store_journal journals[8];
    size_t journals_count;
    size_t stop_after; /* rows of a kind; 0: never */
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

/* Schema */

static void a_store_without_a_schema_is_refused_and_says_who_makes_it(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "persister creates it"));
}

static void migrating_creates_the_schema_and_migrating_again_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    migrate(fixture);
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM schema_version"), 1);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM dead_letter"), 0);
}

static void a_newer_schema_is_left_alone(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    store_fixture_sql(fixture, "INSERT INTO schema_version (version, applied_at) VALUES (99, '2026-11-21 00:00:00')");
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "version 99"));
    assert_int_equal(store_migrate(fixture->store, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "newer coupond"));
}

/* Rows */

static void coupons_come_back_exactly_as_they_were_written(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
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
    assert_written(fixture);

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
    migrate(fixture);
    store_fixture_coupon(fixture, "c", 1)->per_user_limit = 3;
    store_fixture_coupon(fixture, "d", 2);
    const char *longest = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct store_issue *last = store_fixture_issue(fixture, "d", 4000000000u, longest, 6);
    last->issued_at_us = 253402300799999999;
    struct store_issue *second = store_fixture_issue(fixture, "c", 2, "a.b:c@d", 4);
    second->nth = 1000;
    struct store_issue *first = store_fixture_issue(fixture, "c", 1, "a.b:c@d", 3);
    first->issued_at_us = 0;
    assert_written(fixture);

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
    migrate(fixture);
    store_fixture_coupon(fixture, "Case", 1);
    store_fixture_coupon(fixture, "case", 2);
    store_fixture_issue(fixture, "Case", 1, "User", 3);
    store_fixture_issue(fixture, "Case", 2, "user", 4);
    store_fixture_issue(fixture, "case", 1, "User", 5);
    assert_written(fixture);
    assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), 2);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
}

static void issued_follows_from_the_issues_of_each_coupon(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
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
    assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon WHERE id = 'a'"), 3);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon WHERE id = 'b'"), 5);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon WHERE id = 'none'"), 0);
}

static void a_batch_of_many_statements_is_written_whole_and_again(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 30000); /* about 2 MiB of SQL */
    assert_written(fixture);
    assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 30000);
    assert_int_equal(store_fixture_number(fixture, "SELECT MAX(sequence) FROM coupon_issue"), 30000);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon"), 30000);
    assert_int_equal(store_fixture_number(fixture, "SELECT last_seq FROM journal"), 30001);
}

/* Again, in pieces, out of order */

static void a_batch_that_is_there_in_part_is_completed(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 2000);
    assert_written(fixture);
    store_fixture_sql(fixture, "DELETE FROM coupon_issue WHERE sequence IN (1, 2, 499, 500, 501, 777, 1500, 2000)");
    store_fixture_sql(fixture, "DELETE FROM coupon_issue WHERE sequence BETWEEN 1001 AND 1400");
    assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 2000);
}

static void an_older_policy_never_overwrites_a_newer_and_issued_never_goes_down(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    struct coupon *newer = store_fixture_coupon(fixture, "c", 9);
    newer->quantity = 7;
    newer->paused = true;
    newer->starts_at_us = 5;
    assert_written(fixture);

    begin_coupon_with_issues(fixture, 1);
    assert_written(fixture);
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
    migrate(fixture);
    store_fixture_coupon(fixture, "c", 1)->ends_at_us = 1000000;
    assert_written(fixture);
    store_fixture_begin(fixture);
    store_fixture_coupon(fixture, "c", 2);
    assert_written(fixture);
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon WHERE ends_at IS NULL"), 1);
}

struct writer {
    struct store *store;
    struct store_batch batches[20];
    bool backwards;
    size_t failures;
};

static void *write_batches(void *arg)
{
    struct writer *writer = arg;
    struct error error;
    for (size_t i = 0; i < 20; i++) {
        enum store_result result = STORE_RETRY;
        while (result == STORE_RETRY)
            result = store_write(writer->store, &writer->batches[writer->backwards ? 19 - i : i], &error);
        writer->failures += result != STORE_OK;
    }
    return NULL;
}

static void two_writers_of_the_same_batches_in_opposite_order_agree(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 0);
    assert_written(fixture);
    begin_coupon_with_issues(fixture, 4000);
    struct writer writers[2] = {{.backwards = false}, {.backwards = true}};
    pthread_t threads[2];
    for (size_t w = 0; w < 2; w++) {
        writers[w].store = store_fixture_another(fixture);
        for (size_t i = 0; i < 20; i++) {
            writers[w].batches[i] = fixture->batch;
            writers[w].batches[i].coupons_count = 0;
            writers[w].batches[i].issues = fixture->issues + i * 200;
            writers[w].batches[i].issues_count = 200;
        }
        assert_int_equal(pthread_create(&threads[w], NULL, write_batches, &writers[w]), 0);
    }
    for (size_t w = 0; w < 2; w++) {
        pthread_join(threads[w], NULL);
        assert_int_equal(writers[w].failures, 0);
        store_destroy(&writers[w].store);
    }
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 4000);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon"), 4000);
}

static void *migrate_anew(void *arg)
{
    struct store_fixture *fixture = arg;
    struct error error;
    struct store *store = store_create(&fixture->options, &error);
    enum store_result result = STORE_RETRY;
    while (result == STORE_RETRY)
        result = store_migrate(store, &error);
    store_destroy(&store);
    return result == STORE_OK ? NULL : arg;
}

static void several_may_create_the_schema_at_once(void **state)
{
    struct store_fixture *fixture = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_anew, fixture), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
}

/* Contradictions */

static void assert_nothing_new(struct store_fixture *fixture)
{
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 3);
    assert_int_equal(store_fixture_number(fixture, "SELECT last_seq FROM journal"), 4);
    assert_int_equal(store_fixture_number(fixture, "SELECT issued FROM coupon"), 3);
}

static void another_user_under_the_same_sequence_is_a_conflict_and_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    begin_coupon_with_issues(fixture, 5);
    fixture->issues[1].user_id = "x2";
    assert_conflict(fixture, "sequence 2 to user x2", "sequence 2 to user u2");
    assert_nothing_new(fixture);
}

static void another_sequence_for_the_same_holder_is_a_conflict_and_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    begin_coupon_with_issues(fixture, 5);
    fixture->issues[4].user_id = "u2";
    assert_conflict(fixture, "sequence 5 to user u2", "sequence 2 to user u2");
    assert_nothing_new(fixture);
}

static void the_same_issue_at_another_time_or_of_another_record_is_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    fixture->issues[2].issued_at_us++;
    assert_conflict(fixture, "coupon c", "sequence 3");
    begin_coupon_with_issues(fixture, 3);
    fixture->issues[0].journal_seq = 17;
    assert_conflict(fixture, "journal_seq 17", "journal_seq 2");
    begin_coupon_with_issues(fixture, 3);
    fixture->issues[0].nth = 2;
    assert_conflict(fixture, "nth 2", "nth 1");
    assert_nothing_new(fixture);
}

static void a_batch_that_contradicts_itself_is_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    fixture->issues[2].sequence = 1;
    assert_conflict(fixture, "user u1", "user u3");
    begin_coupon_with_issues(fixture, 3);
    fixture->issues[2].user_id = "u1";
    assert_conflict(fixture, "sequence 3 to user u1", "sequence 1 to user u1");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon"), 0);
}

static void issues_of_a_coupon_that_is_not_there_are_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    store_fixture_issue(fixture, "ghost", 1, "u1", 1);
    assert_conflict(fixture, "coupon ghost is not in the store", "user u1");
    assert_int_equal(store_fixture_number(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
}

static void the_same_record_with_another_policy_is_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    fixture->coupons[0].quantity++;
    assert_conflict(fixture, "coupon c", "record 1");
    begin_coupon_with_issues(fixture, 3);
    fixture->coupons[0].journal_seq = 9;
    fixture->coupons[0].created_at_us--;
    assert_conflict(fixture, "coupon c", "record 9");
    assert_nothing_new(fixture);
}

static void a_foreign_journal_is_a_conflict(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    begin_coupon_with_issues(fixture, 3);
    fixture->batch.journal_id[15] = 0x01;
    assert_conflict(fixture, "foreign journal", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a01");
    assert_nothing_new(fixture);
}

static void another_number_of_partitions_is_a_conflict_on_every_partition(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    assert_written(fixture);
    fixture->batch.partitions = 2;
    assert_conflict(fixture, "foreign journal", "2 partitions");
    fixture->batch.partition = 1;
    assert_conflict(fixture, "foreign journal", "2 partitions");
    assert_nothing_new(fixture);
}

/* Reading */

static void journals_of_all_partitions_are_told(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    for (uint16_t partition = 0; partition < 3; partition++) {
        store_fixture_begin(fixture);
        fixture->batch.partition = (uint16_t)(2 - partition);
        fixture->batch.partitions = 3;
        fixture->batch.journal_id[0] = (uint8_t)(2 - partition);
        fixture->batch.last_seq = UINT64_C(1) << 62;
        assert_written(fixture);
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
    migrate(fixture);
    begin_coupon_with_issues(fixture, 2);
    assert_written(fixture);
    struct store *writer = store_fixture_another(fixture);
    struct rows rows = {0};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_journal(fixture->store, keep_journal, &rows, &fixture->error), STORE_OK);
    begin_coupon_with_issues(fixture, 4);
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
    migrate(fixture);
    begin_coupon_with_issues(fixture, 3);
    store_fixture_coupon(fixture, "d", 9);
    assert_written(fixture);
    struct rows rows = {.stop_after = 1};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    walk(fixture, &rows);
    store_read_end(fixture->store);
    assert_int_equal(rows.coupons_count, 1);
    assert_int_equal(rows.issues_count, 1);
    assert_written(fixture);
}

static void a_row_that_coupond_never_wrote_is_told_and_not_believed(void **state)
{
    struct store_fixture *fixture = *state;
    migrate(fixture);
    begin_coupon_with_issues(fixture, 1);
    assert_written(fixture);
    store_fixture_sql(fixture, "UPDATE journal SET journal_id = 'nonsense'");
    struct rows rows = {0};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_each_journal(fixture->store, keep_journal, &rows, &fixture->error), STORE_FAILED);
    assert_non_null(strstr(fixture->error.text, "never writes"));
    store_read_end(fixture->store);
}

/* Options */

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
    X(a_batch_that_is_there_in_part_is_completed)                                                                      \
    X(an_older_policy_never_overwrites_a_newer_and_issued_never_goes_down)                                             \
    X(a_bound_of_the_window_can_be_taken_away)                                                                         \
    X(two_writers_of_the_same_batches_in_opposite_order_agree)                                                         \
    X(several_may_create_the_schema_at_once)                                                                           \
    X(another_user_under_the_same_sequence_is_a_conflict_and_writes_nothing)                                           \
    X(another_sequence_for_the_same_holder_is_a_conflict_and_writes_nothing)                                           \
    X(the_same_issue_at_another_time_or_of_another_record_is_a_conflict)                                               \
    X(a_batch_that_contradicts_itself_is_a_conflict)                                                                   \
    X(issues_of_a_coupon_that_is_not_there_are_a_conflict)                                                             \
    X(the_same_record_with_another_policy_is_a_conflict)                                                               \
    X(a_foreign_journal_is_a_conflict)                                                                                 \
    X(another_number_of_partitions_is_a_conflict_on_every_partition)                                                   \
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
