/* The policies that coupons had, one row per record of a coupon. */
#include "shared/store/mysql/mysql.h"

#include <string.h>

#include "shared/store/policy_json.h"

#define HISTORY_ROW_BYTES (48u << 10) /* the longest row of usual texts; a statement ends before it could be too long */

static void add_row(struct store_mysql *store, const char *before, const struct store_coupon *coupon)
{
    struct sql_text *sql = &store->sql;
    const struct journal_origin *origin = &coupon->origin;
    store_policy_json(&store->json, coupon);
    store_mysql_add_text(sql, before, coupon->id, strlen(coupon->id));
    store_mysql_add_number(sql, ",", coupon->journal_seq);
    store_mysql_add_time(sql, ",", coupon->updated_at_us);
    store_mysql_add_text(sql, ",", origin->actor, origin->actor_length);
    store_mysql_add_text(sql, ",", origin->request_id, origin->request_id_length);
    store_mysql_add_text(sql, ",", store->json.data, store->json.length);
    sql_text_add(sql, ")");
}

/* Inserts as many as fit into one statement, at least one; returns their number. A row that exists stays as it is. */
static size_t add_rows(struct store_mysql *store, const struct store_coupon **coupons, size_t count)
{
    size_t n = 0;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "INSERT INTO coupon_history (" STORE_MYSQL_HISTORY_COLUMNS ") VALUES ");
    do {
        add_row(store, n > 0 ? ",(" : "(", coupons[n]);
        n++;
    } while (n < count && store->sql.length + HISTORY_ROW_BYTES < store->statement_bytes_max);
    sql_text_add(&store->sql, " ON DUPLICATE KEY UPDATE journal_seq = VALUES(journal_seq)");
    return n;
}

enum store_result store_mysql_write_history(struct store_mysql *store, const struct store_batch *batch,
                                            struct error *error)
{
    const struct store_coupon **coupons = store->order.history;
    enum store_result result = STORE_OK;
    for (size_t at = 0; at < batch->coupons_count && result == STORE_OK;) {
        at += add_rows(store, coupons + at, batch->coupons_count - at);
        result = store_mysql_run_row(store, "inserting into coupon_history", error);
    }
    return result;
}
