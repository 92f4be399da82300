/*
 * Writes the coupons of a batch, possibly thousands: new ones by multi-row INSERTs. When an INSERT fails because one of
 * its rows exists, its rows are compared with the stored ones, slice by slice: missing rows are inserted, older ones
 * updated, and a contradiction ends the batch.
 */
#include "shared/store/mysql/mysql.h"

#include <string.h>

#define SLICE_ROWS       500         /* per SELECT; MariaDB turns IN lists of 1,000 into subqueries */
#define CHANGE_ROWS      16          /* per UPDATE: the server searches the CASE of each column for each row */
#define COUPON_ROW_BYTES (18u << 10) /* the longest row of an INSERT: texts in hexadecimal digits, and 600 bytes */

/* --- new coupons --- */

static void add_text(struct sql_text *sql, const struct store_coupon *coupon, enum coupon_text text)
{
    sql_text_quoted(sql, coupon->texts[text], coupon->text_lengths[text]);
}

static void add_optional_number(struct sql_text *sql, uint32_t number, uint32_t none)
{
    if (number == none)
        sql_text_add(sql, "NULL");
    else
        sql_text_number(sql, number);
}

#define TEXT_COLUMN(id, member)                                                                                        \
    static void add_##member(struct sql_text *sql, const struct store_coupon *coupon)                                  \
    {                                                                                                                  \
        add_text(sql, coupon, COUPON_TEXT_##id);                                                                       \
    }
#define TIME_COLUMN(member)                                                                                            \
    static void add_##member(struct sql_text *sql, const struct store_coupon *coupon)                                  \
    {                                                                                                                  \
        store_mysql_add_time(sql, "", coupon->member##_us);                                                            \
    }
#define NUMBER_COLUMN(member)                                                                                          \
    static void add_##member(struct sql_text *sql, const struct store_coupon *coupon)                                  \
    {                                                                                                                  \
        sql_text_number(sql, coupon->member);                                                                          \
    }
#define OPTIONAL_COLUMN(member, none)                                                                                  \
    static void add_##member(struct sql_text *sql, const struct store_coupon *coupon)                                  \
    {                                                                                                                  \
        add_optional_number(sql, coupon->member, none);                                                                \
    }
TEXT_COLUMN(TITLE, title)
TEXT_COLUMN(DESCRIPTION, description)
TEXT_COLUMN(BENEFIT, benefit)
TEXT_COLUMN(METADATA, metadata)
TEXT_COLUMN(OWNER, owner)
TEXT_COLUMN(SEGMENTS, segments)
TIME_COLUMN(starts_at)
TIME_COLUMN(ends_at)
TIME_COLUMN(redeem_until)
TIME_COLUMN(created_at)
TIME_COLUMN(updated_at)
NUMBER_COLUMN(number)
NUMBER_COLUMN(per_user_limit)
NUMBER_COLUMN(paused)
NUMBER_COLUMN(archived)
NUMBER_COLUMN(journal_seq)
OPTIONAL_COLUMN(quantity, QUANTITY_UNLIMITED)
OPTIONAL_COLUMN(redeem_within_s, 0)

/* The columns of a policy, in the order in which they are inserted; the counters are not among them. */
static const struct {
    const char *name;
    void (*add)(struct sql_text *sql, const struct store_coupon *coupon);
} policy_columns[] = {
#define COLUMN(member)                                                                                                 \
    {                                                                                                                  \
#member, add_##member                                                                                          \
    }
    COLUMN(number),          COLUMN(title),      COLUMN(description), COLUMN(benefit),        COLUMN(metadata),
    COLUMN(owner),           COLUMN(segments),   COLUMN(quantity),    COLUMN(per_user_limit), COLUMN(redeem_until),
    COLUMN(redeem_within_s), COLUMN(starts_at),  COLUMN(ends_at),     COLUMN(paused),         COLUMN(archived),
    COLUMN(created_at),      COLUMN(updated_at), COLUMN(journal_seq),
#undef COLUMN
};
#define POLICY_COLUMNS (sizeof policy_columns / sizeof *policy_columns)

static void add_coupon(struct sql_text *sql, const struct store_coupon *coupon)
{
    store_mysql_add_text(sql, "(", coupon->id, strlen(coupon->id));
    for (size_t i = 0; i < POLICY_COLUMNS; i++) {
        sql_text_add(sql, ",");
        policy_columns[i].add(sql, coupon);
    }
    sql_text_add(sql, ",0)");
}

static void begin_insert(struct sql_text *sql)
{
    sql_text_clear(sql);
    sql_text_add(sql, "INSERT INTO coupon (id");
    for (size_t i = 0; i < POLICY_COLUMNS; i++) {
        sql_text_add(sql, ", ");
        sql_text_add(sql, policy_columns[i].name);
    }
    sql_text_add(sql, ", issued) VALUES ");
}

/* Inserts as many as fit into one statement, at least one; *taken receives their number. */
static enum store_result insert_coupons(struct store_mysql *store, const struct store_coupon **coupons, size_t count,
                                        size_t *taken, struct error *error)
{
    size_t n = 0;
    begin_insert(&store->sql);
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
    const struct store_coupon **coupons;
    size_t count;
    size_t at; /* coupons before it have been compared */
    const struct store_coupon *missing[SLICE_ROWS];
    size_t missing_count;
    const struct store_coupon *changed[SLICE_ROWS];
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
    struct coupon row;
    bool newer = false;
    *good = store_mysql_read_coupon(columns, lengths, &row);
    if (!*good)
        return false;
    const struct store_coupon there = store_coupon_borrow(&row);
    skip_missing(comparison, there.id);
    if (comparison->at == comparison->count)
        return false;
    const struct store_coupon *wanted = comparison->coupons[comparison->at++];
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
    const struct store_coupon **missing = (const struct store_coupon **)comparison->missing;
    for (size_t at = 0, taken = 0; at < comparison->missing_count && result == STORE_OK; at += taken)
        result = insert_coupons(store, missing + at, comparison->missing_count - at, &taken, error);
    /* another writer has just inserted the same rows; the next attempt finds them */
    return result == STORE_REJECTED && store_mysql_is_duplicate(store) ? STORE_RETRY : result;
}

/* "CASE id WHEN 'a' THEN 1 WHEN 'b' THEN 2 END", or only the value for a single row. */
static void add_choice(struct sql_text *sql, size_t column, const struct store_coupon *const *coupons, size_t count)
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
static enum store_result change_coupons(struct store_mysql *store, const struct store_coupon *const *coupons,
                                        size_t count, struct error *error)
{
    struct sql_text *sql = &store->sql;
    sql_text_clear(sql);
    sql_text_add(sql, "UPDATE coupon SET ");
    for (size_t column = 0; column < POLICY_COLUMNS; column++) {
        sql_text_add(sql, column > 0 ? ", " : "");
        sql_text_add(sql, policy_columns[column].name);
        sql_text_add(sql, " = ");
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
        const struct store_coupon *const *changed = (const struct store_coupon *const *)comparison->changed;
        result = change_coupons(store, changed + at, left < CHANGE_ROWS ? left : CHANGE_ROWS, error);
    }
    return result;
}

static enum store_result merge_slice(struct store_mysql *store, const struct store_coupon **coupons, size_t count,
                                     struct error *error)
{
    struct comparison comparison = {.coupons = coupons, .count = count, .error = error, .result = STORE_OK};
    enum store_result result = compare(store, &comparison);
    if (result == STORE_OK)
        result = insert_missing(store, &comparison, error);
    return result == STORE_OK ? change_all(store, &comparison, error) : result;
}

static enum store_result merge_coupons(struct store_mysql *store, const struct store_coupon **coupons, size_t count,
                                       struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < count && result == STORE_OK; at += SLICE_ROWS)
        result = merge_slice(store, coupons + at, count - at < SLICE_ROWS ? count - at : SLICE_ROWS, error);
    return result;
}

enum store_result store_mysql_write_coupons(struct store_mysql *store, struct error *error)
{
    const struct store_coupon **coupons = store->order.coupons;
    size_t count = store->order.coupons_count;
    enum store_result result = STORE_OK;
    for (size_t at = 0, taken = 0; at < count && result == STORE_OK; at += taken) {
        result = insert_coupons(store, coupons + at, count - at, &taken, error);
        if (result == STORE_REJECTED && store_mysql_is_duplicate(store))
            result = merge_coupons(store, coupons + at, taken, error);
    }
    return result;
}
