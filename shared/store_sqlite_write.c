/*
 * One batch, one transaction. A row that is refused because it is there already takes only its own statement back, so
 * the same pass serves new and repeated batches: what is refused is read and compared.
 */
#include "shared/store_sqlite.h"

#include <string.h>

static void bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length)
{
    sqlite3_bind_text(statement, index, text, (int)length, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int index, uint64_t number)
{
    sqlite3_bind_int64(statement, index, (int64_t)number);
}

/* Runs a statement that yields no row. SQLITE_CONSTRAINT is left to the caller: *refused. */
static enum store_result step_write(struct store_sqlite *store, sqlite3_stmt *statement, const char *doing,
                                    bool *refused, struct error *error)
{
    int code = sqlite3_step(statement);
    enum store_result result = STORE_OK;
    if (refused)
        *refused = (code & 0xff) == SQLITE_CONSTRAINT;
    if (code != SQLITE_DONE && !(refused && *refused))
        result = store_sqlite_fault(store, doing, error);
    sqlite3_reset(statement);
    return result;
}

/* Journals */

static enum store_result judge_journals(struct store_sqlite *store, const struct store_batch *batch, bool *known,
                                        struct error *error)
{
    enum store_result result = STORE_OK;
    *known = false;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_EACH_JOURNAL, &result, error);
    int code = SQLITE_DONE;
    while (result == STORE_OK && (code = sqlite3_step(select)) == SQLITE_ROW) {
        struct store_journal there;
        if (!store_sqlite_read_journal(select, &there))
            continue; /* `verify` names it */
        *known = *known || there.partition == batch->partition;
        result = store_journal_judge(batch, &there, error);
    }
    if (result == STORE_OK && code != SQLITE_DONE)
        result = store_sqlite_fault(store, "reading journal", error);
    sqlite3_reset(select);
    return result;
}

static enum store_result insert_journal(struct store_sqlite *store, const struct store_batch *batch,
                                        struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_JOURNAL, &result, error);
    if (!insert)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(batch->journal_id, id);
    bind_number(insert, 1, batch->partition);
    bind_text(insert, 2, id, 32);
    bind_number(insert, 3, batch->partitions);
    bind_number(insert, 4, batch->last_seq);
    return step_write(store, insert, "inserting into journal", NULL, error);
}

static enum store_result raise_journal(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_RAISE_JOURNAL, &result, error);
    if (!update)
        return result;
    bind_number(update, 1, batch->partition);
    bind_number(update, 2, batch->last_seq);
    return step_write(store, update, "updating journal", NULL, error);
}

/* Journals are few and their rows small: the whole table is judged with each batch. */
static enum store_result write_journal(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    bool known = false;
    enum store_result result = judge_journals(store, batch, &known, error);
    if (result != STORE_OK)
        return result;
    return known ? raise_journal(store, batch, error) : insert_journal(store, batch, error);
}

/* Coupons */

static void bind_bound(sqlite3_stmt *statement, int index, int64_t us)
{
    char text[RFC3339_MAX];
    if (us == TIME_NONE)
        sqlite3_bind_null(statement, index);
    else
        sqlite3_bind_text(statement, index, text, (int)rfc3339_format(us, text), SQLITE_TRANSIENT);
}

/* Both writing statements number their parameters alike. */
static enum store_result write_policy(struct store_sqlite *store, enum sqlite_statement which,
                                      const struct coupon *coupon, bool *refused, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *statement = store_sqlite_statement(store, which, &result, error);
    if (!statement)
        return result;
    bind_text(statement, 1, coupon->id, strlen(coupon->id));
    bind_text(statement, 2, coupon->title, strlen(coupon->title));
    bind_number(statement, 3, coupon->quantity);
    bind_number(statement, 4, coupon->per_user_limit);
    bind_bound(statement, 5, coupon->starts_at_us);
    bind_bound(statement, 6, coupon->ends_at_us);
    bind_number(statement, 7, coupon->paused);
    bind_bound(statement, 8, coupon->created_at_us);
    bind_bound(statement, 9, coupon->updated_at_us);
    bind_number(statement, 10, coupon->journal_seq);
    return step_write(store, statement, "writing coupon", refused, error);
}

static enum store_result judge_policy(struct store_sqlite *store, const struct coupon *coupon, bool *newer,
                                      struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_COUPON_BY_ID, &result, error);
    if (!select)
        return result;
    bind_text(select, 1, coupon->id, strlen(coupon->id));
    struct coupon there = {0};
    if (sqlite3_step(select) == SQLITE_ROW && store_sqlite_read_coupon(select, &there))
        result = store_policy_judge(coupon, &there, newer, error);
    else
        result = store_sqlite_fault(store, "reading coupon", error);
    sqlite3_reset(select);
    return result;
}

static enum store_result write_coupon(struct store_sqlite *store, const struct coupon *coupon, struct error *error)
{
    bool refused = false;
    bool newer = false;
    enum store_result result = write_policy(store, SQLITE_INSERT_COUPON, coupon, &refused, error);
    if (result == STORE_OK && refused)
        result = judge_policy(store, coupon, &newer, error);
    if (result == STORE_OK && newer)
        result = write_policy(store, SQLITE_CHANGE_COUPON, coupon, NULL, error);
    return result;
}

static enum store_result write_coupons(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < batch->coupons_count && result == STORE_OK; i++)
        result = write_coupon(store, &batch->coupons[i], error);
    return result;
}

/* Issues */

/* The row that stands in the way under one of the two keys; STORE_OK when there is none, or an identical one. */
static enum store_result judge_row(struct store_sqlite *store, sqlite3_stmt *select, const struct store_issue *issue,
                                   bool *found, struct error *error)
{
    enum store_result result = STORE_OK;
    struct store_issue there;
    int code = sqlite3_step(select);
    *found = code == SQLITE_ROW;
    if (code == SQLITE_ROW && !store_sqlite_read_issue(select, &there)) {
        error_set(error, "coupon %.*s: the stored row of sequence %u holds a value that coupond never writes",
                  (int)issue->coupon_id_length, issue->coupon_id, issue->sequence);
        result = STORE_CONFLICT;
    } else if (code == SQLITE_ROW && !store_issue_equal(issue, &there)) {
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
    bind_text(select, 1, issue->coupon_id, issue->coupon_id_length);
    bind_number(select, 2, issue->sequence);
    result = judge_row(store, select, issue, &found, error);
    if (result != STORE_OK || found)
        return result;
    select = store_sqlite_statement(store, SQLITE_ISSUE_BY_HOLDER, &result, error);
    if (!select)
        return result;
    bind_text(select, 1, issue->coupon_id, issue->coupon_id_length);
    bind_text(select, 2, issue->user_id, issue->user_id_length);
    bind_number(select, 3, issue->nth);
    result = judge_row(store, select, issue, &found, error);
    if (result == STORE_OK && !found) {
        error_set(error,
                  "%s: coupon_issue refuses sequence %u of coupon %.*s by a constraint that coupond does not know",
                  store->base.description, issue->sequence, (int)issue->coupon_id_length, issue->coupon_id);
        result = STORE_FAILED;
    }
    return result;
}

static enum store_result write_issue(struct store_sqlite *store, const struct store_issue *issue, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_ISSUE, &result, error);
    if (!insert)
        return result;
    bool refused = false;
    bind_text(insert, 1, issue->coupon_id, issue->coupon_id_length);
    bind_number(insert, 2, issue->sequence);
    bind_text(insert, 3, issue->user_id, issue->user_id_length);
    bind_number(insert, 4, issue->nth);
    bind_text(insert, 5, time_text_of(&store->time, issue->issued_at_us), RFC3339_MAX - 1);
    bind_number(insert, 6, issue->journal_seq);
    result = step_write(store, insert, "inserting into coupon_issue", &refused, error);
    return result == STORE_OK && refused ? judge_issue(store, issue, error) : result;
}

static enum store_result raise_issued(struct store_sqlite *store, const struct store_issue *last, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_RAISE_ISSUED, &result, error);
    if (!update)
        return result;
    bind_text(update, 1, last->coupon_id, last->coupon_id_length);
    bind_number(update, 2, last->sequence);
    result = step_write(store, update, "updating coupon", NULL, error);
    if (result == STORE_OK && sqlite3_changes(store->db) == 0)
        result = store_coupon_missing(last, error);
    return result;
}

static enum store_result write_issues(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = store_order_fill(&store->order, batch, error);
    const struct store_issue **rows = store->order.rows;
    for (size_t i = 0; i < batch->issues_count && result == STORE_OK; i++) {
        result = write_issue(store, rows[i], error);
        bool last = i + 1 == batch->issues_count || !store_issue_same_coupon(rows[i], rows[i + 1]);
        if (result == STORE_OK && last)
            result = raise_issued(store, rows[i], error);
    }
    return result;
}

enum store_result store_sqlite_write(struct store *base, const struct store_batch *batch, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum store_result result = store_sqlite_need_open(store, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "BEGIN IMMEDIATE", error);
    if (result != STORE_OK)
        return result;
    result = write_journal(store, batch, error);
    if (result == STORE_OK)
        result = write_coupons(store, batch, error);
    if (result == STORE_OK)
        result = write_issues(store, batch, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "COMMIT", error);
    if (result != STORE_OK && !sqlite3_get_autocommit(store->db))
        store_sqlite_run(store, "ROLLBACK", NULL);
    return result;
}
