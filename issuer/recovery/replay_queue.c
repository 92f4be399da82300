#include "issuer/recovery/replay_queue.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNKS            8
#define CHUNK_EVENTS      4096
#define CHUNK_POLICIES    64
#define CHUNK_STATES      1024
#define CHUNK_SWEEPS      4
#define TRIM_CHUNKS       1024  /* applied between two returns of freed memory to the system */
#define ALONE_RECORDS_MIN 16384 /* a journal with fewer records is not worth dividing the ledger */

/* A sweep: its record, which `value` borrows. */
struct chunk_sweep {
    struct journal_record value;
    unsigned char bytes[JOURNAL_CHANGE_BYTES_MAX];
};

enum other_kind { OTHER_POLICY, OTHER_STATE, OTHER_SWEEP };

/* A policy, a change of a state or a sweep, and how many issues of the chunk precede it. */
struct chunk_other {
    uint32_t after_events;
    uint32_t place; /* in the array of its kind */
    enum other_kind kind;
};

struct chunk {
    size_t events_count;
    size_t policies_count;
    size_t states_count;
    size_t sweeps_count;
    size_t others_count;
    struct ledger_event events[CHUNK_EVENTS];
    struct coupon policies[CHUNK_POLICIES];
    struct ledger_state_event states[CHUNK_STATES];
    struct chunk_sweep sweeps[CHUNK_SWEEPS];
    struct chunk_other others[CHUNK_POLICIES + CHUNK_STATES + CHUNK_SWEEPS];
};

/* An applying thread: it has one part of the ledger and applies every chunk. */
struct applier {
    struct replay_queue *queue;
    struct ledger *ledger;
    uint64_t applied; /* chunks; under the mutex */
    pthread_t thread;
    bool started;
};

struct replay_queue {
    /* shared: constant */
    unsigned bits; /* 1 << bits appliers */
    struct ledger *parts[LEDGER_PARTS_MAX];

    /* shared: under the mutex; an applier may read the chunks before `filled` that it has not applied */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t filled;
    bool ended;
    bool failed;
    struct error error;

    /* owned by the reader, except for the above */
    bool alone; /* it applies by itself, so far */
    bool stays_alone;
    uint64_t records_max; /* that the reader applies itself */
    uint64_t records;
    struct chunk *chunks;
    struct applier appliers[LEDGER_PARTS_MAX];
};

static void empty(struct chunk *chunk)
{
    chunk->events_count = chunk->policies_count = chunk->states_count = chunk->sweeps_count = chunk->others_count = 0;
}

static struct chunk *filling(struct replay_queue *queue)
{
    return &queue->chunks[queue->filled % CHUNKS];
}

static int contradiction(uint64_t seq, const char *wrong, struct error *error)
{
    return error_set(error, "record %" PRIu64 " contradicts those before it: %s", seq, wrong);
}

/* Applies the issues from `first` to `end`. */
static int apply_events(struct ledger *ledger, const struct chunk *chunk, size_t first, size_t end, struct error *error)
{
    size_t at = 0;
    const struct ledger_event *events = chunk->events + first;
    const char *wrong = first == end ? NULL : ledger_replay_issues(ledger, events, end - first, &at);
    return wrong == NULL ? 0 : contradiction(events[at].seq, wrong, error);
}

static int apply_other(struct ledger *ledger, const struct chunk *chunk, const struct chunk_other *other,
                       struct error *error)
{
    uint64_t seq = 0;
    const char *wrong = NULL;
    switch (other->kind) {
    case OTHER_POLICY:
        seq = chunk->policies[other->place].journal_seq;
        wrong = ledger_replay_policy(ledger, &chunk->policies[other->place]);
        break;
    case OTHER_STATE:
        seq = chunk->states[other->place].seq;
        wrong = ledger_replay_state(ledger, &chunk->states[other->place]);
        break;
    case OTHER_SWEEP:
        seq = chunk->sweeps[other->place].value.seq;
        wrong = ledger_replay_sweep(ledger, &chunk->sweeps[other->place].value);
        break;
    }
    return wrong == NULL ? 0 : contradiction(seq, wrong, error);
}

static int apply(struct ledger *ledger, const struct chunk *chunk, struct error *error)
{
    size_t done = 0;
    for (size_t i = 0; i < chunk->others_count; i++) {
        const struct chunk_other *next = &chunk->others[i];
        if (apply_events(ledger, chunk, done, next->after_events, error) != 0 ||
            apply_other(ledger, chunk, next, error) != 0)
            return -1;
        done = next->after_events;
    }
    return apply_events(ledger, chunk, done, chunk->events_count, error);
}

/* --- the applying thread --- */

/* The next chunk; NULL after the last. */
static const struct chunk *wait_for_chunk(struct applier *applier)
{
    struct replay_queue *queue = applier->queue;
    pthread_mutex_lock(&queue->mutex);
    while (applier->applied == queue->filled && !queue->ended)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    const struct chunk *chunk = applier->applied == queue->filled ? NULL : &queue->chunks[applier->applied % CHUNKS];
    pthread_mutex_unlock(&queue->mutex);
    return chunk;
}

static void note_applied(struct applier *applier, const struct error *error)
{
    struct replay_queue *queue = applier->queue;
    pthread_mutex_lock(&queue->mutex);
    if (error != NULL && !queue->failed) {
        queue->error = *error;
        queue->failed = true;
    }
    applier->applied++;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

static void *apply_main(void *arg)
{
    struct applier *applier = arg;
    struct error error = {{0}};
    bool failed = false;
    for (const struct chunk *chunk; (chunk = wait_for_chunk(applier)) != NULL;) {
        failed = failed || apply(applier->ledger, chunk, &error) != 0;
        note_applied(applier, failed ? &error : NULL);
        if (applier->applied % TRIM_CHUNKS == 0) /* growing tables leave holes */
            malloc_trim(0);
    }
    return NULL;
}

/* --- the reader --- */

/* True when an applier still reads the chunk that is to be filled next. */
static bool is_behind(const struct replay_queue *queue)
{
    for (size_t i = 0; i < (size_t)1 << queue->bits; i++) {
        if (queue->filled - queue->appliers[i].applied == CHUNKS)
            return true;
    }
    return false;
}

/* One applier per core, up to the number that still helps. */
static unsigned bits_for_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned bits = 0;
    while (2L << bits <= cores && 2u << bits <= LEDGER_PARTS_MAX)
        bits++;
    return bits;
}

static int start_appliers(struct replay_queue *queue, struct error *error)
{
    for (size_t i = 0; i < (size_t)1 << queue->bits; i++) {
        struct applier *applier = &queue->appliers[i];
        *applier = (struct applier){.queue = queue, .ledger = queue->parts[i]};
        int reason = pthread_create(&applier->thread, NULL, apply_main, applier);
        if (reason != 0)
            return error_set(error, "cannot start a thread: %s", strerror(reason));
        applier->started = true;
    }
    return 0;
}

static int divide(struct replay_queue *queue, struct error *error)
{
    queue->alone = false;
    queue->bits = bits_for_cores();
    ledger_divide(queue->parts[0], queue->bits, queue->parts);
    return start_appliers(queue, error);
}

static int apply_alone(struct replay_queue *queue, struct error *error)
{
    struct chunk *chunk = filling(queue);
    int result = apply(queue->parts[0], chunk, error);
    queue->records += chunk->events_count + chunk->others_count;
    empty(chunk);
    if (result == 0 && !queue->stays_alone && queue->records >= queue->records_max)
        result = divide(queue, error);
    return result;
}

static int hand_over(struct replay_queue *queue, struct error *error)
{
    if (queue->alone)
        return apply_alone(queue, error);
    pthread_mutex_lock(&queue->mutex);
    queue->filled++;
    pthread_cond_broadcast(&queue->changed);
    while (is_behind(queue))
        pthread_cond_wait(&queue->changed, &queue->mutex);
    bool failed = queue->failed;
    if (failed)
        *error = queue->error;
    pthread_mutex_unlock(&queue->mutex);
    empty(filling(queue));
    return failed ? -1 : 0;
}

static struct chunk_other *next_other(struct chunk *chunk, enum other_kind kind, size_t place)
{
    struct chunk_other *other = &chunk->others[chunk->others_count++];
    *other = (struct chunk_other){(uint32_t)chunk->events_count, (uint32_t)place, kind};
    return other;
}

static void add_other(struct replay_queue *queue, struct chunk *chunk, const struct journal_record *record)
{
    if (record->type == JOURNAL_COUPON) {
        journal_record_coupon(record, &chunk->policies[chunk->policies_count]);
        next_other(chunk, OTHER_POLICY, chunk->policies_count++);
    } else {
        ledger_state_event_of(queue->parts[0], record, &chunk->states[chunk->states_count]);
        next_other(chunk, OTHER_STATE, chunk->states_count++);
    }
}

/* Copies the record, whose batch does not stay. */
static void add_sweep(struct chunk *chunk, const struct journal_record *record)
{
    struct chunk_sweep *sweep = &chunk->sweeps[chunk->sweeps_count];
    size_t length = journal_encode_sweep(sweep->bytes, record);
    CHECK(journal_decode_record(sweep->bytes, length, &sweep->value) == length);
    sweep->value.seq = record->seq;
    sweep->value.time_us = record->time_us;
    next_other(chunk, OTHER_SWEEP, chunk->sweeps_count++);
}

int replay_queue_add(struct replay_queue *queue, const struct journal_record *record, struct error *error)
{
    struct chunk *chunk = filling(queue);
    if (record->type == JOURNAL_ISSUE)
        ledger_event_of(queue->parts[0], record, &chunk->events[chunk->events_count++]);
    else if (record->type == JOURNAL_SWEEP)
        add_sweep(chunk, record);
    else if (record->type != JOURNAL_ERASURE && record->type != JOURNAL_TERM) /* of which the ledger has nothing */
        add_other(queue, chunk, record);
    bool full = chunk->events_count == CHUNK_EVENTS || chunk->policies_count == CHUNK_POLICIES ||
                chunk->states_count == CHUNK_STATES || chunk->sweeps_count == CHUNK_SWEEPS;
    return full ? hand_over(queue, error) : 0;
}

void replay_queue_begin(struct ledger *ledger, bool alone, struct replay_queue **queue)
{
    struct replay_queue *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->chunks = malloc((alone ? 1 : CHUNKS) * sizeof *self->chunks); /* not touched before they are filled */
    CHECK(self->chunks != NULL);
    for (unsigned i = 0; i < (alone ? 1 : CHUNKS); i++)
        empty(&self->chunks[i]);
    self->alone = true;
    self->stays_alone = alone;
    self->records_max = ALONE_RECORDS_MIN + ledger_coupons(ledger);
    self->parts[0] = ledger;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->changed, NULL);
    *queue = self;
}

static void join_appliers(struct replay_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->ended = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    for (size_t i = 0; i < (size_t)1 << queue->bits; i++) {
        if (queue->appliers[i].started)
            pthread_join(queue->appliers[i].thread, NULL);
    }
}

/* Parts that did not all receive the same policies cannot be united: the ledger is then unusable. */
static void put_together(struct replay_queue *queue, bool whole)
{
    if (whole) {
        ledger_unite(queue->bits, queue->parts);
        if (queue->filled >= TRIM_CHUNKS) /* less is not worth walking all arenas */
            malloc_trim(0);
        return;
    }
    for (size_t i = 1; i < (size_t)1 << queue->bits; i++)
        ledger_destroy(&queue->parts[i]);
}

int replay_queue_end(struct replay_queue **queue, bool abandon, struct error *error)
{
    struct replay_queue *self = *queue;
    int result = abandon ? -1 : hand_over(self, error);
    join_appliers(self);
    if (result == 0 && self->failed)
        result = error_set(error, "%s", self->error.text);
    put_together(self, result == 0);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->mutex);
    free(self->chunks);
    free(self);
    *queue = NULL;
    return abandon ? 0 : result;
}
