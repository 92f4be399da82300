/*
 * Internal to the mysql store: the tables as they must be, one row per table, column and key. The tables are created
 * from these rows (mysql/tables.c), and existing ones are compared with them (mysql/compare.c), because an operator may
 * have altered them: a collation that ignores case treats two users as one, an engine without transactions keeps half a
 * batch, and a missing key admits duplicates. Wider columns than needed are accepted.
 */
#ifndef COUPOND_STORE_MYSQL_TABLES_H
#define COUPOND_STORE_MYSQL_TABLES_H

#include "shared/store/mysql/mysql.h"

#define STORE_MYSQL_ENGINE "InnoDB"

enum store_mysql_kind {
    KIND_ASCII, /* ids: compared byte by byte */
    KIND_UTF8,
    KIND_BYTES,
    KIND_UNSIGNED,
    KIND_TIME,
};

struct store_mysql_column {
    const char *table;
    const char *name;
    enum store_mysql_kind kind;
    unsigned size; /* minimum: characters, bytes, or digits of a fraction of a second */
    const char *type;
    const char *rest; /* of the definition */
};

/* The primary key, or another unique key. */
struct store_mysql_wanted_key {
    const char *table;
    const char *name;
    const char *columns;
};

enum { STORE_MYSQL_TABLES = 8, STORE_MYSQL_COLUMNS = 73, STORE_MYSQL_KEYS = 9 };
extern const char *const store_mysql_tables[STORE_MYSQL_TABLES];
/* The rows of one table are adjacent. */
extern const struct store_mysql_column store_mysql_columns[STORE_MYSQL_COLUMNS];
extern const struct store_mysql_wanted_key store_mysql_keys[STORE_MYSQL_KEYS];

/* False for a column that must not be NULL. */
bool store_mysql_takes_null(const struct store_mysql_column *column);

/* The definition of a column or a key, as CREATE TABLE and ALTER TABLE … ADD take it. */
void store_mysql_add_column(struct sql_text *sql, const struct store_mysql_column *column);
void store_mysql_add_key(struct sql_text *sql, const struct store_mysql_wanted_key *key);
bool store_mysql_is_primary(const struct store_mysql_wanted_key *key);
/* CREATE TABLE IF NOT EXISTS. */
void store_mysql_add_table(struct sql_text *sql, size_t table);

#endif
