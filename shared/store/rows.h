/*
 * The values that go in and out of a store: rows, the batch that carries them, and its result. Pure values.
 */
#ifndef COUPOND_STORE_ROWS_H
#define COUPOND_STORE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/journal/format.h"
#include "shared/store/id.h"

#define STORE_SCHEMA_VERSION 3

enum store_result {
    STORE_OK = 0,
    STORE_RETRY,    /* a temporary fault, such as a deadlock; the batch is in the store as a whole or not at all */
    STORE_FAILED,   /* a lasting fault, such as access denied or a newer schema; nothing was written, as below */
    STORE_FOREIGN,  /* another journal fills the store, or one with another number of partitions */
    STORE_OTHER,    /* the batch is meant for a store with another id */
    STORE_BEHIND,   /* the store lacks acknowledged records: it came back empty or from a backup */
    STORE_REJECTED, /* some rows can never be stored: one contradicts a stored row, or the server rejects the data */
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

#define STORE_REASON_MAX 511 /* bytes of a dead letter's reason */

/* A journal record that could not be stored, with reason and time. Its pointers are borrowed. */
struct store_dead_letter {
    uint8_t journal_id[16];
    uint64_t journal_seq;
    uint16_t partition;
    uint8_t coupon_id_length;
    uint8_t user_id_length; /* 0: a coupon's record, without sequence and nth */
    uint16_t nth;
    uint16_t record_length;
    uint32_t sequence;
    int64_t recorded_at_us;
    int64_t dead_at_us;
    const char *coupon_id;
    const char *user_id;
    const void *record; /* as in the journal */
    const char *reason; /* UTF-8 */
};

enum store_scope {
    STORE_FRAME,  /* all of records first_seq to last_seq, stored or dead: checks and advances the journal's row */
    STORE_PART,   /* some of them: checks the journal's row and leaves it */
    STORE_LETTER, /* the record first_seq = last_seq from dead_letter: skips the check of the journal's row */
};

/*
 * One transaction: changed policies, issues, and the journal that they come from. `coupon.issued` is ignored: it
 * follows from the issues. With STORE_FRAME and STORE_LETTER, only the records in `dead` of first_seq to last_seq
 * remain dead letters.
 */
struct store_batch {
    enum store_scope scope;
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint8_t store_id[STORE_ID_BYTES]; /* of the intended store; zeros: any store */
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t acked_seq;           /* the issuer assumes that the store has every record up to this one */
    uint64_t gone_seq;            /* records up to this one cannot be sent again, whether the store has them or not */
    const struct coupon *coupons; /* in journal order; one coupon may occur more than once */
    size_t coupons_count;
    const struct store_issue *issues; /* in journal order */
    size_t issues_count;
    const struct store_dead_letter *dead; /* replaces an existing one */
    size_t dead_count;
};

/* What the store knows of a journal that has been written to it. */
struct store_journal {
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint64_t last_seq;   /* every record up to this one is stored or a dead letter */
    uint64_t newest_seq; /* the newest such record, with possible gaps before it; read only */
};

/* The row of a JOURNAL_ISSUE record; borrows its ids. */
struct store_issue store_issue_of(const struct journal_record *record);
/* Compares by (coupon_id, sequence), like memcmp. */
int store_issue_compare(const struct store_issue *a, const struct store_issue *b);
bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b);
/* True when both are the same issue of the same user: (coupon_id, user_id, nth). */
bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b);
/* True when all columns are equal. */
bool store_issue_equal(const struct store_issue *a, const struct store_issue *b);

#endif
