/*
 * Which records of a journal a store has: all up to last_seq, and runs beyond it, since several writers commit in any
 * order. The store itself can thus tell that something is missing, whatever was acknowledged to the issuer. Pure;
 * stored in the columns last_seq and ahead of the journal's row, the latter as text: "12-40,57-57".
 */
#ifndef COUPOND_STORE_PROGRESS_H
#define COUPOND_STORE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_AHEAD_MAX      90   /* runs; an issuer has fewer frames than that in flight */
#define STORE_AHEAD_TEXT_MAX 4000 /* two numbers of 20 digits and two separators per run */
_Static_assert(STORE_AHEAD_MAX * 42 < STORE_AHEAD_TEXT_MAX, "every run fits");

struct store_run {
    uint64_t first_seq;
    uint64_t last_seq;
};

struct store_progress {
    uint64_t last_seq;
    size_t ahead_count;
    struct store_run ahead[STORE_AHEAD_MAX]; /* ascending, separate from each other and from last_seq */
};

/* False when `text` is not a result of store_progress_format(). */
bool store_progress_parse(struct store_progress *progress, uint64_t last_seq, const char *text, size_t length);
/* The newest stored record, whatever is missing before it. */
uint64_t store_progress_newest(const struct store_progress *progress);
/* Returns the length. */
size_t store_progress_format(const struct store_progress *progress, char out[STORE_AHEAD_TEXT_MAX]);

/* Marks records first_seq to last_seq as written. When the runs overflow, drops the highest one: it is sent again,
 * which is always harmless. */
void store_progress_add(struct store_progress *progress, uint64_t first_seq, uint64_t last_seq);

#endif
