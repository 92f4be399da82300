/* Rows to values, and the snapshot that `verify` reads. */
#include "shared/store_mysql.h"

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

/* Columns */

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
    if (!text || length > max)
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

bool store_mysql_read_journal(char **columns, const unsigned long *lengths, struct store_journal *journal)
{
    uint64_t partition = 0;
    uint64_t partitions = 0;
    bool good = read_number(columns[0], UINT16_MAX, &partition) && columns[1] &&
                journal_id_parse(columns[1], lengths[1], journal->journal_id) &&
                read_number(columns[2], UINT16_MAX, &partitions) &&
                read_number(columns[3], UINT64_MAX, &journal->last_seq);
    journal->partition = (uint16_t)partition;
    journal->partitions = (uint16_t)partitions;
    return good;
}

/* Snapshot */

enum store_result store_mysql_read_begin(struct store *base, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    enum store_result result = store_mysql_need_connection(store, error);
    if (result == STORE_OK)
        result = store_mysql_run_text(store, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", error);
    if (result == STORE_OK)
        result = store_mysql_run_text(store, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", error);
    return result;
}

void store_mysql_read_end(struct store *base)
{
    struct store_mysql *store = (struct store_mysql *)base;
    if (store_mysql_is_connected(store))
        store_mysql_run_text(store, "ROLLBACK", NULL);
}

/* A snapshot that lost its connection is gone: reading on would read another. */
static enum store_result select_all(struct store_mysql *store, const char *columns, const char *from,
                                    store_mysql_row_fn deliver, void *context, struct error *error)
{
    if (!store_mysql_is_connected(store)) {
        error_set(error, "%s: the connection was lost while reading", store->base.description);
        return STORE_RETRY;
    }
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
    } each;
    void *arg;
};

static bool deliver_journal(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_journal journal;
    *good = store_mysql_read_journal(columns, lengths, &journal);
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
