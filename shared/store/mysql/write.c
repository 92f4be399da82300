/*
 * Writes one batch in one transaction. Inserts issues in the order of the primary key, as arrays if the server supports
 * them, otherwise by multi-row INSERTs. When an INSERT fails because one of its rows exists (a resent batch), its rows
 * are compared with the stored ones, slice by slice: missing rows are inserted, equal ones are kept, and a
 * contradiction ends the batch.
 */
#include "shared/store/mysql/mysql.h"

#include <stdlib.h>
#include <string.h>

#define SLICE_ROWS         500               /* per SELECT; MariaDB turns IN lists of 1,000 into subqueries */
#define BULK_ROWS_MIN      16                /* fewer are not worth a prepared statement */
#define SCHEMA_GOOD_US     INT64_C(10000000) /* between two checks of the tables, which an operator may alter */
#define SCHEMA_INNOCENT_US INT64_C(1000000)  /* the same while halving a frame causes many rejections */

/* --- parts of statements --- */

void store_mysql_add_number(struct sql_text *sql, const char *before, uint64_t number)
{
    sql_text_add(sql, before);
    sql_text_number(sql, number);
}

void store_mysql_add_text(struct sql_text *sql, const char *before, const char *text, size_t length)
{
    sql_text_add(sql, before);
    sql_text_quoted(sql, text, length);
}

void store_mysql_add_time(struct sql_text *sql, const char *before, int64_t us)
{
    char text[RFC3339_MAX];
    sql_text_add(sql, before);
    if (us != TIME_NONE)
        rfc3339_format(us, text);
    sql_text_time(sql, us == TIME_NONE ? NULL : text);
}

void store_mysql_add_place(struct sql_text *sql, struct store_mysql_place *place, const char *coupon_id, size_t length,
                           uint32_t sequence)
{
    if (place->coupon_id && place->length == length && memcmp(place->coupon_id, coupon_id, length) == 0) {
        store_mysql_add_number(sql, ",", sequence);
        return;
    }
    store_mysql_add_text(sql, place->coupon_id ? ")) OR (coupon_id = " : "((coupon_id = ", coupon_id, length);
    store_mysql_add_number(sql, " AND sequence IN (", sequence);
    *place = (struct store_mysql_place){coupon_id, length};
}

void store_mysql_end_places(struct sql_text *sql)
{
    sql_text_add(sql, ")))");
}

/* --- new issues --- */

static void add_request_key(struct sql_text *sql, uint64_t key)
{
    char bytes[STORE_REQUEST_KEY_BYTES];
    store_request_key_write(key, bytes);
    sql_text_add(sql, ",");
    if (key != 0)
        sql_text_bytes(sql, bytes, sizeof bytes);
    else
        sql_text_add(sql, "NULL");
}

static void add_issue(struct store_mysql *store, const struct store_issue *issue)
{
    struct sql_text *sql = &store->sql;
    store_mysql_add_text(sql, "(", issue->coupon_id, issue->coupon_id_length);
    store_mysql_add_number(sql, ",", issue->sequence);
    store_mysql_add_text(sql, ",", issue->user_id, issue->user_id_length);
    store_mysql_add_number(sql, ",", issue->nth);
    sql_text_add(sql, ",");
    sql_text_time(sql, time_text_of(&store->time, issue->issued_at_us));
    store_mysql_add_number(sql, ",", issue->journal_seq);
    add_request_key(sql, issue->request_key);
    sql_text_add(sql, ")");
}

static enum store_result insert_by_text(struct store_mysql *store, const struct store_issue **rows, size_t count,
                                        size_t *taken, struct error *error)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "INSERT INTO coupon_issue (" STORE_MYSQL_ISSUE_COLUMNS ") VALUES ");
    size_t n = 0;
    do {
        if (n > 0)
            sql_text_add(&store->sql, ",");
        add_issue(store, rows[n++]);
    } while (n < count && store->sql.length < store->statement_bytes_max);
    *taken = n;
    return store_mysql_run_row(store, "inserting into coupon_issue", error);
}

/* Inserts as many rows as fit into one statement, at least one; *taken receives their number. */
static enum store_result insert_issues(struct store_mysql *store, const struct store_issue **rows, size_t count,
                                       size_t *taken, struct error *error)
{
    enum store_result result = STORE_OK;
    if (count >= BULK_ROWS_MIN && store_mysql_bulk_insert(store, rows, count, taken, &result, error))
        return result;
    return insert_by_text(store, rows, count, taken, error);
}

/* --- issues that may exist already --- */

static void add_places(struct sql_text *sql, const struct store_issue **rows, size_t count)
{
    struct store_mysql_place place = {NULL, 0};
    for (size_t i = 0; i < count; i++)
        store_mysql_add_place(sql, &place, rows[i]->coupon_id, rows[i]->coupon_id_length, rows[i]->sequence);
    store_mysql_end_places(sql);
}

/* Adds "(coupon_id = … AND user_id IN (…)) OR …"; the rows are in the order of their coupons. */
static void add_holders(struct sql_text *sql, const struct store_issue **rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && store_issue_same_coupon(rows[i - 1], rows[i])) {
            sql_text_add(sql, ",");
        } else {
            store_mysql_add_text(sql, i > 0 ? ")) OR (coupon_id = " : "(coupon_id = ", rows[i]->coupon_id,
                                 rows[i]->coupon_id_length);
            sql_text_add(sql, " AND user_id IN (");
        }
        sql_text_quoted(sql, rows[i]->user_id, rows[i]->user_id_length);
    }
    sql_text_add(sql, "))");
}

struct comparison {
    const uint8_t *key; /* of the users' fingerprints */
    const struct store_issue **rows;
    size_t count;
    size_t at;                          /* rows before it have been compared */
    const struct store_issue **missing; /* rows that are not stored */
    size_t missing_count;
    struct error *error;
    enum store_result result;
};

static void skip_missing(struct comparison *comparison, const struct store_issue *there)
{
    while (comparison->at < comparison->count &&
           (!there || store_issue_compare(comparison->rows[comparison->at], there) < 0))
        comparison->missing[comparison->missing_count++] = comparison->rows[comparison->at++];
}

/* Merges: both sides are in the order of the primary key. */
static bool compare_with_row(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct comparison *comparison = context;
    struct store_issue there;
    *good = store_mysql_read_issue(columns, lengths, &there);
    if (!*good)
        return false;
    skip_missing(comparison, &there);
    if (comparison->at == comparison->count)
        return false;
    const struct store_issue *wanted = comparison->rows[comparison->at++];
    if (!store_issue_is_there(comparison->key, wanted, &there))
        comparison->result = store_issue_conflict(wanted, &there, comparison->error);
    return comparison->result == STORE_OK;
}

static enum store_result compare_by_sequence(struct store_mysql *store, struct comparison *comparison)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_ISSUE_COLUMNS " FROM coupon_issue WHERE ");
    add_places(&store->sql, comparison->rows, comparison->count);
    sql_text_add(&store->sql, " ORDER BY coupon_id, sequence");
    enum store_result result =
        store_mysql_each_row(store, "coupon_issue", compare_with_row, comparison, comparison->error);
    if (result != STORE_OK || comparison->result != STORE_OK)
        return result != STORE_OK ? result : comparison->result;
    skip_missing(comparison, NULL);
    return STORE_OK;
}

static bool find_holder(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct comparison *comparison = context;
    struct store_issue there;
    *good = store_mysql_read_issue(columns, lengths, &there);
    for (size_t i = 0; *good && i < comparison->missing_count; i++) {
        const struct store_issue *wanted = comparison->missing[i];
        if (!store_issue_same_holder(wanted, &there) || store_issue_equal(wanted, &there))
            continue;
        comparison->result = store_issue_conflict(wanted, &there, comparison->error);
        return false;
    }
    return *good;
}

static enum store_result find_twins(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->missing_count; i++)
        for (size_t j = i + 1; j < comparison->missing_count; j++)
            if (store_issue_same_holder(comparison->missing[i], comparison->missing[j]))
                return store_issue_conflict(comparison->missing[j], comparison->missing[i], comparison->error);
    return STORE_OK;
}

/*
 * The server refuses rows although their sequences are free: either another sequence has their (user, nth), in the
 * store or in this batch, or another writer has just inserted the same rows, which the next attempt finds.
 */
static enum store_result explain_refusal(struct store_mysql *store, struct comparison *comparison)
{
    error_prefix(comparison->error, "another writer inserts the same rows");
    enum store_result result = find_twins(comparison);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_ISSUE_COLUMNS " FROM coupon_issue WHERE ");
    add_holders(&store->sql, comparison->missing, comparison->missing_count);
    result = store_mysql_each_row(store, "coupon_issue", find_holder, comparison, comparison->error);
    if (result != STORE_OK)
        return result;
    return comparison->result != STORE_OK ? comparison->result : STORE_RETRY;
}

static enum store_result merge_slice(struct store_mysql *store, const struct store_issue **rows, size_t count,
                                     struct error *error)
{
    struct comparison comparison = {.key = store->base.fingerprint_key,
                                    .rows = rows,
                                    .count = count,
                                    .missing = store->missing,
                                    .error = error,
                                    .result = STORE_OK};
    enum store_result result = compare_by_sequence(store, &comparison);
    for (size_t at = 0, taken = 0; at < comparison.missing_count && result == STORE_OK; at += taken) {
        result = insert_issues(store, comparison.missing + at, comparison.missing_count - at, &taken, error);
        if (result == STORE_REJECTED && store_mysql_is_duplicate(store))
            result = explain_refusal(store, &comparison);
    }
    return result;
}

static enum store_result merge_issues(struct store_mysql *store, const struct store_issue **rows, size_t count,
                                      struct error *error)
{
    if (!store->missing)
        store->missing = calloc(SLICE_ROWS, sizeof *store->missing);
    CHECK(store->missing != NULL);
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < count && result == STORE_OK; at += SLICE_ROWS)
        result = merge_slice(store, rows + at, count - at < SLICE_ROWS ? count - at : SLICE_ROWS, error);
    return result;
}

static enum store_result write_issues(struct store_mysql *store, size_t count, struct error *error)
{
    const struct store_issue **rows = store->order.rows;
    enum store_result result = STORE_OK;
    for (size_t at = 0, taken = 0; at < count && result == STORE_OK; at += taken) {
        result = insert_issues(store, rows + at, count - at, &taken, error);
        if (result == STORE_REJECTED && store_mysql_is_duplicate(store))
            result = merge_issues(store, rows + at, taken, error);
    }
    return result;
}

/* --- transaction --- */

/* Users and progress, under the lock of the journal's row. */
static enum store_result finish(struct store_mysql *store, const struct store_batch *batch, struct error *error)
{
    struct store_journal journal;
    struct store_progress progress;
    if (batch->scope != STORE_FRAME && batch->issues_count + batch->erasures_count + batch->dead_count == 0)
        return STORE_OK;
    enum store_result result = store_mysql_lock_journal(store, batch, &journal, &progress, error);
    if (result == STORE_OK)
        result = store_mysql_erase(store, batch, &journal, error);
    if (result == STORE_OK && batch->scope == STORE_FRAME)
        result = store_mysql_raise_journal(store, batch, &journal, &progress, error);
    return result;
}

static enum store_result write_rows(struct store_mysql *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = store_order_fill(&store->order, batch, error);
    if (result == STORE_OK)
        result = store_mysql_check_journals(store, batch, error);
    if (result == STORE_OK)
        result = store_mysql_write_coupons(store, error);
    if (result == STORE_OK)
        result = store_mysql_write_history(store, batch, error);
    if (result == STORE_OK)
        result = write_issues(store, batch->issues_count, error);
    if (result == STORE_OK)
        result = store_mysql_raise_issued(store, batch, error);
    if (result == STORE_OK)
        result = store_mysql_write_changes(store, error);
    if (result == STORE_OK)
        result = store_mysql_write_letters(store, batch, error);
    return result == STORE_OK ? finish(store, batch, error) : result;
}

enum store_result store_mysql_begin(struct store_mysql *store, struct error *error)
{
    return store_mysql_session_start(store, &store_mysql_writing, "START TRANSACTION", error);
}

/*
 * Drops a connection that cannot roll back, upon which the server rolls back. Also drops it after a lasting fault,
 * because privileges granted meanwhile take effect with the next connection.
 */
enum store_result store_mysql_end(struct store_mysql *store, enum store_result result, struct error *error)
{
    if (result == STORE_OK)
        result = store_mysql_run_text(store, "COMMIT", error);
    if (result != STORE_OK && store_mysql_is_connected(store) && mysql_query(store->connection, "ROLLBACK") != 0)
        store->lost = true;
    store->lost = store->lost || result == STORE_FAILED;
    return result;
}

/* Checks the tables on each connection and from time to time, because a wrong table need not cause errors. */
static enum store_result check_schema(struct store_mysql *store, struct error *error)
{
    int64_t now_us = clock_mono_us();
    if (now_us < store->schema_good_until_us)
        return STORE_OK;
    enum store_result result = store_schema_check(&store->base, error);
    store->schema_good_until_us = result == STORE_OK ? now_us + SCHEMA_GOOD_US : 0;
    return result;
}

/* A wrong table is not the fault of a row, and its description is clearer than the server's error. */
static enum store_result blame_schema(struct store_mysql *store, enum store_result result, struct error *error)
{
    bool of_the_server = result == STORE_RETRY || result == STORE_FAILED || result == STORE_REJECTED;
    int64_t now_us = clock_mono_us();
    if (!of_the_server || !store_mysql_is_connected(store) || now_us < store->schema_innocent_until_us)
        return result;
    struct error schema;
    enum store_result judgement = store_schema_check(&store->base, &schema);
    if (judgement == STORE_OK) {
        store->schema_innocent_until_us = now_us + SCHEMA_INNOCENT_US;
        return result;
    }
    if (error)
        *error = schema;
    return judgement;
}

enum store_result store_mysql_write(struct store *base, const struct store_batch *batch, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    enum store_result result = store_mysql_begin(store, error);
    if (result == STORE_OK)
        result = check_schema(store, error);
    if (result == STORE_OK)
        result = blame_schema(store, write_rows(store, batch, error), error);
    return store_mysql_end(store, result, error);
}
