/*
 * The store probe actor: asks the configured store for its id whenever the stream wants to know, on its own thread,
 * since an unreachable server blocks. If the start could not compare the journals with the store, or another store is
 * found, it makes the comparison and ends the process when they do not match.
 *
 *   in   "PROBE"       its pipe
 *        "FOLLOWED"   its pipe: the store found is now filled, and no other any more
 *        $TERM        its pipe
 *   out  struct store_probe_answer
 */
#ifndef COUPOND_STORE_PROBE_H
#define COUPOND_STORE_PROBE_H

#include <czmq.h>

#include "issuer/feed/store.h"
#include "issuer/store/check.h"
#include "shared/options/options.h"

struct store_probe_answer {
    enum feed_store_probe probe;
    uint8_t id[STORE_ID_BYTES]; /* with FEED_STORE_FOUND */
    bool compared;              /* the comparison is no longer outstanding */
};

/* The actor's state: its creator sets the first two members; it must outlive the actor. */
struct store_probe {
    const struct options *options;
    struct store_check *check;
    int64_t log_after_us;
};

/* The zactor's function; `args` is a struct store_probe. */
void store_probe_actor(zsock_t *pipe, void *args);

#endif
