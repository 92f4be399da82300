/*
 * Inside the mysql store: one connection through the C API that MySQL's and MariaDB's client libraries share, and how
 * their faults are told.
 * Times are DATETIME(6) in UTC: readable as they are, untouched by any session's time zone (TIMESTAMP is not, and ends
 * in 2038), exact to the microsecond for the years 1970 to 9999. Ids compare byte by byte (ascii_bin).
 */
#ifndef COUPOND_STORE_MYSQL_H
#define COUPOND_STORE_MYSQL_H

#include <mysql.h>

#include "shared/sql_text.h"
#include "shared/store_backend.h"

struct store_mysql {
    struct store base;
    const struct options *options;
    MYSQL *connection; /* NULL: never connected, or connecting failed */
    bool lost;         /* the connection is of no use any more; the next write connects again */
    size_t statement_bytes_max;
    struct sql_text sql;
    struct store_order order;
    const struct store_issue **missing; /* room for one slice of a repeated batch */
    struct time_text time;
};

/*
 * Classifies the connection's last fault and words it: "mysql …: doing: what the server says". Never STORE_OK. Sets
 * store->lost where it applies.
 */
enum store_result store_mysql_fault(struct store_mysql *store, const char *doing, struct error *error);

/* Runs store->sql, or `text`; neither yields rows. */
enum store_result store_mysql_run(struct store_mysql *store, const char *doing, struct error *error);
enum store_result store_mysql_run_text(struct store_mysql *store, const char *text, struct error *error);

bool store_mysql_is_connected(const struct store_mysql *store);
/* Connects when there is no connection. */
enum store_result store_mysql_need_connection(struct store_mysql *store, struct error *error);

/* The fault is that a row with such a key is there already. */
bool store_mysql_is_duplicate(const struct store_mysql *store);

/*
 * Runs store->sql, a SELECT, and calls `deliver` with each row until it returns false; it sets *good to false for a row
 * that coupond never writes. Rows are not buffered: the connection is busy until the walk ends.
 */
typedef bool (*store_mysql_row_fn)(void *context, char **columns, const unsigned long *lengths, bool *good);
enum store_result store_mysql_each_row(struct store_mysql *store, const char *table, store_mysql_row_fn deliver,
                                       void *context, struct error *error);

/* The columns of each table, in the order in which the functions below read them. */
#define STORE_MYSQL_ISSUE_COLUMNS "coupon_id, sequence, user_id, nth, issued_at, journal_seq"
#define STORE_MYSQL_COUPON_COLUMNS                                                                                     \
    "id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, journal_seq"
#define STORE_MYSQL_JOURNAL_COLUMNS "partition_no, journal_id, partitions, last_seq"

bool store_mysql_read_issue(char **columns, const unsigned long *lengths, struct store_issue *issue);
bool store_mysql_read_coupon(char **columns, const unsigned long *lengths, struct coupon *coupon);
bool store_mysql_read_journal(char **columns, const unsigned long *lengths, struct store_journal *journal);

enum store_result store_mysql_write(struct store *base, const struct store_batch *batch, struct error *error);

enum store_result store_mysql_read_begin(struct store *base, struct error *error);
void store_mysql_read_end(struct store *base);
enum store_result store_mysql_each_journal(struct store *base, store_journal_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_coupon(struct store *base, store_coupon_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_issue(struct store *base, store_issue_fn each, void *arg, struct error *error);

#endif
