#include "shared/store/sqlite/sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "shared/journal/dir.h"

/* clang-format off */
#define COUPON_TABLE \
    "CREATE TABLE IF NOT EXISTS coupon (" \
    " id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, quantity INTEGER, per_user_limit INTEGER NOT NULL," \
    " starts_at TEXT, ends_at TEXT, paused INTEGER NOT NULL, issued INTEGER NOT NULL," \
    " created_at TEXT NOT NULL, updated_at TEXT NOT NULL, journal_seq INTEGER NOT NULL," \
    " number INTEGER NOT NULL DEFAULT 0, returned INTEGER NOT NULL DEFAULT 0, redeemed INTEGER NOT NULL DEFAULT 0," \
    " redeem_until TEXT, redeem_within_s INTEGER, archived INTEGER NOT NULL DEFAULT 0," \
    " description TEXT NOT NULL DEFAULT '', benefit TEXT NOT NULL DEFAULT '', metadata TEXT NOT NULL DEFAULT ''," \
    " owner TEXT NOT NULL DEFAULT '', segments TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;"

/* Unique by user first, so that the same index finds a user's issues of all coupons: measured with two million users, it
 * costs half as much as an index of its own beside UNIQUE (coupon_id, user_id, nth). */
#define ISSUE_TABLE \
    "CREATE TABLE IF NOT EXISTS coupon_issue (" \
    " coupon_id TEXT NOT NULL, sequence INTEGER NOT NULL, user_id TEXT NOT NULL, nth INTEGER NOT NULL," \
    " issued_at TEXT NOT NULL, journal_seq INTEGER NOT NULL, request_key BLOB," \
    " PRIMARY KEY (coupon_id, sequence), UNIQUE (user_id, coupon_id, nth)) STRICT, WITHOUT ROWID;"

/* New in version 4. */
#define LIFE_TABLES \
    "CREATE TABLE IF NOT EXISTS coupon_history (" \
    " coupon_id TEXT NOT NULL, journal_seq INTEGER NOT NULL, changed_at TEXT NOT NULL, actor TEXT NOT NULL," \
    " request_id TEXT NOT NULL, policy TEXT NOT NULL, PRIMARY KEY (coupon_id, journal_seq)) STRICT, WITHOUT ROWID;" \
    "CREATE TABLE IF NOT EXISTS coupon_issue_state (" \
    " coupon_id TEXT NOT NULL, sequence INTEGER NOT NULL, state TEXT NOT NULL, reference TEXT NOT NULL," \
    " reason TEXT NOT NULL, restock INTEGER NOT NULL, again INTEGER NOT NULL, actor TEXT NOT NULL," \
    " changed_at TEXT NOT NULL, journal_seq INTEGER NOT NULL, PRIMARY KEY (coupon_id, sequence))" \
    " STRICT, WITHOUT ROWID;" \
    "CREATE TABLE IF NOT EXISTS erasure (" \
    " journal_id TEXT NOT NULL, journal_seq INTEGER NOT NULL, fingerprint BLOB NOT NULL, erased_at TEXT NOT NULL," \
    " actor TEXT NOT NULL, request_id TEXT NOT NULL, PRIMARY KEY (journal_id, journal_seq)) STRICT, WITHOUT ROWID;"

/* Every statement may be repeated: several persisters migrate at once. */
static const char *const schema =
    COUPON_TABLE
    ISSUE_TABLE
    "CREATE TABLE IF NOT EXISTS dead_letter ("
    " journal_id TEXT NOT NULL, journal_seq INTEGER NOT NULL, partition_no INTEGER NOT NULL, coupon_id TEXT NOT NULL,"
    " sequence INTEGER, user_id TEXT, nth INTEGER, recorded_at TEXT NOT NULL, record BLOB NOT NULL,"
    " reason TEXT NOT NULL, dead_at TEXT NOT NULL, PRIMARY KEY (journal_id, journal_seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS journal ("
    " partition_no INTEGER PRIMARY KEY NOT NULL, journal_id TEXT NOT NULL, partitions INTEGER NOT NULL,"
    " last_seq INTEGER NOT NULL, ahead TEXT NOT NULL DEFAULT '', fingerprint_key BLOB, code_key BLOB,"
    " erased_seq INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " version INTEGER PRIMARY KEY NOT NULL, applied_at TEXT NOT NULL, store_id TEXT) STRICT;"
    LIFE_TABLES;

static const char *const from_version_1 =
    "ALTER TABLE journal ADD COLUMN ahead TEXT NOT NULL DEFAULT '';"
    "INSERT INTO schema_version (version, applied_at) VALUES (2, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'));";

static const char *const from_version_2 =
    "ALTER TABLE schema_version ADD COLUMN store_id TEXT;";

/* SQLite can neither make `quantity` accept NULL nor replace a table's unique key: the tables are written anew. */
static const char *const from_version_3 =
    "ALTER TABLE coupon RENAME TO coupon_version_3;"
    COUPON_TABLE
    "INSERT INTO coupon (id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at,"
    " updated_at, journal_seq) SELECT id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued,"
    " created_at, updated_at, journal_seq FROM coupon_version_3;"
    "DROP TABLE coupon_version_3;"
    "ALTER TABLE coupon_issue RENAME TO coupon_issue_version_3;"
    ISSUE_TABLE
    "INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq)"
    " SELECT coupon_id, sequence, user_id, nth, issued_at, journal_seq FROM coupon_issue_version_3;"
    "DROP TABLE coupon_issue_version_3;"
    "ALTER TABLE journal ADD COLUMN fingerprint_key BLOB;"
    "ALTER TABLE journal ADD COLUMN code_key BLOB;"
    "ALTER TABLE journal ADD COLUMN erased_seq INTEGER NOT NULL DEFAULT 0;"
    LIFE_TABLES;

/* The last step, which gives the store its id, unless version 3 did. */
static const char *const say_version =
    "INSERT INTO schema_version (version, applied_at, store_id)"
    " SELECT 4, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'), CASE WHEN EXISTS"
    " (SELECT 1 FROM schema_version WHERE store_id IS NOT NULL) THEN NULL ELSE lower(hex(randomblob(16))) END;";
/* clang-format on */
_Static_assert(STORE_SCHEMA_VERSION == 4, "a new version needs its migration here");

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

/* SQLite creates the file, but not its folder. */
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
    return result == STORE_OK ? store_sqlite_open(store, SQLITE_OPEN_CREATE, error) : result;
}

/* Somebody else's indexes and triggers, which are dropped with the tables that are written anew. */
static const char objects_of_tables[] =
    "SELECT sql FROM sqlite_schema WHERE tbl_name COLLATE NOCASE IN ('coupon', 'coupon_issue')"
    " AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name";

static enum store_result read_objects(struct store_sqlite *store, struct sql_text *objects, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = NULL;
    int code = sqlite3_prepare_v2(store->db, objects_of_tables, -1, &select, NULL);
    if (code == SQLITE_OK) {
        while ((code = sqlite3_step(select)) == SQLITE_ROW) {
            sql_text_add(objects, (const char *)sqlite3_column_text(select, 0));
            sql_text_add(objects, ";");
        }
    }
    if (code != SQLITE_DONE)
        result = store_sqlite_fault(store, "reading the indexes and triggers of the tables", error);
    sqlite3_finalize(select);
    sql_text_add_bytes(objects, "", 1); /* the end, for SQLite */
    return result;
}

static enum store_result leave_version_3(struct store_sqlite *store, struct error *error)
{
    struct sql_text objects = {.data = NULL};
    enum store_result result = read_objects(store, &objects, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "changing the schema of version 3", from_version_3, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "creating indexes and triggers again", objects.data, error);
    sql_text_deinit(&objects);
    return result;
}

static enum store_result run_steps(struct store_sqlite *store, int64_t version, struct error *error)
{
    enum store_result result = version == 0 ? store_sqlite_run(store, "creating the schema", schema, error) : STORE_OK;
    if (result == STORE_OK && version == 1)
        result = store_sqlite_run(store, "changing the schema of version 1", from_version_1, error);
    if (result == STORE_OK && (version == 1 || version == 2))
        result = store_sqlite_run(store, "changing the schema of version 2", from_version_2, error);
    if (result == STORE_OK && version != 0)
        result = leave_version_3(store, error);
    return result == STORE_OK ? store_sqlite_run(store, "writing the version of the schema", say_version, error)
                              : result;
}

/* In a transaction: several processes may migrate at once, and the second finds it done. */
static enum store_result upgrade(struct store_sqlite *store, struct error *error)
{
    int64_t version = 0;
    enum store_result result = store_sqlite_run(store, "beginning a transaction", "BEGIN IMMEDIATE", error);
    if (result == STORE_OK)
        result = read_version(store, &version, error);
    if (result == STORE_OK && version < STORE_SCHEMA_VERSION)
        result = run_steps(store, version, error);
    if (result == STORE_OK)
        result = store_sqlite_run(store, "committing", "COMMIT", error);
    if (result != STORE_OK && store->db && !sqlite3_get_autocommit(store->db))
        store_sqlite_run(store, "rolling back", "ROLLBACK", NULL);
    return result;
}

/* Without this setting, SQLite would let views follow a table that is renamed, to be dropped. */
static enum store_result upgrade_with_views(struct store_sqlite *store, struct error *error)
{
    int legacy = 0;
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, -1, &legacy);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 1, NULL);
    enum store_result result = upgrade(store, error);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, legacy, NULL);
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
    return version < STORE_SCHEMA_VERSION ? upgrade_with_views(store, error) : store_schema_judge(base, version, error);
}

static enum store_result schema_version(struct store *base, int64_t *version, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    *version = 0;
    if (!store->db && store_sqlite_is_absent(store))
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

/* Only store_migrate() creates the file: a reader must not leave an empty one behind. */
static enum store_result connect_database(struct store *base, struct error *error)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    store_sqlite_close(store);
    return store_sqlite_is_absent(store) ? STORE_OK : store_sqlite_open(store, 0, error);
}

static void destroy(struct store *base)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    store_sqlite_close(store);
    store_order_deinit(&store->order);
    store_erased_deinit(&store->erased);
    sql_text_deinit(&store->json);
    free(store);
}

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
    .each_change = store_sqlite_each_change,
    .each_history = store_sqlite_each_history,
    .each_erasure = store_sqlite_each_erasure,
    .each_dead_letter = store_sqlite_each_dead_letter,
    .read_issues = store_sqlite_read_issues,
    .read_earlier = store_sqlite_read_earlier,
    .read_history = store_sqlite_read_history_page,
    .find_owner = store_sqlite_find_owner,
    .create_ownership = store_sqlite_create_ownership,
    .read_ownership = store_sqlite_read_ownership,
    .change_ownership = store_sqlite_change_ownership,
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
