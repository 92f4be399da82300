/*
 * The store: the database that the persister fills and that `verify` reads. One interface, two stores: `mysql` (MySQL
 * and MariaDB) and `sqlite`. A store is used by one thread.
 */
#ifndef COUPOND_STORE_H
#define COUPOND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/error.h"
#include "shared/journal_format.h"
#include "shared/options.h"

#define STORE_SCHEMA_VERSION 1

enum store_result {
    STORE_OK = 0,
    STORE_RETRY, /* a passing fault: connection, deadlock, lock wait, disk; nothing of the batch is in the store, or all
                    of it */
    STORE_CONFLICT, /* a row contradicts what is there: another user under the same sequence, a foreign journal; nothing
                       was written */
    STORE_FAILED,   /* a fault that will not pass by itself: no such database, access denied, a newer schema */
};

struct store_issue {
    const char *coupon_id;
    const char *user_id;
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint16_t nth;
    uint32_t sequence;
    int64_t issued_at_us;
    uint64_t journal_seq;
};

/* The row of a JOURNAL_ISSUE record; borrows its ids. */
struct store_issue store_issue_of(const struct journal_record *record);

/* One transaction: the policies that changed, the issues, and whose they are. `coupon.issued` is ignored: it follows
 * from the issues. */
struct store_batch {
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint64_t last_seq;
    const struct coupon *coupons; /* in journal order; one coupon may stand here more than once */
    size_t coupons_count;
    const struct store_issue *issues; /* in journal order */
    size_t issues_count;
};

/* What the store knows of a journal that was written to it. */
struct store_journal {
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint64_t last_seq;
};

struct store;

/* Makes a store after options->store_*; nothing is opened yet. NULL and `error` when the options make no sense. */
struct store *store_create(const struct options *options, struct error *error);
/* Closes and frees; NULL is welcome, *store becomes NULL. */
void store_destroy(struct store **store);

/* "mysql coupond@127.0.0.1:3306/coupond" or "sqlite ./var/coupond.db"; for messages, without secrets. */
const char *store_describe(const struct store *store);

/* Connects, or connects again. */
enum store_result store_connect(struct store *store, struct error *error);
/* Creates the schema or migrates it to STORE_SCHEMA_VERSION; safe when several do so at once. */
enum store_result store_migrate(struct store *store, struct error *error);
/* STORE_OK when the schema is there at STORE_SCHEMA_VERSION; creates nothing. For readers. */
enum store_result store_check_schema(struct store *store, struct error *error);

/*
 * Writes a batch in one transaction. Idempotent and commutative: rows that are there already are left alone, a policy
 * never goes back to an older journal_seq, `issued` never goes down. Connects by itself when the connection was lost.
 */
enum store_result store_write(struct store *store, const struct store_batch *batch, struct error *error);

/*
 * Reading, in one consistent snapshot between begin and end: first the journals, then the coupons in the byte order of
 * their ids, then the issues ordered by (coupon_id, sequence). A callback that returns false ends the walk early
 * (STORE_OK).
 */
enum store_result store_read_begin(struct store *store, struct error *error);
enum store_result store_each_journal(struct store *store, bool (*each)(void *arg, const struct store_journal *),
                                     void *arg, struct error *error);
enum store_result store_each_coupon(struct store *store, bool (*each)(void *arg, const struct coupon *), void *arg,
                                    struct error *error);
enum store_result store_each_issue(struct store *store, bool (*each)(void *arg, const struct store_issue *), void *arg,
                                   struct error *error);
void store_read_end(struct store *store);

#endif
