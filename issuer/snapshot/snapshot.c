#include "issuer/snapshot/snapshot.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/snapshot/file.h"
#include "issuer/snapshot/retention.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/telemetry/log.h"
#include "shared/worker.h"

#define BUFFERS          4
#define BUFFER_BYTES     (2u << 20)
#define STEP_BYTES       (1u << 20)
#define STEP_PIECES      512 /* limits the cache misses: even a small piece may cost a few */
#define WAIT_FOR_ROOM_MS 2
#define RETRY_US         INT64_C(30000000)
#define RETENTION_US     INT64_C(5000000)
#define WAIT_FOR_SYNC_US 1000

_Static_assert(SNAPSHOT_BLOCK_BYTES_MAX <= BUFFER_BYTES, "the largest piece fits into a buffer");

enum snapshot_state {
    SNAPSHOT_IDLE,
    SNAPSHOT_WALKING,   /* the partition hands over pieces */
    SNAPSHOT_FINISHING, /* the partition has handed over all pieces */
    SNAPSHOT_FAILED,    /* writing failed; the partition has not noticed yet */
};

struct buffer {
    unsigned char *bytes;
    size_t length; /* 0: free, owned by the partition; otherwise owned by the worker */
};

/* The result of a walk; the worker reads it after the walk has ended. */
struct walk {
    uint64_t from_seq;
    struct term term; /* at from_seq */
    uint64_t until_seq;
    int64_t last_time_us;
    uint64_t coupons;
    uint64_t users;
};

struct snapshot {
    /* shared: constant */
    struct snapshot_config config;
    const struct journal *journal;

    /* shared: under the mutex */
    pthread_mutex_t mutex;
    enum snapshot_state state;
    struct buffer buffers[BUFFERS];
    struct walk walk;
    uint64_t last_bytes; /* of the newest snapshot */

    /* owned by the partition's thread */
    struct ledger_cursor cursor;
    uint64_t coupons; /* handed over in this walk */
    uint64_t users;
    unsigned next_to_fill;
    uint64_t began_at_bytes; /* of the journal, when the last walk began */
    uint64_t before_bytes;   /* of the journal, when the walk before that began */
    int64_t not_before_us;
    struct worker worker;

    /* owned by the worker */
    struct snapshot_file file;
    unsigned next_to_write;
    int64_t began_us;
    int64_t retention_at_us;
    bool retention_failed; /* and was logged */
    struct retention_memory retention;
};

/* --- the partition's side --- */

/* A snapshot is due when the journal has grown by half of a snapshot's size: so snapshots write at most twice as many
 * bytes as the journal. */
static bool is_due(const struct snapshot *snapshot)
{
    uint64_t half = snapshot->last_bytes / 2;
    uint64_t wanted = half > snapshot->config.bytes_min ? half : snapshot->config.bytes_min;
    uint64_t grown = snapshot->config.journal_bytes + journal_bytes(snapshot->journal) - snapshot->began_at_bytes;
    return snapshot->config.bytes_min > 0 && grown >= wanted && clock_mono_us() >= snapshot->not_before_us;
}

static void begin(struct snapshot *snapshot, const struct ledger *ledger)
{
    snapshot->walk =
        (struct walk){.from_seq = journal_written_seq(snapshot->journal), .term = ledger_last_term(ledger)};
    snapshot->cursor = (struct ledger_cursor){0};
    snapshot->coupons = snapshot->users = 0;
    snapshot->before_bytes = snapshot->began_at_bytes;
    snapshot->began_at_bytes = snapshot->config.journal_bytes + journal_bytes(snapshot->journal);
    snapshot->state = SNAPSHOT_WALKING;
}

/* Copies pieces until the step is full. False when the walk is over. */
static bool fill(struct snapshot *snapshot, const struct ledger *ledger, struct buffer *buffer, size_t *length)
{
    *length = 0;
    struct ledger_piece piece;
    for (unsigned pieces = 0; pieces < STEP_PIECES && *length < snapshot->config.step_bytes; pieces++) {
        struct ledger_cursor before = snapshot->cursor;
        if (!ledger_cursor_next(ledger, &snapshot->cursor, &piece))
            return false;
        if (*length + snapshot_piece_bytes(&piece) > BUFFER_BYTES) {
            snapshot->cursor = before;
            return true;
        }
        *length += snapshot_encode(buffer->bytes + *length, &piece, journal_meta(snapshot->journal)->journal_id);
        snapshot->coupons += piece.coupon != NULL;
        snapshot->users += piece.users.count;
    }
    return true;
}

/* Fills one buffer and hands it over. Releases the mutex while filling. */
static int walk_on(struct snapshot *snapshot, const struct ledger *ledger)
{
    struct buffer *buffer = &snapshot->buffers[snapshot->next_to_fill];
    if (buffer->length > 0)
        return WAIT_FOR_ROOM_MS;
    size_t length;
    pthread_mutex_unlock(&snapshot->mutex);
    bool more = fill(snapshot, ledger, buffer, &length);
    pthread_mutex_lock(&snapshot->mutex);
    if (snapshot->state != SNAPSHOT_WALKING) /* writing has failed meanwhile */
        return 0;
    buffer->length = length;
    if (length > 0)
        snapshot->next_to_fill = (snapshot->next_to_fill + 1) % BUFFERS;
    if (!more) {
        snapshot->walk.until_seq = journal_written_seq(snapshot->journal);
        snapshot->walk.coupons = snapshot->coupons;
        snapshot->walk.users = snapshot->users;
        snapshot->walk.last_time_us = journal_last_time_us(snapshot->journal);
        snapshot->state = SNAPSHOT_FINISHING;
    }
    if (!snapshot->config.worker_by_hand)
        worker_wake(&snapshot->worker);
    return more ? 0 : -1;
}

int snapshot_step(struct snapshot *snapshot, const struct ledger *ledger)
{
    int wait_ms = -1;
    pthread_mutex_lock(&snapshot->mutex);
    if (snapshot->state == SNAPSHOT_FAILED) {
        snapshot->not_before_us = clock_mono_us() + RETRY_US;
        snapshot->began_at_bytes = snapshot->before_bytes; /* due again after RETRY_US */
        snapshot->state = SNAPSHOT_IDLE;
    }
    if (snapshot->state == SNAPSHOT_IDLE && is_due(snapshot))
        begin(snapshot, ledger);
    if (snapshot->state == SNAPSHOT_WALKING)
        wait_ms = walk_on(snapshot, ledger);
    pthread_mutex_unlock(&snapshot->mutex);
    return wait_ms;
}

/* --- the worker's side --- */

/* The next buffer to write; NULL when there is none. */
static struct buffer *next_buffer(struct snapshot *snapshot)
{
    struct buffer *buffer = &snapshot->buffers[snapshot->next_to_write];
    return buffer->length > 0 ? buffer : NULL;
}

static void free_buffer(struct snapshot *snapshot, struct buffer *buffer)
{
    pthread_mutex_lock(&snapshot->mutex);
    buffer->length = 0;
    snapshot->next_to_write = (snapshot->next_to_write + 1) % BUFFERS;
    pthread_mutex_unlock(&snapshot->mutex);
}

/* Ends a walk: frees all buffers and enters `state`. */
static void leave(struct snapshot *snapshot, enum snapshot_state state)
{
    pthread_mutex_lock(&snapshot->mutex);
    for (size_t i = 0; i < BUFFERS; i++)
        snapshot->buffers[i].length = 0;
    snapshot->next_to_write = snapshot->next_to_fill = 0;
    snapshot->state = state;
    pthread_mutex_unlock(&snapshot->mutex);
}

static void fail(struct snapshot *snapshot, const struct error *error)
{
    log_warn("issuer", "cannot write a snapshot; recovery will take longer: %s partition=%u", error->text,
             journal_meta(snapshot->journal)->partition);
    if (snapshot->config.metrics != NULL)
        metrics_add(snapshot->config.metrics, METRIC_ISSUER_SNAPSHOT_FAILURES, 0, 1);
    snapshot_file_drop(&snapshot->file, journal_folder(snapshot->journal));
    leave(snapshot, SNAPSHOT_FAILED);
}

static void note_term(struct snapshot_file *file, struct term term)
{
    file->header.term = term.epoch;
    file->header.term_seq = term.first_seq;
}

static void write_buffer(struct snapshot *snapshot, struct buffer *buffer, const struct walk *walk)
{
    struct error error = {{0}};
    int result = 0;
    if (snapshot->file.fd < 0) {
        snapshot->began_us = clock_mono_us();
        result = snapshot_file_begin(&snapshot->file, journal_folder(snapshot->journal),
                                     journal_meta(snapshot->journal), walk->from_seq, &error);
        note_term(&snapshot->file, walk->term);
    }
    if (result == 0)
        result = snapshot_file_append(&snapshot->file, journal_folder(snapshot->journal), buffer->bytes, buffer->length,
                                      &error);
    if (result == 0)
        free_buffer(snapshot, buffer);
    else
        fail(snapshot, &error);
}

static void report(const struct snapshot *snapshot, const struct walk *walk, uint64_t bytes)
{
    log_info("issuer",
             "snapshot partition=%u sequence=%" PRIu64 " coupons=%" PRIu64 " users=%" PRIu64 " bytes=%" PRIu64
             " seconds=%.3f",
             journal_meta(snapshot->journal)->partition, walk->from_seq, walk->coupons, walk->users, bytes,
             (double)(clock_mono_us() - snapshot->began_us) / 1e6);
    struct metrics *metrics = snapshot->config.metrics;
    if (metrics == NULL)
        return;
    metrics_add(metrics, METRIC_ISSUER_SNAPSHOTS, 0, 1);
    metrics_set(metrics, METRIC_ISSUER_SNAPSHOT_SEQ, 0, (int64_t)walk->from_seq);
    metrics_set(metrics, METRIC_ISSUER_SNAPSHOT_BYTES, 0, (int64_t)bytes);
}

static void finish(struct snapshot *snapshot, const struct walk *walk)
{
    struct error error = {{0}};
    uint64_t bytes = snapshot->file.offset;
    if (snapshot_file_finish(&snapshot->file, journal_folder(snapshot->journal), walk->until_seq, walk->last_time_us,
                             walk->coupons, walk->users, &error) != 0) {
        fail(snapshot, &error);
        return;
    }
    report(snapshot, walk, bytes);
    if (retention_snapshots(journal_folder(snapshot->journal), &error) != 0)
        log_warn("issuer", "an old snapshot was not removed: %s", error.text);
    pthread_mutex_lock(&snapshot->mutex);
    snapshot->last_bytes = bytes;
    pthread_mutex_unlock(&snapshot->mutex);
    snapshot->retention_at_us = 0;
    leave(snapshot, SNAPSHOT_IDLE);
}

static bool remove_segments(struct snapshot *snapshot)
{
    if (snapshot->config.keep_segments || clock_mono_us() < snapshot->retention_at_us)
        return false;
    snapshot->retention_at_us = clock_mono_us() + RETENTION_US;
    const struct journal_meta *meta = journal_meta(snapshot->journal);
    const char *dir = journal_folder(snapshot->journal);
    uint64_t limit = retention_recall(&snapshot->retention, journal_acked_read(dir, meta->journal_id, NULL),
                                      clock_mono_us(), snapshot->config.keep_us);
    struct error error = {{0}};
    size_t removed;
    bool failed = retention_segments(dir, meta->journal_id, limit, &removed, &error) != 0;
    if (failed && !snapshot->retention_failed)
        log_warn("issuer", "old journal segments were not removed: %s", error.text);
    snapshot->retention_failed = failed;
    if (failed || removed == 0)
        return false;
    log_info("issuer",
             "removed journal segments whose records are in a snapshot and in the store partition=%u segments=%zu",
             meta->partition, removed);
    if (snapshot->config.metrics != NULL)
        metrics_add(snapshot->config.metrics, METRIC_ISSUER_SEGMENTS_REMOVED, 0, removed);
    return true;
}

bool snapshot_work(struct snapshot *snapshot)
{
    pthread_mutex_lock(&snapshot->mutex);
    enum snapshot_state state = snapshot->state;
    struct walk walk = snapshot->walk;
    struct buffer *buffer = next_buffer(snapshot);
    pthread_mutex_unlock(&snapshot->mutex);
    if (buffer != NULL && (state == SNAPSHOT_WALKING || state == SNAPSHOT_FINISHING)) {
        write_buffer(snapshot, buffer, &walk);
        return true;
    }
    if (state == SNAPSHOT_FINISHING && journal_synced_seq(snapshot->journal) >= walk.until_seq) {
        if (snapshot->file.fd >= 0)
            finish(snapshot, &walk);
        else
            leave(snapshot, SNAPSHOT_IDLE); /* no coupon yet: nothing to write */
        return true;
    }
    return state == SNAPSHOT_IDLE && remove_segments(snapshot);
}

/* With the mutex held: µs until the worker's next cycle. With a buffer to write, the pause that keeps the worker below
 * its rate; otherwise the interval of its checks. */
static int64_t pause_us(struct snapshot *snapshot)
{
    bool writes = snapshot->state == SNAPSHOT_WALKING || snapshot->state == SNAPSHOT_FINISHING;
    if (snapshot->state == SNAPSHOT_IDLE && !snapshot->config.keep_segments)
        return snapshot->retention_at_us - clock_mono_us();
    if (!writes || next_buffer(snapshot) == NULL)
        return snapshot->state == SNAPSHOT_FINISHING ? WAIT_FOR_SYNC_US : RETENTION_US;
    if (snapshot->file.fd < 0 || snapshot->config.bytes_per_s == 0)
        return 0;
    double seconds = (double)snapshot->file.offset / (double)snapshot->config.bytes_per_s;
    int64_t due_us = snapshot->began_us + (int64_t)(seconds * 1e6);
    return due_us - clock_mono_us();
}

/* The partition may wake the worker before its rate allows the next buffer. */
static int64_t work(void *arg)
{
    struct snapshot *snapshot = arg;
    pthread_mutex_lock(&snapshot->mutex);
    bool paced = snapshot->file.fd >= 0 && next_buffer(snapshot) != NULL && pause_us(snapshot) > 0;
    pthread_mutex_unlock(&snapshot->mutex);
    if (!paced)
        snapshot_work(snapshot);
    pthread_mutex_lock(&snapshot->mutex);
    int64_t us = pause_us(snapshot);
    pthread_mutex_unlock(&snapshot->mutex);
    return us;
}

/* --- life --- */

/* Removes the file of a process that ended while it wrote a snapshot. */
static void remove_unfinished(const struct snapshot *snapshot)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(journal_folder(snapshot->journal), path);
    disk->unlink(path);
}

int snapshot_create(const struct journal *journal, const struct snapshot_config *config, struct snapshot **snapshot,
                    struct error *error)
{
    struct snapshot *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->config = *config;
    if (config->step_bytes == 0)
        self->config.step_bytes = STEP_BYTES;
    self->journal = journal;
    self->last_bytes = config->last_bytes;
    self->file.fd = -1;
    pthread_mutex_init(&self->mutex, NULL);
    for (size_t i = 0; i < BUFFERS; i++) {
        self->buffers[i].bytes = malloc(BUFFER_BYTES); /* not touched, so not resident, before the first snapshot */
        CHECK(self->buffers[i].bytes != NULL);
    }
    remove_unfinished(self);
    *snapshot = self;
    if (config->worker_by_hand || worker_start(&self->worker, work, self, error) == 0)
        return 0;
    snapshot_destroy(snapshot);
    return -1;
}

void snapshot_destroy(struct snapshot **snapshot)
{
    struct snapshot *self = *snapshot;
    if (self == NULL)
        return;
    worker_stop(&self->worker);
    if (self->file.fd >= 0)
        snapshot_file_drop(&self->file, journal_folder(self->journal));
    for (size_t i = 0; i < BUFFERS; i++)
        free(self->buffers[i].bytes);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *snapshot = NULL;
}

/* --- at once --- */

static int write_pieces(struct snapshot_file *file, const char *dir, const struct ledger *ledger,
                        const uint8_t journal_id[16], struct walk *walk, struct error *error)
{
    unsigned char *buffer = malloc(BUFFER_BYTES);
    CHECK(buffer != NULL);
    struct ledger_cursor cursor = {0};
    struct ledger_piece piece;
    int result = 0;
    while (result == 0 && ledger_cursor_next(ledger, &cursor, &piece)) {
        size_t length = snapshot_encode(buffer, &piece, journal_id);
        result = snapshot_file_append(file, dir, buffer, length, error);
        walk->coupons += piece.coupon != NULL;
        walk->users += piece.users.count;
    }
    free(buffer);
    return result;
}

int snapshot_write(const char *dir, const struct journal_meta *meta, const struct ledger *ledger, uint64_t seq,
                   int64_t last_time_us, struct error *error)
{
    struct snapshot_file file;
    struct walk walk = {0};
    int result = snapshot_file_begin(&file, dir, meta, seq, error);
    note_term(&file, ledger_last_term(ledger));
    if (result == 0)
        result = write_pieces(&file, dir, ledger, meta->journal_id, &walk, error);
    if (result == 0)
        result = snapshot_file_finish(&file, dir, seq, last_time_us, walk.coupons, walk.users, error);
    if (result != 0)
        snapshot_file_drop(&file, dir);
    return result;
}
