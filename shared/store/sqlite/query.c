/* Pages of issues and changes for readers: shared/store/query.h. */
#include <string.h>

#include "shared/store/sqlite/sqlite.h"

struct walk {
    store_view_fn each;
    void *arg;
};

static bool deliver(sqlite3_stmt *row, void *context, bool *good)
{
    const struct walk *walk = context;
    struct store_issue_view view;
    *good = store_sqlite_read_view(row, &view);
    return *good && walk->each(walk->arg, &view);
}

/* Without a key, the first page of a user begins behind every time, and the others before every coupon and sequence. */
static void bind(sqlite3_stmt *select, const struct store_issue_query *query)
{
    static const struct store_issue_key none = {.issued_at_us = TIME_NONE};
    const struct store_issue_key *after = query->after != NULL ? query->after : &none;
    store_sqlite_bind_text(select, 1, query->id, query->id_length);
    if (query->after != NULL)
        store_sqlite_bind_time(select, 2, after->issued_at_us);
    else
        store_sqlite_bind_text(select, 2, "~", 1);
    store_sqlite_bind_text(select, 3, after->coupon_id, after->coupon_id_length);
    store_sqlite_bind_number(select, 4, after->sequence);
    sqlite3_bind_int64(select, 5, query->limit == 0 ? -1 : (sqlite3_int64)query->limit);
}

enum store_result store_sqlite_read_issues(struct store *base, enum store_issues which,
                                           const struct store_issue_query *query, store_view_fn each, void *arg,
                                           struct error *error)
{
    static const enum sqlite_statement statements[] = {
        [STORE_ISSUES_OF_USER] = SQLITE_USER_ISSUES,
        [STORE_ISSUES_OF_COUPON] = SQLITE_COUPON_ISSUES,
        [STORE_ISSUES_OF_ALL] = SQLITE_ALL_ISSUES,
    };
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct walk walk = {each, arg};
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, statements[which], &result, error);
    if (select == NULL)
        return result;
    bind(select, query);
    return store_sqlite_each_row(store, select, "coupon_issue", deliver, &walk, error);
}

/* --- histories --- */

struct history_walk {
    store_history_fn each;
    void *arg;
};

static bool deliver_history(sqlite3_stmt *row, void *context, bool *good)
{
    const struct history_walk *walk = context;
    struct store_history_row history;
    *good = store_sqlite_read_history(row, &history);
    return *good && walk->each(walk->arg, &history);
}

enum store_result store_sqlite_read_history_page(struct store *base, const struct store_history_query *query,
                                                 store_history_fn each, void *arg, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct history_walk walk = {each, arg};
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_HISTORY_PAGE, &result, error);
    if (select == NULL)
        return result;
    store_sqlite_bind_text(select, 1, query->coupon_id, query->coupon_id_length);
    store_sqlite_bind_number(select, 2, query->before < INT64_MAX ? query->before : INT64_MAX);
    store_sqlite_bind_number(select, 3, query->limit);
    return store_sqlite_each_row(store, select, "coupon_history", deliver_history, &walk, error);
}

static bool take_owner(sqlite3_stmt *row, void *context, bool *good)
{
    struct store_coupon_owner *owner = context;
    const char *text = (const char *)sqlite3_column_text(row, 0);
    size_t length = (size_t)sqlite3_column_bytes(row, 0);
    *good = text != NULL && length <= OWNER_MAX;
    if (!*good)
        return false;
    owner->found = true;
    owner->owner_length = (uint8_t)length;
    memcpy(owner->owner, text, length);
    return false;
}

enum store_result store_sqlite_find_owner(struct store *base, const char *id, size_t length,
                                          struct store_coupon_owner *owner, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_OWNER_OF_COUPON, &result, error);
    if (select == NULL)
        return result;
    store_sqlite_bind_text(select, 1, id, length);
    return store_sqlite_each_row(store, select, "coupon", take_owner, owner, error);
}
