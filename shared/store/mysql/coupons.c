/*
 * Writes the coupons of a batch, possibly thousands: new ones by multi-row INSERTs. When an INSERT fails because one of
 * its rows exists, its rows are compared with the stored ones, slice by slice: missing rows are inserted, older ones
 * updated, and a contradiction ends the batch.
 */
#include "shared/store/mysql/mysql.h"

#include <string.h>

#define SLICE_ROWS       500  /* per SELECT; MariaDB turns IN lists of 1,000 into subqueries */
#define CHANGE_ROWS      16   /* per UPDATE: the server searches the CASE of each column for each row */
#define RAISE_ROWS       100  /* per UPDATE: the server searches one CASE for each row */
#define COUPON_ROW_BYTES 1536 /* the longest row of an INSERT: a quoted title and 300 bytes */

/* --- new coupons --- */

static void add_coupon(struct sql_text *sql, const struct coupon *coupon)
{
    store_mysql_add_text(sql, "(", coupon->id, strlen(coupon->id));
    store_mysql_add_text(sql, ",", coupon->title, strlen(coupon->title));
    store_mysql_add_number(sql, ",", coupon->quantity);
    store_mysql_add_number(sql, ",", coupon->per_user_limit);
    store_mysql_add_time(sql, ",", coupon->starts_at_us);
    store_mysql_add_time(sql, ",", coupon->ends_at_us);
    store_mysql_add_number(sql, ",", coupon->paused);
    sql_text_add(sql, ",0");
    store_mysql_add_time(sql, ",", coupon->created_at_us);
    store_mysql_add_time(sql, ",", coupon->updated_at_us);
    store_mysql_add_number(sql, ",", coupon->journal_seq);
    sql_text_add(sql, ")");
}

/* Inserts as many as fit into one statement, at least one; *taken receives their number. */
static enum store_result insert_coupons(struct store_mysql *store, const struct coupon **coupons, size_t count,
                                        size_t *taken, struct error *error)
{
    size_t n = 0;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "INSERT INTO coupon (" STORE_MYSQL_COUPON_COLUMNS ") VALUES ");
    do {
        if (n > 0)
            sql_text_add(&store->sql, ",");
        add_coupon(&store->sql, coupons[n++]);
    } while (n < count && store->sql.length + COUPON_ROW_BYTES < store->statement_bytes_max);
    *taken = n;
    return store_mysql_run_row(store, "inserting into coupon", error);
}

/* --- coupons that may exist already --- */

/* A slice, in the order of the ids, compared with the stored rows. */
struct comparison {
    const struct coupon **coupons;
    size_t count;
    size_t at; /* coupons before it have been compared */
    const struct coupon *missing[SLICE_ROWS];
    size_t missing_count;
    const struct coupon *changed[SLICE_ROWS];
    size_t changed_count;
    struct error *error;
    enum store_result result;
};

static void skip_missing(struct comparison *comparison, const char *there)
{
    while (comparison->at < comparison->count && (!there || strcmp(comparison->coupons[comparison->at]->id, there) < 0))
        comparison->missing[comparison->missing_count++] = comparison->coupons[comparison->at++];
}

/* Merges: both sides are in the order of the primary key. */
static bool compare_with_row(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct comparison *comparison = context;
    struct coupon there;
    bool newer = false;
    *good = store_mysql_read_coupon(columns, lengths, &there);
    if (!*good)
        return false;
    skip_missing(comparison, there.id);
    if (comparison->at == comparison->count)
        return false;
    const struct coupon *wanted = comparison->coupons[comparison->at++];
    comparison->result = store_policy_judge(wanted, &there, &newer, comparison->error);
    if (newer)
        comparison->changed[comparison->changed_count++] = wanted;
    return comparison->result == STORE_OK;
}

/* FOR UPDATE: no other writer may change the rows between this SELECT and the UPDATE. */
static enum store_result compare(struct store_mysql *store, struct comparison *comparison)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_COUPON_COLUMNS " FROM coupon WHERE id IN (");
    for (size_t i = 0; i < comparison->count; i++)
        store_mysql_add_text(&store->sql, i > 0 ? "," : "", comparison->coupons[i]->id,
                             strlen(comparison->coupons[i]->id));
    sql_text_add(&store->sql, ") ORDER BY id FOR UPDATE");
    enum store_result result = store_mysql_each_row(store, "coupon", compare_with_row, comparison, comparison->error);
    if (result != STORE_OK || comparison->result != STORE_OK)
        return result != STORE_OK ? result : comparison->result;
    skip_missing(comparison, NULL);
    return STORE_OK;
}

static enum store_result insert_missing(struct store_mysql *store, const struct comparison *comparison,
                                        struct error *error)
{
    enum store_result result = STORE_OK;
    const struct coupon **missing = (const struct coupon **)comparison->missing;
    for (size_t at = 0, taken = 0; at < comparison->missing_count && result == STORE_OK; at += taken)
        result = insert_coupons(store, missing + at, comparison->missing_count - at, &taken, error);
    /* another writer has just inserted the same rows; the next attempt finds them */
    return result == STORE_REJECTED && store_mysql_is_duplicate(store) ? STORE_RETRY : result;
}

static void add_title(struct sql_text *sql, const struct coupon *coupon)
{
    sql_text_quoted(sql, coupon->title, strlen(coupon->title));
}

static void add_quantity(struct sql_text *sql, const struct coupon *coupon)
{
    sql_text_number(sql, coupon->quantity);
}

static void add_per_user_limit(struct sql_text *sql, const struct coupon *coupon)
{
    sql_text_number(sql, coupon->per_user_limit);
}

static void add_starts_at(struct sql_text *sql, const struct coupon *coupon)
{
    store_mysql_add_time(sql, "", coupon->starts_at_us);
}

static void add_ends_at(struct sql_text *sql, const struct coupon *coupon)
{
    store_mysql_add_time(sql, "", coupon->ends_at_us);
}

static void add_paused(struct sql_text *sql, const struct coupon *coupon)
{
    sql_text_number(sql, coupon->paused);
}

static void add_created_at(struct sql_text *sql, const struct coupon *coupon)
{
    store_mysql_add_time(sql, "", coupon->created_at_us);
}

static void add_updated_at(struct sql_text *sql, const struct coupon *coupon)
{
    store_mysql_add_time(sql, "", coupon->updated_at_us);
}

static void add_journal_seq(struct sql_text *sql, const struct coupon *coupon)
{
    sql_text_number(sql, coupon->journal_seq);
}

/* The columns of a policy; `issued` is not one of them. */
static const struct {
    const char *set;
    void (*add)(struct sql_text *sql, const struct coupon *coupon);
} policy_columns[] = {
    {"title = ", add_title},           {"quantity = ", add_quantity},     {"per_user_limit = ", add_per_user_limit},
    {"starts_at = ", add_starts_at},   {"ends_at = ", add_ends_at},       {"paused = ", add_paused},
    {"created_at = ", add_created_at}, {"updated_at = ", add_updated_at}, {"journal_seq = ", add_journal_seq},
};

/* "CASE id WHEN 'a' THEN 1 WHEN 'b' THEN 2 END", or only the value for a single row. */
static void add_choice(struct sql_text *sql, size_t column, const struct coupon *const *coupons, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (count > 1) {
            store_mysql_add_text(sql, i > 0 ? " WHEN " : "CASE id WHEN ", coupons[i]->id, strlen(coupons[i]->id));
            sql_text_add(sql, " THEN ");
        }
        policy_columns[column].add(sql, coupons[i]);
    }
    sql_text_add(sql, count > 1 ? " END" : "");
}

/* One statement for several coupons, since each statement costs a round trip. */
static enum store_result change_coupons(struct store_mysql *store, const struct coupon *const *coupons, size_t count,
                                        struct error *error)
{
    struct sql_text *sql = &store->sql;
    sql_text_clear(sql);
    sql_text_add(sql, "UPDATE coupon SET ");
    for (size_t column = 0; column < sizeof policy_columns / sizeof *policy_columns; column++) {
        sql_text_add(sql, column > 0 ? ", " : "");
        sql_text_add(sql, policy_columns[column].set);
        add_choice(sql, column, coupons, count);
    }
    for (size_t i = 0; i < count; i++)
        store_mysql_add_text(sql, i > 0 ? "," : " WHERE id IN (", coupons[i]->id, strlen(coupons[i]->id));
    sql_text_add(sql, ")");
    return store_mysql_run_row(store, "updating coupon", error);
}

static enum store_result change_all(struct store_mysql *store, const struct comparison *comparison, struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < comparison->changed_count && result == STORE_OK; at += CHANGE_ROWS) {
        size_t left = comparison->changed_count - at;
        const struct coupon *const *changed = (const struct coupon *const *)comparison->changed;
        result = change_coupons(store, changed + at, left < CHANGE_ROWS ? left : CHANGE_ROWS, error);
    }
    return result;
}

static enum store_result merge_slice(struct store_mysql *store, const struct coupon **coupons, size_t count,
                                     struct error *error)
{
    struct comparison comparison = {.coupons = coupons, .count = count, .error = error, .result = STORE_OK};
    enum store_result result = compare(store, &comparison);
    if (result == STORE_OK)
        result = insert_missing(store, &comparison, error);
    return result == STORE_OK ? change_all(store, &comparison, error) : result;
}

static enum store_result merge_coupons(struct store_mysql *store, const struct coupon **coupons, size_t count,
                                       struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < count && result == STORE_OK; at += SLICE_ROWS)
        result = merge_slice(store, coupons + at, count - at < SLICE_ROWS ? count - at : SLICE_ROWS, error);
    return result;
}

enum store_result store_mysql_write_coupons(struct store_mysql *store, struct error *error)
{
    const struct coupon **coupons = store->order.coupons;
    size_t count = store->order.coupons_count;
    enum store_result result = STORE_OK;
    for (size_t at = 0, taken = 0; at < count && result == STORE_OK; at += taken) {
        result = insert_coupons(store, coupons + at, count - at, &taken, error);
        if (result == STORE_REJECTED && store_mysql_is_duplicate(store))
            result = merge_coupons(store, coupons + at, taken, error);
    }
    return result;
}

/* --- issued --- */

/* Collects the last issues of up to RAISE_ROWS coupons, beginning with issue *at, and advances *at past them. */
static size_t take_last(const struct store_mysql *store, size_t count, size_t *at, const struct store_issue *last[])
{
    const struct store_issue **rows = store->order.rows;
    size_t n = 0;
    for (; *at < count && n < RAISE_ROWS; (*at)++) {
        if (*at + 1 == count || !store_issue_same_coupon(rows[*at], rows[*at + 1]))
            last[n++] = rows[*at];
    }
    return n;
}

/* Raises `issued` to the coupon's last sequence in this batch; never lowers it. */
static enum store_result raise(struct store_mysql *store, const struct store_issue *const *last, size_t count,
                               struct error *error)
{
    struct sql_text *sql = &store->sql;
    sql_text_clear(sql);
    sql_text_add(sql, "UPDATE coupon SET issued = GREATEST(issued, CASE id");
    for (size_t i = 0; i < count; i++) {
        store_mysql_add_text(sql, " WHEN ", last[i]->coupon_id, last[i]->coupon_id_length);
        store_mysql_add_number(sql, " THEN ", last[i]->sequence);
    }
    sql_text_add(sql, " END) WHERE id IN (");
    for (size_t i = 0; i < count; i++)
        store_mysql_add_text(sql, i > 0 ? "," : "", last[i]->coupon_id, last[i]->coupon_id_length);
    sql_text_add(sql, ")");
    return store_mysql_run_row(store, "updating coupon", error);
}

/* Checks the coupons one by one, to name the one that is missing. */
static enum store_result find_missing(struct store_mysql *store, const struct store_issue *const *last, size_t count,
                                      struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < count && result == STORE_OK; i++) {
        result = raise(store, &last[i], 1, error);
        if (result == STORE_OK && mysql_affected_rows(store->connection) == 0)
            result = store_coupon_missing(last[i], error);
    }
    return result;
}

enum store_result store_mysql_raise_issued(struct store_mysql *store, size_t issues_count, struct error *error)
{
    const struct store_issue *last[RAISE_ROWS];
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < issues_count && result == STORE_OK;) {
        size_t count = take_last(store, issues_count, &at, last);
        result = raise(store, last, count, error);
        if (result == STORE_OK && mysql_affected_rows(store->connection) != count)
            result = find_missing(store, last, count, error);
    }
    return result;
}
