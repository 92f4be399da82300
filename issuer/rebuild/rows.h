/*
 * The store's rows on their way into new ledgers: each is checked against the promises, like a journalled record. Pure,
 * except for the log and rebuild_gap_write(). Owned by the rebuild.
 */
#ifndef COUPOND_REBUILD_ROWS_H
#define COUPOND_REBUILD_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "issuer/rebuild/revocations.h"
#include "shared/error.h"
#include "shared/journal/format.h"
#include "shared/store/store.h"

#define REBUILD_EVENTS_MAX 4096

struct rebuild_part {
    struct ledger *ledger;
    struct store_journal stored; /* all zeros: the store knows no journal of this partition */
    bool kept;                   /* its journal is sound: its rows are skipped */
    uint64_t last_seq;
    int64_t last_time_us;
};

/* Sequences of a coupon that are missing in the store. */
struct rebuild_gap {
    char coupon_id[COUPON_ID_MAX + 1];
    uint16_t partition;
    uint32_t first;
    uint32_t last;
    int64_t time_us;      /* of the issue before the gap */
    uint64_t journal_seq; /* likewise */
};

/* An issue that is in the store as a dead letter. */
struct rebuild_letter {
    char coupon_id[COUPON_ID_MAX];
    char user_id[USER_ID_MAX];
    struct store_issue issue; /* its ids point into this struct once all letters are read */
};

struct rebuild_rows {
    struct rebuild_part parts[PARTITIONS_MAX];
    uint16_t partitions;
    uint8_t store_id[STORE_ID_BYTES];
    bool accept_gaps;
    bool wrong; /* `error` says what is wrong; the walk ends */
    struct error error;
    struct rebuild_gap *gaps;
    size_t gaps_count;
    struct rebuild_letter *letters; /* sorted by coupon and sequence before the first issue */
    size_t letters_count;
    size_t letters_taken;
    bool letters_sorted;
    struct rebuild_revocations revocations;
    uint64_t issues;
    uint64_t lost;

    /* the coupon whose issues are being read */
    char coupon_id[COUPON_ID_MAX + 1];
    uint16_t partition;
    uint32_t last_sequence;
    int64_t time_us;
    uint64_t journal_seq;

    struct ledger_event *events; /* of one partition, not applied yet */
    size_t events_count;
    int64_t next_report_us;
};

void rebuild_rows_init(struct rebuild_rows *rows, uint16_t partitions, bool accept_gaps);
void rebuild_rows_deinit(struct rebuild_rows *rows);

/*
 * Call in this order; -1 on a fault. First the journals; then rebuild_rows_begin() creates the ledgers, with the keys
 * that the store has, which it copies into `metas`. Then the rows: the coupons, whose quantity is not a bound yet,
 * because it may have been lowered after issues were returned; the dead letters; all changes, of which the revocations
 * are applied between the issues; the issues by coupon and sequence; all changes again, for the redemptions; and the
 * coupons again, whose quantity must hold.
 */
int rebuild_rows_journal(struct rebuild_rows *rows, const struct store_journal *stored);
void rebuild_rows_begin(struct rebuild_rows *rows, struct journal_meta *metas);
int rebuild_rows_coupon(struct rebuild_rows *rows, const struct coupon *coupon);
int rebuild_rows_letter(struct rebuild_rows *rows, const struct store_dead_letter *letter);
int rebuild_rows_revocation(struct rebuild_rows *rows, const struct store_change *change);
int rebuild_rows_issue(struct rebuild_rows *rows, const struct store_issue *issue);
/* After the last issue. */
int rebuild_rows_end_issues(struct rebuild_rows *rows);
int rebuild_rows_redemption(struct rebuild_rows *rows, const struct store_change *change);
int rebuild_rows_quantity(struct rebuild_rows *rows, const struct coupon *coupon);
/* 0 when the store is complete; -1 and `error`. */
int rebuild_rows_end(struct rebuild_rows *rows, struct error *error);

/* Writes the holders lost:<sequence> of a gap to the store. -1 and `error`. */
int rebuild_gap_write(struct store *store, const struct rebuild_rows *rows, const struct rebuild_gap *gap,
                      struct error *error);

#endif
