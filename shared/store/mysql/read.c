/* Walks through rows, and reads the snapshot for `verify`. */
#include "shared/store/mysql/mysql.h"

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
enum store_result store_mysql_need_snapshot(struct store_mysql *store, struct error *error)
{
    if (store_mysql_is_connected(store))
        return STORE_OK;
    error_set(error, "%s: the connection was lost while reading", store->base.description);
    return STORE_RETRY;
}

static enum store_result select_all(struct store_mysql *store, const char *columns, const char *from,
                                    store_mysql_row_fn deliver, void *context, struct error *error)
{
    enum store_result result = store_mysql_need_snapshot(store, error);
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
        store_change_fn change;
        store_history_fn history;
        store_erasure_fn erasure;
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
    struct coupon coupon;
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

static bool deliver_change(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_change change;
    *good = store_mysql_read_change(columns, lengths, &change);
    if (*good && columns[STORE_MYSQL_CHANGE_USER]) {
        change.user_id = columns[STORE_MYSQL_CHANGE_USER];
        change.user_id_length = (uint8_t)lengths[STORE_MYSQL_CHANGE_USER];
        *good = lengths[STORE_MYSQL_CHANGE_USER] <= USER_ID_MAX;
    }
    return *good && walk->each.change(walk->arg, &change);
}

static bool deliver_history(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_history_row history;
    *good = store_mysql_read_history(columns, lengths, &history);
    return *good && walk->each.history(walk->arg, &history);
}

static bool deliver_erasure(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_erasure erasure;
    *good = store_mysql_read_erasure(columns, lengths, &erasure);
    return *good && walk->each.erasure(walk->arg, &erasure);
}

static bool deliver_dead_letter(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct walk *walk = context;
    struct store_dead_letter letter = {.nth = 0};
    *good = store_mysql_read_letter(columns, lengths, &letter);
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

enum store_result store_mysql_read_earlier(struct store *base, const struct store_earlier_query *query,
                                           store_issue_fn each, void *arg, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct walk walk = {.each.issue = each, .arg = arg};
    enum store_result result = store_mysql_need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql,
                 "SELECT coupon_id, sequence, user_id, nth, issued_at, journal_seq, NULL FROM coupon_issue");
    store_mysql_add_text(&store->sql, " WHERE coupon_id = ", query->coupon_id, query->coupon_id_length);
    store_mysql_add_number(&store->sql, " AND sequence < ", query->before);
    store_mysql_add_journal_id(&store->sql,
                               " AND EXISTS (SELECT 1 FROM journal WHERE journal_id = ", query->journal_id);
    store_mysql_add_number(&store->sql, ") ORDER BY coupon_id DESC, sequence DESC LIMIT ", query->limit);
    return store_mysql_each_row(store, "coupon_issue", deliver_issue, &walk, error);
}

enum store_result store_mysql_each_change(struct store *base, store_change_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.change = each, .arg = arg};
    return select_all(
        (struct store_mysql *)base,
        STORE_MYSQL_CHANGE_COLUMNS
        ", (SELECT user_id FROM coupon_issue i WHERE i.coupon_id = s.coupon_id AND i.sequence = s.sequence)",
        " FROM coupon_issue_state s ORDER BY coupon_id, sequence", deliver_change, &walk, error);
}

enum store_result store_mysql_each_history(struct store *base, const char *coupon_id, store_history_fn each, void *arg,
                                           struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct walk walk = {.each.history = each, .arg = arg};
    enum store_result result = store_mysql_need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_HISTORY_COLUMNS " FROM coupon_history");
    if (coupon_id)
        store_mysql_add_text(&store->sql, " WHERE coupon_id = ", coupon_id, strlen(coupon_id));
    sql_text_add(&store->sql, " ORDER BY coupon_id, journal_seq");
    return store_mysql_each_row(store, "coupon_history", deliver_history, &walk, error);
}

enum store_result store_mysql_each_erasure(struct store *base, store_erasure_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.erasure = each, .arg = arg};
    return select_all((struct store_mysql *)base, STORE_MYSQL_ERASURE_COLUMNS, " FROM erasure ORDER BY journal_seq",
                      deliver_erasure, &walk, error);
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
    enum store_result result = store_mysql_need_snapshot(store, error);
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
    sql_text_add(&store->sql,
                 " AND sequence IS NULL AND coupon_id <> '' AND NOT EXISTS (SELECT 1 FROM coupon WHERE id = coupon_id)"
                 " ORDER BY coupon_id, journal_seq");
    result = store_mysql_each_row(store, "dead_letter", deliver_dead_coupon, &walk, error);
    return store_mysql_end(store, result, error);
}
