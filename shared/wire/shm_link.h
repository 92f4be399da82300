/*
 * Two processes of one machine joined by shared memory: a queue of frames each way (shm_ring), and a UNIX socket that
 * brings them together, wakes a side that sleeps (a byte on it is a bell), and tells when one of them has died.
 *
 *   issuer   shm_listen() ─► shm_accept() ─────────── sends shm_greeting with the memory ───┐
 *   gateway                  shm_connect() ─► shm_greet(), until the greeting is there ◄────┘
 *
 * The memory is sealed: nobody can shorten it under the other. What the other side writes is checked by shm_ring;
 * frames are checked by who takes them, as from any other socket. Each end is owned by one thread. Nothing here blocks:
 * a socket's two ends are not one open file, so the other side cannot make ours block.
 */
#ifndef COUPOND_SHM_LINK_H
#define COUPOND_SHM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "shared/error.h"
#include "shared/wire/shm_ring.h"

/* Bytes of a queue: all requests that a thread may have in flight by default, each in a frame of its own, and the
 * largest answers to all its lists. */
#define SHM_QUEUE_BYTES (16u << 20)

struct shm_link {
    int socket; /* readable when the other side has rung, or is gone; -1: not open */
    void *memory;
    struct shm_ring in;
    struct shm_ring out;
};

/* A link that is not open; shm_link_close() may be called on it. */
void shm_link_init(struct shm_link *link);
void shm_link_close(struct shm_link *link);

/*
 * A UNIX socket at `path` for shm_accept(). A file that a dead process has left is replaced. -1 and `error` when
 * somebody listens there or it cannot be made.
 */
int shm_listen(const char *path, struct error *error);
/* True for a peer whose memory may be shared: one of our own user, or root. Pure. */
bool shm_trusts(uid_t peer, uid_t own);
/* The next who has connected and is trusted: 1 with an open `link`, 0 when there is none, -1 and `error` when it could
 * not be joined.
 */
int shm_accept(int listener, struct shm_link *link, struct error *error);
/* Hangs up on the next who has connected. False when there is none, or not a single descriptor to do it with. */
bool shm_turn_away(int listener);

/* A socket on its way to `path`, or -1 when nobody listens there; `path` fits a UNIX address. */
int shm_connect(const char *path);
/*
 * Takes the greeting: 1 with an open `link`, which takes `socket` over; 0 when it is not there yet; -1 and `error` when
 * the other side is gone or speaks otherwise: the caller closes the socket.
 */
int shm_greet(int socket, struct shm_link *link, struct error *error);

/* Queues one frame for the other side, without waking it. False when it has no room. */
bool shm_link_send(struct shm_link *link, const void *data, size_t size);
/* After sending: wakes the other side if it sleeps. */
void shm_link_ring(struct shm_link *link);
/* Takes what has rung. False when the other side is gone; what it queued before is still there. */
bool shm_link_hear(struct shm_link *link);

#endif
