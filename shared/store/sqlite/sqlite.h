/*
 * Internal to the sqlite store: one connection, its prepared statements, and the classification of SQLite's faults.
 * Times are RFC 3339 text with microseconds, as in the HTTP API: readable, understood by SQLite's date functions, and
 * in byte order sorted by time; the price is 19 bytes per row.
 */
#ifndef COUPOND_STORE_SQLITE_H
#define COUPOND_STORE_SQLITE_H

#include <sqlite3.h>

#include "shared/store/backend.h"
#include "shared/store/erased.h"
#include "shared/store/judge.h"
#include "shared/store/order.h"
#include "shared/store/sql_text.h"
#include "shared/store/time_text.h"

enum sqlite_statement {
    SQLITE_INSERT_ISSUE,
    SQLITE_ISSUE_BY_SEQUENCE,
    SQLITE_ISSUE_BY_HOLDER,
    SQLITE_INSERT_COUPON,
    SQLITE_COUPON_BY_ID,
    SQLITE_CHANGE_COUPON,
    SQLITE_RAISE_ISSUED,
    SQLITE_INSERT_HISTORY,
    SQLITE_CHANGE_BY_SEQUENCE,
    SQLITE_WRITE_CHANGE,
    SQLITE_ADD_COUNTS,
    SQLITE_INSERT_ERASURE,
    SQLITE_RAISE_ERASED,
    SQLITE_LATER_ERASURES,
    SQLITE_ISSUES_OF_USER,
    SQLITE_ERASE_ISSUE,
    SQLITE_STATES_OF_ACTOR,
    SQLITE_ERASE_STATE_ACTOR,
    SQLITE_HISTORIES_OF_ACTOR,
    SQLITE_ERASE_HISTORY_ACTOR,
    SQLITE_ERASE_ERASURE_ACTOR,
    SQLITE_LETTERS_OF_USER,
    SQLITE_SET_JOURNAL,
    SQLITE_EACH_JOURNAL,
    SQLITE_EACH_COUPON,
    SQLITE_EACH_ISSUE,
    SQLITE_EACH_CHANGE,
    SQLITE_EACH_HISTORY,
    SQLITE_HISTORY_OF_COUPON,
    SQLITE_HISTORY_PAGE,
    SQLITE_OWNER_OF_COUPON,
    SQLITE_EACH_ERASURE,
    SQLITE_INSERT_LETTER,
    SQLITE_DELETE_LETTERS,
    SQLITE_ADOPT_LETTERS,
    SQLITE_EACH_LETTER,
    SQLITE_DEAD_COUPONS,
    SQLITE_USER_ISSUES,
    SQLITE_COUPON_ISSUES,
    SQLITE_ALL_ISSUES,
    SQLITE_EARLIER_ISSUES,
    SQLITE_STORE_ID,
    SQLITE_INSERT_OWNERSHIP,
    SQLITE_OWNERSHIP,
    SQLITE_CHANGE_OWNERSHIP,
    SQLITE_STATEMENTS,
};

struct store_sqlite {
    struct store base;
    const char *path; /* borrowed from the options */
    sqlite3 *db;      /* NULL: not open */
    sqlite3_stmt *statements[SQLITE_STATEMENTS];
    struct store_order order;
    struct time_text time;
    struct sql_text json;         /* a policy for coupon_history */
    struct store_erased erased;   /* later than the current write's first record */
    struct store_journal journal; /* the row of the current write's partition; all zeros: none */
};

/* Classifies SQLite's last fault and describes it: "sqlite PATH: doing: SQLite's message; remedy". Never STORE_OK. */
enum store_result store_sqlite_fault(struct store_sqlite *store, const char *doing, struct error *error);
/* The same for a statement that writes a coupon or an issue: STORE_REJECTED when SQLite rejects the row. */
enum store_result store_sqlite_row_fault(struct store_sqlite *store, const char *doing, struct error *error);
/* Runs SQL without parameters or rows. `doing` describes it in an error. */
enum store_result store_sqlite_run(struct store_sqlite *store, const char *doing, const char *sql, struct error *error);
/* Returns the prepared statement, reset and without parameters, or NULL and the fault in *result. */
sqlite3_stmt *store_sqlite_statement(struct store_sqlite *store, enum sqlite_statement which, enum store_result *result,
                                     struct error *error);
/* Closes the database and opens its file, with SQLITE_OPEN_CREATE in `flags` also when it does not exist. */
enum store_result store_sqlite_open(struct store_sqlite *store, int flags, struct error *error);
void store_sqlite_close(struct store_sqlite *store);
/* True when the file does not exist. */
bool store_sqlite_is_absent(const struct store_sqlite *store);
/* STORE_OK when the file is open and still in place, or could be opened; STORE_FAILED when it does not exist. */
enum store_result store_sqlite_need_open(struct store_sqlite *store, struct error *error);

/* Converts rows to values; false when a column holds something that coupond never writes. Their pointers are valid
 * until the next step. */
bool store_sqlite_read_issue(sqlite3_stmt *row, struct store_issue *issue);
bool store_sqlite_read_view(sqlite3_stmt *row, struct store_issue_view *view);
bool store_sqlite_read_coupon(sqlite3_stmt *row, struct coupon *coupon);
bool store_sqlite_read_change(sqlite3_stmt *row, struct store_change *change);
bool store_sqlite_read_history(sqlite3_stmt *row, struct store_history_row *history);
bool store_sqlite_read_erasure(sqlite3_stmt *row, struct store_erasure *erasure);
bool store_sqlite_read_letter(sqlite3_stmt *row, struct store_dead_letter *letter);
#define STORE_SQLITE_CHANGE_USER 10 /* SQLITE_EACH_CHANGE: the user of the issue */
bool store_sqlite_read_user(sqlite3_stmt *row, int column, struct store_change *change);
bool store_sqlite_read_journal(sqlite3_stmt *row, struct store_journal *journal, struct store_progress *progress);

/* Calls `deliver` with each row until it returns false; it sets *good to false for a row that coupond never writes.
 * Resets the statement. */
typedef bool (*store_sqlite_row_fn)(sqlite3_stmt *row, void *context, bool *good);
enum store_result store_sqlite_each_row(struct store_sqlite *store, sqlite3_stmt *statement, const char *table,
                                        store_sqlite_row_fn deliver, void *context, struct error *error);

void store_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length);
void store_sqlite_bind_number(sqlite3_stmt *statement, int index, uint64_t number);
void store_sqlite_bind_optional(sqlite3_stmt *statement, int index, uint64_t number, uint64_t none); /* none: NULL */
void store_sqlite_bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t length, bool known);
void store_sqlite_bind_time(sqlite3_stmt *statement, int index, int64_t us); /* TIME_NONE: NULL */
/* Runs a statement that returns no row, and resets it. */
enum store_result store_sqlite_step(struct store_sqlite *store, sqlite3_stmt *statement, const char *doing,
                                    struct error *error);

/* The store's id; STORE_FAILED when it has none yet. */
enum store_result store_sqlite_find_id(struct store_sqlite *store, uint8_t id[STORE_ID_BYTES], struct error *error);

/*
 * Runs a statement that writes one row of a coupon or an issue. Sets *duplicate when the row exists already; the caller
 * compares it. A trigger may skip a row without a fault, which must not count as written.
 */
enum store_result store_sqlite_step_row(struct store_sqlite *store, sqlite3_stmt *statement, const char *doing,
                                        bool *duplicate, struct error *error);

/* In the batch's transaction: writes the coupons of store->order and their history. */
enum store_result store_sqlite_write_coupons(struct store_sqlite *store, const struct store_batch *batch,
                                             struct error *error);
/* After the issues: writes the changes of store->order and the counters that follow from them. */
enum store_result store_sqlite_write_changes(struct store_sqlite *store, struct error *error);
/* After the rows: erases the users of the batch's erasures, and users of the batch's rows who were erased later. */
enum store_result store_sqlite_erase(struct store_sqlite *store, const struct store_batch *batch, struct error *error);

/* In the batch's transaction: writes or removes the batch's dead letters. */
enum store_result store_sqlite_write_letters(struct store_sqlite *store, const struct store_batch *batch,
                                             struct error *error);
enum store_result store_sqlite_write_letter(struct store_sqlite *store, const struct store_dead_letter *letter,
                                            struct error *error);
/* Hands the letters of the journal's partition over to it (store_adopt_journal()). */
enum store_result store_sqlite_adopt_letters(struct store_sqlite *store, const struct store_journal *journal,
                                             struct error *error);
/* STORE_REJECTED: a key that is not ours stands in the way, because somebody made a unique index. */
enum store_result store_sqlite_unknown_key(struct store_sqlite *store, const char *table, const char *coupon_id,
                                           size_t length, struct error *error);
/* Replaces the journal's row. */
enum store_result store_sqlite_set_journal(struct store_sqlite *store, const struct store_journal *journal,
                                           const struct store_progress *progress, struct error *error);
/* In the batch's transaction, before anything else: judges its journal and writes the new progress; takes
 * store->journal. */
enum store_result store_sqlite_judge_journal(struct store_sqlite *store, const struct store_batch *batch,
                                             struct error *error);

/* Each as its namesake in store.h. */
enum store_result store_sqlite_write(struct store *base, const struct store_batch *batch, struct error *error);
enum store_result store_sqlite_adopt_journal(struct store *base, const struct store_journal *journal,
                                             struct error *error);
enum store_result store_sqlite_each_dead_coupon(struct store *base, const uint8_t journal_id[16],
                                                store_dead_coupon_fn each, void *arg, struct error *error);
enum store_result store_sqlite_read_begin(struct store *base, struct error *error);
enum store_result store_sqlite_each_journal(struct store *base, store_journal_fn each, void *arg, struct error *error);
enum store_result store_sqlite_each_coupon(struct store *base, store_coupon_fn each, void *arg, struct error *error);
enum store_result store_sqlite_each_issue(struct store *base, store_issue_fn each, void *arg, struct error *error);
enum store_result store_sqlite_each_change(struct store *base, store_change_fn each, void *arg, struct error *error);
enum store_result store_sqlite_each_history(struct store *base, const char *coupon_id, store_history_fn each, void *arg,
                                            struct error *error);
enum store_result store_sqlite_each_erasure(struct store *base, store_erasure_fn each, void *arg, struct error *error);
enum store_result store_sqlite_each_dead_letter(struct store *base, const struct store_dead_letter *after, size_t limit,
                                                store_dead_letter_fn each, void *arg, struct error *error);
enum store_result store_sqlite_read_issues(struct store *base, enum store_issues which,
                                           const struct store_issue_query *query, store_view_fn each, void *arg,
                                           struct error *error);
enum store_result store_sqlite_read_earlier(struct store *base, const struct store_earlier_query *query,
                                            store_issue_fn each, void *arg, struct error *error);
enum store_result store_sqlite_read_history_page(struct store *base, const struct store_history_query *query,
                                                 store_history_fn each, void *arg, struct error *error);
enum store_result store_sqlite_find_owner(struct store *base, const char *id, size_t length,
                                          struct store_coupon_owner *owner, struct error *error);
enum store_result store_sqlite_create_ownership(struct store *base, const struct store_ownership *row,
                                                struct error *error);
enum store_result store_sqlite_read_ownership(struct store *base, uint16_t partition, struct store_ownership *row,
                                              bool *found, struct error *error);
enum store_result store_sqlite_change_ownership(struct store *base, const struct store_ownership *from,
                                                const struct store_ownership *to, bool *matched, struct error *error);
void store_sqlite_read_end(struct store *base);

#endif
