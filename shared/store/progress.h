/*
 * Which records of a journal a store has: every one up to last_seq, and runs ahead of that, since several writers
 * commit in any order. So the store itself can tell that something is missing, whatever the writers were told. Pure;
 * kept in the columns last_seq and ahead of the journal's row, the latter as text: "12-40,57-57".
 */
#ifndef COUPOND_STORE_PROGRESS_H
#define COUPOND_STORE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_AHEAD_MAX      90   /* runs; an issuer has fewer frames than that under way */
#define STORE_AHEAD_TEXT_MAX 4000 /* two numbers of 20 digits and two separators a run */
_Static_assert(STORE_AHEAD_MAX * 42 < STORE_AHEAD_TEXT_MAX, "every run fits");

struct store_run {
    uint64_t first_seq;
    uint64_t last_seq;
};

struct store_progress {
    uint64_t last_seq;
    size_t ahead_count;
    struct store_run ahead[STORE_AHEAD_MAX]; /* in order, apart from each other and from last_seq */
};

/* False when `text` is nothing that store_progress_format() writes. */
bool store_progress_parse(struct store_progress *progress, uint64_t last_seq, const char *text, size_t length);
/* The last record that is there, whatever lacks before it. */
uint64_t store_progress_newest(const struct store_progress *progress);
/* Returns the length. */
size_t store_progress_format(const struct store_progress *progress, char out[STORE_AHEAD_TEXT_MAX]);

/*
 * Records first_seq to last_seq were written. With more runs than there is room for, the highest is forgotten: it is
 * sent again then, which is always harmless.
 */
void store_progress_add(struct store_progress *progress, uint64_t first_seq, uint64_t last_seq);

#endif
