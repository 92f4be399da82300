/* Prepared statements: their texts, parameters, rows, and the faults of running them. */
#include "shared/store/sqlite/sqlite.h"

/* clang-format off */
static const char *const statement_texts[SQLITE_STATEMENTS] = {
    [SQLITE_INSERT_ISSUE] =
        "INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQLITE_ISSUE_BY_SEQUENCE] =
        "SELECT coupon_id, sequence, user_id, nth, issued_at, journal_seq FROM coupon_issue "
        "WHERE coupon_id = ?1 AND sequence = ?2",
    [SQLITE_ISSUE_BY_HOLDER] =
        "SELECT coupon_id, sequence, user_id, nth, issued_at, journal_seq FROM coupon_issue "
        "WHERE coupon_id = ?1 AND user_id = ?2 AND nth = ?3",
    [SQLITE_INSERT_COUPON] =
        "INSERT INTO coupon (id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, "
        "updated_at, journal_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10)",
    [SQLITE_COUPON_BY_ID] =
        "SELECT id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, "
        "journal_seq FROM coupon WHERE id = ?1",
    [SQLITE_CHANGE_COUPON] =
        "UPDATE coupon SET title = ?2, quantity = ?3, per_user_limit = ?4, starts_at = ?5, ends_at = ?6, paused = ?7, "
        "created_at = ?8, updated_at = ?9, journal_seq = ?10 WHERE id = ?1",
    [SQLITE_RAISE_ISSUED] =
        "UPDATE coupon SET issued = max(issued, ?2) WHERE id = ?1",
    [SQLITE_SET_JOURNAL] =
        "REPLACE INTO journal (partition_no, journal_id, partitions, last_seq, ahead) VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQLITE_EACH_JOURNAL] =
        "SELECT partition_no, journal_id, partitions, last_seq, ahead FROM journal ORDER BY partition_no",
    [SQLITE_EACH_COUPON] =
        "SELECT id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, "
        "journal_seq FROM coupon ORDER BY id",
    [SQLITE_EACH_ISSUE] =
        "SELECT coupon_id, sequence, user_id, nth, issued_at, journal_seq FROM coupon_issue "
        "ORDER BY coupon_id, sequence",
    [SQLITE_INSERT_LETTER] =
        "REPLACE INTO dead_letter (journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, "
        "recorded_at, record, reason, dead_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [SQLITE_DELETE_LETTERS] =
        "DELETE FROM dead_letter WHERE journal_id = ?1 AND journal_seq BETWEEN ?2 AND ?3",
    [SQLITE_EACH_LETTER] =
        "SELECT journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, recorded_at, record, reason, "
        "dead_at FROM dead_letter WHERE (journal_id, journal_seq) > (?1, ?2) ORDER BY journal_id, journal_seq LIMIT ?3",
    [SQLITE_DEAD_COUPONS] =
        "SELECT coupon_id, reason FROM dead_letter WHERE journal_id = ?1 AND user_id IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM coupon WHERE id = coupon_id) ORDER BY coupon_id, journal_seq",
    [SQLITE_STORE_ID] = STORE_ID_QUERY,
};
/* clang-format on */

/* --- faults --- */

static bool passes(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
    case SQLITE_SCHEMA:
        return true;
    default:
        return false;
    }
}

/* What to do about a fault that does not pass; "" when only SQLite's own words help. */
static const char *remedy(int code)
{
    switch (code & 0xff) {
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return "; let this user write to the file and its folder, or set store/path to another file";
    case SQLITE_NOTADB:
        return "; set store/path to another file";
    default:
        return "";
    }
}

enum store_result store_sqlite_fault(struct store_sqlite *store, const char *doing, struct error *error)
{
    int code = store->db ? sqlite3_extended_errcode(store->db) : SQLITE_NOMEM;
    const char *text = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);
    error_set(error, "%s: %s: %s (SQLite code %d)%s", store->base.description, doing, text, code, remedy(code));
    return passes(code) ? STORE_RETRY : STORE_FAILED;
}

static bool refuses_row(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: /* also what a trigger raises, and a value of another type than its STRICT column's */
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return true;
    default:
        return false;
    }
}

enum store_result store_sqlite_row_fault(struct store_sqlite *store, const char *doing, struct error *error)
{
    int code = sqlite3_extended_errcode(store->db);
    enum store_result result = store_sqlite_fault(store, doing, error);
    return refuses_row(code) ? STORE_REJECTED : result;
}

enum store_result store_sqlite_run(struct store_sqlite *store, const char *doing, const char *sql, struct error *error)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return STORE_OK;
    return store_sqlite_fault(store, doing, error);
}

sqlite3_stmt *store_sqlite_statement(struct store_sqlite *store, enum sqlite_statement which, enum store_result *result,
                                     struct error *error)
{
    sqlite3_stmt **statement = &store->statements[which];
    if (*statement) {
        sqlite3_reset(*statement);
        return *statement;
    }
    if (sqlite3_prepare_v3(store->db, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
        SQLITE_OK)
        *result = store_sqlite_fault(store, "preparing a statement", error);
    return *statement;
}

/* --- parameters --- */

void store_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length)
{
    sqlite3_bind_text(statement, index, text, (int)length, SQLITE_STATIC);
}

void store_sqlite_bind_number(sqlite3_stmt *statement, int index, uint64_t number)
{
    sqlite3_bind_int64(statement, index, (int64_t)number);
}

void store_sqlite_bind_time(sqlite3_stmt *statement, int index, int64_t us)
{
    char text[RFC3339_MAX];
    if (us == TIME_NONE)
        sqlite3_bind_null(statement, index);
    else
        sqlite3_bind_text(statement, index, text, (int)rfc3339_format(us, text), SQLITE_TRANSIENT);
}

enum store_result store_sqlite_step(struct store_sqlite *store, sqlite3_stmt *statement, const char *doing,
                                    struct error *error)
{
    enum store_result result = STORE_OK;
    if (sqlite3_step(statement) != SQLITE_DONE)
        result = store_sqlite_fault(store, doing, error);
    sqlite3_reset(statement);
    return result;
}

/* --- rows --- */

static const char *column_or_null(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "NULL";
}

/* The first two columns name the row. */
static enum store_result strange_row(struct store_sqlite *store, const char *table, sqlite3_stmt *row,
                                     struct error *error)
{
    error_set(error, "%s: the row (%.64s, %.64s) of table %s holds a value that coupond never writes",
              store->base.description, column_or_null(row, 0), column_or_null(row, 1), table);
    return STORE_FAILED;
}

enum store_result store_sqlite_each_row(struct store_sqlite *store, sqlite3_stmt *statement, const char *table,
                                        store_sqlite_row_fn deliver, void *context, struct error *error)
{
    enum store_result result = STORE_OK;
    bool good = true;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (!deliver(statement, context, &good))
            break;
    if (!good)
        result = strange_row(store, table, statement, error);
    else if (code != SQLITE_ROW && code != SQLITE_DONE)
        result = store_sqlite_fault(store, "reading rows", error);
    sqlite3_reset(statement);
    return result;
}
