/* The schema's version, its migrations, and the store's id. */
#include "shared/store/mysql/tables.h"

#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char *const from_version_1[] = {
    "ALTER TABLE journal ADD COLUMN ahead VARCHAR(4000) NOT NULL DEFAULT ''",
    "INSERT INTO schema_version (version, applied_at) VALUES (2, UTC_TIMESTAMP(6))",
    NULL,
};

static const char *const from_version_2[] = {
    "ALTER TABLE schema_version ADD COLUMN store_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL",
    NULL,
};
/* The tables that are new in version 4 are created like all others. */
static const char *const from_version_3[] = {
    "ALTER TABLE coupon MODIFY quantity INT UNSIGNED NULL,"
    " ADD COLUMN number INT UNSIGNED NOT NULL DEFAULT 0,"
    " ADD COLUMN returned INT UNSIGNED NOT NULL DEFAULT 0,"
    " ADD COLUMN redeemed INT UNSIGNED NOT NULL DEFAULT 0,"
    " ADD COLUMN redeem_until DATETIME(6) NULL,"
    " ADD COLUMN redeem_within_s INT UNSIGNED NULL,"
    " ADD COLUMN archived BOOLEAN NOT NULL DEFAULT 0,"
    " ADD COLUMN description VARCHAR(2048) COLLATE utf8mb4_bin NOT NULL DEFAULT '',"
    " ADD COLUMN benefit VARCHAR(1024) COLLATE utf8mb4_bin NOT NULL DEFAULT '',"
    " ADD COLUMN metadata VARCHAR(4096) COLLATE utf8mb4_bin NOT NULL DEFAULT '',"
    " ADD COLUMN owner VARCHAR(64) COLLATE utf8mb4_bin NOT NULL DEFAULT '',"
    " ADD COLUMN segments VARCHAR(512) COLLATE utf8mb4_bin NOT NULL DEFAULT ''",
    "ALTER TABLE coupon_issue ADD COLUMN request_key VARBINARY(8) NULL,"
    " ADD UNIQUE KEY holder_of_user (user_id, coupon_id, nth)",
    "ALTER TABLE coupon_issue DROP KEY holder",
    "ALTER TABLE dead_letter MODIFY record VARBINARY(8640) NOT NULL",
    "ALTER TABLE journal ADD COLUMN fingerprint_key VARBINARY(16) NULL, ADD COLUMN code_key VARBINARY(16) NULL,"
    " ADD COLUMN erased_seq BIGINT UNSIGNED NOT NULL DEFAULT 0",
    NULL,
};
/* clang-format on */
_Static_assert(STORE_SCHEMA_VERSION == 4, "a new version needs its migration here");

/* --- version --- */

static bool take_version(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    int64_t *version = context;
    (void)lengths;
    *version = columns[0] ? strtoll(columns[0], NULL, 10) : 0;
    *good = true;
    return false;
}

static enum store_result read_version(struct store_mysql *store, int64_t *version, struct error *error)
{
    *version = 0;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT MAX(version) FROM schema_version");
    enum store_result result = store_mysql_each_row(store, "schema_version", take_version, version, error);
    bool no_table = result == STORE_FAILED && mysql_errno(store->connection) == ER_NO_SUCH_TABLE;
    return no_table ? STORE_OK : result;
}

enum store_result store_mysql_schema_version(struct store *base, int64_t *version, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    *version = 0;
    enum store_result result = store_mysql_need_connection(store, error);
    return result == STORE_OK ? read_version(store, version, error) : result;
}

/* --- migration --- */

/* True when another process has done this step meanwhile. */
static bool is_done(const struct store_mysql *store)
{
    unsigned code = mysql_errno(store->connection);
    return code == ER_DUP_ENTRY || code == ER_DUP_FIELDNAME || code == ER_DUP_KEYNAME ||
           code == ER_CANT_DROP_FIELD_OR_KEY;
}

static enum store_result run_step(struct store_mysql *store, struct error *error)
{
    enum store_result result = store_mysql_run(store, "creating the schema", error);
    return result == STORE_FAILED && is_done(store) ? STORE_OK : result;
}

static enum store_result run_steps(struct store_mysql *store, const char *const *steps, struct error *error)
{
    enum store_result result = STORE_OK;
    for (; *steps && result == STORE_OK; steps++) {
        sql_text_clear(&store->sql);
        sql_text_add(&store->sql, *steps);
        result = run_step(store, error);
    }
    return result;
}

static enum store_result create_tables(struct store_mysql *store, struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < STORE_MYSQL_TABLES && result == STORE_OK; i++) {
        sql_text_clear(&store->sql);
        store_mysql_add_table(&store->sql, i);
        result = run_step(store, error);
    }
    return result;
}

/* The last step records that the schema is complete. Of several processes the first one wins. Version 3 gave the store
 * its id. */
static enum store_result insert_version(struct store_mysql *store, bool has_id, struct error *error)
{
    uint8_t id[STORE_ID_BYTES];
    store_id_make(id);
    sql_text_clear(&store->sql);
    store_mysql_add_number(&store->sql, "INSERT INTO schema_version (version, applied_at, store_id) VALUES (",
                           STORE_SCHEMA_VERSION);
    sql_text_add(&store->sql, ", UTC_TIMESTAMP(6), ");
    if (has_id)
        sql_text_add(&store->sql, "NULL");
    else
        store_mysql_add_journal_id(&store->sql, "", id);
    sql_text_add(&store->sql, ")");
    return run_step(store, error);
}

static enum store_result upgrade(struct store_mysql *store, int64_t version, struct error *error)
{
    enum store_result result = create_tables(store, error);
    if (version == 1 && result == STORE_OK)
        result = run_steps(store, from_version_1, error);
    if ((version == 1 || version == 2) && result == STORE_OK)
        result = run_steps(store, from_version_2, error);
    if (version != 0 && result == STORE_OK)
        result = run_steps(store, from_version_3, error);
    return result == STORE_OK ? insert_version(store, version == 3, error) : result;
}

enum store_result store_mysql_migrate(struct store *base, struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    int64_t version = 0;
    enum store_result result = store_mysql_schema_version(base, &version, error);
    if (result == STORE_OK && version < STORE_SCHEMA_VERSION)
        result = upgrade(store, version, error);
    else if (result == STORE_OK)
        result = store_schema_judge(base, version, error);
    return result == STORE_OK ? store_mysql_check_tables(base, error) : result;
}

/* --- id --- */

static bool take_id(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    *good = columns[0] && journal_id_parse(columns[0], lengths[0], context);
    return false;
}

enum store_result store_mysql_find_id(struct store_mysql *store, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    uint8_t found[STORE_ID_BYTES] = {0};
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, STORE_ID_QUERY);
    enum store_result result = store_mysql_each_row(store, "schema_version", take_id, found, error);
    memcpy(id, found, sizeof found);
    return result == STORE_OK && !store_id_is_known(found) ? store_id_missing(&store->base, error) : result;
}

enum store_result store_mysql_read_id(struct store *base, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    enum store_result result = store_mysql_need_connection(store, error);
    return result == STORE_OK ? store_mysql_find_id(store, id, error) : result;
}
