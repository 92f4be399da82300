/* Coupons and the policies that they had. */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

#include "shared/store/policy_json.h"

static void bind_text(sqlite3_stmt *statement, int index, const struct store_coupon *coupon, enum coupon_text text)
{
    store_sqlite_bind_text(statement, index, coupon->texts[text], coupon->text_lengths[text]);
}

/* Both writing statements number their parameters alike. */
static enum store_result write_policy(struct store_sqlite *store, enum sqlite_statement which,
                                      const struct store_coupon *coupon, bool *duplicate, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *statement = store_sqlite_statement(store, which, &result, error);
    if (!statement)
        return result;
    store_sqlite_bind_text(statement, 1, coupon->id, strlen(coupon->id));
    bind_text(statement, 2, coupon, COUPON_TEXT_TITLE);
    store_sqlite_bind_optional(statement, 3, coupon->quantity, QUANTITY_UNLIMITED);
    store_sqlite_bind_number(statement, 4, coupon->per_user_limit);
    store_sqlite_bind_time(statement, 5, coupon->starts_at_us);
    store_sqlite_bind_time(statement, 6, coupon->ends_at_us);
    store_sqlite_bind_number(statement, 7, coupon->paused);
    store_sqlite_bind_time(statement, 8, coupon->created_at_us);
    store_sqlite_bind_time(statement, 9, coupon->updated_at_us);
    store_sqlite_bind_number(statement, 10, coupon->journal_seq);
    store_sqlite_bind_number(statement, 11, coupon->number);
    store_sqlite_bind_time(statement, 12, coupon->redeem_until_us);
    store_sqlite_bind_optional(statement, 13, coupon->redeem_within_s, 0);
    store_sqlite_bind_number(statement, 14, coupon->archived);
    bind_text(statement, 15, coupon, COUPON_TEXT_DESCRIPTION);
    bind_text(statement, 16, coupon, COUPON_TEXT_BENEFIT);
    bind_text(statement, 17, coupon, COUPON_TEXT_METADATA);
    bind_text(statement, 18, coupon, COUPON_TEXT_OWNER);
    bind_text(statement, 19, coupon, COUPON_TEXT_SEGMENTS);
    return store_sqlite_step_row(store, statement, "writing coupon", duplicate, error);
}

static enum store_result judge_policy(struct store_sqlite *store, const struct store_coupon *coupon, bool *newer,
                                      struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_COUPON_BY_ID, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, coupon->id, strlen(coupon->id));
    struct coupon row;
    int code = sqlite3_step(select);
    if (code == SQLITE_DONE) {
        result = store_sqlite_unknown_key(store, "coupon", coupon->id, strlen(coupon->id), error);
    } else if (code != SQLITE_ROW) {
        result = store_sqlite_fault(store, "reading coupon", error);
    } else if (!store_sqlite_read_coupon(select, &row)) {
        error_set(error, "coupon %s: its stored row holds a value that coupond never writes", coupon->id);
        result = STORE_REJECTED;
    } else {
        const struct store_coupon there = store_coupon_borrow(&row);
        result = store_policy_judge(coupon, &there, newer, error);
    }
    sqlite3_reset(select);
    return result;
}

static enum store_result write_coupon(struct store_sqlite *store, const struct store_coupon *coupon,
                                      struct error *error)
{
    bool duplicate = false;
    bool newer = false;
    enum store_result result = write_policy(store, SQLITE_INSERT_COUPON, coupon, &duplicate, error);
    if (result == STORE_OK && duplicate)
        result = judge_policy(store, coupon, &newer, error);
    if (result != STORE_OK || !newer)
        return result;
    result = write_policy(store, SQLITE_CHANGE_COUPON, coupon, &duplicate, error);
    return result == STORE_OK && duplicate
               ? store_sqlite_unknown_key(store, "coupon", coupon->id, strlen(coupon->id), error)
               : result;
}

/* A row that exists stays as it is. */
static enum store_result write_history(struct store_sqlite *store, const struct store_coupon *coupon,
                                       struct error *error)
{
    enum store_result result = STORE_OK;
    bool duplicate = false;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_HISTORY, &result, error);
    if (!insert)
        return result;
    store_policy_json(&store->json, coupon);
    store_sqlite_bind_text(insert, 1, coupon->id, strlen(coupon->id));
    store_sqlite_bind_number(insert, 2, coupon->journal_seq);
    store_sqlite_bind_time(insert, 3, coupon->updated_at_us);
    store_sqlite_bind_text(insert, 4, coupon->origin.actor, coupon->origin.actor_length);
    store_sqlite_bind_text(insert, 5, coupon->origin.request_id, coupon->origin.request_id_length);
    store_sqlite_bind_text(insert, 6, store->json.data, store->json.length);
    result = store_sqlite_step_row(store, insert, "inserting into coupon_history", &duplicate, error);
    return result == STORE_OK && duplicate
               ? store_sqlite_unknown_key(store, "coupon_history", coupon->id, strlen(coupon->id), error)
               : result;
}

enum store_result store_sqlite_write_coupons(struct store_sqlite *store, const struct store_batch *batch,
                                             struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < store->order.coupons_count && result == STORE_OK; i++)
        result = write_coupon(store, store->order.coupons[i], error);
    for (size_t i = 0; i < batch->coupons_count && result == STORE_OK; i++)
        result = write_history(store, store->order.history[i], error);
    return result;
}
