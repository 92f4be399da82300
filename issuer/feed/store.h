/*
 * Decides whose acknowledgements count: those of one store only. Two persisters with different databases would each get
 * a part, and segments would be removed that one of them lacks. Pure. Owned by the stream's thread.
 *
 *   unknown ──a probe finds it, or without probes one answers──► known ──another is configured──► known
 *
 * The store is the one that the issuer is configured with. The issuer probes it at its start, and whenever an answer
 * carries an unknown id. So a database that was lost and recreated is accepted at once, and one that only a persister
 * is configured with never is. Only if the issuer cannot reach its store at all, and probes have failed for a long
 * time, frames go to any store that takes them, and the only one that answers is accepted.
 */
#ifndef COUPOND_FEED_STORE_H
#define COUPOND_FEED_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/store/store.h"

/* The result of a probe. */
enum feed_store_probe {
    FEED_STORE_FOUND,
    FEED_STORE_WITHOUT_ID, /* reachable, but its persister has not given it an id yet */
    FEED_STORE_AWAY,
};

enum feed_store_origin {
    FEED_STORE_OURS,
    FEED_STORE_UNKNOWN, /* it may be ours: a probe will decide */
    FEED_STORE_OTHER,
};

struct feed_store {
    bool may_probe;             /* the issuer can connect to its configured store */
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
    bool probe_wanted;
    bool probing;
    bool reached; /* at least once: from then on only the configured store counts */
    int64_t probe_after_us;
    int64_t patient_until_us; /* until then a store that was never reached is waited for; 0: not set */
};

/* `id` is the required store, or zeros. */
void feed_store_init(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], bool may_probe);

/*
 * Makes frames wait, while probes continue, until the journals were compared with the store (issuer/store/check.h).
 */
void feed_store_await_comparison(struct feed_store *store);
void feed_store_compared(struct feed_store *store);

/* The id of the store behind the journal's acknowledgements, used when nothing better is known. */
void feed_store_remember(struct feed_store *store, const uint8_t id[STORE_ID_BYTES]);

/* Classifies an answer with `id`. Without probes, the first store to answer becomes ours: *adopted. */
enum feed_store_origin feed_store_judge(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us,
                                        bool *adopted);

/* True when the caller has to probe the configured store and call feed_store_on_probe(). */
bool feed_store_wants_probe(struct feed_store *store, int64_t now_us);
/* Takes the result of a probe; `id` counts with FEED_STORE_FOUND. True when store->id has changed. */
bool feed_store_on_probe(struct feed_store *store, enum feed_store_probe probe, const uint8_t id[STORE_ID_BYTES],
                         int64_t now_us);
/* True while frames wait for a probe, because the store is unknown. */
bool feed_store_is_awaited(const struct feed_store *store, int64_t now_us);

/* True while a probe is due that may make another store ours. */
bool feed_store_is_asking(const struct feed_store *store);

/* True while another store answers. */
bool feed_store_sees_other(const struct feed_store *store, int64_t now_us);

#endif
