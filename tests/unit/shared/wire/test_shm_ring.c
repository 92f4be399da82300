/*
 * The queue in shared memory: order, bounds, sleep and wake, two threads, and a peer that writes invalid data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/wire/shm_ring.h"

#define CAPACITY 1024u

/* --- fixture --- */

struct pair {
    size_t size;
    void *memory;
    struct shm_ring writer;
    struct shm_ring reader;
};

static void open_pair(struct pair *pair, size_t capacity)
{
    pair->size = shm_ring_size(capacity);
    pair->memory = aligned_alloc(64, (pair->size + 63) / 64 * 64);
    assert_non_null(pair->memory);
    memset(pair->memory, 0, pair->size);
    shm_ring_init(&pair->writer, pair->memory, pair->size);
    shm_ring_init(&pair->reader, pair->memory, pair->size);
}

static int set_up(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    open_pair(pair, CAPACITY);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    free(pair->memory);
    free(pair);
    return 0;
}

static bool write_text(struct pair *pair, const char *text)
{
    return shm_ring_write(&pair->writer, text, strlen(text) + 1);
}

static void assert_reads(struct pair *pair, const char *text)
{
    char got[CAPACITY];
    size_t size = shm_ring_next(&pair->reader);
    assert_int_equal(size, strlen(text) + 1);
    shm_ring_read(&pair->reader, got, size);
    assert_string_equal(got, text);
}

/* --- order and bounds --- */

static void messages_arrive_in_order(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(shm_ring_next(&pair->reader), 0);
    assert_true(write_text(pair, "first"));
    assert_true(write_text(pair, "second, and longer"));
    assert_reads(pair, "first");
    assert_reads(pair, "second, and longer");
    assert_int_equal(shm_ring_next(&pair->reader), 0);
}

static void asking_for_the_size_again_changes_nothing(void **state)
{
    struct pair *pair = *state;
    assert_true(write_text(pair, "once"));
    assert_int_equal(shm_ring_next(&pair->reader), 5);
    assert_int_equal(shm_ring_next(&pair->reader), 5);
    assert_reads(pair, "once");
}

static void a_full_queue_takes_nothing_until_something_is_read(void **state)
{
    struct pair *pair = *state;
    char message[120] = {0};
    unsigned taken = 0;
    while (shm_ring_write(&pair->writer, message, sizeof message))
        taken++;
    assert_int_equal(taken, CAPACITY / 128);
    shm_ring_read(&pair->reader, message, shm_ring_next(&pair->reader));
    assert_true(shm_ring_write(&pair->writer, message, sizeof message));
    assert_false(shm_ring_write(&pair->writer, message, 1));
}

/* Sizes that never divide the capacity, so that records meet the end everywhere. */
static void messages_of_every_size_go_round_and_round(void **state)
{
    struct pair *pair = *state;
    unsigned char sent[CAPACITY], got[CAPACITY];
    for (unsigned i = 0; i < 20000; i++) {
        size_t size = 1 + i * 37 % (CAPACITY / 2 - 8);
        memset(sent, (int)i, size);
        assert_true(shm_ring_write(&pair->writer, sent, size));
        assert_int_equal(shm_ring_next(&pair->reader), size);
        shm_ring_read(&pair->reader, got, size);
        assert_memory_equal(got, sent, size);
    }
}

static void read_one(struct shm_ring *reader, void *data, size_t size)
{
    assert_int_equal(shm_ring_next(reader), size);
    shm_ring_read(reader, data, size);
}

static void an_empty_queue_goes_on_in_warm_memory(void **state)
{
    (void)state;
    struct pair pair;
    unsigned char message[1000] = {0};
    open_pair(&pair, 1u << 20);
    for (unsigned i = 0; i < 5000; i++) {
        assert_true(shm_ring_write(&pair.writer, message, sizeof message));
        read_one(&pair.reader, message, sizeof message);
        assert_int_equal(shm_ring_next(&pair.reader), 0);
        assert_true((pair.reader.position & ((1u << 20) - 1)) <= SHM_RING_WARM);
    }
    free(pair.memory);
}

/* Wherever the queue was emptied, it can be filled completely while the reader is busy. */
static void an_empty_queue_has_all_its_room(void **state)
{
    (void)state;
    struct pair pair;
    unsigned char message[1016] = {0};
    open_pair(&pair, 1u << 20);
    for (unsigned used = 0; used < 300; used++) {
        for (unsigned i = 0; i < used; i++) {
            assert_true(shm_ring_write(&pair.writer, message, sizeof message));
            read_one(&pair.reader, message, sizeof message);
        }
        assert_int_equal(shm_ring_next(&pair.reader), 0);
        for (unsigned i = 0; i < 1024; i++)
            assert_true(shm_ring_write(&pair.writer, message, sizeof message));
        assert_false(shm_ring_write(&pair.writer, message, 1));
        for (unsigned i = 0; i < 1024; i++)
            read_one(&pair.reader, message, sizeof message);
    }
    free(pair.memory);
}

static void large_messages_are_taken_by_an_empty_queue(void **state)
{
    (void)state;
    struct pair pair;
    unsigned char *message = calloc(1, 400000);
    assert_non_null(message);
    open_pair(&pair, 1u << 20);
    for (size_t size = 70000; size <= 400000; size += 110000) {
        assert_true(shm_ring_write(&pair.writer, message, size));
        read_one(&pair.reader, message, size);
    }
    free(message);
    free(pair.memory);
}

/* A reader that jumps to the front writes the tail before the head: in between, the head is the old one. */
static void a_writer_may_come_while_the_reader_goes_to_the_front(void **state)
{
    (void)state;
    struct pair pair;
    unsigned char message[1016] = {0};
    open_pair(&pair, 1u << 20);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(shm_ring_write(&pair.writer, message, sizeof message));
        read_one(&pair.reader, message, sizeof message);
    }
    atomic_store(&pair.writer.header->tail, UINT64_C(1) << 20);
    for (unsigned i = 0; i < 1024; i++)
        assert_true(shm_ring_write(&pair.writer, message, sizeof message));
    assert_false(shm_ring_write(&pair.writer, message, 1));
    assert_false(pair.writer.broken);
    free(pair.memory);
}

/* --- sleep --- */

static void a_sleeper_is_to_be_woken_once(void **state)
{
    struct pair *pair = *state;
    assert_true(write_text(pair, "awake"));
    assert_false(shm_ring_must_wake(&pair->writer));
    assert_reads(pair, "awake");
    assert_true(shm_ring_begin_sleep(&pair->reader));
    assert_true(write_text(pair, "asleep"));
    assert_true(shm_ring_must_wake(&pair->writer));
    assert_false(shm_ring_must_wake(&pair->writer));
    shm_ring_end_sleep(&pair->reader);
    assert_reads(pair, "asleep");
}

static void nobody_may_sleep_beside_a_message(void **state)
{
    struct pair *pair = *state;
    assert_true(write_text(pair, "a"));
    assert_true(write_text(pair, "b"));
    assert_false(shm_ring_begin_sleep(&pair->reader));
    assert_false(shm_ring_must_wake(&pair->writer));
    assert_reads(pair, "a");
    assert_false(shm_ring_begin_sleep(&pair->reader));
    assert_reads(pair, "b");
    assert_true(shm_ring_begin_sleep(&pair->reader));
}

/* --- two threads --- */

#define MESSAGES 200000u

struct crossing {
    struct pair *pair;
    sem_t bell;
};

/* Now and then the writer waits until everything is read, and continues just when the reader may jump to the front. */
static void wait_for_reader(const struct shm_ring *writer)
{
    while (atomic_load(&writer->header->head) < writer->position)
        sched_yield();
}

static void *write_all(void *arg)
{
    struct crossing *crossing = arg;
    struct shm_ring *writer = &crossing->pair->writer;
    for (uint32_t i = 0; i < MESSAGES;) {
        uint32_t words[8] = {i, i, i, i, i, i, i, i};
        if (shm_ring_write(writer, words, 4 + i % 8 * 4))
            i++;
        if (shm_ring_must_wake(writer))
            sem_post(&crossing->bell);
        if (i % 4096 == 0)
            wait_for_reader(writer);
    }
    return NULL;
}

/* If a message were written before the reader sleeps and the wake-up were lost, the reader would wait for ever. */
static void cross(struct pair *pair)
{
    struct crossing crossing = {.pair = pair};
    struct shm_ring *reader = &crossing.pair->reader;
    assert_int_equal(sem_init(&crossing.bell, 0, 0), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_all, &crossing), 0);
    for (uint32_t i = 0; i < MESSAGES;) {
        uint32_t words[8] = {0};
        size_t size = shm_ring_next(reader);
        if (size > 0) {
            assert_int_equal(size, 4 + i % 8 * 4);
            shm_ring_read(reader, words, size);
            assert_int_equal(words[0], i);
            assert_int_equal(words[size / 4 - 1], i);
            i++;
            continue;
        }
        if (shm_ring_begin_sleep(reader))
            sem_wait(&crossing.bell);
        shm_ring_end_sleep(reader);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    sem_destroy(&crossing.bell);
}

static void two_threads_lose_no_message_and_no_wake_up(void **state)
{
    cross(*state);
}

/* Large enough for the reader to jump to the front now and then, while a writer writes. */
static void two_threads_go_to_the_front_together(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 4 * SHM_RING_WARM);
    cross(&pair);
    assert_true(pair.reader.position > UINT64_C(2) * 28 * MESSAGES); /* much was skipped */
    free(pair.memory);
}

/* --- a neighbour that writes nonsense --- */

static void assert_reader_breaks(struct pair *pair)
{
    assert_int_equal(shm_ring_next(&pair->reader), 0);
    assert_true(pair->reader.broken);
    assert_int_equal(shm_ring_next(&pair->reader), 0);
    assert_false(shm_ring_begin_sleep(&pair->reader));
}

static void a_tail_that_cannot_be_breaks_the_reader(void **state)
{
    struct pair *pair = *state;
    static const uint64_t tails[] = {CAPACITY + 8, 4, UINT64_MAX - 7, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        shm_ring_init(&pair->reader, pair->memory, pair->size);
        atomic_store(&pair->reader.header->tail, tails[i]);
        assert_reader_breaks(pair);
    }
}

static void a_length_that_cannot_be_breaks_the_reader(void **state)
{
    struct pair *pair = *state;
    static const uint32_t lengths[] = {0, 17, CAPACITY, UINT32_MAX - 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        shm_ring_init(&pair->reader, pair->memory, pair->size);
        atomic_store(&pair->reader.header->tail, 24);
        memcpy(pair->reader.bytes, &lengths[i], sizeof lengths[i]);
        assert_reader_breaks(pair);
    }
}

static void a_record_beyond_the_end_breaks_the_reader(void **state)
{
    struct pair *pair = *state;
    uint32_t length = 100;
    pair->reader.position = pair->reader.other = CAPACITY - 16;
    atomic_store(&pair->reader.header->tail, CAPACITY - 16 + 512);
    memcpy(pair->reader.bytes + CAPACITY - 16, &length, sizeof length);
    assert_reader_breaks(pair);
}

static void going_to_the_front_twice_breaks_the_reader(void **state)
{
    struct pair *pair = *state;
    uint32_t to_front = UINT32_MAX;
    pair->reader.position = pair->reader.other = CAPACITY - 16;
    atomic_store(&pair->reader.header->tail, CAPACITY + 512);
    memcpy(pair->reader.bytes + CAPACITY - 16, &to_front, sizeof to_front);
    memcpy(pair->reader.bytes, &to_front, sizeof to_front);
    assert_reader_breaks(pair);
}

static void a_tail_that_the_reader_put_elsewhere_breaks_the_writer(void **state)
{
    struct pair *pair = *state;
    assert_true(write_text(pair, "a"));
    atomic_store(&pair->writer.header->tail, 512);
    assert_false(write_text(pair, "b"));
    assert_true(pair->writer.broken);
    atomic_store(&pair->writer.header->tail, pair->writer.position);
    assert_false(write_text(pair, "c"));
}

static void a_head_that_cannot_be_breaks_the_writer(void **state)
{
    struct pair *pair = *state;
    char message[500] = {0};
    assert_true(shm_ring_write(&pair->writer, message, sizeof message));
    assert_true(shm_ring_write(&pair->writer, message, sizeof message));
    atomic_store(&pair->writer.header->head, 1 << 20);
    assert_false(shm_ring_write(&pair->writer, message, sizeof message));
    assert_true(pair->writer.broken);
    assert_false(shm_ring_write(&pair->writer, message, 1));
}

static void a_head_that_goes_back_breaks_the_writer(void **state)
{
    struct pair *pair = *state;
    char message[500] = {0};
    for (int i = 0; i < 3; i++) {
        assert_true(shm_ring_write(&pair->writer, message, sizeof message));
        shm_ring_read(&pair->reader, message, shm_ring_next(&pair->reader));
    }
    assert_true(shm_ring_write(&pair->writer, message, sizeof message));
    assert_true(shm_ring_write(&pair->writer, message, sizeof message));
    atomic_store(&pair->writer.header->head, 8);
    assert_false(shm_ring_write(&pair->writer, message, sizeof message));
    assert_true(pair->writer.broken);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_arrive_in_order),
        TEST(asking_for_the_size_again_changes_nothing),
        TEST(a_full_queue_takes_nothing_until_something_is_read),
        TEST(messages_of_every_size_go_round_and_round),
        TEST(an_empty_queue_goes_on_in_warm_memory),
        TEST(an_empty_queue_has_all_its_room),
        TEST(large_messages_are_taken_by_an_empty_queue),
        TEST(a_writer_may_come_while_the_reader_goes_to_the_front),
        TEST(a_sleeper_is_to_be_woken_once),
        TEST(nobody_may_sleep_beside_a_message),
        TEST(two_threads_lose_no_message_and_no_wake_up),
        TEST(two_threads_go_to_the_front_together),
        TEST(a_tail_that_cannot_be_breaks_the_reader),
        TEST(a_length_that_cannot_be_breaks_the_reader),
        TEST(a_record_beyond_the_end_breaks_the_reader),
        TEST(going_to_the_front_twice_breaks_the_reader),
        TEST(a_tail_that_the_reader_put_elsewhere_breaks_the_writer),
        TEST(a_head_that_cannot_be_breaks_the_writer),
        TEST(a_head_that_goes_back_breaks_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
