/*
 * Shared memory filled by a hostile peer: with any content, a reader never reads outside it and always ends, and a
 * writer never writes outside it.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "shared/wire/shm_ring.h"

#define CAPACITY     512u
#define MESSAGES_MAX 128 /* so few bytes do not hold more, unless one is read twice */

void fuzz_begin(void)
{
}

/* Sets the other side's position and as many bytes as the input has. */
static void fill(struct shm_ring *ring, struct fuzz_input *input, _Atomic uint64_t *position)
{
    uint16_t step = fuzz_take_u16(input);
    atomic_store(position, step == 0xffff ? fuzz_take_u64(input) : ring->position + step);
    size_t size;
    const uint8_t *bytes = fuzz_take(input, CAPACITY, &size);
    memcpy(ring->bytes, bytes, size);
}

static void read_all(struct shm_ring *ring)
{
    unsigned messages = 0;
    size_t size;
    while ((size = shm_ring_next(ring)) > 0) {
        unsigned char *copy = malloc(size);
        CHECK(copy != NULL);
        CHECK(size <= CAPACITY);
        shm_ring_read(ring, copy, size);
        free(copy);
        CHECK(++messages <= MESSAGES_MAX);
    }
    CHECK(ring->broken || shm_ring_begin_sleep(ring));
    shm_ring_end_sleep(ring);
}

static void write_some(struct shm_ring *ring)
{
    static const unsigned char message[CAPACITY / 2 - 8];
    for (unsigned i = 1; i < 20 && shm_ring_write(ring, message, i * 7); i++)
        continue;
    if (ring->broken)
        CHECK(!shm_ring_write(ring, message, 1));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    size_t memory_size = shm_ring_size(CAPACITY);
    void *memory = NULL;
    CHECK(posix_memalign(&memory, 64, memory_size) == 0);
    memset(memory, 0, memory_size);
    struct shm_ring ring;
    uint8_t choice = fuzz_take_byte(&input);
    bool writes = (choice & 1) != 0;
    shm_ring_init(&ring, memory, memory_size);
    ring.position = ring.other = fuzz_take_u16(&input) * UINT64_C(8);
    atomic_store(&ring.header->tail, ring.position);
    atomic_store(&ring.header->head, ring.position);
    for (unsigned rounds = 0; rounds < 4 && input.left > 0 && !ring.broken; rounds++) {
        fill(&ring, &input, choice % 4 == 1 ? &ring.header->head : &ring.header->tail);
        if (writes)
            write_some(&ring);
        else
            read_all(&ring);
    }
    free(memory);
}

/* A reader's memory with two messages, and one that wraps around. */
void fuzz_seeds(void)
{
    static const struct {
        uint8_t writes;
        uint8_t position[2], step[2];
        uint8_t bytes[40];
    } plain = {0, {0, 0}, {40, 0}, {8, [16] = 16}}, at_end = {0, {62, 0}, {32, 0}, {1}},
      writer = {1, {3, 0}, {8, 0}, {0}}, moved_writer = {3, {48, 0}, {128, 0}, {0}};
    fuzz_seed(&plain, sizeof plain);
    fuzz_seed(&at_end, sizeof at_end);
    fuzz_seed(&writer, sizeof writer);
    fuzz_seed(&moved_writer, sizeof moved_writer);
}
