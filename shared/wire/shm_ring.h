/*
 * A queue of messages from one writer to one reader, in memory that both have mapped, often in two processes. Neither
 * takes a lock; no system call is made but to wake a reader that sleeps, and that is the caller's to do.
 *
 * The two need not trust each other: each keeps its own position to itself, checks what it reads of the other's, and
 * copies a message out before anybody looks at it. The worst that a wrong neighbour can do is to have the queue called
 * broken.
 *
 *   header   tail (the writer's), head and `asleep` (the reader's), each on its own cache line
 *   bytes    records: a 32-bit length, 32 bits 0, the message, zeros up to a multiple of 8. A length of all ones says
 *            that the next record begins at the front.
 *
 * A reader that finds the queue empty past SHM_RING_WARM bytes moves it back to the front, tail and head, so that both
 * work in memory that their caches hold, and of a large queue only as much costs memory as was ever full at once. It
 * is the one case in which the reader writes the tail: either side does it by compare and exchange, from what it knew.
 */
#ifndef COUPOND_SHM_RING_H
#define COUPOND_SHM_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHM_RING_WARM 65536u /* bytes */

/* At the begin of the shared memory; zeros are an empty queue. */
struct shm_ring_header {
    _Alignas(64) _Atomic uint64_t tail; /* bytes ever written or left out; pairs with the reader's loads of it */
    _Alignas(64) _Atomic uint64_t head; /* bytes ever read or left out; pairs with the writer's loads of it */
    _Alignas(64) _Atomic uint32_t asleep;
};
_Static_assert(sizeof(struct shm_ring_header) == 192, "ring header layout");

/* Either end of a queue; both are initialised alike. */
struct shm_ring {
    struct shm_ring_header *header;
    unsigned char *bytes;
    uint64_t capacity;
    uint64_t position; /* our own: of the writer the tail, of the reader the head */
    uint64_t other;    /* the other's, as last seen */
    uint64_t left;     /* of the writer: where the reader last left for the front, and its head may still say so */
    bool broken;       /* the other side wrote what cannot be */
};

/*
 * Prepares an end on `size` bytes at `memory`, which is aligned to 64, holds a new queue and outlives the ring. The
 * part behind the header is a power of two; messages take up to half of it.
 */
void shm_ring_init(struct shm_ring *ring, void *memory, size_t size);
/* How much memory a queue of `capacity` bytes takes. */
size_t shm_ring_size(size_t capacity);

/* --- the writer's end, on its thread --- */

/* False when there is no room now, or the queue is broken. */
bool shm_ring_write(struct shm_ring *ring, const void *data, size_t size);
/* After writing: true when the reader sleeps and is to be woken, by the caller; each sleep is told once. */
bool shm_ring_must_wake(struct shm_ring *ring);

/* --- the reader's end, on its thread --- */

/* The size of the next message, at least 1; 0 when there is none, or the queue is broken. */
size_t shm_ring_next(struct shm_ring *ring);
/* Copies the message that shm_ring_next() told of to `data`, and makes its room free. */
void shm_ring_read(struct shm_ring *ring, void *data, size_t size);
/* Before the reader sleeps. False when a message is there already, or the queue is broken: then it must not sleep. */
bool shm_ring_doze(struct shm_ring *ring);
/* After it slept, or was told not to. */
void shm_ring_rise(struct shm_ring *ring);

#endif
