#include "tests/unit/shared/store/old_schemas.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const char *const sqlite_tables[] = {
    "CREATE TABLE coupon ("
    " id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, quantity INTEGER NOT NULL, per_user_limit INTEGER NOT NULL,"
    " starts_at TEXT, ends_at TEXT, paused INTEGER NOT NULL, issued INTEGER NOT NULL,"
    " created_at TEXT NOT NULL, updated_at TEXT NOT NULL, journal_seq INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE coupon_issue ("
    " coupon_id TEXT NOT NULL, sequence INTEGER NOT NULL, user_id TEXT NOT NULL, nth INTEGER NOT NULL,"
    " issued_at TEXT NOT NULL, journal_seq INTEGER NOT NULL,"
    " PRIMARY KEY (coupon_id, sequence), UNIQUE (coupon_id, user_id, nth)) STRICT, WITHOUT ROWID",
    "CREATE TABLE dead_letter ("
    " journal_id TEXT NOT NULL, journal_seq INTEGER NOT NULL, partition_no INTEGER NOT NULL, coupon_id TEXT NOT NULL,"
    " sequence INTEGER, user_id TEXT, nth INTEGER, recorded_at TEXT NOT NULL, record BLOB NOT NULL,"
    " reason TEXT NOT NULL, dead_at TEXT NOT NULL, PRIMARY KEY (journal_id, journal_seq)) STRICT, WITHOUT ROWID",
    "CREATE TABLE journal ("
    " partition_no INTEGER PRIMARY KEY NOT NULL, journal_id TEXT NOT NULL, partitions INTEGER NOT NULL,"
    " last_seq INTEGER NOT NULL) STRICT",
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY NOT NULL, applied_at TEXT NOT NULL) STRICT",
    NULL,
};

#define MYSQL_END " ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin"

static const char *const mysql_tables[] = {
    "CREATE TABLE coupon (id VARCHAR(32) COLLATE ascii_bin NOT NULL, title VARCHAR(512) COLLATE utf8mb4_bin NOT NULL,"
    " quantity INT UNSIGNED NOT NULL, per_user_limit INT UNSIGNED NOT NULL, starts_at DATETIME(6) NULL,"
    " ends_at DATETIME(6) NULL, paused BOOLEAN NOT NULL, issued INT UNSIGNED NOT NULL, created_at DATETIME(6) NOT NULL,"
    " updated_at DATETIME(6) NOT NULL, journal_seq BIGINT UNSIGNED NOT NULL, PRIMARY KEY (id))" MYSQL_END,
    "CREATE TABLE coupon_issue (coupon_id VARCHAR(32) COLLATE ascii_bin NOT NULL, sequence INT UNSIGNED NOT NULL,"
    " user_id VARCHAR(64) COLLATE ascii_bin NOT NULL, nth SMALLINT UNSIGNED NOT NULL, issued_at DATETIME(6) NOT NULL,"
    " journal_seq BIGINT UNSIGNED NOT NULL, PRIMARY KEY (coupon_id, sequence),"
    " UNIQUE KEY holder (coupon_id, user_id, nth))" MYSQL_END,
    "CREATE TABLE dead_letter (journal_id CHAR(32) COLLATE ascii_bin NOT NULL, journal_seq BIGINT UNSIGNED NOT NULL,"
    " partition_no SMALLINT UNSIGNED NOT NULL, coupon_id VARCHAR(32) COLLATE ascii_bin NOT NULL,"
    " sequence INT UNSIGNED NULL, user_id VARCHAR(64) COLLATE ascii_bin NULL, nth SMALLINT UNSIGNED NULL,"
    " recorded_at DATETIME(6) NOT NULL, record VARBINARY(1024) NOT NULL,"
    " reason VARCHAR(512) COLLATE utf8mb4_bin NOT NULL, dead_at DATETIME(6) NOT NULL,"
    " PRIMARY KEY (journal_id, journal_seq))" MYSQL_END,
    "CREATE TABLE journal (partition_no SMALLINT UNSIGNED NOT NULL, journal_id CHAR(32) COLLATE ascii_bin NOT NULL,"
    " partitions SMALLINT UNSIGNED NOT NULL, last_seq BIGINT UNSIGNED NOT NULL, PRIMARY KEY (partition_no))" MYSQL_END,
    "CREATE TABLE schema_version (version INT UNSIGNED NOT NULL, applied_at DATETIME(6) NOT NULL,"
    " PRIMARY KEY (version))" MYSQL_END,
    NULL,
};

#define AT "'2026-11-21 02:25:00.000000'"
#define AT_SQLITE "'2026-11-21T02:25:00.000000Z'"
#define JOURNAL "'5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a'"
#define ROWS(at, blob)                                                                                                 \
    "INSERT INTO coupon VALUES ('c', 'A coffee', 5, 1, " at ", NULL, 0, 2, " at ", " at ", 1)",                        \
    "INSERT INTO coupon_issue VALUES ('c', 1, 'anna', 1, " at ", 2)",                                                  \
    "INSERT INTO coupon_issue VALUES ('c', 2, 'bert', 1, " at ", 3)",                                                  \
    "INSERT INTO dead_letter VALUES (" JOURNAL ", 4, 0, 'c', 3, 'carl', 1, " at ", " blob ", 'because', " at ")",      \
    "INSERT INTO journal VALUES (0, " JOURNAL ", 1, 3)",                                                               \
    "INSERT INTO schema_version VALUES (1, " at ")",                                                                   \
    NULL

static const char *const sqlite_rows[] = {ROWS(AT_SQLITE, "x'0102'")};
static const char *const mysql_rows[] = {ROWS(AT, "x'0102'")};

static const char *const sqlite_to_2[] = {
    "ALTER TABLE journal ADD COLUMN ahead TEXT NOT NULL DEFAULT ''",
    "INSERT INTO schema_version VALUES (2, " AT_SQLITE ")",
    NULL,
};
static const char *const mysql_to_2[] = {
    "ALTER TABLE journal ADD COLUMN ahead VARCHAR(4000) NOT NULL DEFAULT ''",
    "INSERT INTO schema_version VALUES (2, " AT ")",
    NULL,
};
static const char *const sqlite_to_3[] = {
    "ALTER TABLE schema_version ADD COLUMN store_id TEXT",
    "INSERT INTO schema_version VALUES (3, " AT_SQLITE ", '" OLD_STORE_ID "')",
    NULL,
};
static const char *const mysql_to_3[] = {
    "ALTER TABLE schema_version ADD COLUMN store_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL",
    "INSERT INTO schema_version VALUES (3, " AT ", '" OLD_STORE_ID "')",
    NULL,
};
/* clang-format on */

static void run(struct store_fixture *fixture, const char *const *steps)
{
    for (; *steps; steps++)
        store_fixture_sql(fixture, *steps);
}

void old_schema_create(struct store_fixture *fixture, int version)
{
    bool sqlite = strcmp(fixture->options.store_type, "sqlite") == 0;
    run(fixture, sqlite ? sqlite_tables : mysql_tables);
    run(fixture, sqlite ? sqlite_rows : mysql_rows);
    if (version >= 2)
        run(fixture, sqlite ? sqlite_to_2 : mysql_to_2);
    if (version >= 3)
        run(fixture, sqlite ? sqlite_to_3 : mysql_to_3);
}
