/*
 * What a store takes and gives: rows, the batch that brings them, and what became of it. Pure values.
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
    STORE_RETRY, /* a passing fault: connection, deadlock, lock wait, disk; nothing of the batch is in the store, or all
                    of it */
    STORE_FAILED,  /* a fault that will not pass by itself: no such database, access denied, a newer schema; nothing was
                      written, as with all that follow */
    STORE_FOREIGN, /* another journal fills the store, or one of another number of partitions */
    STORE_OTHER,   /* the batch is meant for another store: this one has another id */
    STORE_BEHIND,  /* the store has less than was acknowledged: it came back empty or from a backup */
    STORE_REJECTED, /* some of these rows can never be stored: one contradicts a row that is there, or the server
                       refuses the data */
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

/* A record of a journal that could not be stored, why, and when. Borrows what it points to. */
struct store_dead_letter {
    uint8_t journal_id[16];
    uint64_t journal_seq;
    uint16_t partition;
    uint8_t coupon_id_length;
    uint8_t user_id_length; /* 0: the record is a coupon's, and there is neither sequence nor nth */
    uint16_t nth;
    uint16_t record_length;
    uint32_t sequence;
    int64_t recorded_at_us;
    int64_t dead_at_us;
    const char *coupon_id;
    const char *user_id;
    const void *record; /* as it stands in the journal */
    const char *reason; /* UTF-8 */
};

enum store_scope {
    STORE_FRAME,  /* all of records first_seq to last_seq, stored or dead: the journal's row is judged and moves on */
    STORE_PART,   /* some of them: the journal's row is judged, and stays */
    STORE_LETTER, /* the record first_seq = last_seq out of dead_letter: whoever fills the store now does not matter */
};

/*
 * One transaction: the policies that changed, the issues, and whose they are. `coupon.issued` is ignored: it follows
 * from the issues. With STORE_FRAME and STORE_LETTER, records first_seq to last_seq are dead letters afterwards only if
 * they are in `dead`.
 */
struct store_batch {
    enum store_scope scope;
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint8_t store_id[STORE_ID_BYTES]; /* of the store that the batch is meant for; zeros: whichever it comes to */
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t acked_seq;           /* the issuer believes that the store has every record up to this one */
    uint64_t gone_seq;            /* but it cannot be sent those up to this one again, whether it has them or not */
    const struct coupon *coupons; /* in journal order; one coupon may stand here more than once */
    size_t coupons_count;
    const struct store_issue *issues; /* in journal order */
    size_t issues_count;
    const struct store_dead_letter *dead; /* one that is there already is replaced */
    size_t dead_count;
};

/* What the store knows of a journal that was written to it. */
struct store_journal {
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint64_t last_seq;   /* every record up to this one is in the store, or a dead letter */
    uint64_t newest_seq; /* the last record that is, where some before it may lack; read, not written */
};

/* The row of a JOURNAL_ISSUE record; borrows its ids. */
struct store_issue store_issue_of(const struct journal_record *record);
/* Compares by (coupon_id, sequence), as memcmp does. */
int store_issue_compare(const struct store_issue *a, const struct store_issue *b);
bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b);
/* Whether both are the same issue of the same user: (coupon_id, user_id, nth). */
bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b);
/* Every column alike. */
bool store_issue_equal(const struct store_issue *a, const struct store_issue *b);

#endif
