/*
 * A dead letter as a value, and the way back from its journal record to the rejected row. Pure. The table may have been
 * edited, so every column is validated.
 */
#ifndef COUPOND_STORE_LETTER_H
#define COUPOND_STORE_LETTER_H

#include "shared/store/rows.h"

struct store_letter {
    struct store_dead_letter letter; /* points into what follows */
    char coupon_id[COUPON_ID_MAX + 1];
    char user_id[USER_ID_MAX + 1];
    char reason[STORE_REASON_MAX + 1];
    unsigned char record[JOURNAL_RECORD_BYTES_MAX];
};

/* "coupon", "issue", "change" or "erasure": what the record is about. */
const char *store_letter_kind(const struct store_dead_letter *letter);

/* The id of a letter: "<journal id in 32 hexadecimal digits>-<journal_seq>". Keeps its meaning while the letter exists,
 * unless the partition gets another journal. */
#define STORE_LETTER_ID_MAX (32 + 1 + 20 + 1) /* with the NUL */
size_t store_letter_id_format(const struct store_dead_letter *letter, char out[STORE_LETTER_ID_MAX]);
/* Sets journal_id and journal_seq, the rest to zeros; false when the text is no id. */
bool store_letter_id_parse(const char *text, size_t length, struct store_dead_letter *letter);

/*
 * Copies `letter` so that it outlives the walk that delivered it; truncates a long reason. The copy must not be moved.
 */
void store_letter_copy(struct store_letter *out, const struct store_dead_letter *letter);

/*
 * Erases a user from a letter that is the user's or whose reason names the user. The reason is replaced in any case,
 * since it may name the user's earlier issue even if the letter is of a later record than the erasure; the id, in
 * columns and record, only in the user's own letters of earlier records. A malformed record is dropped.
 */
void store_letter_erase(struct store_letter *letter, const struct store_erasure *erasure);

/* The batch that stores a dead letter after all. It points into itself, so it must not be moved. */
struct store_letter_rows {
    struct store_batch batch;
    struct store_coupon coupon;
    struct store_issue issue;
    struct store_change change;
    struct store_erasure erasure;
    _Alignas(8) unsigned char bytes[sizeof(struct journal_batch_header) + JOURNAL_RECORD_BYTES_MAX];
};

/* False when the record is malformed or contradicts the other columns. */
bool store_letter_rows(struct store_letter_rows *out, const struct store_dead_letter *letter);

#endif
