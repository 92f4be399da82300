#include "issuer/stream.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "issuer/feed/feed.h"
#include "issuer/issuer_clock.h"
#include "issuer/member/endpoint.h"
#include "issuer/store/probe.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/limits.h"
#include "shared/process/memory.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/pulse.h"
#include "shared/wire/door.h"
#include "shared/wire/peer.h"

#define WAIT_MS_MAX             200      /* keeps lag metrics fresh */
#define DRAIN_US_MAX            2000000  /* how long an orderly stop waits for the store */
#define PROBE_END_MS            500      /* how long an orderly stop waits for a probe */
#define WARN_US                 60000000 /* between two equal warnings */
#define PERSISTER_QUEUE_BATCHES 2        /* that ZeroMQ may queue for each persister */

struct stream {
    /* shared: the partitions signal it; readiness reads the id of another store, or zeros */
    struct journal_signal signal;
    struct issuer_clock *clock;
    _Atomic uint64_t other_store[2];
    atomic_bool uncompared; /* for readiness */

    /* owned by the stream's thread */
    const struct options *options;
    struct store_check *check;       /* owned by the probe actor while it runs */
    struct store_probe *store_probe; /* owned by the probe actor while it runs */
    bool may_probe;                  /* it can reach its store, and the options name none */
    zactor_t *probe;                 /* NULL: the issuer cannot reach its store and need not */
    bool probing;                    /* a probe is in progress */
    struct feed *feed;
    zsock_t *events;
    zsock_t *acks;
    struct door events_door;
    struct door acks_door;
    struct metrics *metrics;
    uint64_t refused; /* connections refused so far, as reported */
    int64_t warn_us;  /* no warning before */
    struct pulse *pulse;
    int64_t now_us;
};

/* --- life --- */

static zsock_t *bind_socket(const struct options *options, int type, struct door *door, const char *base,
                            const char *option, struct error *error)
{
    char room[OPTION_STRING_MAX];
    const char *endpoint = member_endpoint(options, base, room);
    zsock_t *socket = zsock_new(type);
    CHECK(socket != NULL);
    zsock_set_maxmsgsize(socket, FRAME_BYTES_MAX);
    zsock_set_sndhwm(socket, PERSISTER_QUEUE_BATCHES);
    zsock_set_linger(socket, 0);
    peer_prepare_listener(socket);
    if (door_open(door, socket, endpoint) == 0)
        return socket;
    error_set(error, "cannot listen on %s (%s): %s", endpoint, option, zmq_strerror(errno));
    zsock_destroy(&socket);
    return NULL;
}

int stream_create(const struct options *options, struct issuer_clock *clock, struct store_check *check,
                  struct stream **stream, struct error *error)
{
    struct stream *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->signal.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(self->signal.fd >= 0);
    self->clock = clock;
    self->options = options;
    self->check = check;
    struct feed_config config = {
        .may_probe =
            options->cluster_members[0] == '\0' && options->issuer_check_store && options->issuer_store_id[0] == '\0',
        .rows_max = (size_t)options->issuer_stream_rows_max,
        .in_flight_max = (unsigned)options->issuer_stream_in_flight_max,
        .resend_us = options->issuer_resend_ms * 1000,
        .gather_us = options->issuer_stream_gather_ms * 1000,
    };
    if (options->issuer_store_id[0] != '\0')
        CHECK(store_id_parse(options->issuer_store_id, config.store_id)); /* validated with the options */
    self->may_probe = config.may_probe;
    self->feed = feed_create(&config);
    self->metrics = metrics_create("issuer", -1);
    self->events = bind_socket(options, ZMQ_PUSH, &self->events_door, options->issuer_events, "issuer/events", error);
    if (self->events != NULL)
        self->acks = bind_socket(options, ZMQ_PULL, &self->acks_door, options->issuer_acks, "issuer/acks", error);
    if (self->acks == NULL) {
        stream_destroy(&self);
        return -1;
    }
    *stream = self;
    return 0;
}

void stream_destroy(struct stream **stream)
{
    struct stream *self = *stream;
    if (self == NULL)
        return;
    feed_destroy(&self->feed);
    door_close(&self->acks_door);
    door_close(&self->events_door);
    zsock_destroy(&self->acks);
    zsock_destroy(&self->events);
    close(self->signal.fd);
    free(self);
    *stream = NULL;
}

struct journal_signal *stream_signal(struct stream *stream)
{
    return &stream->signal;
}

int stream_add(struct stream *stream, struct journal *journal, const char *dir, struct error *error)
{
    return feed_add(stream->feed, journal, dir, error);
}

void stream_await_comparison(struct stream *stream)
{
    stream->uncompared = true;
    feed_await_comparison(stream->feed);
}

bool stream_is_uncompared(const struct stream *stream)
{
    return stream->uncompared;
}

/* --- duty cycle --- */

static void take_answers(struct stream *stream)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, zsock_resolve(stream->acks), ZMQ_DONTWAIT) >= 0)
        feed_on_answer(stream->feed, zmq_msg_data(&message), zmq_msg_size(&message), stream->now_us);
    zmq_msg_close(&message);
}

/* Asks the probe actor, and takes its answer. */
static void probe_store(struct stream *stream)
{
    if (stream->probe == NULL)
        return;
    while (zsock_events(stream->probe) & ZMQ_POLLIN) {
        zframe_t *frame = zframe_recv(stream->probe);
        struct store_probe_answer answer;
        if (frame != NULL && zframe_size(frame) == sizeof answer) {
            memcpy(&answer, zframe_data(frame), sizeof answer);
            if (answer.compared && stream->uncompared) {
                feed_on_compared(stream->feed);
                stream->uncompared = false;
            }
            if (feed_on_probe(stream->feed, answer.probe, answer.id, stream->now_us))
                zstr_send(stream->probe, "FOLLOWED");
            stream->probing = false;
        }
        zframe_destroy(&frame);
    }
    if (feed_wants_probe(stream->feed, stream->now_us)) {
        zstr_send(stream->probe, "PROBE");
        stream->probing = true;
    }
}

static void report_other_store(struct stream *stream)
{
    uint8_t id[STORE_ID_BYTES];
    uint64_t halves[2] = {0};
    if (feed_sees_other_store(stream->feed, stream->now_us, id))
        memcpy(halves, id, sizeof halves);
    atomic_store_explicit(&stream->other_store[0], halves[0], memory_order_relaxed);
    atomic_store_explicit(&stream->other_store[1], halves[1], memory_order_relaxed);
}

bool stream_sees_other_store(const struct stream *stream, char id[STORE_ID_TEXT_MAX])
{
    uint8_t bytes[STORE_ID_BYTES];
    uint64_t halves[2] = {atomic_load_explicit(&stream->other_store[0], memory_order_relaxed),
                          atomic_load_explicit(&stream->other_store[1], memory_order_relaxed)};
    memcpy(bytes, halves, sizeof bytes);
    store_id_format(bytes, id);
    return store_id_is_known(bytes);
}

/* False when no persister takes anything now. */
static bool send_due(struct stream *stream)
{
    struct feed_frame frame;
    while (feed_due(stream->feed, stream->now_us, &frame)) {
        zmq_msg_t copy; /* shares the bytes */
        zmq_msg_init(&copy);
        zmq_msg_copy(&copy, frame.message);
        if (zmq_msg_send(&copy, zsock_resolve(stream->events), ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&copy);
            return false;
        }
        feed_sent(stream->feed, &frame, stream->now_us);
    }
    return true;
}

/* On the ports of all partitions, too. */
static void report_refused(struct stream *stream)
{
    uint64_t refused = doors_refused();
    if (refused == stream->refused)
        return;
    metrics_add(stream->metrics, METRIC_ISSUER_CONNECTIONS_REFUSED, 0, refused - stream->refused);
    stream->refused = refused;
    if (stream->now_us < stream->warn_us)
        return;
    stream->warn_us = stream->now_us + WARN_US;
    log_warn("issuer",
             "file descriptors are running out; refusing new connections: raise the limit of open files, or set "
             "cluster/secret_file");
}

/* For the partitions, which read the result. */
static void watch_memory(struct stream *stream)
{
    if (!memory_check(stream->now_us, MEMORY_CHECK_MS))
        return;
    struct memory_bound bound;
    memory_bound_now(&bound);
    metrics_set(stream->metrics, METRIC_ISSUER_MEMORY_SCARCE, 0, *memory_scarce());
    metrics_set(stream->metrics, METRIC_ISSUER_MEMORY_LIMIT, 0, (int64_t)bound.limit);
    metrics_set(stream->metrics, METRIC_ISSUER_MEMORY_USED, 0, (int64_t)bound.used);
}

static void report(struct stream *stream)
{
    feed_report(stream->feed, issuer_clock_now_us(stream->clock), clock_boot_us());
    feed_report_store(stream->feed, stream->now_us);
    report_other_store(stream);
}

/* True when everything possible is done; false when a persister has to read first. */
static bool stream_do_work(struct stream *stream)
{
    pulse_beat(stream->pulse);
    stream->now_us = clock_mono_us();
    report_refused(stream);
    watch_memory(stream);
    take_answers(stream);
    probe_store(stream);
    feed_read_ahead(stream->feed, stream->now_us);
    bool taken = send_due(stream);
    report(stream);
    return taken;
}

static long wait_ms(const struct stream *stream, bool taken)
{
    if (!taken) /* a persister has to read first, which wakes us */
        return WAIT_MS_MAX;
    int64_t deadline = feed_deadline(stream->feed, stream->now_us);
    int64_t wait = deadline == INT64_MAX ? WAIT_MS_MAX : (deadline - stream->now_us) / 1000 + 1;
    return wait < 0 ? 0 : wait > WAIT_MS_MAX ? WAIT_MS_MAX : (long)wait;
}

/* Sleeps until a persister, a partition or `pipe` has something, or a batch is due. */
static void wait_for_work(struct stream *stream, zsock_t *pipe, bool taken)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(stream->acks), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
        {.fd = stream->signal.fd, .events = ZMQ_POLLIN},
        {.socket = stream->probe != NULL ? zsock_resolve(stream->probe) : zsock_resolve(pipe), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(stream->events), .events = ZMQ_POLLOUT},
    };
    /* With nothing in flight, the next record should wake the stream; otherwise an acknowledgement comes first.
     * seq_cst, as in journal_publish_synced(): either it sees that we wait, or we see the records that it synced. */
    atomic_store(&stream->signal.waiting, feed_is_idle(stream->feed, stream->now_us));
    long wait = feed_has_unread(stream->feed, stream->now_us) ? 0 : wait_ms(stream, taken);
    zmq_poll(items, taken ? 4 : 5, wait);
    uint64_t count;
    if ((items[2].revents & ZMQ_POLLIN) && read(stream->signal.fd, &count, sizeof count) < 0)
        log_debug("issuer", "woken without a signal");
}

/* An orderly stop: sends the rest to the store, if a persister takes it. */
static void drain(struct stream *stream, zsock_t *pipe)
{
    int64_t until = clock_mono_us() + DRAIN_US_MAX;
    bool taken = stream_do_work(stream);
    while (!feed_is_done(stream->feed) && (taken || feed_deadline(stream->feed, stream->now_us) != INT64_MAX) &&
           clock_mono_us() < until) {
        wait_for_work(stream, pipe, taken);
        taken = stream_do_work(stream);
    }
}

static void start_probe(struct stream *stream)
{
    stream->store_probe = calloc(1, sizeof *stream->store_probe);
    CHECK(stream->store_probe != NULL);
    *stream->store_probe = (struct store_probe){.options = stream->options, .check = stream->check};
    stream->probe = zactor_new(store_probe_actor, stream->store_probe);
    CHECK(stream->probe != NULL);
}

/* A probe that hangs, for example in the resolver, is abandoned. */
static void end_probe(struct stream *stream)
{
    zmq_pollitem_t item = {.socket = stream->probe != NULL ? zsock_resolve(stream->probe) : NULL, .events = ZMQ_POLLIN};
    if (stream->probe != NULL && stream->probing && zmq_poll(&item, 1, PROBE_END_MS) == 0) {
        stop_abandon();
        return;
    }
    zactor_destroy(&stream->probe);
    free(stream->store_probe);
}

void stream_actor(zsock_t *pipe, void *args)
{
    struct stream *stream = args;
    stream->pulse = pulse_create("the stream", -1);
    if (stream->uncompared || stream->may_probe)
        start_probe(stream);
    stream->now_us = clock_mono_us();
    report(stream); /* a ready issuer already shows its lag */
    zsock_signal(pipe, 0);
    while (!actor_is_terminated(pipe))
        wait_for_work(stream, pipe, stream_do_work(stream));
    drain(stream, pipe);
    end_probe(stream);
    pulse_destroy(&stream->pulse);
}
