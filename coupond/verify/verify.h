/*
 * The checker behind `coupond verify`. Pure: it is told what was read and says what is broken. In this order, so that a
 * running system never looks broken: the journals and what the store has acknowledged of each; then the store, in one
 * snapshot; then the journals' records. Whatever was acknowledged before the snapshot must be in it, and whatever is in
 * the snapshot must be in a journal that is read later.
 *
 * Records whose segments are removed are in a snapshot and in the store: there the store's rows are checked as the
 * journal's records would be, and each against the snapshot.
 *
 *   (verify_add_journal() verify_add_snapshot()?)*  →  verify_store_…()*  →  (verify_journal_record()*
 * verify_journal_end())*  → verify_finish() →  when verify_wants_rows(): verify_name_row()* with the same snapshot's
 * issues again
 */
#ifndef COUPOND_VERIFY_H
#define COUPOND_VERIFY_H

#include "coupond/verify/coupon.h"
#include "coupond/verify/dead.h"
#include "coupond/verify/findings.h"
#include "issuer/ledger/ledger.h"

struct verify_journal {
    bool present;
    bool stored; /* the store knows it */
    bool damaged;
    struct journal_meta meta;
    uint64_t acked;
    struct verify_dead dead; /* records that the store refused: told as such, not as missing */
    uint64_t records;
    uint64_t first_seq;            /* of the records that are still in segments */
    const struct ledger *snapshot; /* NULL unless first_seq is above 1 */
    uint64_t next_seq;             /* behind the last record that could be read */
};

struct verify {
    uint64_t seed; /* of the users' fingerprints; random, so that nobody can aim at collisions */
    struct verify_journal journals[PARTITIONS_MAX];
    struct verify_index coupons;
    struct verify_coupon *last; /* that was looked up: rows and records come in runs */
    struct findings findings;
    struct verify_difference *differences; /* the first ones, to be told with both sides */
    size_t differences_count;
    uint64_t issues;
    uint64_t rows;
    uint64_t lag;
    uint64_t dead;
};

void verify_init(struct verify *verify, uint64_t seed);
void verify_deinit(struct verify *verify);

/* A partition's journal, and up to which sequence the store has acknowledged it. */
void verify_add_journal(struct verify *verify, const struct journal_meta *meta, uint64_t acked);

/* The journal's segments begin with record `first_seq`; what came before is in `snapshot`, which is borrowed. */
void verify_add_snapshot(struct verify *verify, uint16_t partition, uint64_t first_seq, const struct ledger *snapshot);

/* The store's rows, each kind in the order of store.h. */
void verify_store_journal(struct verify *verify, const struct store_journal *journal);
void verify_store_coupon(struct verify *verify, const struct coupon *coupon);
void verify_store_issue(struct verify *verify, const struct store_issue *issue);
void verify_store_dead_letter(struct verify *verify, const struct store_dead_letter *letter);

/* The records of a journal in their order. */
void verify_journal_record(struct verify *verify, uint16_t partition, const struct journal_record *record);
/* How a journal ended: behind the record before `next_seq`; `damage` says where it cannot be read on, or is NULL. */
void verify_journal_end(struct verify *verify, uint16_t partition, uint64_t next_seq, const char *damage);

/* What can be told only when all is read. */
void verify_finish(struct verify *verify);

/* Rows of the store were not what the journal says: they are to be shown again, to be named. */
bool verify_wants_rows(const struct verify *verify);
void verify_name_row(struct verify *verify, const struct store_issue *issue);

#endif
