/*
 * A small journal in the folder of journal_input.h, written by the real writer: the starting point of fuzzers.
 */
#ifndef COUPOND_FUZZ_JOURNAL_SAMPLE_H
#define COUPOND_FUZZ_JOURNAL_SAMPLE_H

#include "shared/journal/journal.h"

/* Records that journal_sample_write() writes. */
#define JOURNAL_SAMPLE_RECORDS 16

/* Every batch is synced; no thread. */
struct journal_config journal_sample_config(void);
/* Opens the journal in the folder, or creates one. */
struct journal *journal_sample_open(void);

/* One batch each. */
void journal_sample_coupon(struct journal *journal, int64_t time_us, const char *id, uint32_t quantity, uint32_t limit);
/* Issues from `first` on, each to another user. */
void journal_sample_issues(struct journal *journal, int64_t time_us, const char *id, uint32_t first, uint32_t count);

/* Two coupons, one of them changed, and their issues, at the times 10 to 40. */
void journal_sample_write(struct journal *journal);

/* Appends what no issuer would write. */
enum journal_sample_fault {
    JOURNAL_SAMPLE_OVER_LIMIT,
    JOURNAL_SAMPLE_OVER_QUANTITY,
    JOURNAL_SAMPLE_OUT_OF_SEQUENCE,
    JOURNAL_SAMPLE_COUNTED_WRONG,
    JOURNAL_SAMPLE_UNKNOWN_COUPON,
    JOURNAL_SAMPLE_LOWERED,
    JOURNAL_SAMPLE_PAUSED,
    JOURNAL_SAMPLE_TOO_EARLY,
    JOURNAL_SAMPLE_TOO_LATE,
    JOURNAL_SAMPLE_FAULTS
};
void journal_sample_break(struct journal *journal, enum journal_sample_fault fault);

#endif
