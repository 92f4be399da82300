/* Prepared statements: their texts, parameters, rows, and the faults of running them. */
#include "shared/store/sqlite/sqlite.h"
#include "shared/store/view_columns.h"

/* clang-format off */
#define ISSUE_COLUMNS "coupon_id, sequence, user_id, nth, issued_at, journal_seq, request_key"
#define COUPON_COLUMNS \
    "id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, journal_seq, " \
    "number, returned, redeemed, redeem_until, redeem_within_s, archived, description, benefit, metadata, owner, " \
    "segments"
#define CHANGE_COLUMNS "coupon_id, sequence, state, reference, reason, restock, again, actor, changed_at, journal_seq"
#define HISTORY_COLUMNS "coupon_id, journal_seq, changed_at, actor, request_id, policy"
#define ERASURE_COLUMNS "journal_id, journal_seq, fingerprint, erased_at, actor, request_id"
#define JOURNAL_COLUMNS "partition_no, journal_id, partitions, last_seq, ahead, fingerprint_key, code_key, erased_seq"
#define LETTER_COLUMNS \
    "journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, recorded_at, record, reason, dead_at"
#define OWNERSHIP_COLUMNS "partition_no, journal_id, epoch, owner, standby"
#define NOW "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"

/* ON CONFLICT names our key: with an index of somebody else, the row would overwrite another one. */
static const char *const statement_texts[SQLITE_STATEMENTS] = {
    [SQLITE_INSERT_ISSUE] =
        "INSERT INTO coupon_issue (" ISSUE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQLITE_ISSUE_BY_SEQUENCE] =
        "SELECT " ISSUE_COLUMNS " FROM coupon_issue WHERE coupon_id = ?1 AND sequence = ?2",
    [SQLITE_ISSUE_BY_HOLDER] =
        "SELECT " ISSUE_COLUMNS " FROM coupon_issue WHERE coupon_id = ?1 AND user_id = ?2 AND nth = ?3",
    [SQLITE_INSERT_COUPON] =
        "INSERT INTO coupon (id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, "
        "updated_at, journal_seq, number, redeem_until, redeem_within_s, archived, description, benefit, metadata, "
        "owner, segments) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
        "?19)",
    [SQLITE_COUPON_BY_ID] =
        "SELECT " COUPON_COLUMNS " FROM coupon WHERE id = ?1",
    [SQLITE_CHANGE_COUPON] =
        "UPDATE coupon SET title = ?2, quantity = ?3, per_user_limit = ?4, starts_at = ?5, ends_at = ?6, paused = ?7, "
        "created_at = ?8, updated_at = ?9, journal_seq = ?10, number = ?11, redeem_until = ?12, redeem_within_s = ?13, "
        "archived = ?14, description = ?15, benefit = ?16, metadata = ?17, owner = ?18, segments = ?19 WHERE id = ?1",
    [SQLITE_RAISE_ISSUED] =
        "UPDATE coupon SET issued = max(issued, ?2) WHERE id = ?1",
    [SQLITE_INSERT_HISTORY] =
        "INSERT INTO coupon_history (" HISTORY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
        "ON CONFLICT (coupon_id, journal_seq) DO UPDATE SET journal_seq = excluded.journal_seq",
    [SQLITE_CHANGE_BY_SEQUENCE] =
        "SELECT " CHANGE_COLUMNS " FROM coupon_issue_state WHERE coupon_id = ?1 AND sequence = ?2",
    [SQLITE_WRITE_CHANGE] =
        "INSERT INTO coupon_issue_state (" CHANGE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
        "ON CONFLICT (coupon_id, sequence) DO UPDATE SET state = excluded.state, reference = excluded.reference, "
        "reason = excluded.reason, restock = excluded.restock, again = excluded.again, actor = excluded.actor, "
        "changed_at = excluded.changed_at, journal_seq = excluded.journal_seq",
    [SQLITE_ADD_COUNTS] =
        "UPDATE coupon SET returned = max(0, returned + ?2), redeemed = max(0, redeemed + ?3) WHERE id = ?1",
    [SQLITE_INSERT_ERASURE] =
        "INSERT INTO erasure (" ERASURE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
        "ON CONFLICT (journal_id, journal_seq) DO UPDATE SET journal_seq = excluded.journal_seq",
    [SQLITE_RAISE_ERASED] =
        "UPDATE journal SET erased_seq = max(erased_seq, ?2) WHERE partition_no = ?1",
    [SQLITE_LATER_ERASURES] =
        "SELECT " ERASURE_COLUMNS " FROM erasure WHERE journal_id = ?1 AND journal_seq > ?2",
    [SQLITE_ISSUES_OF_USER] =
        "SELECT coupon_id, sequence FROM coupon_issue WHERE user_id = ?1 AND journal_seq < ?2",
    [SQLITE_ERASE_ISSUE] =
        "UPDATE coupon_issue SET user_id = ?3 WHERE coupon_id = ?1 AND sequence = ?2",
    [SQLITE_STATES_OF_ACTOR] =
        "SELECT coupon_id, sequence FROM coupon_issue_state WHERE actor = ?1 AND journal_seq < ?2",
    [SQLITE_ERASE_STATE_ACTOR] =
        "UPDATE coupon_issue_state SET actor = ?3 WHERE coupon_id = ?1 AND sequence = ?2",
    [SQLITE_HISTORIES_OF_ACTOR] =
        "SELECT coupon_id, journal_seq FROM coupon_history WHERE actor = ?1 AND journal_seq < ?2",
    [SQLITE_ERASE_HISTORY_ACTOR] =
        "UPDATE coupon_history SET actor = ?3 WHERE coupon_id = ?1 AND journal_seq = ?2",
    [SQLITE_ERASE_ERASURE_ACTOR] =
        "UPDATE erasure SET actor = ?4 WHERE journal_id = ?1 AND actor = ?2 AND journal_seq <= ?3",
    [SQLITE_LETTERS_OF_USER] =
        "SELECT " LETTER_COLUMNS " FROM dead_letter WHERE journal_id = ?1 AND ((sequence IS NOT NULL AND user_id = ?3 "
        "AND journal_seq < ?2) OR instr(reason, ?4) > 0) ORDER BY journal_seq LIMIT ?5",
    [SQLITE_SET_JOURNAL] =
        "INSERT INTO journal (" JOURNAL_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
        "ON CONFLICT (partition_no) DO UPDATE SET journal_id = excluded.journal_id, partitions = excluded.partitions, "
        "last_seq = excluded.last_seq, ahead = excluded.ahead, fingerprint_key = excluded.fingerprint_key, "
        "code_key = excluded.code_key, erased_seq = excluded.erased_seq",
    [SQLITE_EACH_JOURNAL] =
        "SELECT " JOURNAL_COLUMNS " FROM journal ORDER BY partition_no",
    [SQLITE_EACH_COUPON] =
        "SELECT " COUPON_COLUMNS " FROM coupon ORDER BY id",
    [SQLITE_EACH_ISSUE] =
        "SELECT " ISSUE_COLUMNS " FROM coupon_issue ORDER BY coupon_id, sequence",
    [SQLITE_EACH_CHANGE] =
        "SELECT " CHANGE_COLUMNS ", (SELECT user_id FROM coupon_issue i WHERE i.coupon_id = s.coupon_id "
        "AND i.sequence = s.sequence) FROM coupon_issue_state s ORDER BY coupon_id, sequence",
    [SQLITE_EACH_HISTORY] =
        "SELECT " HISTORY_COLUMNS " FROM coupon_history ORDER BY coupon_id, journal_seq",
    [SQLITE_HISTORY_OF_COUPON] =
        "SELECT " HISTORY_COLUMNS " FROM coupon_history WHERE coupon_id = ?1 ORDER BY journal_seq",
    [SQLITE_HISTORY_PAGE] =
        "SELECT " HISTORY_COLUMNS " FROM coupon_history WHERE coupon_id = ?1 AND journal_seq < ?2 "
        "ORDER BY journal_seq DESC LIMIT ?3",
    [SQLITE_OWNER_OF_COUPON] =
        "SELECT owner FROM coupon WHERE id = ?1",
    [SQLITE_EACH_ERASURE] =
        "SELECT " ERASURE_COLUMNS " FROM erasure ORDER BY journal_seq",
    [SQLITE_INSERT_LETTER] =
        "INSERT INTO dead_letter (" LETTER_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
        "ON CONFLICT (journal_id, journal_seq) DO UPDATE SET partition_no = excluded.partition_no, "
        "coupon_id = excluded.coupon_id, sequence = excluded.sequence, user_id = excluded.user_id, "
        "nth = excluded.nth, recorded_at = excluded.recorded_at, record = excluded.record, "
        "reason = excluded.reason, dead_at = excluded.dead_at",
    [SQLITE_DELETE_LETTERS] =
        "DELETE FROM dead_letter WHERE journal_id = ?1 AND journal_seq BETWEEN ?2 AND ?3",
    [SQLITE_ADOPT_LETTERS] =
        "UPDATE OR IGNORE dead_letter SET journal_id = ?1 WHERE partition_no = ?2 AND journal_seq <= ?3",
    [SQLITE_EACH_LETTER] =
        "SELECT " LETTER_COLUMNS " FROM dead_letter WHERE (journal_id, journal_seq) > (?1, ?2) "
        "ORDER BY journal_id, journal_seq LIMIT ?3",
    [SQLITE_DEAD_COUPONS] =
        "SELECT coupon_id, reason FROM dead_letter WHERE journal_id = ?1 AND sequence IS NULL AND coupon_id <> '' "
        "AND NOT EXISTS (SELECT 1 FROM coupon WHERE id = coupon_id) ORDER BY coupon_id, journal_seq",
    [SQLITE_USER_ISSUES] =
        STORE_VIEW_SELECT " WHERE issue.user_id = ?1 "
        "AND (issue.issued_at, issue.coupon_id, issue.sequence) < (?2, ?3, ?4) "
        "ORDER BY issue.issued_at DESC, issue.coupon_id DESC, issue.sequence DESC LIMIT ?5",
    [SQLITE_COUPON_ISSUES] =
        STORE_VIEW_SELECT " WHERE issue.coupon_id = ?1 AND issue.sequence > ?4 ORDER BY issue.sequence LIMIT ?5",
    [SQLITE_ALL_ISSUES] =
        STORE_VIEW_SELECT " WHERE (issue.coupon_id, issue.sequence) > (?3, ?4) "
        "ORDER BY issue.coupon_id, issue.sequence LIMIT ?5",
    [SQLITE_EARLIER_ISSUES] =
        "SELECT coupon_id, sequence, user_id, nth, issued_at, journal_seq, NULL FROM coupon_issue WHERE coupon_id = ?1 "
        "AND sequence < ?2 AND EXISTS (SELECT 1 FROM journal WHERE journal_id = ?3) ORDER BY sequence DESC LIMIT ?4",
    [SQLITE_INSERT_OWNERSHIP] =
        "INSERT INTO issuer_partition (" OWNERSHIP_COLUMNS ", changed_at) VALUES (?1, ?2, ?3, ?4, ?5, " NOW ") "
        "ON CONFLICT (partition_no) DO NOTHING",
    [SQLITE_OWNERSHIP] =
        "SELECT " OWNERSHIP_COLUMNS " FROM issuer_partition WHERE partition_no = ?1",
    [SQLITE_CHANGE_OWNERSHIP] =
        "UPDATE issuer_partition SET journal_id = ?2, epoch = ?3, owner = ?4, standby = ?5, changed_at = " NOW
        " WHERE partition_no = ?1 AND journal_id = ?6 AND epoch = ?7 AND owner = ?8 AND standby = ?9",
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
    sqlite3_bind_text(statement, index, text ? text : "", (int)length, SQLITE_STATIC); /* empty ones may be NULL */
}

void store_sqlite_bind_number(sqlite3_stmt *statement, int index, uint64_t number)
{
    sqlite3_bind_int64(statement, index, (int64_t)number);
}

void store_sqlite_bind_optional(sqlite3_stmt *statement, int index, uint64_t number, uint64_t none)
{
    if (number == none)
        sqlite3_bind_null(statement, index);
    else
        store_sqlite_bind_number(statement, index, number);
}

void store_sqlite_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t length, bool known)
{
    if (known)
        sqlite3_bind_blob(statement, index, bytes, (int)length, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(statement, index);
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
