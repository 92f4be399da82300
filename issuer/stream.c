#include "issuer/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "issuer/window.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/frame.h"
#include "shared/journal_dir.h"
#include "shared/journal_reader.h"
#include "shared/log.h"
#include "shared/metrics.h"

#define BATCH_BYTES_MAX         (FRAME_BYTES_MAX - JOURNAL_BATCH_BYTES_MAX)
#define WAIT_MS_MAX             200     /* so that lag metrics stay fresh */
#define DRAIN_US_MAX            2000000 /* how long an orderly end waits for the store */
#define PERSISTER_QUEUE_BATCHES 2       /* ZeroMQ may hold that many for each persister */

/* A journal on its way to the store. */
struct source {
    struct journal *journal;
    const struct journal_meta *meta;
    struct journal_reader *reader;
    int acked_fd;
    struct window window;
    zmq_msg_t frames[WINDOW_MAX]; /* by the window's slot */
    struct metrics *metrics;
    uint64_t read_seq; /* last record that is in a frame */
    /* a journal batch that was read but did not fit into the last frame; NULL: none */
    const void *held;
    struct journal_batch_header held_header;
};

struct stream {
    /* shared: the partitions raise it */
    struct journal_signal signal;

    /* owned by the stream's thread */
    struct source sources[PARTITIONS_MAX];
    uint16_t sources_count;
    zsock_t *events;
    zsock_t *acks;
    size_t rows_max;
    unsigned in_flight_max;
    int64_t resend_us;
    unsigned char *buffer; /* the frame being built */
    struct metrics *metrics;
    bool frame_dropped;
    int64_t now_us;
};

/* --- life --- */

static zsock_t *bind_socket(int type, const char *endpoint, const char *option, struct error *error)
{
    zsock_t *socket = zsock_new(type);
    CHECK(socket != NULL);
    zsock_set_maxmsgsize(socket, FRAME_BYTES_MAX);
    zsock_set_sndhwm(socket, PERSISTER_QUEUE_BATCHES);
    zsock_set_linger(socket, 0);
    if (zsock_bind(socket, "%s", endpoint) >= 0)
        return socket;
    error_set(error, "cannot listen on %s (%s): %s", endpoint, option, zmq_strerror(errno));
    zsock_destroy(&socket);
    return NULL;
}

int stream_create(struct stream **stream, const struct options *options, struct error *error)
{
    struct stream *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->signal.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(self->signal.fd >= 0);
    self->rows_max = (size_t)options->issuer_stream_rows_max;
    self->in_flight_max = (unsigned)options->issuer_stream_in_flight_max;
    self->resend_us = options->issuer_resend_ms * 1000;
    self->buffer = malloc(FRAME_BYTES_MAX);
    CHECK(self->buffer != NULL);
    self->metrics = metrics_create("issuer", -1);
    self->events = bind_socket(ZMQ_PUSH, options->issuer_events, "issuer/events", error);
    if (self->events != NULL)
        self->acks = bind_socket(ZMQ_PULL, options->issuer_acks, "issuer/acks", error);
    if (self->acks == NULL) {
        stream_destroy(&self);
        return -1;
    }
    *stream = self;
    return 0;
}

static void source_close(struct source *source)
{
    while (source->window.count > 0) {
        zmq_msg_close(&source->frames[source->window.first]);
        source->window.batches[source->window.first].state = WINDOW_DONE;
        window_pop(&source->window);
    }
    journal_reader_close(&source->reader);
    if (source->acked_fd >= 0)
        close(source->acked_fd);
}

void stream_destroy(struct stream **stream)
{
    struct stream *self = *stream;
    if (self == NULL)
        return;
    for (unsigned i = 0; i < self->sources_count; i++)
        source_close(&self->sources[i]);
    zsock_destroy(&self->acks);
    zsock_destroy(&self->events);
    close(self->signal.fd);
    free(self->buffer);
    free(self);
    *stream = NULL;
}

struct journal_signal *stream_signal(struct stream *stream)
{
    return &stream->signal;
}

/* Stands behind what the store has acknowledged. */
static int seek_unacked(struct source *source, uint64_t acked, struct error *error)
{
    enum journal_read found = journal_reader_seek(source->reader, acked + 1, error);
    return found == JOURNAL_READ_BATCH || found == JOURNAL_READ_END ? 0 : -1;
}

int stream_add(struct stream *stream, struct journal *journal, const char *dir, struct error *error)
{
    CHECK(stream->sources_count < PARTITIONS_MAX);
    struct source *source = &stream->sources[stream->sources_count++];
    *source = (struct source){.journal = journal, .meta = journal_meta(journal)};
    source->metrics = metrics_create("issuer", source->meta->partition);
    source->acked_fd = journal_acked_open(dir, error);
    if (source->acked_fd < 0 || journal_reader_open(&source->reader, dir, error) != 0)
        return -1;
    uint64_t acked = journal_acked_read(dir, source->meta->journal_id);
    window_init(&source->window, stream->in_flight_max, stream->resend_us, acked);
    source->read_seq = acked;
    return seek_unacked(source, acked, error);
}

/* --- from the journal into frames --- */

/* The next journal batch that is synced; false when there is none. The journal is ours and sound: it was replayed. */
static bool next_batch(struct source *source, const void **batch, struct journal_batch_header *header)
{
    if (source->held != NULL) {
        *batch = source->held;
        *header = source->held_header;
        source->held = NULL;
        return true;
    }
    if (journal_synced_seq(source->journal) <= source->read_seq)
        return false;
    struct error error;
    enum journal_read read = journal_reader_next(source->reader, batch, header, &error);
    if (read != JOURNAL_READ_BATCH) {
        log_error("issuer", "the journal cannot be read back, stopping: %s partition=%u",
                  read == JOURNAL_READ_END ? "it ends too early" : error.text, source->meta->partition);
        _exit(1);
    }
    return true;
}

static bool holds_coupons(const void *batch)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        if (record.type == JOURNAL_COUPON)
            return true;
    }
    return false;
}

/* A frame in the making. */
struct draft {
    size_t bytes;
    uint64_t first_seq;
    uint64_t last_seq;
    uint32_t count;
    int64_t time_us;
    bool barrier;
};

/* Copies synced journal batches into the buffer, up to the bounds or a barrier. */
static void fill_draft(struct stream *stream, struct source *source, struct draft *draft)
{
    const void *batch;
    struct journal_batch_header header;
    *draft = (struct draft){.bytes = sizeof(struct frame_header) + sizeof(struct frame_events)};
    while (!draft->barrier && draft->count < stream->rows_max && next_batch(source, &batch, &header)) {
        bool fits = draft->bytes + header.length <= BATCH_BYTES_MAX && draft->count + header.count <= stream->rows_max;
        if (draft->count > 0 && !fits) {
            source->held = batch;
            source->held_header = header;
            return;
        }
        if (draft->count == 0) {
            draft->first_seq = header.first_seq;
            draft->time_us = header.time_us;
        }
        memcpy(stream->buffer + draft->bytes, batch, header.length);
        draft->bytes += header.length;
        draft->count += header.count;
        draft->last_seq = source->read_seq = header.first_seq + header.count - 1;
        draft->barrier = holds_coupons(batch);
    }
}

static void push_draft(struct stream *stream, struct source *source, const struct draft *draft)
{
    struct frame_header header;
    struct frame_events events = {
        .first_seq = draft->first_seq, .last_seq = draft->last_seq, .acked_seq = source->window.acked_seq};
    memcpy(events.journal_id, source->meta->journal_id, sizeof events.journal_id);
    frame_header_write(&header, FRAME_EVENTS, source->meta->partition, source->meta->partitions, draft->count);
    memcpy(stream->buffer, &header, sizeof header);
    memcpy(stream->buffer + sizeof header, &events, sizeof events);
    unsigned slot = window_push(&source->window, draft->first_seq, draft->last_seq, draft->time_us, draft->barrier);
    CHECK(zmq_msg_init_size(&source->frames[slot], draft->bytes) == 0);
    memcpy(zmq_msg_data(&source->frames[slot]), stream->buffer, draft->bytes);
}

/* Something to read, and either nothing under way or enough for a full frame: so frames grow with the load. */
static bool worth_a_frame(const struct stream *stream, const struct source *source)
{
    uint64_t unread = journal_synced_seq(source->journal) - source->read_seq;
    return unread > 0 && (source->window.count == 0 || unread >= stream->rows_max);
}

static void read_ahead(struct stream *stream, struct source *source)
{
    struct draft draft;
    while (window_accepts(&source->window) && worth_a_frame(stream, source)) {
        fill_draft(stream, source, &draft);
        push_draft(stream, source, &draft);
    }
}

/* --- to the persisters and back --- */

/* False when no persister takes anything now. */
static bool send_due(struct stream *stream, struct source *source)
{
    int slot;
    while ((slot = window_due(&source->window, stream->now_us)) >= 0) {
        zmq_msg_t copy; /* shares the bytes */
        zmq_msg_init(&copy);
        zmq_msg_copy(&copy, &source->frames[slot]);
        if (zmq_msg_send(&copy, zsock_resolve(stream->events), ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&copy);
            return false;
        }
        if (source->window.batches[slot].sends > 0)
            metrics_add(source->metrics, METRIC_ISSUER_STREAM_RESENT, 0, 1);
        metrics_add(source->metrics, METRIC_ISSUER_STREAM_SENT, 0, 1);
        window_sent(&source->window, (unsigned)slot, stream->now_us);
    }
    return true;
}

static void drop_frame(struct stream *stream, const char *reason)
{
    metrics_add(stream->metrics, METRIC_ISSUER_FRAMES_DROPPED, 0, 1);
    if (!stream->frame_dropped)
        log_warn("issuer", "dropped an acknowledgement frame: %s (logged once)", reason);
    stream->frame_dropped = true;
}

static void advance(struct source *source)
{
    uint64_t before = source->window.acked_seq;
    for (int slot; (slot = window_pop(&source->window)) >= 0;)
        zmq_msg_close(&source->frames[slot]);
    if (source->window.acked_seq == before)
        return;
    if (journal_acked_write(source->acked_fd, source->meta->journal_id, source->window.acked_seq) != 0)
        log_warn("issuer", "cannot note what the store has, it will be sent again after a restart: %s partition=%u",
                 strerror(errno), source->meta->partition);
}

static void on_ack(struct stream *stream, const void *data, size_t size)
{
    struct frame_header header;
    struct frame_ack ack;
    const char *wrong = frame_check(data, size, &header);
    if (wrong == NULL && (header.kind != FRAME_ACK || header.partition >= stream->sources_count))
        wrong = "no acknowledgement of ours";
    if (wrong != NULL) {
        drop_frame(stream, wrong);
        return;
    }
    struct source *source = &stream->sources[header.partition];
    memcpy(&ack, frame_records(data), sizeof ack);
    if (memcmp(ack.journal_id, source->meta->journal_id, sizeof ack.journal_id) != 0)
        drop_frame(stream, "an acknowledgement of another journal");
    else if (window_ack(&source->window, ack.first_seq, ack.last_seq))
        advance(source);
}

static void take_acks(struct stream *stream)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, zsock_resolve(stream->acks), ZMQ_DONTWAIT) >= 0)
        on_ack(stream, zmq_msg_data(&message), zmq_msg_size(&message));
    zmq_msg_close(&message);
}

/* --- duty cycle --- */

static void report(const struct source *source)
{
    const struct window *window = &source->window;
    uint64_t synced = journal_synced_seq(source->journal);
    uint64_t written = journal_written_seq(source->journal);
    int64_t oldest = window->count > 0 ? clock_wall_us() - window->batches[window->first].time_us : 0;
    metrics_set(source->metrics, METRIC_ISSUER_SYNCED_SEQ, 0, (int64_t)synced);
    metrics_set(source->metrics, METRIC_ISSUER_PERSISTED_SEQ, 0, (int64_t)window->acked_seq);
    metrics_set(source->metrics, METRIC_ISSUER_LAG_ROWS, 0, (int64_t)(written - window->acked_seq));
    metrics_set(source->metrics, METRIC_ISSUER_LAG_TIME, 0, oldest > 0 ? oldest : 0);
    metrics_set(source->metrics, METRIC_ISSUER_STREAM_IN_FLIGHT, 0, window->count);
}

/* True when all is done that can be done now; false when a persister has to take something first. */
static bool stream_do_work(struct stream *stream)
{
    bool taken = true;
    stream->now_us = clock_mono_us();
    take_acks(stream);
    for (unsigned i = 0; i < stream->sources_count; i++) {
        read_ahead(stream, &stream->sources[i]);
        if (taken)
            taken = send_due(stream, &stream->sources[i]);
        report(&stream->sources[i]);
    }
    return taken;
}

static bool something_to_read(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->sources_count; i++) {
        if (window_accepts(&stream->sources[i].window) && worth_a_frame(stream, &stream->sources[i]))
            return true;
    }
    return false;
}

/* With nothing under way the next record is worth waking for; else an acknowledgement comes first. */
static bool idle(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->sources_count; i++) {
        if (stream->sources[i].window.count == 0)
            return true;
    }
    return false;
}

static bool all_persisted(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->sources_count; i++) {
        if (stream->sources[i].window.acked_seq < journal_written_seq(stream->sources[i].journal))
            return false;
    }
    return true;
}

static long wait_ms(const struct stream *stream, bool taken)
{
    if (!taken) /* what is due waits for a persister, who wakes us */
        return WAIT_MS_MAX;
    int64_t deadline = INT64_MAX;
    for (unsigned i = 0; i < stream->sources_count; i++) {
        int64_t next = window_deadline(&stream->sources[i].window);
        deadline = next < deadline ? next : deadline;
    }
    int64_t wait = deadline == INT64_MAX ? WAIT_MS_MAX : (deadline - stream->now_us) / 1000 + 1;
    return wait < 0 ? 0 : wait > WAIT_MS_MAX ? WAIT_MS_MAX : (long)wait;
}

/* Sleeps until a persister, a partition or `pipe` has something, or a batch is due again. */
static void wait_for_work(struct stream *stream, zsock_t *pipe, bool taken)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(stream->acks), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
        {.fd = stream->signal.fd, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(stream->events), .events = ZMQ_POLLOUT},
    };
    /* seq_cst, as is publish_synced() in journal.c: either that sees that we wait, or we see what it has synced. */
    atomic_store(&stream->signal.waiting, idle(stream));
    long wait = something_to_read(stream) ? 0 : wait_ms(stream, taken);
    zmq_poll(items, taken ? 3 : 4, wait);
    uint64_t count;
    if ((items[2].revents & ZMQ_POLLIN) && read(stream->signal.fd, &count, sizeof count) < 0)
        log_debug("issuer", "nothing to read from the stream's signal");
}

static bool anything_under_way(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->sources_count; i++) {
        if (window_deadline(&stream->sources[i].window) != INT64_MAX)
            return true;
    }
    return false;
}

/* An orderly end: the store gets what is left, if a persister is there to take it. */
static void drain(struct stream *stream, zsock_t *pipe)
{
    int64_t until = clock_mono_us() + DRAIN_US_MAX;
    bool taken = stream_do_work(stream);
    while (!all_persisted(stream) && (taken || anything_under_way(stream)) && clock_mono_us() < until) {
        wait_for_work(stream, pipe, taken);
        taken = stream_do_work(stream);
    }
}

void stream_actor(zsock_t *pipe, void *args)
{
    struct stream *stream = args;
    zsock_signal(pipe, 0);
    while (!actor_told_to_end(pipe))
        wait_for_work(stream, pipe, stream_do_work(stream));
    drain(stream, pipe);
}
