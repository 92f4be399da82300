/*
 * The store: the database that the persister fills and that `verify` reads. One interface, two stores: `mysql` (MySQL
 * and MariaDB) and `sqlite`. A store is used by one thread.
 */
#ifndef COUPOND_STORE_H
#define COUPOND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/store/rows.h"

struct store;

/* Makes a store after options->store_*; nothing is opened yet. NULL and `error` when the options make no sense. */
struct store *store_create(const struct options *options, struct error *error);
/* Closes and frees; NULL is welcome, *store becomes NULL. */
void store_destroy(struct store **store);

/* "mysql coupond@127.0.0.1:3306/coupond" or "sqlite ./var/coupond.db"; for messages, without secrets. */
const char *store_describe(const struct store *store);

/* Connects, or connects again. */
enum store_result store_connect(struct store *store, struct error *error);
/* After store_connect() or store_migrate() has failed: the server is there, but not, or not yet, its user, rights or
 * database, or a table was changed. */
bool store_awaits_setup(const struct store *store);
/* Creates the schema or migrates it to STORE_SCHEMA_VERSION; safe when several do so at once. */
enum store_result store_migrate(struct store *store, struct error *error);
/* STORE_OK when the schema is there at STORE_SCHEMA_VERSION, and its tables are what they must be; creates nothing. For
 * readers. */
enum store_result store_check_schema(struct store *store, struct error *error);
/* The version of the schema that is there; 0 when there is none. */
enum store_result store_schema_version(struct store *store, int64_t *version, struct error *error);

/* The store's id; STORE_FAILED when it has none, or no schema, yet. */
enum store_result store_read_id(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error);

/*
 * Writes a batch in one transaction. Idempotent and commutative: rows that are there already are left alone, a policy
 * never goes back to an older journal_seq, `issued` never goes down. Connects by itself when the connection was lost.
 */
enum store_result store_write(struct store *store, const struct store_batch *batch, struct error *error);
/* The id that the last write found the store to have; zeros before the first. */
const uint8_t *store_id(const struct store *store);
/* After STORE_BEHIND: the last record up to which the store has everything; 0 when it does not know the journal. */
uint64_t store_behind_seq(const struct store *store);

/*
 * Each coupon, in the byte order of ids, whose record is a dead letter of that journal and which is therefore not in
 * the store: its issues cannot be stored either. `reason` is why. Outside of a reading snapshot.
 */
enum store_result store_each_dead_coupon(struct store *store, const uint8_t journal_id[16],
                                         bool (*each)(void *arg, const char *coupon_id, const char *reason), void *arg,
                                         struct error *error);

/*
 * Hands a partition over to another journal, whose records up to `last_seq` are in the store: its row is replaced, or
 * made. In one transaction.
 */
enum store_result store_adopt_journal(struct store *store, const struct store_journal *journal, struct error *error);

/*
 * Reading, in one consistent snapshot between begin and end: first the journals, then the coupons in the byte order of
 * their ids, then the issues ordered by (coupon_id, sequence). Rows are handed on as they come, none is kept. A
 * callback that returns false ends the walk early (STORE_OK).
 */
enum store_result store_read_begin(struct store *store, struct error *error);
enum store_result store_each_journal(struct store *store, bool (*each)(void *arg, const struct store_journal *),
                                     void *arg, struct error *error);
enum store_result store_each_coupon(struct store *store, bool (*each)(void *arg, const struct coupon *), void *arg,
                                    struct error *error);
enum store_result store_each_issue(struct store *store, bool (*each)(void *arg, const struct store_issue *), void *arg,
                                   struct error *error);
/* Dead letters ordered by (journal_id, journal_seq), so a coupon comes before its issues: those behind `after`, or from
 * the first when that is NULL, and at most `limit`, 0 meaning all. */
enum store_result store_each_dead_letter(struct store *store, const struct store_dead_letter *after, size_t limit,
                                         bool (*each)(void *arg, const struct store_dead_letter *), void *arg,
                                         struct error *error);
void store_read_end(struct store *store);

#endif
