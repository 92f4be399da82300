/*
 * What each store may have of one journal, as recorded in its folder: the bound for the comparison with a store
 * (issuer/store/check.h). Owned by one comparing thread at a time.
 *
 * A store that was replaced, for example by an empty one, may come back. If this folder is an older copy, that store
 * has records that the folder lacks, although the journal soon has as many. So the store that is left is noted with the
 * last record that it may have of this folder (shared/journal/notes.h), and checked against that when it is found
 * again.
 */
#ifndef COUPOND_STORE_HISTORY_H
#define COUPOND_STORE_HISTORY_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/journal/format.h"
#include "shared/journal/journal.h"
#include "shared/store/store.h"

struct store_history {
    const struct journal *journal;
    bool outstanding;                /* noted as not yet compared with any store */
    bool sends;                      /* the present store has received records in this process, or may have */
    uint64_t sure_seq;               /* the last record that any store may have had at the start */
    uint8_t present[STORE_ID_BYTES]; /* the store being filled; zeros: unknown */
    struct journal_former_stores former;
    bool unnoted; /* the file does not have this `former` yet */
};

/* Reads the folder's notes. The journal is replayed and must outlive the history. 0, or -1 and `error`. */
int store_history_read(struct store_history *history, const struct journal *journal, struct error *error);

/* The last record that the store with this id may have. */
uint64_t store_history_bound(const struct store_history *history, const uint8_t id[STORE_ID_BYTES]);

/* True when the journal has no records, and never had. */
bool store_history_is_new(const struct store_history *history);

/* True when another store than this is known to be the one being filled. */
bool store_history_is_other(const struct store_history *history, const uint8_t id[STORE_ID_BYTES]);

/* True when this store is known to be the one being filled, and no comparison is due. */
bool store_history_is_settled(const struct store_history *history, const uint8_t id[STORE_ID_BYTES]);

/* Deciding starts without a comparison. 0, or -1 with errno and `error` when that cannot be noted. */
int store_history_put_off(struct store_history *history, struct error *error);

/*
 * The comparison with the store of this id (zeros: a store without tables) succeeded, and it is filled from now on. 0,
 * or -1 and `error` when that cannot be noted; then send nothing yet. The previous store may get records until the
 * stream follows: call store_history_followed() after that.
 */
int store_history_settle(struct store_history *history, const uint8_t id[STORE_ID_BYTES], struct error *error);
int store_history_followed(struct store_history *history, struct error *error);

/* Comparisons are disabled: removes the notes. 0, or -1 and `error`. */
int store_history_remove_notes(struct store_history *history, struct error *error);

#endif
