#include "gateway/reading/readers.h"

#include <stdlib.h>
#include <time.h>

#include "gateway/reading/letters.h"
#include "gateway/reading/page.h"
#include "gateway/reading/queue.h"
#include "shared/clock.h"
#include "shared/process/stop.h"
#include "shared/store/query.h"
#include "shared/telemetry/log.h"
#include "shared/worker.h"

#define READERS_MAX     64
#define PORTS_MAX       64
#define STOP_US         INT64_C(300000)   /* how long the stop waits for threads in the store */
#define RECONNECT_US    INT64_C(500000)   /* between two attempts to connect */
#define LOG_INTERVAL_US INT64_C(30000000) /* between two lines about the same store */
#define ISSUE_WAIT_MS   20                /* between two looks for an issue that the store does not have yet */
#define ISSUE_TRIES     10

/* A thread. */
struct reader {
    struct readers *readers;
    struct worker worker;
    /* owned by its thread */
    struct store *store;
    bool connected;
};

struct readers {
    struct options options; /* with the time limits of the gateway */
    unsigned partitions;
    struct reading_queue queue;
    struct reading_horizon horizon;
    unsigned count;
    struct reader readers[READERS_MAX];
    struct reading_port ports[PORTS_MAX];
    unsigned ports_count;
    /* under the queue's mutex, like its metrics */
    int64_t log_after_us;
    int64_t connect_after_us; /* no thread tries before, because an attempt has failed; 0: the last one has not */
    struct error reason;      /* why it failed */
    unsigned connected;
};

/* --- accounting, under the queue's mutex --- */

static void count_page(struct readers *self, const struct reading_request *request)
{
    struct metrics *metrics = self->queue.metrics;
    uint64_t took_us = (uint64_t)(clock_mono_us() - request->sent_us);
    pthread_mutex_lock(&self->queue.mutex);
    metrics_add(metrics, METRIC_GATEWAY_STORE_READS, (unsigned)request->result, 1);
    metrics_add(metrics, METRIC_GATEWAY_STORE_ROWS, 0, request->result == STORE_OK ? request->page.rows : 0);
    metrics_observe(metrics, METRIC_GATEWAY_STORE_READ_TIME, took_us, 1);
    pthread_mutex_unlock(&self->queue.mutex);
}

static void note_connected(struct reader *reader, bool connected)
{
    struct readers *self = reader->readers;
    if (reader->connected == connected)
        return;
    reader->connected = connected;
    pthread_mutex_lock(&self->queue.mutex);
    self->connected += connected ? 1u : -1u;
    metrics_set(self->queue.metrics, METRIC_GATEWAY_STORE_CONNECTED, 0, self->connected);
    pthread_mutex_unlock(&self->queue.mutex);
}
/* True while the last attempt of any thread is too recent and has failed; fills `error` with its reason. */
static bool pauses(struct readers *self, struct error *error)
{
    pthread_mutex_lock(&self->queue.mutex);
    bool pause = clock_mono_us() < self->connect_after_us;
    if (pause)
        *error = self->reason;
    pthread_mutex_unlock(&self->queue.mutex);
    return pause;
}

static void note_attempt(struct readers *self, enum store_result result, const struct error *error)
{
    pthread_mutex_lock(&self->queue.mutex);
    self->connect_after_us = result == STORE_OK ? 0 : clock_mono_us() + RECONNECT_US;
    if (result != STORE_OK)
        self->reason = *error;
    pthread_mutex_unlock(&self->queue.mutex);
}

static void log_fault(struct readers *self, const struct error *error)
{
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&self->queue.mutex);
    bool due = now_us >= self->log_after_us;
    if (due)
        self->log_after_us = now_us + LOG_INTERVAL_US;
    pthread_mutex_unlock(&self->queue.mutex);
    if (due)
        log_warn("gateway", "cannot read the store; lists of issues and codes are answered 503: %s", error->text);
}

/* --- a thread --- */

static enum store_result connect_store(struct reader *reader, struct error *error)
{
    if (reader->connected)
        return STORE_OK;
    if (pauses(reader->readers, error))
        return STORE_RETRY;
    enum store_result result = store_connect(reader->store, error);
    if (result == STORE_OK)
        result = store_check_schema(reader->store, error);
    note_connected(reader, result == STORE_OK);
    note_attempt(reader->readers, result, error);
    return result;
}

static bool is_dropped(const struct reading_request *request)
{
    return atomic_load_explicit(&request->dropped, memory_order_relaxed);
}

/* An issue that was decided a moment ago: the persister is about to store it. */
static enum store_result read_patiently(struct reader *reader, struct reading_request *request, struct error *error)
{
    const struct timespec wait = {.tv_nsec = ISSUE_WAIT_MS * 1000000};
    struct readers *self = reader->readers;
    const struct reading_cluster cluster = {(uint16_t)self->partitions, &self->horizon};
    for (int tries = 1;; tries++) {
        enum store_result result =
            reading_page_read(reader->store, &cluster, &request->question, &request->page, error);
        if (result != STORE_OK || request->question.scope != READING_ISSUE || request->page.one.found ||
            tries == ISSUE_TRIES || is_dropped(request))
            return result;
        nanosleep(&wait, NULL);
    }
}

static enum store_result ask_store(struct reader *reader, struct reading_request *request, struct error *error)
{
    const struct reading_question *question = &request->question;
    if (question->scope == READING_LETTERS)
        return reading_letters_read(reader->store, question, &request->page, error);
    if (question->scope == READING_LETTER)
        return reading_letter_store(&reader->readers->options, question, &request->page, &request->dropped, error);
    return read_patiently(reader, request, error);
}

static enum store_result read_once(struct reader *reader, struct reading_request *request, struct error *error)
{
    enum store_result result = connect_store(reader, error);
    if (result != STORE_OK)
        return result;
    result = ask_store(reader, request, error);
    if (result != STORE_OK)
        note_connected(reader, false);
    return result;
}

/* Once more after a fault of a connection that had worked: servers close idle connections. */
static enum store_result read_page(struct reader *reader, struct reading_request *request, struct error *error)
{
    bool worked = reader->connected;
    enum store_result result = read_once(reader, request, error);
    return result == STORE_RETRY && worked ? read_once(reader, request, error) : result;
}

static void serve(struct reader *reader, struct reading_request *request)
{
    struct error error = {""};
    request->result = read_page(reader, request, &error);
    count_page(reader->readers, request);
    if (request->result != STORE_OK)
        log_fault(reader->readers, &error);
}

/* The worker's duty cycle. */
static int64_t do_work(void *arg)
{
    struct reader *reader = arg;
    struct reading_request *request = reading_queue_take(&reader->readers->queue);
    if (request == NULL)
        return WORKER_UNTIL_WOKEN;
    if (!is_dropped(request))
        serve(reader, request);
    reading_port_answer(request->port, request);
    return 0;
}

/* --- life --- */

static void shorten(int64_t *limit_ms, int64_t to_ms)
{
    if (*limit_ms > to_ms)
        *limit_ms = to_ms;
}

static int start_reader(struct readers *self, struct error *error)
{
    struct reader *reader = &self->readers[self->count];
    reader->readers = self;
    reader->store = store_create(&self->options, error);
    if (reader->store == NULL)
        return -1;
    store_only_read(reader->store);
    if (worker_start(&reader->worker, do_work, reader, error) != 0) {
        store_destroy(&reader->store);
        return -1;
    }
    self->count++;
    return 0;
}

struct readers *readers_create(const struct options *options, unsigned ports, struct error *error)
{
    unsigned threads = (unsigned)options->gateway_store_threads;
    CHECK(threads <= READERS_MAX && ports <= PORTS_MAX);
    if (threads == 0)
        return NULL;
    struct readers *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->options = *options;
    shorten(&self->options.store_connect_timeout_ms, options->gateway_store_timeout_ms);
    shorten(&self->options.store_io_timeout_ms, options->gateway_store_timeout_ms);
    self->partitions = (unsigned)options->issuer_partitions;
    self->ports_count = ports;
    reading_horizon_init(&self->horizon);
    reading_queue_init(&self->queue, (unsigned)options->gateway_store_queue, metrics_create("gateway", -1));
    for (unsigned i = 0; i < ports; i++)
        reading_port_init(&self->ports[i]);
    for (unsigned i = 0; i < threads; i++) {
        if (start_reader(self, error) != 0) {
            readers_destroy(&self);
            return NULL;
        }
    }
    return self;
}

void readers_destroy(struct readers **readers)
{
    struct readers *self = *readers;
    bool ended = true;
    *readers = NULL;
    if (self == NULL)
        return;
    int64_t until_us = clock_mono_us() + STOP_US;
    for (unsigned i = 0; i < self->count; i++) {
        int64_t left_us = until_us - clock_mono_us();
        ended &= worker_finish(&self->readers[i].worker, left_us > 0 ? left_us : 0);
    }
    if (!ended) {
        stop_abandon();
        return;
    }
    for (unsigned i = 0; i < self->count; i++)
        store_destroy(&self->readers[i].store);
    reading_queue_deinit(&self->queue);
    reading_horizon_deinit(&self->horizon);
    for (unsigned i = 0; i < self->ports_count; i++)
        reading_port_deinit(&self->ports[i]);
    free(self);
}

struct reading_horizon *readers_horizon(struct readers *readers)
{
    return &readers->horizon;
}

struct reading_port *readers_port(struct readers *readers, unsigned thread)
{
    CHECK(thread < readers->ports_count);
    return &readers->ports[thread];
}

/* --- on a gateway thread --- */

static bool hand_over(struct readers *self, struct reading_request *request, bool must, int64_t now_us)
{
    reading_port_send(request->port, request, now_us);
    if (!reading_queue_put(&self->queue, request, must)) {
        reading_port_forget(request);
        request->away = false;
        return false;
    }
    for (unsigned i = 0; i < self->count; i++)
        worker_wake(&self->readers[i].worker);
    return true;
}

bool readers_submit(struct readers *readers, struct reading_request *request, int64_t now_us)
{
    return hand_over(readers, request, false, now_us);
}

void readers_continue(struct readers *readers, struct reading_request *request, int64_t now_us)
{
    CHECK(hand_over(readers, request, true, now_us));
}
