/*
 * A queue of messages from one writer to one reader, in memory that both have mapped, often in two processes. It takes
 * no lock; the only system call is the caller's, to wake a sleeping reader.
 *
 * The two need not trust each other: each keeps its own position privately, validates what it reads of the other's, and
 * copies a message out before using it. A faulty or hostile peer can at worst have the queue marked broken.
 *
 *   header   tail (the writer's), head and `asleep` (the reader's), each on its own cache line
 *   bytes    records: a 32-bit length, 32 bits 0, the message, zeros up to a multiple of 8. A length of all ones means
 *            that the next record begins at the front.
 *
 * A reader that finds the queue empty beyond SHM_RING_WARM bytes moves tail and head back to the front. Both sides then
 * work in cached memory, and a large queue uses only as much memory as was ever full at once. This is the only case in
 * which the reader writes the tail; both sides do so by compare-and-exchange from the value that they know.
 */
#ifndef COUPOND_SHM_RING_H
#define COUPOND_SHM_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHM_RING_WARM 65536u /* bytes */

/* At the start of the shared memory; all zeros is an empty queue. */
struct shm_ring_header {
    _Alignas(64) _Atomic uint64_t tail; /* bytes ever written or skipped; pairs with the reader's loads */
    _Alignas(64) _Atomic uint64_t head; /* bytes ever read or skipped; pairs with the writer's loads */
    _Alignas(64) _Atomic uint32_t asleep;
};
_Static_assert(sizeof(struct shm_ring_header) == 192, "ring header layout");

/* One end of a queue; both ends are initialized alike. */
struct shm_ring {
    struct shm_ring_header *header;
    unsigned char *bytes;
    uint64_t capacity;
    uint64_t position; /* this end's: the writer's tail or the reader's head */
    uint64_t other;    /* the other end's, as last seen */
    uint64_t left;     /* writer: where the reader last jumped to the front; its head may still have this value */
    bool broken;       /* the other side wrote an impossible value */
};

/* Initializes an end on `size` bytes at `memory`, which is aligned to 64, holds a new queue and outlives the ring. The
 * part after the header is a power of two; a message takes at most half of it. */
void shm_ring_init(struct shm_ring *ring, void *memory, size_t size);
/* The memory in bytes that a queue of `capacity` bytes takes. */
size_t shm_ring_size(size_t capacity);

/* --- the writer's end, on its thread --- */

/* False when there is no room at present, or the queue is broken. */
bool shm_ring_write(struct shm_ring *ring, const void *data, size_t size);
/* Call after writing: true when the caller must wake the reader; true once per sleep. */
bool shm_ring_must_wake(struct shm_ring *ring);

/* --- the reader's end, on its thread --- */

/* The size of the next message, at least 1; 0 when there is none, or the queue is broken. */
size_t shm_ring_next(struct shm_ring *ring);
/* Copies the message that shm_ring_next() announced to `data`, and frees its room. */
void shm_ring_read(struct shm_ring *ring, void *data, size_t size);
/* Call before the reader sleeps. False when a message is already there or the queue is broken: do not sleep. */
bool shm_ring_begin_sleep(struct shm_ring *ring);
/* Call after sleeping, or after shm_ring_begin_sleep() returned false. */
void shm_ring_end_sleep(struct shm_ring *ring);

#endif
