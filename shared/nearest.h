/*
 * "Did you mean": the candidate closest to a misspelt word, counting insertions, deletions, replacements and swaps of
 * adjacent characters. Pure.
 */
#ifndef COUPOND_NEAREST_H
#define COUPOND_NEAREST_H

#include <stddef.h>

#define NEAREST_WORD_MAX 64 /* longer words match nothing */

struct nearest {
    char word[NEAREST_WORD_MAX + 1];
    char found[NEAREST_WORD_MAX + 1];
    size_t distance; /* of `found`; only closer candidates replace it */
};

/* Starts a search for the `length` bytes of `word`. */
void nearest_init(struct nearest *nearest, const char *word, size_t length);
/* Keeps the candidate if it is closer than all before; the first of equal ones wins. */
void nearest_offer(struct nearest *nearest, const char *candidate);
/* The closest candidate, NULL when none is close. Valid as long as `nearest`. */
const char *nearest_found(const struct nearest *nearest);

/* "; did you mean FOUND?", or "" when nothing is close. */
#define NEAREST_HINT_MAX (NEAREST_WORD_MAX + 24)
const char *nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_MAX]);
/* The same when more words follow: "; did you mean FOUND? ", or "; ". */
const char *nearest_hint_before(const struct nearest *nearest, char hint[NEAREST_HINT_MAX]);

#endif
