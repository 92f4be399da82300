/*
 * Whose acknowledgements count: those of one store. Two persisters with different databases would each have a part, and
 * segments would go that one of them lacks. Pure. Owned by the stream's thread.
 *
 *   unknown ──the issuer has looked, or nobody can and one answers──► known ──another is configured now──► known
 *
 * The store is the one that the issuer itself is configured with. It looks there at its start, and whenever an answer
 * bears another id than the one it knows: so a database that was lost and made anew is taken at once, and one that only
 * a persister is configured with never is. Only where the issuer cannot reach its store at all, and looks have failed
 * for long, frames leave for whichever store takes them, and the only one that answers is taken for ours.
 */
#ifndef COUPOND_FEED_STORE_H
#define COUPOND_FEED_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/store/store.h"

/* What a look came to. */
enum feed_store_look {
    FEED_STORE_FOUND,
    FEED_STORE_WITHOUT_ID, /* it is there, but its persister has not given it an id yet */
    FEED_STORE_AWAY,
};

enum feed_store_origin {
    FEED_STORE_OURS,
    FEED_STORE_UNKNOWN, /* it may be ours: a look will tell */
    FEED_STORE_OTHER,
};

struct feed_store {
    bool may_look;              /* the issuer can reach the store that it is configured with */
    bool uncompared;            /* nothing leaves, however long that takes: it may be the wrong journal's */
    uint8_t id[STORE_ID_BYTES]; /* zeros: not known yet */
    /* the one before, whose last answers are no news; not set again before that time */
    uint8_t before[STORE_ID_BYTES];
    int64_t before_until_us;
    /* another one that answers; zeros: none */
    uint8_t other[STORE_ID_BYTES];
    bool others_differ; /* more than one does */
    int64_t other_since_us;
    int64_t other_at_us; /* when it was last heard of */
    bool look_wanted;
    bool look_under_way;
    bool reached; /* at least once: from then on only what is found there counts */
    int64_t look_after_us;
    int64_t patient_until_us; /* from then on a store that was never reached is waited for no longer; 0: not set yet */
};

/* `id` is the store that it has to be, or zeros. */
void feed_store_init(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], bool may_look);

/* Frames wait, and looks go on, until the journals were compared with the store (issuer/store/check.h). */
void feed_store_await_comparison(struct feed_store *store);
void feed_store_compared(struct feed_store *store);

/* The id that the journal's acknowledgements are of, where nothing better is known. */
void feed_store_remember(struct feed_store *store, const uint8_t id[STORE_ID_BYTES]);

/* Whose an answer is that bears `id`. With nobody to ask, the first one to answer is ours: *adopted. */
enum feed_store_origin feed_store_judge(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us,
                                        bool *adopted);

/* True when somebody has to look into the configured store now, and to call feed_store_looked(). */
bool feed_store_wants_look(struct feed_store *store, int64_t now_us);
/* What was found there; `id` counts with FEED_STORE_FOUND. True when store->id is another one now. */
bool feed_store_looked(struct feed_store *store, enum feed_store_look look, const uint8_t id[STORE_ID_BYTES],
                       int64_t now_us);
/* True while frames have to wait for a look, which tells whom they are for. */
bool feed_store_is_awaited(const struct feed_store *store, int64_t now_us);

/* True while a look is to come that may show another store to be ours. */
bool feed_store_is_asking(const struct feed_store *store);

/* True while another store answers. */
bool feed_store_sees_other(const struct feed_store *store, int64_t now_us);

#endif
