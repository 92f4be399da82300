/*
 * The store: the database that persisters fill and `verify` reads. One interface, two implementations: `mysql` (MySQL
 * and MariaDB) and `sqlite`. One thread uses a store.
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

/* Creates a store from options->store_* without opening it. NULL and `error` when the options are invalid. */
struct store *store_create(const struct options *options, struct error *error);
/* Closes and frees; accepts NULL, sets *store to NULL. */
void store_destroy(struct store **store);

/* "mysql coupond@127.0.0.1:3306/coupond" or "sqlite ./var/coupond.db"; for messages, without secrets. */
const char *store_describe(const struct store *store);

/* Connects or reconnects. */
enum store_result store_connect(struct store *store, struct error *error);
/* After store_connect() or store_migrate() has failed: true when the server answers, but its user, privileges or
 * database are missing, or a table was altered. */
bool store_awaits_setup(const struct store *store);
/* Creates the schema or migrates it to STORE_SCHEMA_VERSION; safe when several processes do so at once. */
enum store_result store_migrate(struct store *store, struct error *error);
/* STORE_OK when the schema has STORE_SCHEMA_VERSION and its tables match it; creates nothing. For readers. */
enum store_result store_check_schema(struct store *store, struct error *error);
/* The version of the existing schema; 0 when there is none. */
enum store_result store_schema_version(struct store *store, int64_t *version, struct error *error);

/* The store's id; STORE_FAILED while it has none, or no schema. */
enum store_result store_read_id(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error);

/*
 * Writes a batch in one transaction. Idempotent and commutative: existing rows stay, a policy or the state of an issue
 * never goes back to an older journal_seq, `issued` never decreases, `returned` and `redeemed` count the states, and
 * an erasure applies to rows of earlier records, whenever those are written (shared/store/erased.h). A change may
 * be written before its issue, but not before its coupon. Reconnects by itself after the connection was lost.
 */
enum store_result store_write(struct store *store, const struct store_batch *batch, struct error *error);
/* The store's id as of the last write; zeros before the first. */
const uint8_t *store_id(const struct store *store);
/* After STORE_BEHIND: the last record up to which the store has everything; 0 when it does not know the journal. */
uint64_t store_behind_seq(const struct store *store);

/* Delivers each coupon, in byte order of ids, that is missing from the store because its record is a dead letter of
 * that journal, so that its issues cannot be stored either; `reason` says why. Call outside of a read snapshot. */
enum store_result store_each_dead_coupon(struct store *store, const uint8_t journal_id[16],
                                         bool (*each)(void *arg, const char *coupon_id, const char *reason), void *arg,
                                         struct error *error);

/*
 * Hands a partition over to another journal, whose records up to `last_seq` are in the store: in one transaction,
 * replaces or creates its row, with its keys, and gives the partition's dead letters of these records to it, so that
 * erasures reach them. A letter whose record number another one has already keeps its old journal.
 */
enum store_result store_adopt_journal(struct store *store, const struct store_journal *journal, struct error *error);

/*
 * Reading, in one consistent snapshot between begin and end: the journals, the coupons in byte order of their ids, the
 * issues and their changes ordered by (coupon_id, sequence). Rows are delivered as they arrive and not kept. A callback
 * that returns false ends the walk early (STORE_OK).
 */
enum store_result store_read_begin(struct store *store, struct error *error);
enum store_result store_each_journal(struct store *store, bool (*each)(void *arg, const struct store_journal *),
                                     void *arg, struct error *error);
enum store_result store_each_coupon(struct store *store, bool (*each)(void *arg, const struct coupon *), void *arg,
                                    struct error *error);
enum store_result store_each_issue(struct store *store, bool (*each)(void *arg, const struct store_issue *), void *arg,
                                   struct error *error);
enum store_result store_each_change(struct store *store, bool (*each)(void *arg, const struct store_change *),
                                    void *arg, struct error *error);
/* Delivers the policies of a coupon (NULL: of all) ordered by (coupon_id, journal_seq). */
enum store_result store_each_history(struct store *store, const char *coupon_id,
                                     bool (*each)(void *arg, const struct store_history_row *), void *arg,
                                     struct error *error);
/* Delivers the erasures of all journals ordered by journal_seq. */
enum store_result store_each_erasure(struct store *store, bool (*each)(void *arg, const struct store_erasure *),
                                     void *arg, struct error *error);
/* Delivers dead letters ordered by (journal_id, journal_seq), so a coupon comes before its issues: those after `after`
 * (NULL: from the first), at most `limit` (0: all). */
enum store_result store_each_dead_letter(struct store *store, const struct store_dead_letter *after, size_t limit,
                                         bool (*each)(void *arg, const struct store_dead_letter *), void *arg,
                                         struct error *error);
void store_read_end(struct store *store);

#endif
