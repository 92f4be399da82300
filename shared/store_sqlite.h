/*
 * Inside the sqlite store: one connection, its prepared statements, and how SQLite's faults are told.
 * Times are text in RFC 3339 with microseconds, as the HTTP API writes them: whoever looks at a table reads them as
 * they are, SQLite's own date functions understand them, and byte order is time's order; the price is 19 bytes a row.
 */
#ifndef COUPOND_STORE_SQLITE_H
#define COUPOND_STORE_SQLITE_H

#include <sqlite3.h>

#include "shared/store_backend.h"

enum sqlite_statement {
    SQLITE_INSERT_ISSUE,
    SQLITE_ISSUE_BY_SEQUENCE,
    SQLITE_ISSUE_BY_HOLDER,
    SQLITE_INSERT_COUPON,
    SQLITE_COUPON_BY_ID,
    SQLITE_CHANGE_COUPON,
    SQLITE_RAISE_ISSUED,
    SQLITE_INSERT_JOURNAL,
    SQLITE_RAISE_JOURNAL,
    SQLITE_EACH_JOURNAL,
    SQLITE_EACH_COUPON,
    SQLITE_EACH_ISSUE,
    SQLITE_STATEMENTS,
};

struct store_sqlite {
    struct store base;
    const char *path; /* borrowed from the options */
    sqlite3 *db;      /* NULL: not open */
    sqlite3_stmt *statements[SQLITE_STATEMENTS];
    struct store_order order;
    struct time_text time;
};

/* Classifies SQLite's last fault and words it: "sqlite PATH: doing: what SQLite says". Never STORE_OK. */
enum store_result store_sqlite_fault(struct store_sqlite *store, const char *doing, struct error *error);
/* Runs SQL without parameters and rows. */
enum store_result store_sqlite_run(struct store_sqlite *store, const char *sql, struct error *error);
/* The prepared statement, reset and without parameters, or NULL and the fault in *result. */
sqlite3_stmt *store_sqlite_statement(struct store_sqlite *store, enum sqlite_statement which, enum store_result *result,
                                     struct error *error);
/* STORE_OK when the file is open, or could be opened; a file that is not there is STORE_FAILED. */
enum store_result store_sqlite_need_open(struct store_sqlite *store, struct error *error);

/* Rows to values; false when a column holds what coupond never writes. What they point to lives until the next step. */
bool store_sqlite_read_issue(sqlite3_stmt *row, struct store_issue *issue);
bool store_sqlite_read_coupon(sqlite3_stmt *row, struct coupon *coupon);
bool store_sqlite_read_journal(sqlite3_stmt *row, struct store_journal *journal);

enum store_result store_sqlite_write(struct store *base, const struct store_batch *batch, struct error *error);

#endif
