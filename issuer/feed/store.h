/*
 * Decides whose acknowledgements count: those of one store only. Two persisters with different databases would each get
 * a part, and segments would be removed that one of them lacks. Pure. Owned by the stream's thread.
 *
 *   unknown ──a look finds it, or without looks one answers──► known ──another is configured──► known
 *
 * The store is the one that the issuer is configured with. The issuer looks there at its start, and whenever an answer
 * carries an unknown id. So a database that was lost and recreated is accepted at once, and one that only a persister
 * is configured with never is. Only if the issuer cannot reach its store at all, and looks have failed for a long time,
 * frames go to any store that takes them, and the only one that answers is accepted.
 */
#ifndef COUPOND_FEED_STORE_H
#define COUPOND_FEED_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/store/store.h"

/* The result of a look. */
enum feed_store_look {
    FEED_STORE_FOUND,
    FEED_STORE_WITHOUT_ID, /* reachable, but its persister has not given it an id yet */
    FEED_STORE_AWAY,
};

enum feed_store_origin {
    FEED_STORE_OURS,
    FEED_STORE_UNKNOWN, /* it may be ours: a look will tell */
    FEED_STORE_OTHER,
};

struct feed_store {
    bool may_look;              /* the issuer can connect to its configured store */
    bool uncompared;            /* nothing is sent, however long that takes: the store may be of another journal */
    uint8_t id[STORE_ID_BYTES]; /* zeros: unknown */
    /* the previous store, whose late answers are ignored; not set again before before_until_us */
    uint8_t before[STORE_ID_BYTES];
    int64_t before_until_us;
    /* another store that answers; zeros: none */
    uint8_t other[STORE_ID_BYTES];
    bool others_differ; /* more than one other store answers */
    int64_t other_since_us;
    int64_t other_at_us; /* time of its last answer */
    bool look_wanted;
    bool look_under_way;
    bool reached; /* at least once: from then on only the configured store counts */
    int64_t look_after_us;
    int64_t patient_until_us; /* until then a store that was never reached is waited for; 0: not set */
};

/* `id` is the required store, or zeros. */
void feed_store_init(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], bool may_look);

/*
 * Makes frames wait, while looks continue, until the journals have been compared with the store (issuer/store/check.h).
 */
void feed_store_await_comparison(struct feed_store *store);
void feed_store_compared(struct feed_store *store);

/* The id of the store behind the journal's acknowledgements, used when nothing better is known. */
void feed_store_remember(struct feed_store *store, const uint8_t id[STORE_ID_BYTES]);

/* Classifies an answer with `id`. Without looks, the first store to answer becomes ours: *adopted. */
enum feed_store_origin feed_store_judge(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us,
                                        bool *adopted);

/* True when the caller has to look into the configured store and call feed_store_looked(). */
bool feed_store_wants_look(struct feed_store *store, int64_t now_us);
/* Takes the result of a look; `id` counts with FEED_STORE_FOUND. True when store->id has changed. */
bool feed_store_looked(struct feed_store *store, enum feed_store_look look, const uint8_t id[STORE_ID_BYTES],
                       int64_t now_us);
/* True while frames wait for a look, because the store is unknown. */
bool feed_store_is_awaited(const struct feed_store *store, int64_t now_us);

/* True while a look is due that may make another store ours. */
bool feed_store_is_asking(const struct feed_store *store);

/* True while another store answers. */
bool feed_store_sees_other(const struct feed_store *store, int64_t now_us);

#endif
