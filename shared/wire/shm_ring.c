#include "shared/wire/shm_ring.h"

#include <string.h>

#include "shared/error.h"

#define RECORD_HEAD 8u         /* bytes before a message */
#define TO_FRONT    UINT32_MAX /* the length that sends the reader to the front */

static uint64_t record_size(size_t size)
{
    return RECORD_HEAD + (((uint64_t)size + 7) & ~(uint64_t)7);
}

static uint64_t offset_of(const struct shm_ring *ring, uint64_t position)
{
    return position & (ring->capacity - 1);
}

/* The position of the next front. */
static uint64_t next_front(const struct shm_ring *ring)
{
    return ring->position + ring->capacity - offset_of(ring, ring->position);
}

size_t shm_ring_size(size_t capacity)
{
    return sizeof(struct shm_ring_header) + capacity;
}

void shm_ring_init(struct shm_ring *ring, void *memory, size_t size)
{
    uint64_t capacity = size - sizeof(struct shm_ring_header);
    CHECK(size > sizeof(struct shm_ring_header) && capacity >= 64 && (capacity & (capacity - 1)) == 0);
    *ring = (struct shm_ring){
        .header = memory,
        .bytes = (unsigned char *)memory + sizeof(struct shm_ring_header),
        .capacity = capacity,
        .left = UINT64_MAX,
    };
}

/* --- writing --- */

/* Jumps to the front if the reader did. False when the tail has an impossible value. */
static bool follow_reader(struct shm_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->header->tail, memory_order_acquire);
    if (ring->broken || tail == ring->position)
        return !ring->broken;
    ring->broken = tail != next_front(ring);
    ring->left = ring->position;
    ring->position = ring->other = tail;
    return !ring->broken;
}

/* Reads the reader's head. False when it has an impossible value. */
static bool read_head(struct shm_ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_acquire);
    if (head == ring->left)
        return true;
    ring->broken = ring->position - head > ring->capacity || head < ring->other;
    ring->other = head;
    return !ring->broken;
}

static bool has_room(struct shm_ring *ring, uint64_t bytes)
{
    if (ring->capacity - (ring->position - ring->other) >= bytes)
        return true;
    return read_head(ring) && ring->capacity - (ring->position - ring->other) >= bytes;
}

/* The bytes to skip so that `bytes` are contiguous. */
static uint64_t bytes_to_front(const struct shm_ring *ring, uint64_t bytes)
{
    uint64_t rest = ring->capacity - offset_of(ring, ring->position);
    return rest < bytes ? rest : 0;
}

static void put_length(const struct shm_ring *ring, uint64_t position, uint32_t length)
{
    uint64_t head = length;
    memcpy(ring->bytes + offset_of(ring, position), &head, sizeof head);
}

enum outcome {
    WRITTEN,
    REFUSED,
    OVERTAKEN, /* the reader has jumped to the front meanwhile */
};

static enum outcome try_to_write(struct shm_ring *ring, const void *data, size_t size)
{
    uint64_t bytes = record_size(size);
    uint64_t left_out = bytes_to_front(ring, bytes);
    if (!has_room(ring, left_out + bytes))
        return REFUSED;
    uint64_t tail = ring->position;
    uint64_t at = tail + left_out;
    if (left_out > 0)
        put_length(ring, tail, TO_FRONT);
    put_length(ring, at, (uint32_t)size);
    memcpy(ring->bytes + offset_of(ring, at) + RECORD_HEAD, data, size);
    /* Ordered before the load of `asleep`, as the reader orders its store of it before its load of the tail. */
    if (!atomic_compare_exchange_strong_explicit(&ring->header->tail, &tail, at + bytes, memory_order_seq_cst,
                                                 memory_order_relaxed))
        return OVERTAKEN;
    ring->position = at + bytes;
    return WRITTEN;
}

bool shm_ring_write(struct shm_ring *ring, const void *data, size_t size)
{
    enum outcome outcome = OVERTAKEN;
    CHECK(size > 0 && record_size(size) <= ring->capacity / 2);
    for (int tries = 0; tries < 2 && outcome == OVERTAKEN; tries++)
        outcome = follow_reader(ring) ? try_to_write(ring, data, size) : REFUSED;
    ring->broken |= outcome == OVERTAKEN; /* it cannot jump while it is at the front */
    return outcome == WRITTEN;
}

bool shm_ring_must_wake(struct shm_ring *ring)
{
    return atomic_load_explicit(&ring->header->asleep, memory_order_seq_cst) != 0 &&
           atomic_exchange_explicit(&ring->header->asleep, 0, memory_order_seq_cst) != 0;
}

/* --- reading --- */

/* The number of bytes to read; an impossible value breaks the queue. */
static uint64_t unread(struct shm_ring *ring)
{
    if (ring->other == ring->position && !ring->broken) {
        uint64_t tail = atomic_load_explicit(&ring->header->tail, memory_order_acquire);
        ring->broken = tail - ring->position > ring->capacity || (tail & 7) != 0;
        ring->other = ring->broken ? ring->position : tail;
    }
    return ring->other - ring->position;
}

static uint32_t read_length(const struct shm_ring *ring)
{
    uint32_t length;
    memcpy(&length, ring->bytes + offset_of(ring, ring->position), sizeof length);
    return length;
}

static void publish_head(struct shm_ring *ring, uint64_t bytes)
{
    ring->position += bytes;
    atomic_store_explicit(&ring->header->head, ring->position, memory_order_release);
}

/* Moves an empty queue back to memory that is in the caches, unless the writer writes first. */
static void go_to_front(struct shm_ring *ring)
{
    uint64_t tail = ring->position;
    uint64_t front = next_front(ring);
    if (ring->broken || offset_of(ring, tail) < SHM_RING_WARM ||
        !atomic_compare_exchange_strong_explicit(&ring->header->tail, &tail, front, memory_order_seq_cst,
                                                 memory_order_relaxed))
        return;
    ring->other = front;
    publish_head(ring, front - ring->position);
}

static size_t break_off(struct shm_ring *ring)
{
    ring->broken = true;
    ring->other = ring->position;
    return 0;
}

size_t shm_ring_next(struct shm_ring *ring)
{
    uint64_t there = unread(ring);
    if (there == 0) {
        go_to_front(ring);
        return 0;
    }
    uint32_t length = read_length(ring);
    if (length == TO_FRONT) {
        uint64_t rest = ring->capacity - offset_of(ring, ring->position);
        if (rest >= there) /* a message follows in the same step */
            return break_off(ring);
        publish_head(ring, rest);
        there -= rest;
        length = read_length(ring);
    }
    if (length == 0 || record_size(length) > there ||
        record_size(length) > ring->capacity - offset_of(ring, ring->position))
        return break_off(ring);
    return length;
}

void shm_ring_read(struct shm_ring *ring, void *data, size_t size)
{
    memcpy(data, ring->bytes + offset_of(ring, ring->position) + RECORD_HEAD, size);
    publish_head(ring, record_size(size));
}

bool shm_ring_begin_sleep(struct shm_ring *ring)
{
    atomic_store_explicit(&ring->header->asleep, 1, memory_order_seq_cst);
    if (ring->other == ring->position &&
        atomic_load_explicit(&ring->header->tail, memory_order_seq_cst) == ring->position)
        return true;
    shm_ring_end_sleep(ring);
    return false;
}

void shm_ring_end_sleep(struct shm_ring *ring)
{
    atomic_store_explicit(&ring->header->asleep, 0, memory_order_relaxed);
}
