#include "persister/writer.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "persister/dead_log.h"
#include "persister/delivery.h"
#include "persister/sources.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/pulse.h"

#define LOG_INTERVAL_US  INT64_C(10000000)
#define CONNECT_EVERY_MS 500 /* while not connected and with nothing to write */
#define QUIET_MS         50  /* without a frame: all frames in flight to a refused writer are handed back */
#define HAND_BACK_US     INT64_C(2000000)
#define FOREIGN_US       INT64_C(60000000) /* a frame of a foreign journal is resent long before that */

struct writer {
    /* shared: read by scrapes and by readiness */
    struct metrics *metrics;
    _Atomic int64_t last_frame_us; /* monotonic time of the last frame, or of the start */
    atomic_bool refused_by_issuer; /* in the handshake, because the secrets differ */
    _Atomic int64_t foreign_us;    /* monotonic time of the last frame of a foreign journal; 0: none */
    /* the stopping thread sets the first and reads the second, the writer the reverse: sequentially consistent */
    atomic_bool stopped;
    atomic_bool in_store;
    pthread_mutex_t trouble_lock;
    char trouble[WRITER_TROUBLE_MAX]; /* with the store; "" with METRIC_PERSISTER_CONNECTED */

    /* owned by the writer's thread once it runs */
    const struct options *options;
    zsock_t *pipe;
    struct sources *sources;
    struct store *store;
    struct delivery delivery;
    struct retry refused_retry;
    uint16_t foreign_partition; /* with foreign_us */
    bool frame_refused;         /* since it connected */
    int64_t hand_back_until_us;
    bool away; /* the sources are disconnected */
    int64_t connect_after_us;
    struct pulse *pulse;
    bool terminated;
    int64_t log_after_us; /* faults before that are only counted */
    uint64_t faults_unlogged;
    struct frame_drops drops;
};

/* --- life --- */

int writer_create(const struct options *options, struct writer **out, struct error *error)
{
    struct writer *writer = calloc(1, sizeof *writer);
    CHECK(writer != NULL);
    writer->options = options;
    writer->last_frame_us = clock_mono_us();
    CHECK(pthread_mutex_init(&writer->trouble_lock, NULL) == 0);
    writer->metrics = metrics_create("persister", -1);
    writer->drops = (struct frame_drops){"persister", writer->metrics, METRIC_PERSISTER_FRAMES_DROPPED, 0};
    writer->store = store_create(options, error);
    metrics_set(writer->metrics, METRIC_PERSISTER_WRITERS, 0, 1);
    delivery_init(&writer->delivery, writer->store, (uint16_t)options->issuer_partitions,
                  options->persister_retry_min_ms, options->persister_retry_max_ms);
    retry_init(&writer->refused_retry, options->persister_retry_min_ms, options->persister_retry_max_ms);
    writer->sources = writer->store ? sources_create(options, error) : NULL;
    *out = writer;
    if (writer->sources)
        return 0;
    writer_destroy(out);
    return -1;
}

void writer_destroy(struct writer **writer)
{
    struct writer *self = *writer;
    if (!self)
        return;
    sources_destroy(&self->sources);
    delivery_deinit(&self->delivery);
    store_destroy(&self->store);
    pthread_mutex_destroy(&self->trouble_lock);
    free(self);
    *writer = NULL;
}

bool writer_is_connected(const struct writer *writer)
{
    return metrics_get(writer->metrics, METRIC_PERSISTER_CONNECTED, 0) != 0;
}

void writer_trouble(struct writer *writer, char out[WRITER_TROUBLE_MAX])
{
    pthread_mutex_lock(&writer->trouble_lock);
    snprintf(out, WRITER_TROUBLE_MAX, "%s", writer->trouble);
    pthread_mutex_unlock(&writer->trouble_lock);
}

bool writer_is_refused(const struct writer *writer)
{
    return metrics_get(writer->metrics, METRIC_PERSISTER_STORE_REFUSED, 0) != 0;
}

bool writer_is_refused_by_issuer(const struct writer *writer)
{
    return atomic_load(&writer->refused_by_issuer);
}

bool writer_meets_foreign_journal(const struct writer *writer)
{
    int64_t foreign_us = atomic_load(&writer->foreign_us);
    return foreign_us != 0 && clock_mono_us() - foreign_us < FOREIGN_US;
}

int64_t writer_last_frame_us(const struct writer *writer)
{
    return atomic_load(&writer->last_frame_us);
}

void writer_stop(struct writer *writer)
{
    atomic_store(&writer->stopped, true);
}

bool writer_is_stuck(const struct writer *writer)
{
    return atomic_load(&writer->in_store) && !writer_is_connected(writer);
}

/* Call before each call of the store, which has its own time limits. False when it must not be called any more. */
static bool enter_store(struct writer *writer)
{
    atomic_store(&writer->in_store, true);
    bool entered = !atomic_load(&writer->stopped) || writer_is_connected(writer);
    atomic_store(&writer->in_store, entered);
    if (entered)
        pulse_excuse(writer->pulse, true);
    return entered;
}

static void leave_store(struct writer *writer)
{
    pulse_excuse(writer->pulse, false);
    atomic_store(&writer->in_store, false);
}

/* --- pipe --- */

/* Limits a wait, so that it does not look like a hanging thread. */
static long turn_ms(int64_t ms)
{
    return ms < 0 ? 0 : ms > PULSE_TURN_MS_MAX ? PULSE_TURN_MS_MAX : (long)ms;
}

/* Waits for the pipe only, and reads it in any case. False when the actor has to end. */
static bool wait_ms(struct writer *writer, int64_t ms)
{
    int64_t until_us = clock_mono_us() + ms * 1000;
    for (int64_t left_ms = ms; !writer->terminated; left_ms = (until_us - clock_mono_us() + 999) / 1000) {
        zmq_pollitem_t item = {.socket = zsock_resolve(writer->pipe), .events = ZMQ_POLLIN};
        pulse_beat(writer->pulse);
        if (zmq_poll(&item, 1, turn_ms(left_ms)) > 0)
            writer->terminated = actor_is_terminated(writer->pipe);
        else if (left_ms <= 0)
            return true;
    }
    return false;
}

/* --- store --- */

#define X(id, name) _Static_assert((int)METRIC_STORE_RESULT_##id == (int)STORE_##id, "a label for each result");
METRIC_STORE_RESULT_TABLE(X)
#undef X

static void log_fault(struct writer *writer, const struct delivery_step *step)
{
    int64_t now_us = clock_mono_us();
    if (now_us < writer->log_after_us) {
        writer->faults_unlogged++;
        return;
    }
    enum log_level level = step->result == STORE_RETRY ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR;
    const struct store_batch *rows = &writer->delivery.batch.rows;
    log_write(level, "persister",
              "writing a batch to the store failed: %s partition=%u first_seq=%" PRIu64 " last_seq=%" PRIu64
              " wait_ms=%" PRId64 " faults_since_last_line=%" PRIu64,
              step->error.text, rows->partition, rows->first_seq, rows->last_seq, step->wait_ms,
              writer->faults_unlogged);
    writer->log_after_us = now_us + LOG_INTERVAL_US;
    writer->faults_unlogged = 0;
}

/* Sets the readiness text about the store: NULL when all is well. */
static void set_trouble(struct writer *writer, const char *why)
{
    pthread_mutex_lock(&writer->trouble_lock);
    snprintf(writer->trouble, sizeof writer->trouble, "%.*s", (int)sizeof writer->trouble - 1, why ? why : "");
    pthread_mutex_unlock(&writer->trouble_lock);
    metrics_set(writer->metrics, METRIC_PERSISTER_CONNECTED, 0, why == NULL);
}

static void on_fault(struct writer *writer, const struct delivery_step *step)
{
    bool connected = step->result != STORE_RETRY && step->result != STORE_FAILED;
    metrics_add(writer->metrics, METRIC_PERSISTER_ERRORS, step->result, 1);
    set_trouble(writer, connected ? NULL : step->error.text);
    if (step->result != STORE_REJECTED) /* a rejected row becomes a dead letter, which is logged separately */
        log_fault(writer, step);
}

static void on_written(struct writer *writer, const struct delivery_step *step, int64_t took_us)
{
    struct metrics *metrics = writer->metrics;
    set_trouble(writer, NULL);
    if (step->rows == 0)
        return;
    metrics_add(metrics, METRIC_PERSISTER_ROWS, 0, step->rows);
    metrics_observe(metrics, METRIC_PERSISTER_BATCH, step->rows, 1);
    metrics_observe(metrics, METRIC_PERSISTER_WRITE_TIME, (uint64_t)took_us, 1);
}

static void on_dead(struct writer *writer, const struct delivery_step *step)
{
    metrics_add(writer->metrics, METRIC_PERSISTER_DEAD_LETTERS, 0, step->dead_count);
    dead_log(step->dead, step->dead_count);
}

/* Makes one attempt at the current frame; false when the frame is finished. */
static bool attempt(struct writer *writer, struct delivery_step *step)
{
    int64_t began_us = clock_mono_us();
    delivery_work(&writer->delivery, clock_wall_us(), randombytes_random(), step);
    leave_store(writer);
    if (step->result == STORE_OK)
        on_written(writer, step, clock_mono_us() - began_us);
    else
        on_fault(writer, step);
    if (step->dead_count > 0)
        on_dead(writer, step);
    return step->action == DELIVERY_AGAIN;
}

/* Between frames: connects and, in an empty store, creates the tables, so that readiness is accurate. */
static void connect_store(struct writer *writer)
{
    struct error error = {{0}};
    if (!enter_store(writer))
        return;
    enum store_result result = store_connect(writer->store, &error);
    if (result == STORE_OK)
        result = store_migrate(writer->store, &error);
    leave_store(writer);
    set_trouble(writer, result == STORE_OK ? NULL : error.text);
    int64_t now_us = clock_mono_us();
    if (result == STORE_OK || now_us < writer->log_after_us)
        return;
    log_warn("persister", "the store cannot be used yet: %s", error.text);
    writer->log_after_us = now_us + LOG_INTERVAL_US;
}

/* --- frames --- */

/* A lost answer only costs a repeated batch. */
static void send_answer(struct writer *writer, const struct batch_ack *answer)
{
    if (!sources_answer(writer->sources, answer, writer->pipe))
        log_debug("persister", "dropped an acknowledgement: its issuer is not connected partition=%u last_seq=%" PRIu64,
                  answer->header.partition, answer->ack.last_seq);
}

/* --- when the issuer fills another store --- */

static void on_other_store(struct writer *writer, const char *why)
{
    if (!writer_is_refused(writer))
        log_error("persister", "rejecting the issuer's records: %s", why);
    if (!writer->frame_refused)
        writer->hand_back_until_us = clock_mono_us() + HAND_BACK_US;
    writer->frame_refused = true;
    metrics_set(writer->metrics, METRIC_PERSISTER_STORE_REFUSED, 0, 1);
}

static void note_foreign(struct writer *writer)
{
    writer->foreign_partition = writer->delivery.batch.rows.partition;
    atomic_store(&writer->foreign_us, clock_mono_us());
}

/* Other partitions' frames may be accepted all the while. */
static void clear_foreign(struct writer *writer)
{
    if (writer->delivery.batch.rows.partition == writer->foreign_partition)
        atomic_store(&writer->foreign_us, 0);
}

/* Notes what the finished frame says about the owner of the store. */
static void note_whose(struct writer *writer, const struct delivery_step *step)
{
    if (step->result == STORE_OTHER) {
        on_other_store(writer, step->error.text);
    } else if (step->result == STORE_FOREIGN) {
        note_foreign(writer);
    } else if (step->result == STORE_OK || step->result == STORE_BEHIND) {
        if (writer_is_refused(writer))
            log_info("persister", "the issuer sends records for this store again");
        clear_foreign(writer);
        writer->frame_refused = false;
        retry_reset(&writer->refused_retry);
        metrics_set(writer->metrics, METRIC_PERSISTER_STORE_REFUSED, 0, 0);
    }
}

/* Called when all frames in flight have been handed back, or when more keep coming: then some still arrive after
 * disconnecting, and it disconnects again later. */
static void leave_issuer(struct writer *writer)
{
    sources_disconnect(writer->sources);
    writer->away = true;
    writer->frame_refused = false;
    writer->connect_after_us = clock_mono_us() + retry_next_ms(&writer->refused_retry, randombytes_random()) * 1000;
}

static void come_back(struct writer *writer)
{
    writer->away = !sources_connect(writer->sources);
}

/* Tries the current frame until it succeeds, and answers it. When stopped, gives up between two attempts. */
static void deliver(struct writer *writer)
{
    struct delivery_step step = {0};
    while (enter_store(writer) && attempt(writer, &step)) {
        if (!wait_ms(writer, step.wait_ms))
            return;
        if (step.result == STORE_RETRY || step.result == STORE_FAILED)
            metrics_add(writer->metrics, METRIC_PERSISTER_RETRIES, 0, 1);
    }
    if (step.action == DELIVERY_ANSWER)
        send_answer(writer, &step.answer);
    note_whose(writer, &step);
}

static void on_events(struct writer *writer, zmq_msg_t *message)
{
    size_t size = zmq_msg_size(message);
    enum frame_fault fault =
        zmq_msg_more(message) ? FRAME_FAULT_PARTS : delivery_begin(&writer->delivery, zmq_msg_data(message), size);
    if (fault == FRAME_OK)
        deliver(writer);
    else
        frame_drops_add(&writer->drops, fault, "socket=events bytes=%zu", size);
}

/* Discards the rest of a message whose first part was rejected. */
static void drain_parts(void *socket, zmq_msg_t *message)
{
    while (zmq_msg_more(message))
        if (zmq_msg_recv(message, socket, 0) < 0)
            return;
}

static void receive_events(struct writer *writer)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    void *socket = sources_receive(writer->sources, &message);
    if (socket) {
        atomic_store(&writer->last_frame_us, clock_mono_us());
        on_events(writer, &message);
        drain_parts(socket, &message);
    }
    zmq_msg_close(&message);
}

/* The longest next wait. */
static long patience_ms(const struct writer *writer)
{
    if (writer->frame_refused)
        return QUIET_MS;
    if (writer->away)
        return turn_ms((writer->connect_after_us - clock_mono_us()) / 1000 + 1);
    return writer_is_connected(writer) ? PULSE_TURN_MS_MAX : CONNECT_EVERY_MS;
}

/* Called when no frame arrived. */
static void on_quiet(struct writer *writer)
{
    if (writer->frame_refused)
        leave_issuer(writer);
    else if (writer->away && clock_mono_us() >= writer->connect_after_us)
        come_back(writer);
    if (!writer_is_connected(writer))
        connect_store(writer);
}

/* The duty cycle: waits for a command or a frame and processes one of each; without a store, tries to connect. */
static void writer_do_work(struct writer *writer)
{
    zmq_pollitem_t pipe = {.socket = zsock_resolve(writer->pipe), .events = ZMQ_POLLIN};
    pulse_beat(writer->pulse);
    atomic_store(&writer->refused_by_issuer, sources_check(writer->sources));
    int ready = sources_poll(writer->sources, &pipe, patience_ms(writer));
    if (ready < 0)
        writer->terminated = errno == ETERM;
    else if (ready == 0)
        on_quiet(writer);
    else if (pipe.revents & ZMQ_POLLIN)
        writer->terminated = actor_is_terminated(writer->pipe);
    else
        receive_events(writer);
    if (writer->frame_refused && clock_mono_us() >= writer->hand_back_until_us)
        leave_issuer(writer);
}

void writer_actor(zsock_t *pipe, void *args)
{
    struct writer *writer = args;
    writer->pipe = pipe;
    writer->pulse = pulse_create("writer", -1);
    zsock_signal(pipe, 0);
    connect_store(writer);
    while (!writer->terminated)
        writer_do_work(writer);
    metrics_set(writer->metrics, METRIC_PERSISTER_CONNECTED, 0, 0);
    pulse_destroy(&writer->pulse);
}
