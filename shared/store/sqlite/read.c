/* The snapshot that `verify` reads. */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

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
        store_change_fn change;
        store_history_fn history;
        store_erasure_fn erasure;
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
    struct coupon coupon;
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

static bool deliver_change(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_change change;
    *good = store_sqlite_read_change(row, &change) && store_sqlite_read_user(row, STORE_SQLITE_CHANGE_USER, &change);
    return *good && walk->each.change(walk->arg, &change);
}

static bool deliver_history(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_history_row history;
    *good = store_sqlite_read_history(row, &history);
    return *good && walk->each.history(walk->arg, &history);
}

static bool deliver_erasure(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_erasure erasure;
    *good = store_sqlite_read_erasure(row, &erasure);
    return *good && walk->each.erasure(walk->arg, &erasure);
}

static bool deliver_dead_letter(sqlite3_stmt *row, void *context, bool *good)
{
    struct walk *walk = context;
    struct store_dead_letter letter = {.nth = 0};
    *good = store_sqlite_read_letter(row, &letter);
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

enum store_result store_sqlite_read_earlier(struct store *base, const struct store_earlier_query *query,
                                            store_issue_fn each, void *arg, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct walk walk = {.each.issue = each, .arg = arg};
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_EARLIER_ISSUES, &result, error);
    if (!select)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(query->journal_id, id);
    store_sqlite_bind_text(select, 1, query->coupon_id, query->coupon_id_length);
    store_sqlite_bind_number(select, 2, query->before);
    store_sqlite_bind_text(select, 3, id, strlen(id));
    store_sqlite_bind_number(select, 4, query->limit);
    return store_sqlite_each_row(store, select, "coupon_issue", deliver_issue, &walk, error);
}

enum store_result store_sqlite_each_change(struct store *base, store_change_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.change = each, .arg = arg};
    return walk_table((struct store_sqlite *)base, SQLITE_EACH_CHANGE, "coupon_issue_state", deliver_change, &walk,
                      error);
}

enum store_result store_sqlite_each_history(struct store *base, const char *coupon_id, store_history_fn each, void *arg,
                                            struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct walk walk = {.each.history = each, .arg = arg};
    enum store_result result = STORE_OK;
    if (!coupon_id)
        return walk_table(store, SQLITE_EACH_HISTORY, "coupon_history", deliver_history, &walk, error);
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_HISTORY_OF_COUPON, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, coupon_id, strlen(coupon_id));
    return store_sqlite_each_row(store, select, "coupon_history", deliver_history, &walk, error);
}

enum store_result store_sqlite_each_erasure(struct store *base, store_erasure_fn each, void *arg, struct error *error)
{
    struct walk walk = {.each.erasure = each, .arg = arg};
    return walk_table((struct store_sqlite *)base, SQLITE_EACH_ERASURE, "erasure", deliver_erasure, &walk, error);
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
