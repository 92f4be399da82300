/*
 * Inside the mysql store: one connection through the C API that MySQL's and MariaDB's client libraries share, and how
 * their faults are told.
 * Times are DATETIME(6) in UTC: readable as they are, untouched by any session's time zone (TIMESTAMP is not, and ends
 * in 2038), exact to the microsecond for the years 1970 to 9999. Ids compare byte by byte (ascii_bin).
 */
#ifndef COUPOND_STORE_MYSQL_H
#define COUPOND_STORE_MYSQL_H

#include <mysql.h>

#include "shared/store/backend.h"
#include "shared/store/judge.h"
#include "shared/store/order.h"
#include "shared/store/sql_text.h"
#include "shared/store/time_text.h"

/* An isolation level: in a SET, and as the server tells it. */
struct store_mysql_level {
    const char *words;
    const char *shown;
};
extern const struct store_mysql_level store_mysql_writing;
extern const struct store_mysql_level store_mysql_reading;

#define STORE_MYSQL_MODE                                                                                               \
    "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

struct store_mysql {
    struct store base;
    const struct options *options;
    MYSQL *connection;                /* NULL: never connected, or connecting failed */
    bool lost;                        /* the connection is of no use any more; the next write connects again */
    int64_t schema_good_until_us;     /* monotone: a write looks at it then; 0: it has not on this connection */
    int64_t schema_innocent_until_us; /* likewise, of what is refused until then */
    size_t statement_bytes_max;
    bool calls_it_tx; /* @@tx_isolation, where others say @@transaction_isolation */
    const struct store_mysql_level *level;
    struct sql_text sql;
    struct sql_text key_names; /* of our unique keys, as the last look at the tables found them, each on a line */
    struct store_order order;
    const struct store_issue **missing; /* room for one slice of a repeated batch */
    struct time_text time;
    struct store_mysql_bulk *bulk; /* of this connection; NULL: not prepared */
    bool bulk_refused;             /* nor will it be */
};

/*
 * Classifies the connection's last fault and words it: "mysql …: doing: what the server says". Never STORE_OK. Sets
 * store->lost where it applies.
 */
enum store_result store_mysql_fault(struct store_mysql *store, const char *doing, struct error *error);

/* Runs store->sql, or `text`; neither yields rows. */
enum store_result store_mysql_run(struct store_mysql *store, const char *doing, struct error *error);
/* Runs store->sql, which writes coupons or issues: STORE_REJECTED where it is a row that is refused. */
enum store_result store_mysql_run_row(struct store_mysql *store, const char *doing, struct error *error);
/* The same judgement of a statement that has just failed on the connection. Never STORE_OK. */
enum store_result store_mysql_row_fault(struct store_mysql *store, const char *doing, struct error *error);
enum store_result store_mysql_run_text(struct store_mysql *store, const char *text, struct error *error);

bool store_mysql_is_connected(const struct store_mysql *store);
/* Connects when there is no connection. */
enum store_result store_mysql_need_connection(struct store_mysql *store, struct error *error);

/* Makes the session of a new connection ours; STORE_FAILED, and what to do, where it does not become what it must be.
 */
enum store_result store_mysql_session_set(struct store_mysql *store, struct error *error);
/*
 * Begins a transaction by `statement`, connecting first when there is no connection, and looks whether its session is
 * ours. One that is not, as behind a pool, is set once more. STORE_FAILED as above.
 */
enum store_result store_mysql_session_start(struct store_mysql *store, const struct store_mysql_level *level,
                                            const char *statement, struct error *error);

enum store_result store_mysql_begin(struct store_mysql *store, struct error *error);
/* Commits when `result` is STORE_OK, else rolls back and returns it. */
enum store_result store_mysql_end(struct store_mysql *store, enum store_result result, struct error *error);

/* The fault is that a row with such a key of ours is there already. */
bool store_mysql_is_duplicate(const struct store_mysql *store);

/*
 * Runs store->sql, a SELECT, and calls `deliver` with each row until it returns false; it sets *good to false for a row
 * that coupond never writes. Rows are not buffered: the connection is busy until the walk ends.
 */
typedef bool (*store_mysql_row_fn)(void *context, char **columns, const unsigned long *lengths, bool *good);
enum store_result store_mysql_each_row(struct store_mysql *store, const char *table, store_mysql_row_fn deliver,
                                       void *context, struct error *error);

/* 64 characters, the longest name of a table or a key. */
#define STORE_MYSQL_NAME_BYTES 257

/* A key that is there, on any table; valid during the call. */
struct store_mysql_key {
    const char *table;
    const char *name;
    const char *columns; /* "coupon_id, user_id(10), an expression" */
    bool is_unique;
};
typedef void (*store_mysql_key_fn)(void *context, const struct store_mysql_key *key);
/* Calls `each` with every key of `tables`, a list for IN, that the user may see. */
enum store_result store_mysql_each_key(struct store_mysql *store, const char *tables, store_mysql_key_fn each,
                                       void *context, struct error *error);

/* The columns of each table, in the order in which the functions below read them. */
#define STORE_MYSQL_ISSUE_COLUMNS "coupon_id, sequence, user_id, nth, issued_at, journal_seq"
#define STORE_MYSQL_COUPON_COLUMNS                                                                                     \
    "id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, journal_seq"
#define STORE_MYSQL_JOURNAL_COLUMNS "partition_no, journal_id, partitions, last_seq, ahead"
#define STORE_MYSQL_LETTER_COLUMNS                                                                                     \
    "journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, recorded_at, record, reason, dead_at"

bool store_mysql_read_issue(char **columns, const unsigned long *lengths, struct store_issue *issue);
bool store_mysql_read_coupon(char **columns, const unsigned long *lengths, struct coupon *coupon);
bool store_mysql_read_journal(char **columns, const unsigned long *lengths, struct store_journal *journal,
                              struct store_progress *progress);

/* Parts of statements: what stands before, and the value behind it. */
void store_mysql_add_number(struct sql_text *sql, const char *before, uint64_t number);
void store_mysql_add_text(struct sql_text *sql, const char *before, const char *text, size_t length);
void store_mysql_add_time(struct sql_text *sql, const char *before, int64_t us); /* TIME_NONE: NULL */
void store_mysql_add_journal_id(struct sql_text *sql, const char *before, const uint8_t journal_id[16]);

/*
 * Inserts as many of the rows as one packet takes, at least one; their number goes to *taken, what came of it, as of
 * store_mysql_run_row(), to *result. False, and nothing is inserted, where server or client library do not know how:
 * text does it then.
 */
bool store_mysql_bulk_insert(struct store_mysql *store, const struct store_issue **rows, size_t count, size_t *taken,
                             enum store_result *result, struct error *error);
/* Before the connection is closed; the next one is asked anew. */
void store_mysql_bulk_close(struct store_mysql *store);

/*
 * In a batch's transaction: the coupons of store->order, and, once their issues are there, the `issued` of those that
 * the first `issues_count` issues in it belong to.
 */
enum store_result store_mysql_write_coupons(struct store_mysql *store, struct error *error);
enum store_result store_mysql_raise_issued(struct store_mysql *store, size_t issues_count, struct error *error);

/* In a batch's transaction: whose store it is and whether anything is missing, first; that it has more now, last; and
 * what the batch says of dead letters. */
enum store_result store_mysql_check_journals(struct store_mysql *store, const struct store_batch *batch,
                                             struct error *error);
enum store_result store_mysql_raise_journal(struct store_mysql *store, const struct store_batch *batch,
                                            struct error *error);
enum store_result store_mysql_write_letters(struct store_mysql *store, const struct store_batch *batch,
                                            struct error *error);

/* What the tables must be: how many there are, the CREATE TABLE of each, and whether those that are there are so;
 * STORE_FAILED names what differs and what mends it. */
size_t store_mysql_tables_count(void);
void store_mysql_add_table(struct sql_text *sql, size_t table);
enum store_result store_mysql_check_tables(struct store *base, struct error *error);

/* The store's id, on the connection that is there; STORE_FAILED when it has none yet. */
enum store_result store_mysql_find_id(struct store_mysql *store, uint8_t id[STORE_ID_BYTES], struct error *error);

/* Each as its namesake in store.h. */
enum store_result store_mysql_migrate(struct store *base, struct error *error);
enum store_result store_mysql_schema_version(struct store *base, int64_t *version, struct error *error);
enum store_result store_mysql_read_id(struct store *base, uint8_t id[STORE_ID_BYTES], struct error *error);
enum store_result store_mysql_write(struct store *base, const struct store_batch *batch, struct error *error);
enum store_result store_mysql_adopt_journal(struct store *base, const struct store_journal *journal,
                                            struct error *error);
enum store_result store_mysql_each_dead_coupon(struct store *base, const uint8_t journal_id[16],
                                               store_dead_coupon_fn each, void *arg, struct error *error);

enum store_result store_mysql_read_begin(struct store *base, struct error *error);
enum store_result store_mysql_each_journal(struct store *base, store_journal_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_coupon(struct store *base, store_coupon_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_issue(struct store *base, store_issue_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_dead_letter(struct store *base, const struct store_dead_letter *after, size_t limit,
                                               store_dead_letter_fn each, void *arg, struct error *error);
void store_mysql_read_end(struct store *base);

#endif
