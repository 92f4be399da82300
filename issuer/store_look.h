/*
 * The store look actor: asks the store that the issuer is configured with which one it is, whenever the stream wants to
 * know; on a thread of its own, since a server that is away lets one wait.
 *
 *   in   "LOOK"   its pipe
 *        $TERM    its pipe
 *   out  struct store_look_answer
 */
#ifndef COUPOND_STORE_LOOK_H
#define COUPOND_STORE_LOOK_H

#include <czmq.h>

#include "issuer/feed_store.h"
#include "shared/options.h"

struct store_look_answer {
    enum feed_store_look look;
    uint8_t id[STORE_ID_BYTES]; /* with FEED_STORE_FOUND */
};

/* The zactor's function; `args` are the options, which outlive it. */
void store_look_actor(zsock_t *pipe, void *args);

#endif
