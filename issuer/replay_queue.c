#include "issuer/replay_queue.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS       8
#define CHUNK_EVENTS 4096

/* Issues, and then at most one policy. */
struct chunk {
    size_t count;
    bool has_policy;
    struct coupon policy;
    struct ledger_event events[CHUNK_EVENTS];
};

struct replay_queue {
    /* shared: constant */
    struct ledger *ledger;
    bool alone;

    /* shared: under the mutex; the chunks between `applied` and `filled` are the applying thread's */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t filled;
    uint64_t applied;
    bool ended;
    bool failed;
    struct error error;

    /* owned by the reader, but for the above */
    struct chunk *chunks;
    pthread_t thread;
};

static struct chunk *filling(struct replay_queue *queue)
{
    return &queue->chunks[queue->filled % CHUNKS];
}

static int apply(struct ledger *ledger, const struct chunk *chunk, struct error *error)
{
    size_t at = 0;
    const char *wrong = ledger_replay_issues(ledger, chunk->events, chunk->count, &at);
    uint64_t seq = wrong != NULL ? chunk->events[at].seq : chunk->policy.journal_seq;
    if (wrong == NULL && chunk->has_policy)
        wrong = ledger_replay_policy(ledger, &chunk->policy);
    return wrong == NULL ? 0 : error_set(error, "record %" PRIu64 " contradicts those before it: %s", seq, wrong);
}

/* --- the applying thread --- */

/* The next chunk; NULL when there will be none. */
static struct chunk *wait_for_chunk(struct replay_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->applied == queue->filled && !queue->ended)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    struct chunk *chunk = queue->applied == queue->filled ? NULL : &queue->chunks[queue->applied % CHUNKS];
    pthread_mutex_unlock(&queue->mutex);
    return chunk;
}

static void *apply_main(void *arg)
{
    struct replay_queue *queue = arg;
    struct error error = {{0}};
    bool failed = false;
    for (struct chunk *chunk; (chunk = wait_for_chunk(queue)) != NULL;) {
        failed = failed || apply(queue->ledger, chunk, &error) != 0;
        pthread_mutex_lock(&queue->mutex);
        if (failed && !queue->failed)
            queue->error = error;
        queue->failed = failed;
        queue->applied++;
        pthread_cond_signal(&queue->changed);
        pthread_mutex_unlock(&queue->mutex);
    }
    return NULL;
}

/* --- the reader --- */

static int hand_over(struct replay_queue *queue, struct error *error)
{
    if (queue->alone) {
        int result = apply(queue->ledger, filling(queue), error);
        filling(queue)->count = 0;
        filling(queue)->has_policy = false;
        return result;
    }
    pthread_mutex_lock(&queue->mutex);
    queue->filled++;
    pthread_cond_signal(&queue->changed);
    while (queue->filled - queue->applied == CHUNKS)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    bool failed = queue->failed;
    if (failed)
        *error = queue->error;
    pthread_mutex_unlock(&queue->mutex);
    filling(queue)->count = 0;
    filling(queue)->has_policy = false;
    return failed ? -1 : 0;
}

int replay_queue_add(struct replay_queue *queue, const struct journal_record *record, struct error *error)
{
    struct chunk *chunk = filling(queue);
    if (record->type == JOURNAL_COUPON) {
        journal_record_coupon(record, &chunk->policy);
        chunk->has_policy = true;
    } else {
        ledger_event_of(queue->ledger, record, &chunk->events[chunk->count++]);
    }
    return chunk->has_policy || chunk->count == CHUNK_EVENTS ? hand_over(queue, error) : 0;
}

int replay_queue_begin(struct replay_queue **queue, struct ledger *ledger, bool alone, struct error *error)
{
    struct replay_queue *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->chunks = calloc(alone ? 1 : CHUNKS, sizeof *self->chunks);
    CHECK(self->chunks != NULL);
    self->ledger = ledger;
    self->alone = alone;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->changed, NULL);
    int reason = alone ? 0 : pthread_create(&self->thread, NULL, apply_main, self);
    *queue = self;
    if (reason == 0)
        return 0;
    self->alone = true;
    struct error ignored;
    replay_queue_end(queue, true, &ignored);
    return error_set(error, "cannot start a thread: %s", strerror(reason));
}

static int finish(struct replay_queue *queue, bool abandon, struct error *error)
{
    int result = abandon ? 0 : hand_over(queue, error);
    if (queue->alone)
        return result;
    pthread_mutex_lock(&queue->mutex);
    queue->ended = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    pthread_join(queue->thread, NULL);
    if (result == 0 && queue->failed && !abandon)
        result = error_set(error, "%s", queue->error.text);
    return result;
}

int replay_queue_end(struct replay_queue **queue, bool abandon, struct error *error)
{
    struct replay_queue *self = *queue;
    int result = finish(self, abandon, error);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->mutex);
    free(self->chunks);
    free(self);
    *queue = NULL;
    return result;
}
