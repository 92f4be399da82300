/*
 * "Did you mean": the candidate that a misspelt word is closest to, by insertions, deletions, replacements and swaps of
 * neighbours. Pure.
 */
#ifndef COUPOND_NEAREST_H
#define COUPOND_NEAREST_H

#include <stddef.h>

#define NEAREST_WORD_MAX 64 /* longer words are close to nothing */

struct nearest {
    char word[NEAREST_WORD_MAX + 1];
    char found[NEAREST_WORD_MAX + 1];
    size_t distance; /* of `found`; only what is closer is taken */
};

/* Looks for `length` bytes of `word`. */
void nearest_init(struct nearest *nearest, const char *word, size_t length);
/* Takes the candidate if it is closer than those before. Of equals the first one stays. */
void nearest_offer(struct nearest *nearest, const char *candidate);
/* The closest candidate, NULL when none was close. Valid as long as `nearest`. */
const char *nearest_found(const struct nearest *nearest);

/* "; did you mean FOUND?", or "" where nothing was close. */
#define NEAREST_HINT_MAX (NEAREST_WORD_MAX + 24)
const char *nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_MAX]);
/* The same with more words to follow: "; did you mean FOUND? ", or "; ". */
const char *nearest_hint_before(const struct nearest *nearest, char hint[NEAREST_HINT_MAX]);

#endif
