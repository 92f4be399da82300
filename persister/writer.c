#include "persister/writer.h"

#include <inttypes.h>
#include <sodium.h>

#include "persister/batch.h"
#include "persister/retry.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/log.h"

#define LOG_INTERVAL_US   INT64_C(10000000)
#define ACK_WAIT_MS       1000 /* for the issuer to come back; it sends again what stays unacknowledged */
#define REASONS_KNOWN_MAX 32

struct writer {
    /* shared: the block is read by scrapes and by readiness */
    struct metrics *metrics;

    /* owned by the writer's thread, once that runs */
    const struct options *options;
    zsock_t *pipe;
    zsock_t *events;
    zsock_t *acks;
    struct store *store;
    struct batch batch;
    struct retry retry;
    bool terminated;
    int64_t log_after_us; /* faults before that moment are only counted */
    uint64_t faults_unlogged;
    const char *reasons[REASONS_KNOWN_MAX]; /* of dropped frames, each logged once */
};

/* Life */

static zsock_t *connect_socket(int type, const char *endpoint)
{
    zsock_t *socket = zsock_new(type);
    CHECK(socket);
    zsock_set_linger(socket, 0);
    zsock_set_immediate(socket, 1);
    zsock_set_maxmsgsize(socket, FRAME_BYTES_MAX);
    zsock_set_rcvhwm(socket, 2); /* what waits here another persister cannot take */
    zsock_set_reconnect_ivl(socket, 100);
    zsock_set_reconnect_ivl_max(socket, 1000);
    if (zsock_connect(socket, "%s", endpoint) != 0)
        zsock_destroy(&socket);
    return socket;
}

int writer_create(struct writer **out, const struct options *options, struct error *error)
{
    struct writer *writer = calloc(1, sizeof *writer);
    CHECK(writer);
    writer->options = options;
    writer->metrics = metrics_create("persister", -1);
    batch_init(&writer->batch);
    retry_init(&writer->retry, options->persister_retry_min_ms, options->persister_retry_max_ms);
    writer->store = store_create(options, error);
    writer->events = connect_socket(ZMQ_PULL, options->persister_events);
    writer->acks = connect_socket(ZMQ_PUSH, options->persister_acks);
    *out = writer;
    if (writer->store && writer->events && writer->acks)
        return 0;
    if (writer->store)
        error_set(error, "persister: cannot connect to %s",
                  writer->events ? options->persister_acks : options->persister_events);
    writer_destroy(out);
    return -1;
}

void writer_destroy(struct writer **writer)
{
    struct writer *self = *writer;
    if (!self)
        return;
    zsock_destroy(&self->events);
    zsock_destroy(&self->acks);
    store_destroy(&self->store);
    batch_deinit(&self->batch);
    free(self);
    *writer = NULL;
}

bool writer_is_connected(const struct writer *writer)
{
    return metrics_get(writer->metrics, METRIC_PERSISTER_CONNECTED, 0) != 0;
}

/* Pipe */

/* Waits for the pipe alone. False when the actor shall end. */
static bool wait_ms(struct writer *writer, int64_t ms)
{
    int64_t until_us = clock_mono_us() + ms * 1000;
    while (!writer->terminated) {
        int64_t left_ms = (until_us - clock_mono_us() + 999) / 1000;
        if (left_ms <= 0)
            return true;
        zmq_pollitem_t item = {.socket = zsock_resolve(writer->pipe), .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, (long)left_ms) > 0)
            writer->terminated = actor_told_to_end(writer->pipe);
    }
    return false;
}

/* Store */

static void log_fault(struct writer *writer, enum store_result result, int64_t wait, const struct error *error)
{
    int64_t now_us = clock_mono_us();
    if (now_us < writer->log_after_us) {
        writer->faults_unlogged++;
        return;
    }
    enum log_level level = result == STORE_RETRY ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR;
    const struct store_batch *rows = &writer->batch.rows;
    log_write(level, "persister",
              "the store does not take a batch: %s partition=%u first_seq=%" PRIu64 " last_seq=%" PRIu64
              " wait_ms=%" PRId64 " faults_since_last_line=%" PRIu64,
              error->text, rows->partition, writer->batch.first_seq, rows->last_seq, wait, writer->faults_unlogged);
    writer->log_after_us = now_us + LOG_INTERVAL_US;
    writer->faults_unlogged = 0;
}

/* How long to wait before the next try; 0: none, the batch is left to the issuer. */
static int64_t on_fault(struct writer *writer, enum store_result result, const struct error *error)
{
    int64_t wait = 0;
    if (result == STORE_RETRY)
        wait = retry_next_ms(&writer->retry, randombytes_random());
    else if (result == STORE_FAILED)
        wait = retry_longest_ms(&writer->retry);
    metrics_add(writer->metrics, METRIC_PERSISTER_ERRORS, result, 1);
    metrics_set(writer->metrics, METRIC_PERSISTER_CONNECTED, 0, result == STORE_CONFLICT);
    log_fault(writer, result, wait, error);
    return wait;
}

static void on_written(struct writer *writer, int64_t took_us)
{
    struct metrics *metrics = writer->metrics;
    const struct store_batch *rows = &writer->batch.rows;
    uint64_t count = rows->coupons_count + rows->issues_count;
    metrics_add(metrics, METRIC_PERSISTER_ROWS, 0, count);
    metrics_observe(metrics, METRIC_PERSISTER_BATCH, count, 1);
    metrics_observe(metrics, METRIC_PERSISTER_WRITE_TIME, (uint64_t)took_us, 1);
    metrics_set(metrics, METRIC_PERSISTER_CONNECTED, 0, 1);
    retry_reset(&writer->retry);
}

/* Writes the batch in hand, for as long as it takes. False when it stays unwritten. */
static bool write_batch(struct writer *writer)
{
    for (;;) {
        struct error error = {{0}};
        int64_t began_us = clock_mono_us();
        enum store_result result = store_write(writer->store, &writer->batch.rows, &error);
        if (result == STORE_OK) {
            on_written(writer, clock_mono_us() - began_us);
            return true;
        }
        int64_t wait = on_fault(writer, result, &error);
        if (wait == 0 || !wait_ms(writer, wait))
            return false;
        metrics_add(writer->metrics, METRIC_PERSISTER_RETRIES, 0, 1);
    }
}

/* The first connection is made here, so that readiness tells the truth before the first batch. */
static void connect_store(struct writer *writer)
{
    struct error error = {{0}};
    enum store_result result = store_connect(writer->store, &error);
    metrics_set(writer->metrics, METRIC_PERSISTER_CONNECTED, 0, result == STORE_OK);
    if (result != STORE_OK)
        log_warn("persister", "no connection to the store yet: %s", error.text);
}

/* Frames */

/* Waits a moment for an issuer that is coming back; an acknowledgement that is lost costs a repeated batch, no more. */
static void acknowledge(struct writer *writer)
{
    struct batch_ack ack;
    batch_ack(&writer->batch, &ack);
    void *socket = zsock_resolve(writer->acks);
    zmq_pollitem_t items[] = {
        {.socket = socket, .events = ZMQ_POLLOUT},
        {.socket = zsock_resolve(writer->pipe), .events = ZMQ_POLLIN},
    };
    zmq_poll(items, 2, ACK_WAIT_MS);
    if (zmq_send(socket, &ack, sizeof ack, ZMQ_DONTWAIT) < 0)
        log_debug("persister", "an acknowledgement found no issuer partition=%u last_seq=%" PRIu64,
                  writer->batch.rows.partition, writer->batch.rows.last_seq);
}

static void drop_frame(struct writer *writer, const char *why, size_t size)
{
    metrics_add(writer->metrics, METRIC_PERSISTER_FRAMES_DROPPED, 0, 1);
    for (size_t i = 0; i < REASONS_KNOWN_MAX; i++) {
        if (writer->reasons[i] == why)
            return;
        if (writer->reasons[i])
            continue;
        writer->reasons[i] = why;
        log_warn("persister", "dropped a frame: %s (logged once a kind) bytes=%zu", why, size);
        return;
    }
}

static void on_events(struct writer *writer, zmq_msg_t *message)
{
    size_t size = zmq_msg_size(message);
    const char *wrong = zmq_msg_more(message) ? "more than one part" : NULL;
    if (!wrong)
        wrong = batch_read(&writer->batch, zmq_msg_data(message), size, (uint16_t)writer->options->issuer_partitions);
    if (wrong)
        drop_frame(writer, wrong, size);
    else if (write_batch(writer))
        acknowledge(writer);
}

/* The rest of a message whose first part was refused. */
static void drain_parts(void *socket, zmq_msg_t *message)
{
    while (zmq_msg_more(message))
        if (zmq_msg_recv(message, socket, 0) < 0)
            return;
}

static void receive_events(struct writer *writer)
{
    void *socket = zsock_resolve(writer->events);
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0) {
        on_events(writer, &message);
        drain_parts(socket, &message);
    }
    zmq_msg_close(&message);
}

/* The duty cycle: waits for a command or a frame, and deals with one of each. */
static void writer_do_work(struct writer *writer)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(writer->pipe), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(writer->events), .events = ZMQ_POLLIN},
    };
    if (zmq_poll(items, 2, -1) < 0)
        writer->terminated = errno == ETERM;
    else if (items[0].revents & ZMQ_POLLIN)
        writer->terminated = actor_told_to_end(writer->pipe);
    else if (items[1].revents & ZMQ_POLLIN)
        receive_events(writer);
}

void writer_actor(zsock_t *pipe, void *args)
{
    struct writer *writer = args;
    writer->pipe = pipe;
    zsock_signal(pipe, 0);
    connect_store(writer);
    while (!writer->terminated)
        writer_do_work(writer);
    metrics_set(writer->metrics, METRIC_PERSISTER_CONNECTED, 0, 0);
}
