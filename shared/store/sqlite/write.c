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

/*
 * Runs a statement that writes one row of a coupon or an issue. Sets *duplicate when the row exists already; the caller
 * compares it. A trigger may skip a row without a fault, which must not count as written.
 */
static enum store_result step_row(struct store_sqlite *store, sqlite3_stmt *statement, const char *doing,
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

/* --- journals --- */

struct lookup {
    struct store_journals journals;
    struct error *error;
};

static bool judge_journal_row(sqlite3_stmt *row, void *context, bool *good)
{
    struct lookup *lookup = context;
    struct store_journal there;
    struct store_progress progress;
    *good = store_sqlite_read_journal(row, &there, &progress);
    return *good && store_journals_judge(&lookup->journals, &there, &progress, lookup->error);
}

static enum store_result set_journal(struct store_sqlite *store, const struct store_journal *journal,
                                     const struct store_progress *progress, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *replace = store_sqlite_statement(store, SQLITE_SET_JOURNAL, &result, error);
    if (!replace)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    char ahead[STORE_AHEAD_TEXT_MAX];
    journal_id_format(journal->journal_id, id);
    store_sqlite_bind_number(replace, 1, journal->partition);
    store_sqlite_bind_text(replace, 2, id, 32);
    store_sqlite_bind_number(replace, 3, journal->partitions);
    store_sqlite_bind_number(replace, 4, progress->last_seq);
    store_sqlite_bind_text(replace, 5, ahead, store_progress_format(progress, ahead));
    return store_sqlite_step(store, replace, "writing journal", error);
}

/* Journals are few and their rows small: the whole table is judged with each batch. */
static enum store_result write_journal(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    struct lookup lookup = {{.batch = batch, .result = STORE_OK}, error};
    enum store_result result = store_sqlite_find_id(store, store->base.id, error);
    if (result == STORE_OK)
        result = store_id_judge(&store->base, batch, error);
    sqlite3_stmt *select =
        result == STORE_OK ? store_sqlite_statement(store, SQLITE_EACH_JOURNAL, &result, error) : NULL;
    if (select)
        result = store_sqlite_each_row(store, select, "journal", judge_journal_row, &lookup, error);
    if (result == STORE_OK)
        result = lookup.journals.result;
    if (result == STORE_OK)
        result = store_behind_judge(&store->base, batch, &lookup.journals.progress, error);
    if (result != STORE_OK || (lookup.journals.known && batch->scope == STORE_PART))
        return result;
    if (batch->scope == STORE_FRAME)
        store_progress_add(&lookup.journals.progress, batch->first_seq, batch->last_seq);
    struct store_journal journal = {.partition = batch->partition, .partitions = batch->partitions};
    memcpy(journal.journal_id, batch->journal_id, sizeof journal.journal_id);
    return set_journal(store, &journal, &lookup.journals.progress, error);
}

/* --- coupons --- */

/* Both writing statements number their parameters alike. */
static enum store_result write_policy(struct store_sqlite *store, enum sqlite_statement which,
                                      const struct coupon *coupon, bool *duplicate, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *statement = store_sqlite_statement(store, which, &result, error);
    if (!statement)
        return result;
    store_sqlite_bind_text(statement, 1, coupon->id, strlen(coupon->id));
    store_sqlite_bind_text(statement, 2, coupon->title, strlen(coupon->title));
    store_sqlite_bind_number(statement, 3, coupon->quantity);
    store_sqlite_bind_number(statement, 4, coupon->per_user_limit);
    store_sqlite_bind_time(statement, 5, coupon->starts_at_us);
    store_sqlite_bind_time(statement, 6, coupon->ends_at_us);
    store_sqlite_bind_number(statement, 7, coupon->paused);
    store_sqlite_bind_time(statement, 8, coupon->created_at_us);
    store_sqlite_bind_time(statement, 9, coupon->updated_at_us);
    store_sqlite_bind_number(statement, 10, coupon->journal_seq);
    return step_row(store, statement, "writing coupon", duplicate, error);
}

/* A key that is not ours stands in the way: somebody made a unique index. */
static enum store_result unknown_key(struct store_sqlite *store, const char *table, const char *coupon_id,
                                     size_t length, struct error *error)
{
    error_set(error, "%s: an unknown unique index on table %s rejects a row of coupon %.*s; drop the index",
              store->base.description, table, (int)length, coupon_id);
    return STORE_REJECTED;
}

static enum store_result judge_policy(struct store_sqlite *store, const struct coupon *coupon, bool *newer,
                                      struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_COUPON_BY_ID, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, coupon->id, strlen(coupon->id));
    struct coupon there = {0};
    int code = sqlite3_step(select);
    if (code == SQLITE_DONE) {
        result = unknown_key(store, "coupon", coupon->id, strlen(coupon->id), error);
    } else if (code != SQLITE_ROW) {
        result = store_sqlite_fault(store, "reading coupon", error);
    } else if (!store_sqlite_read_coupon(select, &there)) {
        error_set(error, "coupon %s: its stored row holds a value that coupond never writes", coupon->id);
        result = STORE_REJECTED;
    } else {
        result = store_policy_judge(coupon, &there, newer, error);
    }
    sqlite3_reset(select);
    return result;
}

static enum store_result write_coupon(struct store_sqlite *store, const struct coupon *coupon, struct error *error)
{
    bool duplicate = false;
    bool newer = false;
    enum store_result result = write_policy(store, SQLITE_INSERT_COUPON, coupon, &duplicate, error);
    if (result == STORE_OK && duplicate)
        result = judge_policy(store, coupon, &newer, error);
    if (result != STORE_OK || !newer)
        return result;
    result = write_policy(store, SQLITE_CHANGE_COUPON, coupon, &duplicate, error);
    return result == STORE_OK && duplicate ? unknown_key(store, "coupon", coupon->id, strlen(coupon->id), error)
                                           : result;
}

static enum store_result write_coupons(struct store_sqlite *store, struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < store->order.coupons_count && result == STORE_OK; i++)
        result = write_coupon(store, store->order.coupons[i], error);
    return result;
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
        result = unknown_key(store, "coupon_issue", issue->coupon_id, issue->coupon_id_length, error);
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
    store_sqlite_bind_number(insert, 6, issue->journal_seq);
    result = step_row(store, insert, "inserting into coupon_issue", &duplicate, error);
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
    if (batch->scope != STORE_LETTER)
        result = write_journal(store, batch, error);
    if (result == STORE_OK)
        result = store_order_fill(&store->order, batch, error);
    if (result == STORE_OK)
        result = write_coupons(store, error);
    if (result == STORE_OK)
        result = write_issues(store, batch, error);
    if (result == STORE_OK)
        result = store_sqlite_write_letters(store, batch, error);
    return end(store, result, error);
}

enum store_result store_sqlite_adopt_journal(struct store *base, const struct store_journal *journal,
                                             struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    const struct store_progress progress = {.last_seq = journal->last_seq};
    enum store_result result = begin(store, error);
    return result == STORE_OK ? end(store, set_journal(store, journal, &progress, error), error) : result;
}
