#include "shared/store/sqlite/sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/journal/dir.h"

#define BUSY_TIMEOUT_MS 1000

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
    [SQLITE_BURY_LETTER] =
        "REPLACE INTO dead_letter (journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, "
        "recorded_at, record, reason, dead_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [SQLITE_TAKE_LETTERS] =
        "DELETE FROM dead_letter WHERE journal_id = ?1 AND journal_seq BETWEEN ?2 AND ?3",
    [SQLITE_EACH_LETTER] =
        "SELECT journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, recorded_at, record, reason, "
        "dead_at FROM dead_letter WHERE (journal_id, journal_seq) > (?1, ?2) ORDER BY journal_id, journal_seq LIMIT ?3",
    [SQLITE_DEAD_COUPONS] =
        "SELECT coupon_id, reason FROM dead_letter WHERE journal_id = ?1 AND user_id IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM coupon WHERE id = coupon_id) ORDER BY coupon_id, journal_seq",
    [SQLITE_STORE_ID] = STORE_ID_QUERY,
};

/* Every statement may be repeated: several persisters migrate at once. */
static const char *const schema =
    "CREATE TABLE IF NOT EXISTS coupon ("
    " id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, quantity INTEGER NOT NULL, per_user_limit INTEGER NOT NULL,"
    " starts_at TEXT, ends_at TEXT, paused INTEGER NOT NULL, issued INTEGER NOT NULL,"
    " created_at TEXT NOT NULL, updated_at TEXT NOT NULL, journal_seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS coupon_issue ("
    " coupon_id TEXT NOT NULL, sequence INTEGER NOT NULL, user_id TEXT NOT NULL, nth INTEGER NOT NULL,"
    " issued_at TEXT NOT NULL, journal_seq INTEGER NOT NULL,"
    " PRIMARY KEY (coupon_id, sequence), UNIQUE (coupon_id, user_id, nth)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS dead_letter ("
    " journal_id TEXT NOT NULL, journal_seq INTEGER NOT NULL, partition_no INTEGER NOT NULL, coupon_id TEXT NOT NULL,"
    " sequence INTEGER, user_id TEXT, nth INTEGER, recorded_at TEXT NOT NULL, record BLOB NOT NULL,"
    " reason TEXT NOT NULL, dead_at TEXT NOT NULL, PRIMARY KEY (journal_id, journal_seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS journal ("
    " partition_no INTEGER PRIMARY KEY NOT NULL, journal_id TEXT NOT NULL, partitions INTEGER NOT NULL,"
    " last_seq INTEGER NOT NULL, ahead TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " version INTEGER PRIMARY KEY NOT NULL, applied_at TEXT NOT NULL, store_id TEXT) STRICT;";

static const char *const from_version_1 =
    "ALTER TABLE journal ADD COLUMN ahead TEXT NOT NULL DEFAULT '';"
    "INSERT INTO schema_version (version, applied_at) VALUES (2, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'));";

static const char *const from_version_2 =
    "ALTER TABLE schema_version ADD COLUMN store_id TEXT;";

/* The last step, which gives the store its id. */
static const char *const say_version =
    "INSERT INTO schema_version (version, applied_at, store_id)"
    " VALUES (3, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'), lower(hex(randomblob(16))));";
/* clang-format on */
_Static_assert(STORE_SCHEMA_VERSION == 3, "a new version needs its migration here");

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

enum store_result store_sqlite_fault(struct store_sqlite *store, const char *doing, struct error *error)
{
    int code = store->db ? sqlite3_extended_errcode(store->db) : SQLITE_NOMEM;
    const char *text = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);
    error_set(error, "%s: %s: %s (SQLite code %d)", store->base.description, doing, text, code);
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

enum store_result store_sqlite_run(struct store_sqlite *store, const char *sql, struct error *error)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return STORE_OK;
    return store_sqlite_fault(store, sql, error);
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

/* --- opening and closing --- */

static void close_database(struct store_sqlite *store)
{
    for (size_t i = 0; i < SQLITE_STATEMENTS; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

static void destroy(struct store *base)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    close_database(store);
    store_order_deinit(&store->order);
    free(store);
}

/*
 * FULL: an acknowledged batch is never sent again, so it must outlive a power failure. Users arrive in random order, so
 * their index wants 64 MiB of cache, and checkpoints of 32 MiB instead of 4 (measured: 68,000 rows a second instead of
 * 33,000).
 */
static enum store_result configure(struct store_sqlite *store, struct error *error)
{
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    return store_sqlite_run(
        store,
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
        "PRAGMA secure_delete = OFF; PRAGMA trusted_schema = OFF;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192;",
        error);
}

static enum store_result open_database(struct store_sqlite *store, int flags, struct error *error)
{
    close_database(store);
    enum store_result result = STORE_OK;
    if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags, NULL) !=
        SQLITE_OK)
        result = store_sqlite_fault(store, "opening", error);
    if (result == STORE_OK)
        result = configure(store, error);
    if (result != STORE_OK)
        close_database(store);
    return result;
}

static bool absent(const struct store_sqlite *store)
{
    return access(store->path, F_OK) != 0;
}

/* A file that is not there yet is for store_migrate() to create: a reader must not leave an empty one behind. */
static enum store_result connect_database(struct store *base, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    close_database(store);
    return absent(store) ? STORE_OK : open_database(store, 0, error);
}

/* Whoever deletes or replaces the file leaves us with one that nobody else sees. */
static bool has_moved(struct store_sqlite *store)
{
    int moved = 0;
    return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

enum store_result store_sqlite_need_open(struct store_sqlite *store, struct error *error)
{
    if (store->db && has_moved(store))
        close_database(store);
    if (store->db)
        return STORE_OK;
    if (!absent(store))
        return open_database(store, 0, error);
    error_set(error, "%s does not exist; the persister creates it when it starts", store->base.description);
    return STORE_FAILED;
}

/* --- schema --- */

static enum store_result read_version(struct store_sqlite *store, int64_t *version, struct error *error)
{
    *version = 0;
    const char *sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'";
    for (int step = 0; step < 2; step++) {
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_step(statement);
        int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        enum store_result result = STORE_OK;
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            result = store_sqlite_fault(store, "reading the schema's version", error);
        sqlite3_finalize(statement);
        if (result != STORE_OK || value == 0)
            return result;
        sql = "SELECT max(version) FROM schema_version";
        if (step == 1)
            *version = value;
    }
    return STORE_OK;
}

/* SQLite makes the file, but not the folder that it lies in. */
static enum store_result create_folder(struct store_sqlite *store, struct error *error)
{
    char folder[JOURNAL_PATH_MAX];
    struct error reason = {""};
    const char *slash = strrchr(store->path, '/');
    if (slash == NULL || slash == store->path)
        return STORE_OK;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - store->path), store->path);
    if (journal_dir_create(folder, &reason) == 0)
        return STORE_OK;
    error_set(error, "%s: %s; make that folder writable for this user, or set store/path", store->base.description,
              reason.text);
    return STORE_FAILED;
}

static enum store_result create_database(struct store_sqlite *store, struct error *error)
{
    enum store_result result = create_folder(store, error);
    return result == STORE_OK ? open_database(store, SQLITE_OPEN_CREATE, error) : result;
}

static enum store_result run_steps(struct store_sqlite *store, int64_t version, struct error *error)
{
    enum store_result result = version == 0 ? store_sqlite_run(store, schema, error) : STORE_OK;
    if (result == STORE_OK && version == 1)
        result = store_sqlite_run(store, from_version_1, error);
    if (result == STORE_OK && version != 0)
        result = store_sqlite_run(store, from_version_2, error);
    return result == STORE_OK ? store_sqlite_run(store, say_version, error) : result;
}

/* In a transaction, as several may come at once: whoever is second finds it done. */
static enum store_result upgrade(struct store_sqlite *store, struct error *error)
{
    int64_t version = 0;
    enum store_result result = store_sqlite_run(store, "BEGIN IMMEDIATE", error);
    if (result == STORE_OK)
        result = read_version(store, &version, error);
    if (result == STORE_OK && version < STORE_SCHEMA_VERSION)
        result = run_steps(store, version, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "COMMIT", error);
    if (result != STORE_OK && store->db && !sqlite3_get_autocommit(store->db))
        store_sqlite_run(store, "ROLLBACK", NULL);
    return result;
}

static enum store_result migrate(struct store *base, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    int64_t version = 0;
    enum store_result result = store->db ? STORE_OK : create_database(store, error);
    if (result == STORE_OK)
        result = read_version(store, &version, error);
    if (result != STORE_OK)
        return result;
    return version < STORE_SCHEMA_VERSION ? upgrade(store, error) : store_schema_judge(base, version, error);
}

static enum store_result schema_version(struct store *base, int64_t *version, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    *version = 0;
    if (!store->db && absent(store))
        return STORE_OK;
    enum store_result result = store_sqlite_need_open(store, error);
    return result == STORE_OK ? read_version(store, version, error) : result;
}

/* --- id --- */

static bool take_id(sqlite3_stmt *row, void *context, bool *good)
{
    const char *text = (const char *)sqlite3_column_text(row, 0);
    *good = text && store_id_parse(text, context);
    return false;
}

enum store_result store_sqlite_find_id(struct store_sqlite *store, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    uint8_t found[STORE_ID_BYTES] = {0};
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_STORE_ID, &result, error);
    if (select)
        result = store_sqlite_each_row(store, select, "schema_version", take_id, found, error);
    memcpy(id, found, sizeof found);
    return result == STORE_OK && !store_id_is_known(found) ? store_id_missing(&store->base, error) : result;
}

static enum store_result read_id(struct store *base, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    enum store_result result = store_sqlite_need_open(store, error);
    return result == STORE_OK ? store_sqlite_find_id(store, id, error) : result;
}

/* --- life --- */

static const struct store_ops ops = {
    .destroy = destroy,
    .connect = connect_database,
    .migrate = migrate,
    .schema_version = schema_version,
    .read_id = read_id,
    .write = store_sqlite_write,
    .each_dead_coupon = store_sqlite_each_dead_coupon,
    .adopt_journal = store_sqlite_adopt_journal,
    .read_begin = store_sqlite_read_begin,
    .each_journal = store_sqlite_each_journal,
    .each_coupon = store_sqlite_each_coupon,
    .each_issue = store_sqlite_each_issue,
    .each_dead_letter = store_sqlite_each_dead_letter,
    .read_end = store_sqlite_read_end,
};

struct store *store_sqlite_create(const struct options *options, struct error *error)
{
    struct store_sqlite *store = calloc(1, sizeof *store);
    if (!store) {
        error_set(error, "no memory for the sqlite store");
        return NULL;
    }
    store->base.ops = &ops;
    store->path = options->store_path;
    snprintf(store->base.description, sizeof store->base.description, "sqlite %s", store->path);
    return &store->base;
}
