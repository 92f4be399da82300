#include "shared/nearest.h"

#include <stdio.h>
#include <string.h>

/* The number of edits that still counts as a typing error: a third of the word, three at most. */
#define EDITS_MAX 3

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* The optimal string alignment distance, with three rows of the usual table. */
static size_t distance_between(const char *a, const char *b)
{
    size_t rows[3][NEAREST_WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t a_length = strlen(a), b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_length];
}

void nearest_init(struct nearest *nearest, const char *word, size_t length)
{
    *nearest = (struct nearest){.distance = 0};
    if (length > NEAREST_WORD_MAX)
        return;
    memcpy(nearest->word, word, length);
    size_t edits = length / 3;
    nearest->distance = (edits < EDITS_MAX ? edits : EDITS_MAX) + 1;
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    if (nearest->distance == 0 || strlen(candidate) > NEAREST_WORD_MAX)
        return;
    size_t distance = distance_between(nearest->word, candidate);
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    memcpy(nearest->found, candidate, strlen(candidate) + 1);
}

const char *nearest_found(const struct nearest *nearest)
{
    return nearest->found[0] != '\0' ? nearest->found : NULL;
}

const char *nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_MAX])
{
    hint[0] = '\0';
    if (nearest_found(nearest) != NULL)
        snprintf(hint, NEAREST_HINT_MAX, "; did you mean %s?", nearest->found);
    return hint;
}

const char *nearest_hint_before(const struct nearest *nearest, char hint[NEAREST_HINT_MAX])
{
    char alone[NEAREST_HINT_MAX];
    nearest_hint(nearest, alone);
    snprintf(hint, NEAREST_HINT_MAX, "%.*s ", NEAREST_HINT_MAX - 2, alone[0] != '\0' ? alone : ";");
    return hint;
}
