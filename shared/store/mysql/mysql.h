/*
 * Internal to the mysql store: one connection through the C API that the client libraries of MySQL and MariaDB share,
 * and the classification of their faults. Times are DATETIME(6) in UTC: readable, independent of the session's time
 * zone (unlike TIMESTAMP, which also ends in 2038), exact to the microsecond for the years 1970 to 9999. Ids compare
 * byte by byte (ascii_bin).
 */
#ifndef COUPOND_STORE_MYSQL_H
#define COUPOND_STORE_MYSQL_H

#include <mysql.h>

#include "shared/host_list.h"
#include "shared/store/backend.h"
#include "shared/store/erased.h"
#include "shared/store/judge.h"
#include "shared/store/order.h"
#include "shared/store/sql_text.h"
#include "shared/store/time_text.h"

/* An isolation level: as SET takes it, and as the server reports it. */
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
    struct host_list hosts;           /* one, as it is, with store/socket */
    uint8_t host;                     /* connected to, or the first to try */
    MYSQL *connection;                /* NULL: never connected, or connecting failed */
    bool lost;                        /* the connection is unusable; the next write reconnects */
    int64_t schema_good_until_us;     /* monotonic; a later write checks again; 0: not yet checked */
    int64_t schema_innocent_until_us; /* the same, for faults of rejected rows */
    size_t statement_bytes_max;
    bool calls_it_tx; /* @@tx_isolation instead of @@transaction_isolation */
    const struct store_mysql_level *level;
    struct sql_text sql;
    struct sql_text key_names; /* of our unique keys, one per line, as of the last check of the tables */
    struct store_order order;
    const struct store_issue **missing; /* room for one slice of a repeated batch */
    struct sql_text json;               /* a policy for coupon_history */
    struct store_erased erased;         /* later than the current write's first record */
    struct time_text time;
    struct store_mysql_bulk *bulk; /* of this connection; NULL: not prepared */
    bool bulk_refused;             /* the server does not support it */
};

/* Classifies the connection's last fault and describes it: "mysql …: doing: server's message". Never STORE_OK. Sets
 * store->lost where it applies. */
enum store_result store_mysql_fault(struct store_mysql *store, const char *doing, struct error *error);

/* Runs store->sql, or `text`; neither returns rows. */
enum store_result store_mysql_run(struct store_mysql *store, const char *doing, struct error *error);
/* Runs store->sql, which writes coupons or issues: STORE_REJECTED when the server rejects a row. */
enum store_result store_mysql_run_row(struct store_mysql *store, const char *doing, struct error *error);
/* Classifies a row statement that has just failed on the connection in the same way. Never STORE_OK. */
enum store_result store_mysql_row_fault(struct store_mysql *store, const char *doing, struct error *error);
enum store_result store_mysql_run_text(struct store_mysql *store, const char *text, struct error *error);

bool store_mysql_is_connected(const struct store_mysql *store);
/* Connects unless connected. */
enum store_result store_mysql_need_connection(struct store_mysql *store, struct error *error);

/* True when the server is one of several, of which only the one that takes writes counts. */
bool store_mysql_has_choice(const struct store_mysql *store);
/* On a new connection: STORE_RETRY when the server does not take writes, or is not in the part of its cluster that
 * does. */
enum store_result store_mysql_judge_node(struct store_mysql *store, struct error *error);
/* *condition: an SQL condition that is true where the server may decide for its cluster; NULL: it belongs to none. */
enum store_result store_mysql_find_condition(struct store_mysql *store, const char **condition, struct error *error);
/* STORE_RETRY when the server does not fulfil that condition. */
enum store_result store_mysql_judge_condition(struct store_mysql *store, const char *condition, struct error *error);

/* Sets up the session of a new connection; STORE_FAILED, with advice, when the settings do not take effect. */
enum store_result store_mysql_session_set(struct store_mysql *store, struct error *error);
/* Begins a transaction with `statement`, connecting first if needed, and verifies the session. Sets up once more a
 * session that is not ours, as behind a connection pool. STORE_FAILED as above. */
enum store_result store_mysql_session_start(struct store_mysql *store, const struct store_mysql_level *level,
                                            const char *statement, struct error *error);

enum store_result store_mysql_begin(struct store_mysql *store, struct error *error);
/* Commits when `result` is STORE_OK, otherwise rolls back and returns it. */
enum store_result store_mysql_end(struct store_mysql *store, enum store_result result, struct error *error);

/* True when the last fault is a duplicate of one of our keys. */
bool store_mysql_is_duplicate(const struct store_mysql *store);

/* Runs store->sql, a SELECT, and calls `deliver` with each row until it returns false; it sets *good to false for a row
 * that coupond never writes. Rows are not buffered, so the connection is busy until the walk ends. */
typedef bool (*store_mysql_row_fn)(void *context, char **columns, const unsigned long *lengths, bool *good);
enum store_result store_mysql_each_row(struct store_mysql *store, const char *table, store_mysql_row_fn deliver,
                                       void *context, struct error *error);

/* 64 characters, the longest name of a table or a key. */
#define STORE_MYSQL_NAME_BYTES 257

/* An existing key of any table; valid during the call. */
struct store_mysql_key {
    const char *table;
    const char *name;
    const char *columns; /* "coupon_id, user_id(10), an expression" */
    bool is_unique;
};
typedef void (*store_mysql_key_fn)(void *context, const struct store_mysql_key *key);
/* Calls `each` with every key of `tables`, a list for IN, that is visible to the user. */
enum store_result store_mysql_each_key(struct store_mysql *store, const char *tables, store_mysql_key_fn each,
                                       void *context, struct error *error);

/* The columns of each table, in the order in which the functions below read them. */
#define STORE_MYSQL_ISSUE_COLUMNS "coupon_id, sequence, user_id, nth, issued_at, journal_seq, request_key"
#define STORE_MYSQL_COUPON_COLUMNS                                                                                     \
    "id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, journal_seq, "   \
    "number, returned, redeemed, redeem_until, redeem_within_s, archived, description, benefit, metadata, owner, "     \
    "segments"
#define STORE_MYSQL_CHANGE_COLUMNS                                                                                     \
    "coupon_id, sequence, state, reference, reason, restock, again, actor, changed_at, journal_seq"
#define STORE_MYSQL_CHANGE_USER     10 /* the user of the issue follows */
#define STORE_MYSQL_HISTORY_COLUMNS "coupon_id, journal_seq, changed_at, actor, request_id, policy"
#define STORE_MYSQL_ERASURE_COLUMNS "journal_id, journal_seq, fingerprint, erased_at, actor, request_id"
#define STORE_MYSQL_JOURNAL_COLUMNS                                                                                    \
    "partition_no, journal_id, partitions, last_seq, ahead, fingerprint_key, code_key, erased_seq"
#define STORE_MYSQL_LETTER_COLUMNS                                                                                     \
    "journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, recorded_at, record, reason, dead_at"

bool store_mysql_read_issue(char **columns, const unsigned long *lengths, struct store_issue *issue);
bool store_mysql_read_view(char **columns, const unsigned long *lengths, struct store_issue_view *view);
bool store_mysql_read_coupon(char **columns, const unsigned long *lengths, struct coupon *coupon);
bool store_mysql_read_change(char **columns, const unsigned long *lengths, struct store_change *change);
bool store_mysql_read_history(char **columns, const unsigned long *lengths, struct store_history_row *history);
bool store_mysql_read_erasure(char **columns, const unsigned long *lengths, struct store_erasure *erasure);
bool store_mysql_read_letter(char **columns, const unsigned long *lengths, struct store_dead_letter *letter);
bool store_mysql_read_journal(char **columns, const unsigned long *lengths, struct store_journal *journal,
                              struct store_progress *progress);

/* Appends parts of statements: `before`, then the value. */
void store_mysql_add_number(struct sql_text *sql, const char *before, uint64_t number);
void store_mysql_add_text(struct sql_text *sql, const char *before, const char *text, size_t length);
void store_mysql_add_time(struct sql_text *sql, const char *before, int64_t us); /* TIME_NONE: NULL */
void store_mysql_add_journal_id(struct sql_text *sql, const char *before, const uint8_t journal_id[16]);
void store_mysql_add_secret(struct sql_text *sql, const char *before, const uint8_t key[16]); /* zeros: NULL */
/* "((coupon_id = … AND sequence IN (…)) OR …)", row by row in the order of their coupons; `place` begins with zeros. */
struct store_mysql_place {
    const char *coupon_id;
    size_t length;
};
void store_mysql_add_place(struct sql_text *sql, struct store_mysql_place *place, const char *coupon_id, size_t length,
                           uint32_t sequence);
void store_mysql_end_places(struct sql_text *sql);

/* STORE_RETRY when the connection that the snapshot belongs to was lost: a new one would read another. */
enum store_result store_mysql_need_snapshot(struct store_mysql *store, struct error *error);

/*
 * Inserts as many of the rows as fit into one packet, at least one. *taken receives their number, *result the outcome,
 * as from store_mysql_run_row(). False, with nothing inserted, when server or client library lack bulk inserts; the
 * caller then uses SQL text.
 */
bool store_mysql_bulk_insert(struct store_mysql *store, const struct store_issue **rows, size_t count, size_t *taken,
                             enum store_result *result, struct error *error);
/* Call before the connection is closed; the next connection is probed again. */
void store_mysql_bulk_close(struct store_mysql *store);

/*
 * In a batch's transaction, in this order: writes the coupons of store->order; their history; after the issues, updates
 * `issued` of the coupons of issues and changes, which locks their rows; under that lock writes the changes and updates
 * the counters that follow from them.
 */
enum store_result store_mysql_write_coupons(struct store_mysql *store, struct error *error);
enum store_result store_mysql_write_history(struct store_mysql *store, const struct store_batch *batch,
                                            struct error *error);
enum store_result store_mysql_raise_issued(struct store_mysql *store, const struct store_batch *batch,
                                           struct error *error);
enum store_result store_mysql_write_changes(struct store_mysql *store, struct error *error);

/* What the changes of a batch do to the counters of one coupon. */
struct store_mysql_count {
    const struct store_change *change; /* any of the coupon */
    struct store_count count;
};
/* Adds to `returned` and `redeemed` of up to STORE_MYSQL_COUNTS coupons, whose rows are locked. */
#define STORE_MYSQL_COUNTS 100 /* per UPDATE: the server searches one CASE for each row */
enum store_result store_mysql_add_counts(struct store_mysql *store, const struct store_mysql_count *counts,
                                         size_t count, struct error *error);

/* In a batch's transaction: first checks that the store belongs to the journal and lacks nothing; writes or removes the
 * batch's dead letters; locks the journal's row, for erasures and for the new progress, which comes last. */
enum store_result store_mysql_check_journals(struct store_mysql *store, const struct store_batch *batch,
                                             struct error *error);
enum store_result store_mysql_write_letters(struct store_mysql *store, const struct store_batch *batch,
                                            struct error *error);
enum store_result store_mysql_lock_journal(struct store_mysql *store, const struct store_batch *batch,
                                           struct store_journal *journal, struct store_progress *progress,
                                           struct error *error);
enum store_result store_mysql_erase(struct store_mysql *store, const struct store_batch *batch,
                                    const struct store_journal *journal, struct error *error);
enum store_result store_mysql_raise_journal(struct store_mysql *store, const struct store_batch *batch,
                                            const struct store_journal *journal, struct store_progress *progress,
                                            struct error *error);
/* Replaces a dead letter. */
enum store_result store_mysql_write_letter(struct store_mysql *store, const struct store_dead_letter *letter,
                                           struct error *error);

/* Hands the letters of the journal's partition over to it (store_adopt_journal()). */
enum store_result store_mysql_adopt_letters(struct store_mysql *store, const struct store_journal *journal,
                                            struct error *error);

/* Whether the existing tables are as they must be; STORE_FAILED names the difference and the statement that repairs
 * it. */
enum store_result store_mysql_check_tables(struct store *base, struct error *error);

/* The store's id, on the current connection; STORE_FAILED when it has none yet. */
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
enum store_result store_mysql_each_change(struct store *base, store_change_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_history(struct store *base, const char *coupon_id, store_history_fn each, void *arg,
                                           struct error *error);
enum store_result store_mysql_each_erasure(struct store *base, store_erasure_fn each, void *arg, struct error *error);
enum store_result store_mysql_each_dead_letter(struct store *base, const struct store_dead_letter *after, size_t limit,
                                               store_dead_letter_fn each, void *arg, struct error *error);
enum store_result store_mysql_read_issues(struct store *base, enum store_issues which,
                                          const struct store_issue_query *query, store_view_fn each, void *arg,
                                          struct error *error);
enum store_result store_mysql_read_earlier(struct store *base, const struct store_earlier_query *query,
                                           store_issue_fn each, void *arg, struct error *error);
enum store_result store_mysql_read_history_page(struct store *base, const struct store_history_query *query,
                                                store_history_fn each, void *arg, struct error *error);
enum store_result store_mysql_find_owner(struct store *base, const char *id, size_t length,
                                         struct store_coupon_owner *owner, struct error *error);
enum store_result store_mysql_create_ownership(struct store *base, const struct store_ownership *row,
                                               struct error *error);
enum store_result store_mysql_read_ownership(struct store *base, uint16_t partition, struct store_ownership *row,
                                             bool *found, struct error *error);
enum store_result store_mysql_change_ownership(struct store *base, const struct store_ownership *from,
                                               const struct store_ownership *to, bool *matched, struct error *error);
void store_mysql_read_end(struct store *base);

#endif
