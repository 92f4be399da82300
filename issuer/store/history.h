/*
 * What each store may have of one journal, as far as its folder tells: the bound that the comparison holds a store
 * against (issuer/store/check.h). Owned by whoever compares, one thread at a time.
 *
 * A store that was replaced, by an empty one for example, may come back. If this folder is an older copy, that store
 * has records that it lacks, while the journal goes on and soon has as many. So the store that is left is noted with
 * the last record that it may have of this folder (shared/journal/notes.h), and judged by that when it is found again.
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
    bool outstanding;                /* compared with no store yet, and noted so */
    bool sends;                      /* the present store has got records in this process, or may have */
    uint64_t sure_seq;               /* the last record that any store may have had at the start */
    uint8_t present[STORE_ID_BYTES]; /* the store that is filled; zeros: not known */
    struct journal_former_stores former;
    bool unnoted; /* `former` is not in the file as it is here */
};

/* Reads the folder's notes; the journal is replayed, and outlives the history. 0, or -1 and `error`. */
int store_history_read(struct store_history *history, const struct journal *journal, struct error *error);

/* The last record that the store of this id may have. */
uint64_t store_history_bound(const struct store_history *history, const uint8_t id[STORE_ID_BYTES]);

/* True when the journal has no records, and never had. */
bool store_history_is_new(const struct store_history *history);

/* True when another store than this is known to be filled. */
bool store_history_is_other(const struct store_history *history, const uint8_t id[STORE_ID_BYTES]);

/* True when this store is the one that is known to be filled, and nothing has to be compared. */
bool store_history_is_settled(const struct store_history *history, const uint8_t id[STORE_ID_BYTES]);

/* Deciding begins without a comparison. 0, or -1 with errno and `error` when that cannot be noted. */
int store_history_put_off(struct store_history *history, struct error *error);

/* The comparison with the store of this id (zeros: of a new beginning) was made, and it is filled from now on. 0, or -1
 * and `error` when that cannot be noted: then nothing may be sent yet. The store that is left may get records until the
 * stream follows: store_history_followed() after that. */
int store_history_settle(struct store_history *history, const uint8_t id[STORE_ID_BYTES], struct error *error);
int store_history_followed(struct store_history *history, struct error *error);

/* Nobody compares any more: removes the notes. 0, or -1 and `error`. */
int store_history_forget(struct store_history *history, struct error *error);

#endif
