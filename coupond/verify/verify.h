/*
 * The checker of `coupond verify`. Pure: it takes the data that was read and reports violations. The order of reading
 * makes sure that a running system never looks broken: first the journals' metadata with the store's acknowledgements,
 * then the store in one snapshot, then the journals' records. Everything acknowledged before the snapshot must be in
 * it, and everything in the snapshot must be in a journal that is read later.
 *
 * Records of removed segments are in a ledger snapshot and in the store: for these, the store's rows are checked in the
 * place of the journal's records, and each is compared with the snapshot.
 *
 *   (verify_add_journal() verify_add_snapshot()?)*
 *     →  verify_store_…()*
 *     →  (verify_journal_record()* verify_journal_end())*
 *     →  verify_finish() (verify/finish.h)
 *     →  when verify_wants_rows(): verify_name_row()* with the same snapshot's issues again
 */
#ifndef COUPOND_VERIFY_H
#define COUPOND_VERIFY_H

#include "coupond/verify/changes.h"
#include "coupond/verify/coupon.h"
#include "coupond/verify/dead.h"
#include "coupond/verify/findings.h"
#include "coupond/verify/found.h"
#include "issuer/ledger/ledger.h"

/* An issue in the journal where the store has another with the same sequence. */
struct verify_difference {
    const struct verify_coupon *coupon;
    uint32_t sequence;
    char text[ISSUE_TEXT_MAX];
};

struct verify_journal {
    bool present;
    bool foreign; /* the store's row is of another journal */
    bool damaged;
    struct journal_meta meta;
    uint64_t acked;
    uint64_t stored_seq;     /* the store's row says that every record up to this one is there; 0: no row */
    struct verify_dead dead; /* records that the store refused: reported as such, not as missing */
    uint64_t records;
    uint64_t first_seq;            /* of the records in the remaining segments */
    const struct ledger *snapshot; /* NULL unless first_seq is above 1 */
    uint64_t next_seq;             /* after the last readable record */
};

struct verify {
    uint64_t seed; /* of the users' fingerprints; random, so that nobody can construct collisions */
    struct verify_journal journals[PARTITIONS_MAX];
    struct verify_index coupons;
    struct verify_coupon *last; /* the last lookup: rows and records of one coupon are often adjacent */
    struct findings findings;
    struct store_erased erased;            /* users whose erasure the store has, under any journal */
    struct verify_difference *differences; /* the first ones, to be reported with both sides */
    size_t differences_count;
    uint64_t issues;
    uint64_t changes; /* of issues, in the journal */
    uint64_t rows;
    uint64_t lag;
    uint64_t dead;
};

void verify_init(struct verify *verify, uint64_t seed);
void verify_deinit(struct verify *verify);

/* Adds a partition's journal and the sequence up to which the store has acknowledged it. */
void verify_add_journal(struct verify *verify, const struct journal_meta *meta, uint64_t acked);

/* The journal's segments begin with record `first_seq`; earlier records are in `snapshot`, which is borrowed. */
void verify_add_snapshot(struct verify *verify, uint16_t partition, uint64_t first_seq, const struct ledger *snapshot);

/* Adds the store's rows, each kind in the order of store.h, and the kinds in this order. */
void verify_store_erasure(struct verify *verify, const struct store_erasure *erasure);
void verify_store_erasures_end(struct verify *verify);
void verify_store_journal(struct verify *verify, const struct store_journal *journal);
void verify_store_coupon(struct verify *verify, const struct coupon *coupon);
void verify_store_change(struct verify *verify, const struct store_change *change);
void verify_store_issue(struct verify *verify, const struct store_issue *issue);
void verify_store_dead_letter(struct verify *verify, const struct store_dead_letter *letter);

/* Adds the records of a journal in their order. */
void verify_journal_record(struct verify *verify, uint16_t partition, const struct journal_record *record);
/* Ends a journal after the record before `next_seq`; `damage` says why the rest is unreadable, or is NULL. */
void verify_journal_end(struct verify *verify, uint16_t partition, uint64_t next_seq, const char *damage);

#endif
