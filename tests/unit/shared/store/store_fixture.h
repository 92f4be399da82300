/*
 * For tests of the stores: a new, empty store of either type, rows to write, and direct access to the tables. The mysql
 * store is tested when COUPOND_TEST_MYSQL names a server (tests/support/servers.py); its database is emptied for every
 * test.
 */
#ifndef COUPOND_TEST_STORE_FIXTURE_H
#define COUPOND_TEST_STORE_FIXTURE_H

#include "shared/store/store.h"

#define STORE_FIXTURE_ISSUES_MAX 40000

struct store_fixture {
    struct options options;
    char directory[64]; /* temporary; contains the sqlite store's file */
    struct store *store;
    struct error error;
    struct coupon coupons[8];
    struct store_coupon rows[8];
    struct coupon *from; /* the coupons of the batch, and as of the write their rows; a test may have its own */
    struct store_coupon *to;
    struct store_issue issues[STORE_FIXTURE_ISSUES_MAX];
    char users[STORE_FIXTURE_ISSUES_MAX][USER_ID_MAX + 1];
    struct store_change changes[16];
    struct store_erasure erasures[4];
    struct store_batch batch;
};

/* cmocka's setups and teardown: a store without a schema; *state is the fixture. */
int store_fixture_setup_sqlite(void **state);
int store_fixture_setup_mysql(void **state);
int store_fixture_teardown(void **state);
/* True when a MySQL or MariaDB server is configured. */
bool store_fixture_has_mysql(void);
/* A value of COUPOND_TEST_MYSQL, or "". */
const char *store_fixture_mysql(const char *key);

/* Runs SQL as the store's user, or (mysql only) as the server's administrator. */
void store_fixture_sql(struct store_fixture *fixture, const char *sql);
void store_fixture_admin_sql(const char *sql);
/* The single number that a query returns. */
int64_t store_fixture_number(struct store_fixture *fixture, const char *sql);

/* Makes the server `stop`, `kill`, `start`, `pause` or `resume` (servers.py), and waits until it has. */
void store_fixture_control(const char *action);

/* Opens another store with the fixture's options, and creates its schema. */
struct store *store_fixture_another(struct store_fixture *fixture);

/* An empty batch of partition 0 of 1, journal id all 0x5a, without keys. */
void store_fixture_begin(struct store_fixture *fixture);
/* Adds a policy; the coupon may be changed until the write. */
struct coupon *store_fixture_coupon(struct store_fixture *fixture, const char *id, uint64_t journal_seq);
/* Adds an issue. */
struct store_issue *store_fixture_issue(struct store_fixture *fixture, const char *coupon_id, uint32_t sequence,
                                        const char *user_id, uint64_t journal_seq);
/* Adds a change of an issue to a state, with the reference "r" or the reason "why". */
struct store_change *store_fixture_change(struct store_fixture *fixture, const char *coupon_id, uint32_t sequence,
                                          enum issue_state state, uint64_t journal_seq);
/* Adds the erasure of a user, whose fingerprint is of the batch's key. */
struct store_erasure *store_fixture_erasure(struct store_fixture *fixture, const char *user_id, uint64_t journal_seq);
/* The journal's keys, from now on in this batch: 0x11 and 0x22. */
void store_fixture_add_keys(struct store_fixture *fixture);
/* Begins a batch of the coupon "c" and its issues 1 to `count`, to users u1, u2, …; journal sequences from 1. */
void store_fixture_begin_issues(struct store_fixture *fixture, uint32_t count);
/* Points the batch to its coupons as they are now; store_fixture_write() does so itself. */
void store_fixture_borrow(struct store_fixture *fixture);
/* Writes the batch. */
enum store_result store_fixture_write(struct store_fixture *fixture);

/* Fails the test when it does not work. */
void store_fixture_migrate(struct store_fixture *fixture);
void store_fixture_assert_written(struct store_fixture *fixture);
/* Checks that the last error contains these words. */
void store_fixture_assert_error(const struct store_fixture *fixture, const char *words);

#endif
