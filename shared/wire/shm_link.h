/*
 * Two processes of one machine connected by shared memory: a queue of frames each way (shm_ring), and a UNIX socket
 * over which they meet, wake a sleeping side (by one byte), and learn that the other has died.
 *
 *   issuer   shm_listen() ─► shm_accept() ─────────── sends shm_greeting with the memory ───┐
 *   gateway                  shm_connect() ─► shm_greet(), until the greeting is there ◄────┘
 *
 * The memory is sealed, so neither side can shrink it. shm_ring checks everything that the other side writes; the
 * receiver checks frames as from any other socket. One thread owns each end. Nothing here blocks: the two ends of a
 * socket are separate open files, so the other side cannot make ours blocking.
 */
#ifndef COUPOND_SHM_LINK_H
#define COUPOND_SHM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "shared/error.h"
#include "shared/wire/shm_ring.h"

/* Bytes of a queue: room for all requests that a thread may have in flight by default, each in its own frame, and for
 * the largest answers to all its lists. */
#define SHM_QUEUE_BYTES (16u << 20)

struct shm_link {
    int socket; /* readable when the other side has signalled or is gone; -1: not open */
    void *memory;
    struct shm_ring in;
    struct shm_ring out;
};

/* Initializes a link that is not open; shm_link_close() accepts it. */
void shm_link_init(struct shm_link *link);
void shm_link_close(struct shm_link *link);

/* Creates a UNIX socket at `path` for shm_accept(). Replaces a file left by a dead process. -1 and `error` when another
 * process listens there or the socket cannot be created. */
int shm_listen(const char *path, struct error *error);
/* True for a peer with which we share memory: the same user, or root. Pure. */
bool shm_trusts(uid_t peer, uid_t own);
/*
 * Accepts the next trusted peer: 1 with an open `link`, 0 when there is none, -1 and `error` when connecting it failed.
 */
int shm_accept(int listener, struct shm_link *link, struct error *error);
/* Accepts the next peer and disconnects it. False when there is none, or no descriptor to accept it with. */
bool shm_refuse(int listener);

/* Starts connecting to `path`: a socket, or -1 when nobody listens there. `path` fits a UNIX address. */
int shm_connect(const char *path);
/* Receives the greeting: 1 with an open `link`, which takes over `socket`; 0 when it has not arrived yet; -1 and
 * `error` when the other side is gone or uses another protocol, and the caller closes the socket. */
int shm_greet(int socket, struct shm_link *link, struct error *error);

/* Queues one frame for the other side, without waking it. False when the queue is full. */
bool shm_link_send(struct shm_link *link, const void *data, size_t size);
/* Call after sending: wakes the other side if it sleeps. */
void shm_link_wake(struct shm_link *link);
/* Reads pending wake-ups. False when the other side is gone; frames that it queued before are still there. */
bool shm_link_read_wakes(struct shm_link *link);

#endif
