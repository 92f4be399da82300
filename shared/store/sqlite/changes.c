/* The changes of issues, and the counters of coupons that follow from them. */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

static enum store_result judge_change(struct store_sqlite *store, const struct store_change *change, bool *newer,
                                      struct store_count *count, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_CHANGE_BY_SEQUENCE, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, change->coupon_id, change->coupon_id_length);
    store_sqlite_bind_number(select, 2, change->sequence);
    struct store_change there;
    int code = sqlite3_step(select);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        result = store_sqlite_fault(store, "reading coupon_issue_state", error);
    } else if (code == SQLITE_ROW && !store_sqlite_read_change(select, &there)) {
        error_set(error, "coupon %.*s: the stored state of sequence %u holds a value that coupond never writes",
                  (int)change->coupon_id_length, change->coupon_id, change->sequence);
        result = STORE_REJECTED;
    } else {
        result = store_change_judge(change, code == SQLITE_ROW ? &there : NULL, newer, count, error);
    }
    sqlite3_reset(select);
    return result;
}

static enum store_result replace_state(struct store_sqlite *store, const struct store_change *change,
                                       struct error *error)
{
    enum store_result result = STORE_OK;
    bool duplicate = false;
    sqlite3_stmt *write = store_sqlite_statement(store, SQLITE_WRITE_CHANGE, &result, error);
    if (!write)
        return result;
    const char *state = store_state_name(change->state);
    store_sqlite_bind_text(write, 1, change->coupon_id, change->coupon_id_length);
    store_sqlite_bind_number(write, 2, change->sequence);
    store_sqlite_bind_text(write, 3, state, strlen(state));
    store_sqlite_bind_text(write, 4, change->reference, change->reference_length);
    store_sqlite_bind_text(write, 5, change->reason, change->reason_length);
    store_sqlite_bind_number(write, 6, change->restock);
    store_sqlite_bind_number(write, 7, change->again);
    store_sqlite_bind_text(write, 8, change->actor, change->actor_length);
    store_sqlite_bind_time(write, 9, change->changed_at_us);
    store_sqlite_bind_number(write, 10, change->journal_seq);
    result = store_sqlite_step_row(store, write, "writing coupon_issue_state", &duplicate, error);
    return result == STORE_OK && duplicate ? store_sqlite_unknown_key(store, "coupon_issue_state", change->coupon_id,
                                                                      change->coupon_id_length, error)
                                           : result;
}

static enum store_result add_counts(struct store_sqlite *store, const struct store_change *change,
                                    const struct store_count *count, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_ADD_COUNTS, &result, error);
    if (!update)
        return result;
    store_sqlite_bind_text(update, 1, change->coupon_id, change->coupon_id_length);
    sqlite3_bind_int64(update, 2, count->returned);
    sqlite3_bind_int64(update, 3, count->redeemed);
    if (sqlite3_step(update) != SQLITE_DONE)
        result = store_sqlite_row_fault(store, "updating coupon", error);
    else if (sqlite3_changes(store->db) == 0)
        result = store_changed_coupon_missing(change, error);
    sqlite3_reset(update);
    return result;
}

/* Sets *writes when the state was replaced; then its difference is in `count`. */
static enum store_result write_change(struct store_sqlite *store, const struct store_change *change, bool *writes,
                                      struct store_count *count, struct error *error)
{
    bool newer = false;
    enum store_result result = judge_change(store, change, &newer, count, error);
    if (result != STORE_OK || !newer)
        return result;
    *writes = true;
    return replace_state(store, change, error);
}

/* The changes of one coupon, and then its counters. */
static enum store_result write_coupon(struct store_sqlite *store, const struct store_change **changes, size_t count,
                                      struct error *error)
{
    bool writes = false;
    struct store_count difference = {0, 0};
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < count && result == STORE_OK; i++)
        result = write_change(store, changes[i], &writes, &difference, error);
    return result == STORE_OK && writes ? add_counts(store, changes[0], &difference, error) : result;
}

enum store_result store_sqlite_write_changes(struct store_sqlite *store, struct error *error)
{
    const struct store_change **changes = store->order.changes;
    enum store_result result = STORE_OK;
    for (size_t at = 0, next = 0; at < store->order.changes_count && result == STORE_OK; at = next) {
        do
            next++;
        while (next < store->order.changes_count && store_change_same_coupon(changes[at], changes[next]));
        result = write_coupon(store, changes + at, next - at, error);
    }
    return result;
}
