/*
 * The counters of coupons. `issued` is the last sequence. `returned` and `redeemed` follow from the states of the
 * issues; whoever writes states has locked the coupon's row before, so their differences add up exactly.
 */
#include "shared/store/mysql/mysql.h"

#include <string.h>

/* What a batch has of one coupon. */
struct raised {
    const char *coupon_id;
    size_t length;
    const struct store_issue *last;    /* NULL: no issue */
    const struct store_change *change; /* NULL: no change */
};

/* Where the walk through the batch's issues and changes is, both of which are in the order of their coupons. */
struct walk {
    const struct store_order *order;
    size_t issues_count;
    size_t issue;
    size_t change;
};

static int compare_ids(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* The next coupon; false when there is none. */
static bool next_coupon(struct walk *walk, struct raised *raised)
{
    const struct store_issue **rows = walk->order->rows;
    const struct store_change **changes = walk->order->changes;
    bool issue = walk->issue < walk->issues_count, change = walk->change < walk->order->changes_count;
    if (!issue && !change)
        return false;
    int order = issue ? -1 : 1;
    if (issue && change)
        order = compare_ids(rows[walk->issue]->coupon_id, rows[walk->issue]->coupon_id_length,
                            changes[walk->change]->coupon_id, changes[walk->change]->coupon_id_length);
    *raised = (struct raised){.last = NULL};
    if (order <= 0) {
        while (walk->issue + 1 < walk->issues_count &&
               store_issue_same_coupon(rows[walk->issue], rows[walk->issue + 1]))
            walk->issue++;
        raised->last = rows[walk->issue++];
        raised->coupon_id = raised->last->coupon_id;
        raised->length = raised->last->coupon_id_length;
    }
    if (order >= 0) {
        raised->change = changes[walk->change];
        raised->coupon_id = raised->change->coupon_id;
        raised->length = raised->change->coupon_id_length;
        while (walk->change < walk->order->changes_count &&
               compare_ids(changes[walk->change]->coupon_id, changes[walk->change]->coupon_id_length, raised->coupon_id,
                           raised->length) == 0)
            walk->change++;
    }
    return true;
}

static void add_ids(struct sql_text *sql, const struct raised *coupons, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_mysql_add_text(sql, i > 0 ? "," : " WHERE id IN (", coupons[i].coupon_id, coupons[i].length);
    sql_text_add(sql, ")");
}

/* Raises `issued` to the coupon's last sequence in this batch; never lowers it. */
static enum store_result raise(struct store_mysql *store, const struct raised *coupons, size_t count,
                               struct error *error)
{
    struct sql_text *sql = &store->sql;
    sql_text_clear(sql);
    sql_text_add(sql, "UPDATE coupon SET issued = GREATEST(issued, CASE id");
    for (size_t i = 0; i < count; i++) {
        store_mysql_add_text(sql, " WHEN ", coupons[i].coupon_id, coupons[i].length);
        store_mysql_add_number(sql, " THEN ", coupons[i].last ? coupons[i].last->sequence : 0);
    }
    sql_text_add(sql, " END)");
    add_ids(sql, coupons, count);
    return store_mysql_run_row(store, "updating coupon", error);
}

/* Checks the coupons one by one, to name the one that is missing. */
static enum store_result find_missing(struct store_mysql *store, const struct raised *coupons, size_t count,
                                      struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < count && result == STORE_OK; i++) {
        result = raise(store, &coupons[i], 1, error);
        if (result == STORE_OK && mysql_affected_rows(store->connection) == 0)
            result = coupons[i].last ? store_coupon_missing(coupons[i].last, error)
                                     : store_changed_coupon_missing(coupons[i].change, error);
    }
    return result;
}

enum store_result store_mysql_raise_issued(struct store_mysql *store, const struct store_batch *batch,
                                           struct error *error)
{
    struct raised coupons[STORE_MYSQL_COUNTS];
    struct walk walk = {.order = &store->order, .issues_count = batch->issues_count};
    enum store_result result = STORE_OK;
    for (size_t count = 1; count > 0 && result == STORE_OK;) {
        for (count = 0; count < STORE_MYSQL_COUNTS && next_coupon(&walk, &coupons[count]);)
            count++;
        if (count > 0)
            result = raise(store, coupons, count, error);
        if (count > 0 && result == STORE_OK && mysql_affected_rows(store->connection) != count)
            result = find_missing(store, coupons, count, error);
    }
    return result;
}

/* --- returned and redeemed --- */

static void add_difference(struct sql_text *sql, int32_t difference)
{
    sql_text_add(sql, difference < 0 ? "-" : "");
    sql_text_number(sql, (uint64_t)(difference < 0 ? -(int64_t)difference : difference));
}

/* Not below 0, which only somebody else's hand could cause. */
static void add_counter(struct sql_text *sql, const char *set, const struct store_mysql_count *counts, size_t count,
                        bool redeemed)
{
    sql_text_add(sql, set);
    for (size_t i = 0; i < count; i++) {
        store_mysql_add_text(sql, " WHEN ", counts[i].change->coupon_id, counts[i].change->coupon_id_length);
        sql_text_add(sql, " THEN ");
        add_difference(sql, redeemed ? counts[i].count.redeemed : counts[i].count.returned);
    }
    sql_text_add(sql, " END)");
}

enum store_result store_mysql_add_counts(struct store_mysql *store, const struct store_mysql_count *counts,
                                         size_t count, struct error *error)
{
    struct sql_text *sql = &store->sql;
    sql_text_clear(sql);
    sql_text_add(sql, "UPDATE coupon SET");
    add_counter(sql, " returned = GREATEST(0, CAST(returned AS SIGNED) + CASE id", counts, count, false);
    add_counter(sql, ", redeemed = GREATEST(0, CAST(redeemed AS SIGNED) + CASE id", counts, count, true);
    for (size_t i = 0; i < count; i++)
        store_mysql_add_text(sql, i > 0 ? "," : " WHERE id IN (", counts[i].change->coupon_id,
                             counts[i].change->coupon_id_length);
    sql_text_add(sql, ")");
    return store_mysql_run_row(store, "updating coupon", error);
}
