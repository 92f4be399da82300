/*
 * The store look actor: asks the store that the issuer is configured with which one it is, whenever the stream wants to
 * know; on a thread of its own, since a server that is away lets one wait. Where the start could not compare the
 * journals with the store, or another one is found, the look does, and ends the process when they do not belong
 * together.
 *
 *   in   "LOOK"       its pipe
 *        "FOLLOWED"   its pipe: the store that was found is filled, and no other any more
 *        $TERM        its pipe
 *   out  struct store_look_answer
 */
#ifndef COUPOND_STORE_LOOK_H
#define COUPOND_STORE_LOOK_H

#include <czmq.h>

#include "issuer/feed/store.h"
#include "issuer/store/check.h"
#include "shared/options/options.h"

struct store_look_answer {
    enum feed_store_look look;
    uint8_t id[STORE_ID_BYTES]; /* with FEED_STORE_FOUND */
    bool compared;              /* the comparison is not outstanding any more */
};

/* The actor's state: the first two are set by whoever starts it; all of it outlives the actor. */
struct store_look {
    const struct options *options;
    struct store_check *check;
    int64_t log_after_us;
};

/* The zactor's function; `args` is a struct store_look. */
void store_look_actor(zsock_t *pipe, void *args);

#endif
