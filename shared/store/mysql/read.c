/* Converts rows to values, and reads the snapshot for `verify`. */
#include "shared/store/mysql/mysql.h"

#include <stdlib.h>
#include <string.h>

enum store_result store_mysql_each_row(struct store_mysql *store, const char *table, store_mysql_row_fn deliver,
                                       void *context, struct error *error)
{
    enum store_result result = store_mysql_run(store, table, error);
    if (result != STORE_OK)
        return result;
    MYSQL_RES *rows = mysql_use_result(store->connection);
    if (!rows)
        return store_mysql_fault(store, table, error);
    bool good = true;
    MYSQL_ROW row = NULL;
    while ((row = mysql_fetch_row(rows)) && deliver(context, row, mysql_fetch_lengths(rows), &good)) {
    }
    if (!row && mysql_errno(store->connection) != 0)
        result = store_mysql_fault(store, table, error);
    mysql_free_result(rows);
    if (!good) {
        error_set(error, "%s: a row of %s holds a value that coupond never writes", store->base.description, table);
        result = STORE_FAILED;
    }
    return result;
}

/* --- columns --- */

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    if (!text || *text == '\0')
        return false;
    uint64_t value = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *number = value;
    return value <= max;
}

/* "2026-11-21 02:25:00.000000" */
static bool read_time(const char *text, size_t length, int64_t *us)
{
    char rfc3339[RFC3339_MAX];
    if (!text || length != RFC3339_MAX - 2 || text[10] != ' ')
        return false;
    memcpy(rfc3339, text, length);
    rfc3339[10] = 'T';
    rfc3339[length] = 'Z';
    return rfc3339_parse(rfc3339, length + 1, us);
}

static bool read_bound(const char *text, size_t length, int64_t *us)
{
    *us = TIME_NONE;
    return !text || read_time(text, length, us);
}

static bool copy_text(const char *text, size_t length, size_t max, char *out)
{
    if (!text || length > max || memchr(text, '\0', length))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

bool store_mysql_read_issue(char **columns, const unsigned long *lengths, struct store_issue *issue)
{
    uint64_t sequence = 0;
    uint64_t nth = 0;
    if (!columns[0] || lengths[0] > COUPON_ID_MAX || !columns[2] || lengths[2] > USER_ID_MAX)
        return false;
    issue->coupon_id = columns[0];
    issue->coupon_id_length = (uint8_t)lengths[0];
    issue->user_id = columns[2];
    issue->user_id_length = (uint8_t)lengths[2];
    bool good = read_number(columns[1], UINT32_MAX, &sequence) && read_number(columns[3], UINT16_MAX, &nth) &&
                read_time(columns[4], lengths[4], &issue->issued_at_us) &&
                read_number(columns[5], UINT64_MAX, &issue->journal_seq);
    issue->sequence = (uint32_t)sequence;
    issue->nth = (uint16_t)nth;
    return good;
}

bool store_mysql_read_coupon(char **columns, const unsigned long *lengths, struct coupon *coupon)
{
    uint64_t quantity = 0;
    uint64_t per_user_limit = 0;
    uint64_t paused = 0;
    uint64_t issued = 0;
    bool good =
        copy_text(columns[0], lengths[0], COUPON_ID_MAX, coupon->id) &&
        copy_text(columns[1], lengths[1], TITLE_MAX, coupon->title) && read_number(columns[2], UINT32_MAX, &quantity) &&
        read_number(columns[3], UINT32_MAX, &per_user_limit) &&
        read_bound(columns[4], lengths[4], &coupon->starts_at_us) &&
        read_bound(columns[5], lengths[5], &coupon->ends_at_us) && read_number(columns[6], 1, &paused) &&
        read_number(columns[7], UINT32_MAX, &issued) && read_time(columns[8], lengths[8], &coupon->created_at_us) &&
        read_time(columns[9], lengths[9], &coupon->updated_at_us) &&
        read_number(columns[10], UINT64_MAX, &coupon->journal_seq);
    coupon->quantity = (uint32_t)quantity;
    coupon->per_user_limit = (uint32_t)per_user_limit;
    coupon->paused = paused != 0;
    coupon->issued = (uint32_t)issued;
    return good;
}

static bool read_progress(char **columns, const unsigned long *lengths, struct store_progress *progress)
{
    uint64_t last_seq = 0;
    return read_number(columns[3], INT64_MAX, &last_seq) && columns[4] && lengths[4] <= STORE_AHEAD_TEXT_MAX &&
           store_progress_parse(progress, last_seq, columns[4], lengths[4]);
}

bool store_mysql_read_journal(char **columns, const unsigned long *lengths, struct store_journal *journal,
                              struct store_progress *progress)
{
    uint64_t partition = 0;
    uint64_t partitions = 0;
    bool good = read_number(columns[0], UINT16_MAX, &partition) && columns[1] &&
                journal_id_parse(columns[1], lengths[1], journal->journal_id) &&
                read_number(columns[2], UINT16_MAX, &partitions) &&
                read_number(columns[3], UINT64_MAX, &journal->last_seq);
    journal->partition = (uint16_t)partition;
    journal->partitions = (uint16_t)partitions;
    if (!good || !read_progress(columns, lengths, progress))
        return false;
    journal->newest_seq = store_progress_newest(progress);
    return true;
}

/* Sequence, user and nth of a dead letter: all of them for an issue, none for a coupon's record. */
static bool read_dead_issue(char **columns, const unsigned long *lengths, struct store_dead_letter *letter)
{
    uint64_t sequence = 0;
    uint64_t nth = 0;
    if (!columns[5])
        return true;
    bool good = read_number(columns[4], UINT32_MAX, &sequence) && lengths[5] >= 1 && lengths[5] <= USER_ID_MAX &&
                read_number(columns[6], UINT16_MAX, &nth);
    letter->sequence = (uint32_t)sequence;
    letter->user_id = columns[5];
    letter->user_id_length = (uint8_t)lengths[5];
    letter->nth = (uint16_t)nth;
    return good;
}

static bool read_dead_letter(char **columns, const unsigned long *lengths, struct store_dead_letter *letter)
{
    uint64_t partition = 0;
    if (!columns[0] || !columns[3] || !columns[8] || !columns[9])
        return false;
    bool good = journal_id_parse(columns[0], lengths[0], letter->journal_id) &&
                read_number(columns[1], INT64_MAX, &letter->journal_seq) &&
                read_number(columns[2], UINT16_MAX, &partition) && lengths[3] <= COUPON_ID_MAX &&
                read_dead_issue(columns, lengths, letter) &&
                read_time(columns[7], lengths[7], &letter->recorded_at_us) && lengths[8] <= JOURNAL_RECORD_BYTES_MAX &&
                read_time(columns[10], lengths[10], &letter->dead_at_us);
    letter->partition = (uint16_t)partition;
    letter->coupon_id = columns[3];
    letter->coupon_id_length = (uint8_t)lengths[3];
    letter->record = columns[8];
    letter->record_length = (uint16_t)lengths[8];
    letter->reason = columns[9];
    return good;
}

/* --- snapshot --- */

enum store_result store_mysql_read_begin(struct store *base, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    return store_mysql_session_start(store, &store_mysql_reading,
                                     "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", error);
}

void store_mysql_read_end(struct store *base)
{
    struct store_mysql *store = (struct store_mysql *)base;
    if (store_mysql_is_connected(store))
        store_mysql_run_text(store, "ROLLBACK", NULL);
}

/* A snapshot ends with its connection; a new connection would read a different one. */
static enum store_result need_snapshot(struct store_mysql *store, struct error *error)
{
    if (store_mysql_is_connected(store))
        return STORE_OK;
    error_set(error, "%s: the connection was lost while reading", store->base.description);
    return STORE_RETRY;
}

static enum store_result select_all(struct store_mysql *store, const char *columns, const char *from,
                                    store_mysql_row_fn deliver, void *context, struct error *error)
{
    enum store_result result = need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT ");
    sql_text_add(&store->sql, columns);
    sql_text_add(&store->sql, from);
    return store_mysql_each_row(store, "reading rows", deliver, context, error);
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

static bool deliver_journal(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_journal journal;
    struct store_progress progress;
    *good = store_mysql_read_journal(columns, lengths, &journal, &progress);
    return *good && walk->each.journal(walk->arg, &journal);
}

static bool deliver_coupon(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct coupon coupon = {0};
    *good = store_mysql_read_coupon(columns, lengths, &coupon);
    return *good && walk->each.coupon(walk->arg, &coupon);
}

static bool deliver_issue(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_issue issue;
    *good = store_mysql_read_issue(columns, lengths, &issue);
    return *good && walk->each.issue(walk->arg, &issue);
}

static bool deliver_dead_letter(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_dead_letter letter = {.nth = 0};
    *good = read_dead_letter(columns, lengths, &letter);
    return *good && walk->each.dead_letter(walk->arg, &letter);
}

static bool deliver_dead_coupon(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    (void)lengths;
    *good = columns[0] && columns[1];
    return *good && walk->each.dead_coupon(walk->arg, columns[0], columns[1]);
}

enum store_result store_mysql_each_journal(struct store *base, store_journal_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.journal = each, .arg = arg};
    return select_all((struct store_mysql *)base, STORE_MYSQL_JOURNAL_COLUMNS, " FROM journal ORDER BY partition_no",
                      deliver_journal, &walk, error);
}

enum store_result store_mysql_each_coupon(struct store *base, store_coupon_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.coupon = each, .arg = arg};
    return select_all((struct store_mysql *)base, STORE_MYSQL_COUPON_COLUMNS, " FROM coupon ORDER BY id",
                      deliver_coupon, &walk, error);
}

enum store_result store_mysql_each_issue(struct store *base, store_issue_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.issue = each, .arg = arg};
    return select_all((struct store_mysql *)base, STORE_MYSQL_ISSUE_COLUMNS,
                      " FROM coupon_issue ORDER BY coupon_id, sequence", deliver_issue, &walk, error);
}

/* Selects the rows after a key, in a form for which both servers use the primary key. */
static void add_rows_behind(struct sql_text *sql, const struct store_dead_letter *after)
{
    store_mysql_add_journal_id(sql, " WHERE journal_id >= ", after->journal_id);
    store_mysql_add_journal_id(sql, " AND (journal_id > ", after->journal_id);
    store_mysql_add_number(sql, " OR journal_seq > ", after->journal_seq);
    sql_text_add(sql, ")");
}

enum store_result store_mysql_each_dead_letter(struct store *base, const struct store_dead_letter *after, size_t limit,
                                               store_dead_letter_fn each, void *arg, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct walk walk = {.each.dead_letter = each, .arg = arg};
    enum store_result result = need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_LETTER_COLUMNS " FROM dead_letter");
    if (after)
        add_rows_behind(&store->sql, after);
    sql_text_add(&store->sql, " ORDER BY journal_id, journal_seq");
    if (limit > 0)
        store_mysql_add_number(&store->sql, " LIMIT ", limit);
    return store_mysql_each_row(store, "dead_letter", deliver_dead_letter, &walk, error);
}

enum store_result store_mysql_each_dead_coupon(struct store *base, const uint8_t journal_id[16],
                                               store_dead_coupon_fn each, void *arg, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct walk walk = {.each.dead_coupon = each, .arg = arg};
    enum store_result result = store_mysql_begin(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    store_mysql_add_journal_id(&store->sql,
                               "SELECT coupon_id, reason FROM dead_letter WHERE journal_id = ", journal_id);
    sql_text_add(&store->sql, " AND user_id IS NULL AND NOT EXISTS (SELECT 1 FROM coupon WHERE id = coupon_id)"
                              " ORDER BY coupon_id, journal_seq");
    result = store_mysql_each_row(store, "dead_letter", deliver_dead_coupon, &walk, error);
    return store_mysql_end(store, result, error);
}
