/*
 * The journal records that are dead letters: the store refused them, so they cannot be in it. Pure; 8 bytes per letter.
 */
#ifndef COUPOND_VERIFY_DEAD_H
#define COUPOND_VERIFY_DEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The dead letters of one journal. All zeros is an empty set. */
struct verify_dead {
    uint64_t *seqs;
    size_t count;
    size_t capacity;
};

void verify_dead_deinit(struct verify_dead *dead);
/* Must be called in ascending order. */
void verify_dead_add(struct verify_dead *dead, uint64_t journal_seq);
bool verify_dead_has(const struct verify_dead *dead, uint64_t journal_seq);

#endif
