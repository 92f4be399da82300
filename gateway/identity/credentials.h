/*
 * The keys of a moment: a JWK set and API keys, either of which may be missing. Immutable and counted: the loops share
 * them, and the last one to turn to newer ones frees them.
 */
#ifndef COUPOND_IDENTITY_CREDENTIALS_H
#define COUPOND_IDENTITY_CREDENTIALS_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/identity/api_keys.h"
#include "gateway/identity/key_set.h"

struct credentials {
    struct key_set *keys;      /* owned; NULL: none */
    struct api_keys *api_keys; /* owned; NULL: none */
    uint64_t generation;       /* from 1; set when they are published */
    _Atomic unsigned holders;
};

/* Owns both parts from now on. The caller holds the result. */
struct credentials *credentials_create(struct key_set *keys, struct api_keys *api_keys);
void credentials_release(struct credentials **credentials);

/* Where one thread publishes credentials and others take them. All zeros, with an initialized mutex, is an empty
 * one. */
struct credentials_board {
    /* Released after `current` was replaced; a loop that acquires a new value takes the mutex to take the credentials.
     * Otherwise it takes no lock. */
    _Atomic uint64_t generation;
    pthread_mutex_t mutex;
    struct credentials *current; /* under the mutex; held by the board; NULL: none yet */
};

void credentials_board_init(struct credentials_board *board);
void credentials_board_deinit(struct credentials_board *board);
/* On the publishing thread. Takes them. */
void credentials_board_publish(struct credentials_board *board, struct credentials **credentials);
/* On any thread. Replaces `held` when newer ones were published; true then. */
bool credentials_board_update(struct credentials_board *board, struct credentials **held);

#endif
