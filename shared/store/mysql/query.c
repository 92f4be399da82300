/*
 * Pages of issues for readers: shared/store/query.h. Conditions are spelled out, because the servers do not use an
 * index for comparisons of rows; with these they read a range of it and sort nothing.
 */
#include "shared/store/mysql/mysql.h"

#include <string.h>

#include "shared/store/view_columns.h"

struct walk {
    store_view_fn each;
    void *arg;
};

static bool deliver(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    const struct walk *walk = context;
    struct store_issue_view view;
    *good = store_mysql_read_view(columns, lengths, &view);
    return *good && walk->each(walk->arg, &view);
}

/* --- statements --- */

static void add_coupon(struct sql_text *sql, const char *before, const struct store_issue_key *key)
{
    store_mysql_add_text(sql, before, key->coupon_id, key->coupon_id_length);
}

static void add_user_issues(struct sql_text *sql, const struct store_issue_query *query)
{
    const struct store_issue_key *after = query->after;
    sql_text_add(sql, STORE_VIEW_SELECT);
    store_mysql_add_text(sql, " WHERE issue.user_id = ", query->id, query->id_length);
    if (after != NULL) {
        store_mysql_add_time(sql, " AND issue.issued_at <= ", after->issued_at_us);
        store_mysql_add_time(sql, " AND (issue.issued_at < ", after->issued_at_us);
        add_coupon(sql, " OR issue.coupon_id < ", after);
        add_coupon(sql, " OR (issue.coupon_id = ", after);
        store_mysql_add_number(sql, " AND issue.sequence < ", after->sequence);
        sql_text_add(sql, "))");
    }
    sql_text_add(sql, " ORDER BY issue.issued_at DESC, issue.coupon_id DESC, issue.sequence DESC");
}

static void add_coupon_issues(struct sql_text *sql, const struct store_issue_query *query)
{
    sql_text_add(sql, STORE_VIEW_SELECT);
    store_mysql_add_text(sql, " WHERE issue.coupon_id = ", query->id, query->id_length);
    if (query->after != NULL)
        store_mysql_add_number(sql, " AND issue.sequence > ", query->after->sequence);
    sql_text_add(sql, " ORDER BY issue.coupon_id, issue.sequence");
}

static void add_all_issues(struct sql_text *sql, const struct store_issue_query *query)
{
    sql_text_add(sql, STORE_VIEW_SELECT);
    if (query->after != NULL) {
        add_coupon(sql, " WHERE issue.coupon_id >= ", query->after);
        add_coupon(sql, " AND (issue.coupon_id > ", query->after);
        store_mysql_add_number(sql, " OR issue.sequence > ", query->after->sequence);
        sql_text_add(sql, ")");
    }
    sql_text_add(sql, " ORDER BY issue.coupon_id, issue.sequence");
}

/* --- interface --- */

enum store_result store_mysql_read_issues(struct store *base, enum store_issues which,
                                          const struct store_issue_query *query, store_view_fn each, void *arg,
                                          struct error *error)
{
    static void (*const adders[])(struct sql_text * sql, const struct store_issue_query *query) = {
        [STORE_ISSUES_OF_USER] = add_user_issues,
        [STORE_ISSUES_OF_COUPON] = add_coupon_issues,
        [STORE_ISSUES_OF_ALL] = add_all_issues,
    };
    struct store_mysql *store = (struct store_mysql *)base;
    struct walk walk = {each, arg};
    enum store_result result = store_mysql_need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    adders[which](&store->sql, query);
    if (query->limit > 0)
        store_mysql_add_number(&store->sql, " LIMIT ", query->limit);
    return store_mysql_each_row(store, "coupon_issue", deliver, &walk, error);
}

/* --- histories --- */

struct history_walk {
    store_history_fn each;
    void *arg;
};

static bool deliver_history(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    const struct history_walk *walk = context;
    struct store_history_row history;
    *good = store_mysql_read_history(columns, lengths, &history);
    return *good && walk->each(walk->arg, &history);
}

enum store_result store_mysql_read_history_page(struct store *base, const struct store_history_query *query,
                                                store_history_fn each, void *arg, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    struct history_walk walk = {each, arg};
    enum store_result result = store_mysql_need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    store_mysql_add_text(&store->sql, "SELECT " STORE_MYSQL_HISTORY_COLUMNS " FROM coupon_history WHERE coupon_id = ",
                         query->coupon_id, query->coupon_id_length);
    store_mysql_add_number(&store->sql, " AND journal_seq < ", query->before);
    store_mysql_add_number(&store->sql, " ORDER BY coupon_id DESC, journal_seq DESC LIMIT ", query->limit);
    return store_mysql_each_row(store, "coupon_history", deliver_history, &walk, error);
}

static bool take_owner(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct store_coupon_owner *owner = context;
    *good = columns[0] != NULL && lengths[0] <= OWNER_MAX;
    if (!*good)
        return false;
    owner->found = true;
    owner->owner_length = (uint8_t)lengths[0];
    memcpy(owner->owner, columns[0], lengths[0]);
    return false;
}

enum store_result store_mysql_find_owner(struct store *base, const char *id, size_t length,
                                         struct store_coupon_owner *owner, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    enum store_result result = store_mysql_need_snapshot(store, error);
    if (result != STORE_OK)
        return result;
    sql_text_clear(&store->sql);
    store_mysql_add_text(&store->sql, "SELECT owner FROM coupon WHERE id = ", id, length);
    return store_mysql_each_row(store, "coupon", take_owner, owner, error);
}
