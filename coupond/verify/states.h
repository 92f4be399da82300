/*
 * The states of one coupon's issues: the store's rows, and what the journal has made of each issue so far. Pure. 32
 * bytes per issue that was ever changed.
 */
#ifndef COUPOND_VERIFY_STATES_H
#define COUPOND_VERIFY_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/store/store.h"

struct verify_state {
    uint32_t sequence;    /* 0: a free slot */
    uint8_t stored;       /* enum issue_state of the row; ISSUE_NONE: no row */
    uint8_t reached;      /* enum issue_state by the journal's records; ISSUE_NONE: none is known */
    bool matched;         /* the row equals the record that it names */
    bool restock;         /* of the row */
    uint64_t journal_seq; /* of the row */
    uint64_t digest;      /* likewise */
    uint64_t reference;   /* hash of the reference of the redemption that `reached` names */
};

/* All zeros is an empty set. */
struct verify_states {
    struct verify_state *places; /* open addressing by sequence */
    size_t mask;                 /* number of slots - 1; 0: none */
    size_t count;
};

void verify_states_deinit(struct verify_states *states);
/* Finds the state or adds it; valid until the next one is added. */
struct verify_state *verify_states_get(struct verify_states *states, uint32_t sequence);
/* Adds a row of the store. */
void verify_states_add_row(struct verify_states *states, const struct store_change *change);

/* Applies the journal's next record. NULL, or how it contradicts the records before it. With `from_start` false, the
 * issue may have been changed by records that are not known. */
const char *verify_state_reach(struct verify_state *state, const struct store_change *change, bool from_start);

/* A digest of the row without its coupon and user. */
uint64_t verify_change_digest(const struct store_change *change);

#endif
