/*
 * One batch, one transaction. A duplicate row rolls back only its own statement, so the same pass serves new and
 * repeated batches: the stored row is read and compared.
 */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

static bool is_duplicate(int code)
{
    return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE;
}

enum store_result store_sqlite_step_row(struct store_sqlite *store, sqlite3_stmt *statement, const char *doing,
                                        bool *duplicate, struct error *error)
{
    enum store_result result = STORE_OK;
    int code = sqlite3_step(statement);
    *duplicate = is_duplicate(code);
    if (code != SQLITE_DONE && !*duplicate) {
        result = store_sqlite_row_fault(store, doing, error);
    } else if (code == SQLITE_DONE && sqlite3_changes(store->db) == 0) {
        error_set(error, "%s: %s: a trigger prevented the write; remove it", store->base.description, doing);
        result = STORE_REJECTED;
    }
    sqlite3_reset(statement);
    return result;
}

enum store_result store_sqlite_unknown_key(struct store_sqlite *store, const char *table, const char *coupon_id,
                                           size_t length, struct error *error)
{
    error_set(error, "%s: an unknown unique index on table %s rejects a row of coupon %.*s; drop the index",
              store->base.description, table, (int)length, coupon_id);
    return STORE_REJECTED;
}

/* --- issues --- */

/* The row that stands in the way under one of the two keys; STORE_OK when there is none, or an identical one. */
static enum store_result judge_row(struct store_sqlite *store, sqlite3_stmt *select, const struct store_issue *issue,
                                   bool *found, struct error *error)
{
    enum store_result result = STORE_OK;
    int code = sqlite3_step(select);
    *found = code == SQLITE_ROW;
    struct store_issue there;
    if (code == SQLITE_ROW && !store_sqlite_read_issue(select, &there)) {
        error_set(error, "coupon %.*s: the stored row of sequence %u holds a value that coupond never writes",
                  (int)issue->coupon_id_length, issue->coupon_id, issue->sequence);
        result = STORE_REJECTED;
    } else if (code == SQLITE_ROW && !store_issue_is_there(store->base.fingerprint_key, issue, &there)) {
        result = store_issue_conflict(issue, &there, error);
    } else if (code != SQLITE_ROW && code != SQLITE_DONE) {
        result = store_sqlite_fault(store, "reading coupon_issue", error);
    }
    sqlite3_reset(select);
    return result;
}

static enum store_result judge_issue(struct store_sqlite *store, const struct store_issue *issue, struct error *error)
{
    enum store_result result = STORE_OK;
    bool found = false;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_ISSUE_BY_SEQUENCE, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, issue->coupon_id, issue->coupon_id_length);
    store_sqlite_bind_number(select, 2, issue->sequence);
    result = judge_row(store, select, issue, &found, error);
    if (result != STORE_OK || found)
        return result;
    select = store_sqlite_statement(store, SQLITE_ISSUE_BY_HOLDER, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, issue->coupon_id, issue->coupon_id_length);
    store_sqlite_bind_text(select, 2, issue->user_id, issue->user_id_length);
    store_sqlite_bind_number(select, 3, issue->nth);
    result = judge_row(store, select, issue, &found, error);
    if (result == STORE_OK && !found)
        result = store_sqlite_unknown_key(store, "coupon_issue", issue->coupon_id, issue->coupon_id_length, error);
    return result;
}

static enum store_result write_issue(struct store_sqlite *store, const struct store_issue *issue, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_ISSUE, &result, error);
    if (!insert)
        return result;
    bool duplicate = false;
    store_sqlite_bind_text(insert, 1, issue->coupon_id, issue->coupon_id_length);
    store_sqlite_bind_number(insert, 2, issue->sequence);
    store_sqlite_bind_text(insert, 3, issue->user_id, issue->user_id_length);
    store_sqlite_bind_number(insert, 4, issue->nth);
    store_sqlite_bind_text(insert, 5, time_text_of(&store->time, issue->issued_at_us), RFC3339_MAX - 1);
    char key[STORE_REQUEST_KEY_BYTES];
    store_sqlite_bind_number(insert, 6, issue->journal_seq);
    store_request_key_write(issue->request_key, key);
    store_sqlite_bind_bytes(insert, 7, key, sizeof key, issue->request_key != 0);
    result = store_sqlite_step_row(store, insert, "inserting into coupon_issue", &duplicate, error);
    return result == STORE_OK && duplicate ? judge_issue(store, issue, error) : result;
}

static enum store_result raise_issued(struct store_sqlite *store, const struct store_issue *last, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_RAISE_ISSUED, &result, error);
    if (!update)
        return result;
    store_sqlite_bind_text(update, 1, last->coupon_id, last->coupon_id_length);
    store_sqlite_bind_number(update, 2, last->sequence);
    if (sqlite3_step(update) != SQLITE_DONE)
        result = store_sqlite_row_fault(store, "updating coupon", error);
    else if (sqlite3_changes(store->db) == 0)
        result = store_coupon_missing(last, error);
    sqlite3_reset(update);
    return result;
}

static enum store_result write_issues(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = STORE_OK;
    const struct store_issue **rows = store->order.rows;
    for (size_t i = 0; i < batch->issues_count && result == STORE_OK; i++) {
        result = write_issue(store, rows[i], error);
        bool last = i + 1 == batch->issues_count || !store_issue_same_coupon(rows[i], rows[i + 1]);
        if (result == STORE_OK && last)
            result = raise_issued(store, rows[i], error);
    }
    return result;
}

/* --- transaction --- */

static enum store_result begin(struct store_sqlite *store, struct error *error)
{
    enum store_result result = store_sqlite_need_open(store, error);
    return result == STORE_OK ? store_sqlite_run(store, "beginning a transaction", "BEGIN IMMEDIATE", error) : result;
}

/* Commits what went well, and takes back what did not. */
static enum store_result end(struct store_sqlite *store, enum store_result result, struct error *error)
{
    if (result == STORE_OK)
        result = store_sqlite_run(store, "committing", "COMMIT", error);
    if (result != STORE_OK && !sqlite3_get_autocommit(store->db))
        store_sqlite_run(store, "rolling back", "ROLLBACK", NULL);
    return result;
}

enum store_result store_sqlite_write(struct store *base, const struct store_batch *batch, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum store_result result = begin(store, error);
    if (result != STORE_OK)
        return result;
    result = store_sqlite_judge_journal(store, batch, error);
    if (result == STORE_OK)
        result = store_order_fill(&store->order, batch, error);
    if (result == STORE_OK)
        result = store_sqlite_write_coupons(store, batch, error);
    if (result == STORE_OK)
        result = write_issues(store, batch, error);
    if (result == STORE_OK)
        result = store_sqlite_write_changes(store, error);
    if (result == STORE_OK)
        result = store_sqlite_write_letters(store, batch, error);
    if (result == STORE_OK)
        result = store_sqlite_erase(store, batch, error);
    return end(store, result, error);
}

enum store_result store_sqlite_adopt_journal(struct store *base, const struct store_journal *journal,
                                             struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    const struct store_progress progress = {.last_seq = journal->last_seq};
    enum store_result result = begin(store, error);
    if (result != STORE_OK)
        return result;
    result = store_sqlite_set_journal(store, journal, &progress, error);
    if (result == STORE_OK)
        result = store_sqlite_adopt_letters(store, journal, error);
    return end(store, result, error);
}
