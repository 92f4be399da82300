#include "issuer/feed/store.h"

#include <string.h>

#define PROBE_INTERVAL_US 200000
#define PROBE_LATER_US    2000000  /* after frames have stopped waiting for the store */
#define LATE_US           10000000 /* how long answers of the previous store may be in flight */
#define SEES_US           60000000 /* how long another store is reported after its last answer */
/* How long probes may fail before frames go to any store, and the only one that answers becomes ours. */
#define PATIENCE_US 30000000

static bool is_same(const uint8_t a[STORE_ID_BYTES], const uint8_t b[STORE_ID_BYTES])
{
    return memcmp(a, b, STORE_ID_BYTES) == 0;
}

void feed_store_init(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], bool may_probe)
{
    *store = (struct feed_store){.may_probe = may_probe, .probe_wanted = may_probe};
    memcpy(store->id, id, STORE_ID_BYTES);
}

void feed_store_await_comparison(struct feed_store *store)
{
    store->uncompared = true;
    store->probe_wanted = true;
}

void feed_store_compared(struct feed_store *store)
{
    store->uncompared = false;
}

static void clear_other(struct feed_store *store)
{
    memset(store->other, 0, sizeof store->other);
    store->others_differ = false;
}

/* A second change within LATE_US does not extend the grace for late answers: otherwise the store in between would never
 * be noticed. */
static void adopt(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us)
{
    if (store_id_is_known(store->id) && now_us >= store->before_until_us) {
        memcpy(store->before, store->id, STORE_ID_BYTES);
        store->before_until_us = now_us + LATE_US;
    }
    memcpy(store->id, id, STORE_ID_BYTES);
    clear_other(store);
}

void feed_store_remember(struct feed_store *store, const uint8_t id[STORE_ID_BYTES])
{
    if (!store_id_is_known(store->id))
        memcpy(store->id, id, STORE_ID_BYTES);
}

static void note_other(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us)
{
    if (!feed_store_sees_other(store, now_us))
        clear_other(store);
    if (!store_id_is_known(store->other))
        store->other_since_us = now_us;
    else if (!is_same(store->other, id))
        store->others_differ = true;
    memcpy(store->other, id, STORE_ID_BYTES);
    store->other_at_us = now_us;
    store->probe_wanted = store->may_probe;
}

enum feed_store_origin feed_store_judge(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us,
                                        bool *adopted)
{
    bool known = store_id_is_known(store->id);
    *adopted = !known && !store->may_probe;
    if (*adopted)
        adopt(store, id, now_us);
    if (is_same(store->id, id))
        return FEED_STORE_OURS;
    bool late = is_same(store->before, id) && now_us < store->before_until_us;
    if (!late)
        note_other(store, id, now_us);
    return known ? FEED_STORE_OTHER : FEED_STORE_UNKNOWN;
}

bool feed_store_wants_probe(struct feed_store *store, int64_t now_us)
{
    if (!store->probe_wanted || store->probing || now_us < store->probe_after_us)
        return false;
    if (store->patient_until_us == 0)
        store->patient_until_us = now_us + PATIENCE_US;
    store->probe_wanted = false;
    store->probing = true;
    return true;
}

/* The configured store was never reached, and only one store has answered for long enough. */
static bool is_the_only_one(const struct feed_store *store, int64_t now_us)
{
    return !store->reached && store_id_is_known(store->other) && !store->others_differ &&
           now_us - store->other_since_us >= PATIENCE_US;
}

/* Wants another probe while nothing is known, or while answers wait for it. */
static void probe_again(struct feed_store *store, int64_t now_us)
{
    bool asks_whose = store->may_probe && (!store_id_is_known(store->id) || store_id_is_known(store->other));
    store->probe_wanted = store->uncompared || asks_whose;
    store->probe_after_us = now_us + (feed_store_is_awaited(store, now_us) ? PROBE_INTERVAL_US : PROBE_LATER_US);
}

static bool follow(struct feed_store *store, const uint8_t id[STORE_ID_BYTES], int64_t now_us)
{
    uint8_t found[STORE_ID_BYTES];
    memcpy(found, id, sizeof found); /* `id` may be store->other */
    if (is_same(store->id, found))
        return false;
    adopt(store, found, now_us);
    return true;
}

bool feed_store_on_probe(struct feed_store *store, enum feed_store_probe probe, const uint8_t id[STORE_ID_BYTES],
                         int64_t now_us)
{
    store->probing = false;
    store->probe_after_us = now_us + PROBE_INTERVAL_US;
    store->reached = store->reached || probe != FEED_STORE_AWAY;
    if (probe == FEED_STORE_FOUND && store->may_probe) {
        store->probe_wanted = store->probe_wanted || store->uncompared;
        return follow(store, id, now_us);
    }
    if (!store_id_is_known(store->id) && is_the_only_one(store, now_us))
        return follow(store, store->other, now_us);
    probe_again(store, now_us);
    return false;
}

bool feed_store_is_awaited(const struct feed_store *store, int64_t now_us)
{
    bool patient = store->reached || store->patient_until_us == 0 || now_us < store->patient_until_us;
    return store->uncompared || (store->may_probe && !store_id_is_known(store->id) && patient);
}

bool feed_store_is_asking(const struct feed_store *store)
{
    return store->probe_wanted || store->probing;
}

bool feed_store_sees_other(const struct feed_store *store, int64_t now_us)
{
    return store_id_is_known(store->other) && now_us - store->other_at_us < SEES_US;
}
