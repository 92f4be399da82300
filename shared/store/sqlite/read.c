/* Rows to values, and the snapshot that `verify` reads. */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

/* --- rows to values --- */

static bool read_time(sqlite3_stmt *row, int column, int64_t *us)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text && rfc3339_parse(text, (size_t)sqlite3_column_bytes(row, column), us);
}

static bool read_bound(sqlite3_stmt *row, int column, int64_t *us)
{
    *us = TIME_NONE;
    return sqlite3_column_type(row, column) == SQLITE_NULL || read_time(row, column, us);
}

static bool read_number(sqlite3_stmt *row, int column, uint64_t max, uint64_t *number)
{
    int64_t value = sqlite3_column_int64(row, column);
    *number = (uint64_t)value;
    return value >= 0 && *number <= max;
}

static bool read_text(sqlite3_stmt *row, int column, size_t max, const char **text, size_t *length)
{
    *text = (const char *)sqlite3_column_text(row, column);
    *length = (size_t)sqlite3_column_bytes(row, column);
    return *text && *length <= max;
}

bool store_sqlite_read_issue(sqlite3_stmt *row, struct store_issue *issue)
{
    uint64_t sequence = 0;
    uint64_t nth = 0;
    size_t coupon_id_length = 0;
    size_t user_id_length = 0;
    bool good = read_text(row, 0, COUPON_ID_MAX, &issue->coupon_id, &coupon_id_length) &&
                read_number(row, 1, UINT32_MAX, &sequence) &&
                read_text(row, 2, USER_ID_MAX, &issue->user_id, &user_id_length) &&
                read_number(row, 3, UINT16_MAX, &nth) && read_time(row, 4, &issue->issued_at_us) &&
                read_number(row, 5, INT64_MAX, &issue->journal_seq);
    issue->coupon_id_length = (uint8_t)coupon_id_length;
    issue->user_id_length = (uint8_t)user_id_length;
    issue->sequence = (uint32_t)sequence;
    issue->nth = (uint16_t)nth;
    return good;
}

static bool copy_text(sqlite3_stmt *row, int column, size_t max, char *out)
{
    const char *text = NULL;
    size_t length = 0;
    if (!read_text(row, column, max, &text, &length))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

bool store_sqlite_read_coupon(sqlite3_stmt *row, struct coupon *coupon)
{
    uint64_t quantity = 0;
    uint64_t per_user_limit = 0;
    uint64_t paused = 0;
    uint64_t issued = 0;
    bool good = copy_text(row, 0, COUPON_ID_MAX, coupon->id) && copy_text(row, 1, TITLE_MAX, coupon->title) &&
                read_number(row, 2, UINT32_MAX, &quantity) && read_number(row, 3, UINT32_MAX, &per_user_limit) &&
                read_bound(row, 4, &coupon->starts_at_us) && read_bound(row, 5, &coupon->ends_at_us) &&
                read_number(row, 6, 1, &paused) && read_number(row, 7, UINT32_MAX, &issued) &&
                read_time(row, 8, &coupon->created_at_us) && read_time(row, 9, &coupon->updated_at_us) &&
                read_number(row, 10, INT64_MAX, &coupon->journal_seq);
    coupon->quantity = (uint32_t)quantity;
    coupon->per_user_limit = (uint32_t)per_user_limit;
    coupon->paused = paused != 0;
    coupon->issued = (uint32_t)issued;
    return good;
}

static bool read_progress(sqlite3_stmt *row, struct store_progress *progress)
{
    uint64_t last_seq = 0;
    const char *ahead = NULL;
    size_t length = 0;
    return read_number(row, 3, INT64_MAX, &last_seq) && read_text(row, 4, STORE_AHEAD_TEXT_MAX, &ahead, &length) &&
           store_progress_parse(progress, last_seq, ahead, length);
}

bool store_sqlite_read_journal(sqlite3_stmt *row, struct store_journal *journal, struct store_progress *progress)
{
    uint64_t partition = 0;
    uint64_t partitions = 0;
    const char *id = NULL;
    size_t id_length = 0;
    bool good = read_number(row, 0, UINT16_MAX, &partition) && read_text(row, 1, 32, &id, &id_length) &&
                journal_id_parse(id, id_length, journal->journal_id) && read_number(row, 2, UINT16_MAX, &partitions) &&
                read_number(row, 3, INT64_MAX, &journal->last_seq);
    journal->partition = (uint16_t)partition;
    journal->partitions = (uint16_t)partitions;
    if (!good || !read_progress(row, progress))
        return false;
    journal->newest_seq = store_progress_newest(progress);
    return true;
}

/* Sequence, user and nth of a dead letter: all of them, or none for a coupon's record. */
static bool read_dead_issue(sqlite3_stmt *row, struct store_dead_letter *letter)
{
    uint64_t sequence = 0;
    uint64_t nth = 0;
    size_t user_id_length = 0;
    if (sqlite3_column_type(row, 5) == SQLITE_NULL)
        return true;
    bool good = read_number(row, 4, UINT32_MAX, &sequence) &&
                read_text(row, 5, USER_ID_MAX, &letter->user_id, &user_id_length) &&
                read_number(row, 6, UINT16_MAX, &nth);
    letter->sequence = (uint32_t)sequence;
    letter->user_id_length = (uint8_t)user_id_length;
    letter->nth = (uint16_t)nth;
    return good && user_id_length > 0;
}

static bool read_dead_letter(sqlite3_stmt *row, struct store_dead_letter *letter)
{
    uint64_t partition = 0;
    const char *id = NULL;
    size_t id_length = 0;
    size_t coupon_id_length = 0;
    size_t reason_length = 0;
    bool good = read_text(row, 0, 32, &id, &id_length) && journal_id_parse(id, id_length, letter->journal_id) &&
                read_number(row, 1, INT64_MAX, &letter->journal_seq) && read_number(row, 2, UINT16_MAX, &partition) &&
                read_text(row, 3, COUPON_ID_MAX, &letter->coupon_id, &coupon_id_length) &&
                read_dead_issue(row, letter) && read_time(row, 7, &letter->recorded_at_us) &&
                read_text(row, 9, STORE_REASON_MAX, &letter->reason, &reason_length) &&
                read_time(row, 10, &letter->dead_at_us);
    letter->partition = (uint16_t)partition;
    letter->coupon_id_length = (uint8_t)coupon_id_length;
    letter->record = sqlite3_column_blob(row, 8);
    letter->record_length = (uint16_t)sqlite3_column_bytes(row, 8);
    return good && letter->record && sqlite3_column_bytes(row, 8) <= (int)JOURNAL_RECORD_BYTES_MAX;
}

/* --- reading --- */

enum store_result store_sqlite_read_begin(struct store *base, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum store_result result = store_sqlite_need_open(store, error);
    return result == STORE_OK ? store_sqlite_run(store, "beginning to read", "BEGIN", error) : result;
}

void store_sqlite_read_end(struct store *base)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    if (store->db && !sqlite3_get_autocommit(store->db))
        store_sqlite_run(store, "rolling back", "ROLLBACK", NULL);
}

struct walk {
    union {
        store_journal_fn journal;
        store_coupon_fn coupon;
        store_issue_fn issue;
        store_dead_letter_fn dead_letter;
        store_dead_coupon_fn dead_coupon;
    } each;
    void *arg;
};

static bool deliver_journal(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_journal journal;
    struct store_progress progress;
    *good = store_sqlite_read_journal(row, &journal, &progress);
    return *good && walk->each.journal(walk->arg, &journal);
}

static bool deliver_coupon(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct coupon coupon = {0};
    *good = store_sqlite_read_coupon(row, &coupon);
    return *good && walk->each.coupon(walk->arg, &coupon);
}

static bool deliver_issue(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_issue issue;
    *good = store_sqlite_read_issue(row, &issue);
    return *good && walk->each.issue(walk->arg, &issue);
}

static bool deliver_dead_letter(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_dead_letter letter = {.nth = 0};
    *good = read_dead_letter(row, &letter);
    return *good && walk->each.dead_letter(walk->arg, &letter);
}

static bool deliver_dead_coupon(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    const char *id = (const char *)sqlite3_column_text(row, 0);
    const char *reason = (const char *)sqlite3_column_text(row, 1);
    *good = id && reason;
    return *good && walk->each.dead_coupon(walk->arg, id, reason);
}

static enum store_result walk_table(struct store_sqlite *store, enum sqlite_statement which, const char *table,
                                    store_sqlite_row_fn deliver, struct walk *walk, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, which, &result, error);
    return select ? store_sqlite_each_row(store, select, table, deliver, walk, error) : result;
}

enum store_result store_sqlite_each_journal(struct store *base, store_journal_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.journal = each, .arg = arg};
    return walk_table((struct store_sqlite *)base, SQLITE_EACH_JOURNAL, "journal", deliver_journal, &walk, error);
}

enum store_result store_sqlite_each_coupon(struct store *base, store_coupon_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.coupon = each, .arg = arg};
    return walk_table((struct store_sqlite *)base, SQLITE_EACH_COUPON, "coupon", deliver_coupon, &walk, error);
}

enum store_result store_sqlite_each_issue(struct store *base, store_issue_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.issue = each, .arg = arg};
    return walk_table((struct store_sqlite *)base, SQLITE_EACH_ISSUE, "coupon_issue", deliver_issue, &walk, error);
}

enum store_result store_sqlite_each_dead_letter(struct store *base, const struct store_dead_letter *after, size_t limit,
                                                store_dead_letter_fn each, void *arg, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct walk walk = {.each.dead_letter = each, .arg = arg};
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_EACH_LETTER, &result, error);
    if (!select)
        return result;
    char id[JOURNAL_ID_TEXT_MAX] = "";
    if (after)
        journal_id_format(after->journal_id, id);
    store_sqlite_bind_text(select, 1, id, strlen(id));
    store_sqlite_bind_number(select, 2, after ? after->journal_seq : 0);
    sqlite3_bind_int64(select, 3, limit == 0 ? -1 : (sqlite3_int64)limit);
    return store_sqlite_each_row(store, select, "dead_letter", deliver_dead_letter, &walk, error);
}

enum store_result store_sqlite_each_dead_coupon(struct store *base, const uint8_t journal_id[16],
                                                store_dead_coupon_fn each, void *arg, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct walk walk = {.each.dead_coupon = each, .arg = arg};
    enum store_result result = store_sqlite_need_open(store, error);
    sqlite3_stmt *select = NULL;
    if (result == STORE_OK)
        select = store_sqlite_statement(store, SQLITE_DEAD_COUPONS, &result, error);
    if (!select)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(journal_id, id);
    store_sqlite_bind_text(select, 1, id, 32);
    return store_sqlite_each_row(store, select, "dead_letter", deliver_dead_coupon, &walk, error);
}
