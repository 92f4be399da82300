#include "coupond/verify/dead.h"

#include <stdlib.h>

#include "shared/error.h"

void verify_dead_deinit(struct verify_dead *dead)
{
    free(dead->seqs);
    *dead = (struct verify_dead){0};
}

void verify_dead_add(struct verify_dead *dead, uint64_t journal_seq)
{
    if (dead->count == dead->capacity) {
        dead->capacity = dead->capacity > 0 ? 2 * dead->capacity : 64;
        dead->seqs = realloc(dead->seqs, dead->capacity * sizeof *dead->seqs);
        CHECK(dead->seqs != NULL);
    }
    CHECK(dead->count == 0 || journal_seq > dead->seqs[dead->count - 1]);
    dead->seqs[dead->count++] = journal_seq;
}

bool verify_dead_has(const struct verify_dead *dead, uint64_t journal_seq)
{
    size_t first = 0;
    size_t end = dead->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (dead->seqs[middle] < journal_seq)
            first = middle + 1;
        else
            end = middle;
    }
    return first < dead->count && dead->seqs[first] == journal_seq;
}
