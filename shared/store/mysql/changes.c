/*
 * Writes the changes of issues, slice by slice: compares them with the stored states, writes those that are newer, and
 * adds the difference to the counters of their coupons. The rows of these coupons are locked by then, so that no other
 * writer changes a state meanwhile.
 */
#include "shared/store/mysql/mysql.h"

#include <string.h>

#define SLICE_ROWS       500  /* per SELECT; MariaDB turns IN lists of 1,000 into subqueries */
#define CHANGE_ROW_BYTES 1280 /* the longest row of an INSERT: texts in hexadecimal digits, and 300 bytes */

struct comparison {
    const struct store_change **changes;
    size_t count;
    size_t at; /* changes before it have been compared */
    const struct store_change *newer[SLICE_ROWS];
    size_t newer_count;
    struct store_mysql_count counts[SLICE_ROWS]; /* of each coupon, in their order */
    size_t counts_count;
    struct error *error;
    enum store_result result;
};

/* The difference of a coupon; changes come in the order of their coupons. */
static struct store_count *count_of(struct comparison *comparison, const struct store_change *change)
{
    struct store_mysql_count *last = &comparison->counts[comparison->counts_count];
    if (comparison->counts_count > 0 && store_change_same_coupon(last[-1].change, change))
        return &last[-1].count;
    *last = (struct store_mysql_count){.change = change};
    comparison->counts_count++;
    return &last->count;
}

static void judge_next(struct comparison *comparison, const struct store_change *there)
{
    bool newer;
    const struct store_change *wanted = comparison->changes[comparison->at++];
    comparison->result = store_change_judge(wanted, there, &newer, count_of(comparison, wanted), comparison->error);
    if (newer)
        comparison->newer[comparison->newer_count++] = wanted;
}

/* Merges: both sides are in the order of the primary key. */
static bool compare_with_row(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct comparison *comparison = context;
    struct store_change there;
    *good = store_mysql_read_change(columns, lengths, &there);
    while (*good && comparison->at < comparison->count) {
        int order = store_change_compare(comparison->changes[comparison->at], &there);
        if (order > 0)
            break;
        judge_next(comparison, order == 0 ? &there : NULL);
        if (order == 0 || comparison->result != STORE_OK)
            break;
    }
    return *good && comparison->result == STORE_OK && comparison->at < comparison->count;
}

static enum store_result compare(struct store_mysql *store, struct comparison *comparison)
{
    struct store_mysql_place place = {NULL, 0};
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_CHANGE_COLUMNS " FROM coupon_issue_state WHERE ");
    for (size_t i = 0; i < comparison->count; i++)
        store_mysql_add_place(&store->sql, &place, comparison->changes[i]->coupon_id,
                              comparison->changes[i]->coupon_id_length, comparison->changes[i]->sequence);
    store_mysql_end_places(&store->sql);
    sql_text_add(&store->sql, " ORDER BY coupon_id, sequence");
    enum store_result result =
        store_mysql_each_row(store, "coupon_issue_state", compare_with_row, comparison, comparison->error);
    while (result == STORE_OK && comparison->result == STORE_OK && comparison->at < comparison->count)
        judge_next(comparison, NULL);
    return result != STORE_OK ? result : comparison->result;
}

static void add_change(struct sql_text *sql, const char *before, const struct store_change *change)
{
    const char *state = store_state_name(change->state);
    store_mysql_add_text(sql, before, change->coupon_id, change->coupon_id_length);
    store_mysql_add_number(sql, ",", change->sequence);
    store_mysql_add_text(sql, ",", state, strlen(state));
    store_mysql_add_text(sql, ",", change->reference, change->reference_length);
    store_mysql_add_text(sql, ",", change->reason, change->reason_length);
    store_mysql_add_number(sql, ",", change->restock);
    store_mysql_add_number(sql, ",", change->again);
    store_mysql_add_text(sql, ",", change->actor, change->actor_length);
    store_mysql_add_time(sql, ",", change->changed_at_us);
    store_mysql_add_number(sql, ",", change->journal_seq);
    sql_text_add(sql, ")");
}

/* VALUES(), although MySQL calls it deprecated: MariaDB does not know the alias that replaces it. */
static const char replace_older[] =
    " ON DUPLICATE KEY UPDATE state = VALUES(state), reference = VALUES(reference), reason = VALUES(reason), "
    "restock = VALUES(restock), again = VALUES(again), actor = VALUES(actor), changed_at = VALUES(changed_at), "
    "journal_seq = VALUES(journal_seq)";

static enum store_result write_newer(struct store_mysql *store, const struct comparison *comparison,
                                     struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < comparison->newer_count && result == STORE_OK;) {
        size_t first = at;
        sql_text_clear(&store->sql);
        sql_text_add(&store->sql, "INSERT INTO coupon_issue_state (" STORE_MYSQL_CHANGE_COLUMNS ") VALUES ");
        do
            add_change(&store->sql, at > first ? ",(" : "(", comparison->newer[at]);
        while (++at < comparison->newer_count && store->sql.length + CHANGE_ROW_BYTES < store->statement_bytes_max);
        sql_text_add(&store->sql, replace_older);
        result = store_mysql_run_row(store, "inserting into coupon_issue_state", error);
    }
    return result;
}

static enum store_result write_counts(struct store_mysql *store, const struct comparison *comparison,
                                      struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < comparison->counts_count && result == STORE_OK; at += STORE_MYSQL_COUNTS) {
        size_t left = comparison->counts_count - at;
        result = store_mysql_add_counts(store, comparison->counts + at,
                                        left < STORE_MYSQL_COUNTS ? left : STORE_MYSQL_COUNTS, error);
    }
    return result;
}

static enum store_result write_slice(struct store_mysql *store, const struct store_change **changes, size_t count,
                                     struct error *error)
{
    struct comparison comparison = {.changes = changes, .count = count, .error = error, .result = STORE_OK};
    enum store_result result = compare(store, &comparison);
    if (result == STORE_OK)
        result = write_newer(store, &comparison, error);
    if (result == STORE_OK && comparison.newer_count > 0)
        result = write_counts(store, &comparison, error);
    return result;
}

enum store_result store_mysql_write_changes(struct store_mysql *store, struct error *error)
{
    const struct store_change **changes = store->order.changes;
    size_t count = store->order.changes_count;
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < count && result == STORE_OK; at += SLICE_ROWS)
        result = write_slice(store, changes + at, count - at < SLICE_ROWS ? count - at : SLICE_ROWS, error);
    return result;
}
