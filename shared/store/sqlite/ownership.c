/* The table issuer_partition: which member decides a partition. */
#include <string.h>

#include "shared/store/sqlite/sqlite.h"

static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS issuer_partition (partition_no INTEGER NOT NULL PRIMARY KEY, journal_id TEXT NOT NULL,"
    " epoch INTEGER NOT NULL, owner TEXT NOT NULL, standby TEXT NOT NULL, changed_at TEXT NOT NULL)";

/* Binds journal id, epoch, owner and standby to the parameters from `first`; `id` has to live until the step. */
static void bind_row(sqlite3_stmt *statement, int first, const struct store_ownership *row,
                     char id[JOURNAL_ID_TEXT_MAX])
{
    journal_id_format(row->journal_id, id);
    store_sqlite_bind_text(statement, first, id, 32);
    store_sqlite_bind_number(statement, first + 1, row->epoch);
    store_sqlite_bind_text(statement, first + 2, row->owner, strlen(row->owner));
    store_sqlite_bind_text(statement, first + 3, row->standby, strlen(row->standby));
}

enum store_result store_sqlite_create_ownership(struct store *base, const struct store_ownership *row,
                                                struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    char id[JOURNAL_ID_TEXT_MAX];
    enum store_result result = store_sqlite_need_open(store, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "creating issuer_partition", create_table, error);
    if (result != STORE_OK)
        return result;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_OWNERSHIP, &result, error);
    if (!insert)
        return result;
    store_sqlite_bind_number(insert, 1, row->partition);
    bind_row(insert, 2, row, id);
    return store_sqlite_step(store, insert, "inserting into issuer_partition", error);
}

struct reading {
    struct store_ownership *row;
    bool found;
};

static bool copy_name(char out[MEMBER_NAME_MAX + 1], sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    if (text == NULL || strlen(text) > MEMBER_NAME_MAX)
        return false;
    strcpy(out, text);
    return true;
}

static bool take_row(sqlite3_stmt *statement, void *context, bool *good)
{
    struct reading *reading = context;
    struct store_ownership *row = reading->row;
    const char *id = (const char *)sqlite3_column_text(statement, 1);
    *good = id != NULL && journal_id_parse(id, strlen(id), row->journal_id) && copy_name(row->owner, statement, 3) &&
            copy_name(row->standby, statement, 4);
    row->epoch = (uint64_t)sqlite3_column_int64(statement, 2);
    reading->found = *good;
    return false;
}

enum store_result store_sqlite_read_ownership(struct store *base, uint16_t partition, struct store_ownership *row,
                                              bool *found, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct reading reading = {.row = row};
    *row = (struct store_ownership){.partition = partition};
    enum store_result result = store_sqlite_need_open(store, error);
    if (result != STORE_OK)
        return result;
    if (sqlite3_table_column_metadata(store->db, NULL, "issuer_partition", NULL, NULL, NULL, NULL, NULL, NULL) ==
        SQLITE_ERROR)
        return STORE_OK; /* there is no such table */
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_OWNERSHIP, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_number(select, 1, partition);
    result = store_sqlite_each_row(store, select, "issuer_partition", take_row, &reading, error);
    *found = reading.found;
    return result;
}

enum store_result store_sqlite_change_ownership(struct store *base, const struct store_ownership *from,
                                                const struct store_ownership *to, bool *matched, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    char id[JOURNAL_ID_TEXT_MAX], former_id[JOURNAL_ID_TEXT_MAX];
    *matched = false;
    enum store_result result = store_sqlite_need_open(store, error);
    if (result != STORE_OK)
        return result;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_CHANGE_OWNERSHIP, &result, error);
    if (!update)
        return result;
    store_sqlite_bind_number(update, 1, from->partition);
    bind_row(update, 2, to, id);
    bind_row(update, 6, from, former_id);
    result = store_sqlite_step(store, update, "updating issuer_partition", error);
    *matched = result == STORE_OK && sqlite3_changes(store->db) == 1;
    return result;
}
