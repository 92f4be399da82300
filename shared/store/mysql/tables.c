/* What the tables are, and how they are created. */
#include "shared/store/mysql/tables.h"

#include <string.h>

/* clang-format off */
#define CHAR(n)    KIND_ASCII, n, "CHAR(" #n ") COLLATE ascii_bin"
#define VARCHAR(n) KIND_ASCII, n, "VARCHAR(" #n ") COLLATE ascii_bin"
#define UTF8(n)    KIND_UTF8, n, "VARCHAR(" #n ") COLLATE utf8mb4_bin"
#define TEXT(n)    KIND_UTF8, n, "TEXT COLLATE utf8mb4_bin"
#define BYTES(n)   KIND_BYTES, n, "VARBINARY(" #n ")"
#define BOOLEAN    KIND_UNSIGNED, 0, "BOOLEAN"
#define SMALLINT   KIND_UNSIGNED, 2, "SMALLINT UNSIGNED"
#define INT        KIND_UNSIGNED, 4, "INT UNSIGNED"
#define BIGINT     KIND_UNSIGNED, 8, "BIGINT UNSIGNED"
#define TIME       KIND_TIME, 6, "DATETIME(6)"
#define SET        " NOT NULL"
#define NOUGHT     " NOT NULL DEFAULT 0"
#define EMPTY      " NOT NULL DEFAULT ''"
#define OPTIONAL   " NULL"

const char *const store_mysql_tables[STORE_MYSQL_TABLES] = {
    "coupon", "coupon_history", "coupon_issue", "coupon_issue_state", "dead_letter", "erasure", "journal",
    "schema_version",
};

const struct store_mysql_column store_mysql_columns[STORE_MYSQL_COLUMNS] = {
    {"coupon", "id", VARCHAR(32), SET},
    {"coupon", "title", UTF8(512), SET},
    {"coupon", "quantity", INT, OPTIONAL}, /* NULL: unlimited */
    {"coupon", "per_user_limit", INT, SET},
    {"coupon", "starts_at", TIME, OPTIONAL},
    {"coupon", "ends_at", TIME, OPTIONAL},
    {"coupon", "paused", BOOLEAN, SET},
    {"coupon", "issued", INT, SET},
    {"coupon", "created_at", TIME, SET},
    {"coupon", "updated_at", TIME, SET},
    {"coupon", "journal_seq", BIGINT, SET},
    {"coupon", "number", INT, NOUGHT},
    {"coupon", "returned", INT, NOUGHT},
    {"coupon", "redeemed", INT, NOUGHT},
    {"coupon", "redeem_until", TIME, OPTIONAL},
    {"coupon", "redeem_within_s", INT, OPTIONAL},
    {"coupon", "archived", BOOLEAN, NOUGHT},
    {"coupon", "description", UTF8(2048), EMPTY},
    {"coupon", "benefit", UTF8(1024), EMPTY},
    {"coupon", "metadata", UTF8(4096), EMPTY},
    {"coupon", "owner", UTF8(64), EMPTY},
    {"coupon", "segments", UTF8(512), EMPTY},
    {"coupon_history", "coupon_id", VARCHAR(32), SET},
    {"coupon_history", "journal_seq", BIGINT, SET},
    {"coupon_history", "changed_at", TIME, SET},
    {"coupon_history", "actor", VARCHAR(64), SET},
    {"coupon_history", "request_id", VARCHAR(128), SET},
    {"coupon_history", "policy", TEXT(65535), SET}, /* JSON */
    {"coupon_issue", "coupon_id", VARCHAR(32), SET},
    {"coupon_issue", "sequence", INT, SET},
    {"coupon_issue", "user_id", VARCHAR(64), SET},
    {"coupon_issue", "nth", SMALLINT, SET},
    {"coupon_issue", "issued_at", TIME, SET},
    {"coupon_issue", "journal_seq", BIGINT, SET},
    {"coupon_issue", "request_key", BYTES(8), OPTIONAL},
    {"coupon_issue_state", "coupon_id", VARCHAR(32), SET},
    {"coupon_issue_state", "sequence", INT, SET},
    {"coupon_issue_state", "state", VARCHAR(16), SET},
    {"coupon_issue_state", "reference", VARCHAR(64), SET},
    {"coupon_issue_state", "reason", UTF8(200), SET},
    {"coupon_issue_state", "restock", BOOLEAN, SET},
    {"coupon_issue_state", "again", BOOLEAN, SET},
    {"coupon_issue_state", "actor", VARCHAR(64), SET},
    {"coupon_issue_state", "changed_at", TIME, SET},
    {"coupon_issue_state", "journal_seq", BIGINT, SET},
    {"dead_letter", "journal_id", CHAR(32), SET},
    {"dead_letter", "journal_seq", BIGINT, SET},
    {"dead_letter", "partition_no", SMALLINT, SET},
    {"dead_letter", "coupon_id", VARCHAR(32), SET},
    {"dead_letter", "sequence", INT, OPTIONAL},
    {"dead_letter", "user_id", VARCHAR(64), OPTIONAL},
    {"dead_letter", "nth", SMALLINT, OPTIONAL},
    {"dead_letter", "recorded_at", TIME, SET},
    {"dead_letter", "record", BYTES(8640), SET},
    {"dead_letter", "reason", UTF8(512), SET},
    {"dead_letter", "dead_at", TIME, SET},
    {"erasure", "journal_id", CHAR(32), SET},
    {"erasure", "journal_seq", BIGINT, SET},
    {"erasure", "fingerprint", BYTES(16), SET},
    {"erasure", "erased_at", TIME, SET},
    {"erasure", "actor", VARCHAR(64), SET},
    {"erasure", "request_id", VARCHAR(128), SET},
    {"journal", "partition_no", SMALLINT, SET},
    {"journal", "journal_id", CHAR(32), SET},
    {"journal", "partitions", SMALLINT, SET},
    {"journal", "last_seq", BIGINT, SET},
    {"journal", "ahead", VARCHAR(4000), EMPTY},
    {"journal", "fingerprint_key", BYTES(16), OPTIONAL},
    {"journal", "code_key", BYTES(16), OPTIONAL},
    {"journal", "erased_seq", BIGINT, NOUGHT},
    {"schema_version", "version", INT, SET},
    {"schema_version", "applied_at", TIME, SET},
    {"schema_version", "store_id", CHAR(32), OPTIONAL},
};

const struct store_mysql_wanted_key store_mysql_keys[STORE_MYSQL_KEYS] = {
    {"coupon", "PRIMARY", "id"},
    {"coupon_history", "PRIMARY", "coupon_id, journal_seq"},
    {"coupon_issue", "PRIMARY", "coupon_id, sequence"},
    {"coupon_issue", "holder", "user_id, coupon_id, nth"}, /* a user's issues are its first column's, too */
    {"coupon_issue_state", "PRIMARY", "coupon_id, sequence"},
    {"dead_letter", "PRIMARY", "journal_id, journal_seq"},
    {"erasure", "PRIMARY", "journal_id, journal_seq"},
    {"journal", "PRIMARY", "partition_no"},
    {"schema_version", "PRIMARY", "version"},
};
/* clang-format on */
_Static_assert(JOURNAL_RECORD_BYTES_MAX == 8640, "a dead letter holds the longest record");

bool store_mysql_takes_null(const struct store_mysql_column *column)
{
    return strcmp(column->rest, OPTIONAL) == 0;
}

void store_mysql_add_column(struct sql_text *sql, const struct store_mysql_column *column)
{
    sql_text_add(sql, column->name);
    sql_text_add(sql, " ");
    sql_text_add(sql, column->type);
    sql_text_add(sql, column->rest);
}

bool store_mysql_is_primary(const struct store_mysql_wanted_key *key)
{
    return strcmp(key->name, "PRIMARY") == 0;
}

void store_mysql_add_key(struct sql_text *sql, const struct store_mysql_wanted_key *key)
{
    bool is_primary = store_mysql_is_primary(key);
    sql_text_add(sql, is_primary ? "PRIMARY KEY" : "UNIQUE KEY ");
    sql_text_add(sql, is_primary ? "" : key->name);
    sql_text_add(sql, " (");
    sql_text_add(sql, key->columns);
    sql_text_add(sql, ")");
}

void store_mysql_add_table(struct sql_text *sql, size_t table)
{
    const char *before = " (";
    sql_text_add(sql, "CREATE TABLE IF NOT EXISTS ");
    sql_text_add(sql, store_mysql_tables[table]);
    for (size_t i = 0; i < STORE_MYSQL_COLUMNS; i++) {
        if (strcmp(store_mysql_columns[i].table, store_mysql_tables[table]) != 0)
            continue;
        sql_text_add(sql, before);
        store_mysql_add_column(sql, &store_mysql_columns[i]);
        before = ", ";
    }
    for (size_t i = 0; i < STORE_MYSQL_KEYS; i++) {
        if (strcmp(store_mysql_keys[i].table, store_mysql_tables[table]) != 0)
            continue;
        sql_text_add(sql, before);
        store_mysql_add_key(sql, &store_mysql_keys[i]);
    }
    sql_text_add(sql, ") ENGINE=" STORE_MYSQL_ENGINE " DEFAULT CHARACTER SET ascii COLLATE ascii_bin");
}
