#include "shared/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/journal_dir.h"
#include "shared/journal_reader.h"
#include "shared/journal_segment.h"
#include "shared/log.h"
#include "shared/options.h"

#define OS_SYNC_INTERVAL_MS 1000 /* SYNC_OS: how far the stream may stay behind */
#define PREPARE_RETRY_MS    200  /* while the disk is full */
#define ISSUE_BYTES_MAX     112u

_Static_assert(sizeof(struct journal_issue_record) + COUPON_ID_MAX + USER_ID_MAX <= ISSUE_BYTES_MAX,
               "the longest issue record fits");

struct journal {
    /* shared: constant once open */
    char dir[JOURNAL_PATH_MAX];
    struct journal_meta meta;
    struct journal_config config;
    int lock_fd;

    /* shared: released by the writer (written) and by whoever syncs (synced), acquired by readers */
    _Atomic uint64_t written_seq;
    _Atomic uint64_t synced_seq;
    _Atomic bool full;

    /* shared: under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t worker_wakes;
    pthread_cond_t writer_wakes;
    int active_fd;
    int prepared_fd; /* -1: not there yet */
    int retired_fd;  /* the segment before, not synced yet; -1: none */
    bool prepare_failed;
    bool stopping;

    /* owned by the writer's thread */
    pthread_t worker;
    bool worker_runs;
    size_t segment_size;
    size_t offset;
    unsigned char *batch;
    struct journal_batch_header header;
    size_t used;
    uint64_t next_seq;
    int64_t last_time_us;
};

/* The end of the process: what was acknowledged is safe, and nobody hears of the rest. */
static _Noreturn void give_up(const struct journal *journal, const char *what)
{
    log_error("journal", "%s failed, stopping so that nothing is promised that is not on the disk: %s dir=%s", what,
              strerror(errno), journal->dir);
    _exit(1);
}

static bool syncs_itself(const struct journal *journal)
{
    return journal->config.sync_interval_ms == SYNC_ALWAYS;
}

/* --- opening --- */

static int check_identity(const struct journal *journal, struct error *error)
{
    const struct journal_meta *meta = &journal->meta;
    if (meta->partitions != journal->config.partitions)
        return error_set(error,
                         "the journal %s was made with %u partitions, issuer/partitions is %u: the number is fixed "
                         "for the life of a journal",
                         journal->dir, meta->partitions, journal->config.partitions);
    if (meta->partition != journal->config.partition)
        return error_set(error, "%s is the journal of partition %u, not %u: was the folder renamed?", journal->dir,
                         meta->partition, journal->config.partition);
    return 0;
}

/* A folder with segments but no meta has lost its identity; a new one would orphan them. */
static int create_identity(struct journal *journal, struct error *error)
{
    uint64_t *segments;
    size_t count;
    if (journal_segments_list(journal->dir, &segments, &count, error) != 0)
        return -1;
    free(segments);
    if (count > 0)
        return error_set(error, "%s has segments but its file meta is missing: restore it from a backup", journal->dir);
    return journal_meta_create(journal->dir, journal->config.partition, journal->config.partitions, &journal->meta,
                               error);
}

static int identify(struct journal *journal, struct error *error)
{
    if (journal_dir_create(journal->dir, error) != 0)
        return -1;
    journal->lock_fd = journal_dir_lock(journal->dir, error);
    if (journal->lock_fd < 0)
        return -1;
    int result = journal_meta_read(journal->dir, &journal->meta, error);
    if (result == 0)
        return check_identity(journal, error);
    return result < 0 ? -1 : create_identity(journal, error);
}

int journal_open(struct journal **journal, const struct journal_config *config, struct error *error)
{
    CHECK(config->segment_bytes >= 2u << 20);
    struct journal *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->config = *config;
    self->lock_fd = self->active_fd = self->prepared_fd = self->retired_fd = -1;
    self->next_seq = 1;
    self->last_time_us = INT64_MIN;
    snprintf(self->dir, sizeof self->dir, "%s", config->dir);
    self->config.dir = self->dir;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->worker_wakes, NULL);
    pthread_cond_init(&self->writer_wakes, NULL);
    self->batch = malloc(JOURNAL_BATCH_BYTES_MAX);
    CHECK(self->batch != NULL);
    if (identify(self, error) != 0) {
        journal_close(&self);
        return -1;
    }
    *journal = self;
    return 0;
}

const struct journal_meta *journal_meta(const struct journal *journal)
{
    return &journal->meta;
}

/* --- syncing --- */

static void publish_synced(struct journal *journal, uint64_t seq)
{
    /* seq_cst, as is the reader's pair in stream.c: either it sees the new sequence or this sees that it waits. */
    atomic_store(&journal->synced_seq, seq);
    struct journal_signal *signal = journal->config.signal;
    uint64_t one = 1;
    if (signal != NULL && atomic_load(&signal->waiting) && atomic_exchange(&signal->waiting, false) &&
        write(signal->fd, &one, sizeof one) < 0)
        log_warn("journal", "cannot wake the stream: %s", strerror(errno));
}

static void sync_file(struct journal *journal, int fd)
{
    int64_t start = clock_mono_us();
    if (fdatasync(fd) != 0)
        give_up(journal, "fdatasync");
    if (journal->config.metrics != NULL)
        metrics_observe(journal->config.metrics, METRIC_ISSUER_SYNC_TIME, (uint64_t)(clock_mono_us() - start), 1);
}

/* Worker: syncs what is written so far, the segment before included. */
static void sync_written(struct journal *journal)
{
    uint64_t target = atomic_load_explicit(&journal->written_seq, memory_order_acquire);
    if (target == atomic_load_explicit(&journal->synced_seq, memory_order_relaxed))
        return;
    pthread_mutex_lock(&journal->mutex);
    int active = journal->active_fd, retired = journal->retired_fd;
    pthread_mutex_unlock(&journal->mutex);
    if (retired >= 0) {
        sync_file(journal, retired);
        close(retired);
        pthread_mutex_lock(&journal->mutex);
        journal->retired_fd = -1;
        pthread_cond_signal(&journal->writer_wakes);
        pthread_mutex_unlock(&journal->mutex);
    }
    sync_file(journal, active);
    publish_synced(journal, target);
}

/* --- the worker --- */

struct worker {
    struct journal *journal;
    int64_t sync_interval_us; /* 0: it has no syncing to do */
    int64_t next_sync_us;
};

static void sync_when_due(void *arg)
{
    struct worker *worker = arg;
    int64_t now = clock_mono_us();
    if (worker->sync_interval_us == 0 || now < worker->next_sync_us)
        return;
    sync_written(worker->journal);
    worker->next_sync_us = clock_mono_us() + worker->sync_interval_us;
}

static void prepare_next(struct worker *worker)
{
    struct journal *journal = worker->journal;
    struct error error;
    int fd = journal_segment_prepare(journal->dir, journal->config.segment_bytes, sync_when_due, worker, &error);
    pthread_mutex_lock(&journal->mutex);
    if (fd < 0 && !journal->prepare_failed)
        log_error("journal", "%s; no new issues when the segment in use is full", error.text);
    if (fd >= 0 && journal->prepare_failed)
        log_info("journal", "there is room for the next segment again dir=%s", journal->dir);
    journal->prepared_fd = fd;
    journal->prepare_failed = fd < 0;
    pthread_cond_signal(&journal->writer_wakes);
    pthread_mutex_unlock(&journal->mutex);
}

/* Under the mutex: waits for work, at most until the next sync or attempt is due. */
static void worker_wait(struct worker *worker)
{
    struct journal *journal = worker->journal;
    int64_t wait_us = worker->sync_interval_us > 0 ? worker->next_sync_us - clock_mono_us() : INT64_C(3600000000);
    if (journal->prepare_failed && wait_us > PREPARE_RETRY_MS * 1000)
        wait_us = PREPARE_RETRY_MS * 1000;
    if (wait_us <= 0)
        return;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_us / 1000000;
    until.tv_nsec += wait_us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&journal->worker_wakes, &journal->mutex, &until);
}

static void *worker_main(void *arg)
{
    struct journal *journal = arg;
    int64_t interval_ms = journal->config.sync_interval_ms;
    struct worker worker = {
        .journal = journal,
        .sync_interval_us = (interval_ms == SYNC_OS ? OS_SYNC_INTERVAL_MS : interval_ms) * 1000,
    };
    bool stopping = false;
    while (!stopping) {
        sync_when_due(&worker);
        pthread_mutex_lock(&journal->mutex);
        bool due = journal->prepared_fd < 0;
        if (!journal->stopping && (!due || journal->prepare_failed))
            worker_wait(&worker);
        due = journal->prepared_fd < 0;
        stopping = journal->stopping;
        pthread_mutex_unlock(&journal->mutex);
        if (due && !stopping)
            prepare_next(&worker);
    }
    return NULL;
}

/* --- segments --- */

/* Takes the prepared segment. While it is being made this waits; -1 when the disk has no room for it. */
static int take_prepared(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    while (journal->prepared_fd < 0 && !journal->prepare_failed)
        pthread_cond_wait(&journal->writer_wakes, &journal->mutex);
    int fd = journal->prepared_fd;
    pthread_mutex_unlock(&journal->mutex);
    return fd;
}

/* The prepared segment is the active one now; what it replaces is closed, or left to the worker to sync. */
static void replace_active(struct journal *journal, int fd)
{
    pthread_mutex_lock(&journal->mutex);
    while (journal->retired_fd >= 0)
        pthread_cond_wait(&journal->writer_wakes, &journal->mutex);
    int old = journal->active_fd;
    if (!syncs_itself(journal) && old >= 0)
        journal->retired_fd = old;
    journal->active_fd = fd;
    journal->prepared_fd = -1;
    pthread_cond_signal(&journal->worker_wakes);
    pthread_mutex_unlock(&journal->mutex);
    if (syncs_itself(journal) && old >= 0)
        close(old);
}

static bool roll(struct journal *journal)
{
    int fd = take_prepared(journal);
    if (fd < 0)
        return false;
    struct error error;
    if (journal_segment_activate(fd, journal->dir, &journal->meta, journal->next_seq, journal->config.segment_bytes,
                                 &error) != 0)
        give_up(journal, error.text);
    replace_active(journal, fd);
    journal->segment_size = journal->config.segment_bytes;
    journal->offset = sizeof(struct journal_segment_header);
    return true;
}

/* --- replay --- */

static uint64_t bytes_of_segments(const char *dir)
{
    uint64_t *segments;
    size_t count;
    struct error error;
    uint64_t total = 0;
    if (journal_segments_list(dir, &segments, &count, &error) != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        char path[JOURNAL_PATH_MAX];
        struct stat status;
        journal_segment_path(dir, segments[i], path);
        total += stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    }
    free(segments);
    return total;
}

static enum journal_read replay_batches(struct journal *journal, struct journal_reader *reader,
                                        journal_replay_fn replay, void *arg, struct journal_recovery *recovery,
                                        struct error *error)
{
    struct journal_progress progress = {.bytes_total = bytes_of_segments(journal->dir)};
    struct journal_batch_header header;
    const void *batch;
    enum journal_read read;
    while ((read = journal_reader_next(reader, &batch, &header, error)) == JOURNAL_READ_BATCH) {
        struct journal_position position;
        journal_reader_position(reader, &position);
        progress.bytes_done = position.bytes_read;
        if (header.time_us < journal->last_time_us) {
            error_set(error, "%s: the time goes backwards at record %" PRIu64, position.path, header.first_seq);
            return JOURNAL_READ_DAMAGED;
        }
        journal->last_time_us = header.time_us;
        recovery->records += header.count;
        recovery->bytes += header.length;
        if (replay(arg, batch, &progress, error) != 0)
            return JOURNAL_READ_FAILED;
    }
    return read;
}

/* Zeroes what is left of a torn batch, so that it is never taken for one. */
static int cut_tail(struct journal *journal, const struct journal_position *position, struct journal_recovery *recovery,
                    const struct error *reason, struct error *error)
{
    if (journal_segment_zero(journal->active_fd, position->offset, journal->segment_size) != 0)
        return error_set(error, "cannot cut the torn tail of %s: %s", position->path, strerror(errno));
    recovery->cut = true;
    snprintf(recovery->cut_text, sizeof recovery->cut_text, "%s", reason->text);
    return 0;
}

/* Goes on in the last segment. What a process that was killed had written but not synced is synced before anything
 * rests on it. */
static int continue_segment(struct journal *journal, const struct journal_position *position, struct error *error)
{
    journal->active_fd = open(position->path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (journal->active_fd < 0 || fstat(journal->active_fd, &status) != 0)
        return error_set(error, "cannot write to %s: %s", position->path, strerror(errno));
    journal->segment_size = (size_t)status.st_size;
    journal->offset = position->offset;
    journal->next_seq = position->next_seq;
    return 0;
}

static int sync_segments(struct journal *journal, struct error *error)
{
    uint64_t *segments;
    size_t count;
    if (journal_segments_list(journal->dir, &segments, &count, error) != 0)
        return -1;
    int result = 0;
    for (size_t i = count < 2 ? 0 : count - 2; i < count && result == 0; i++) {
        char path[JOURNAL_PATH_MAX];
        journal_segment_path(journal->dir, segments[i], path);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || fdatasync(fd) != 0)
            result = error_set(error, "cannot sync %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    free(segments);
    return result;
}

static int prepare_first(struct journal *journal, struct error *error)
{
    journal->prepared_fd = journal_segment_prepare(journal->dir, journal->config.segment_bytes, NULL, NULL, error);
    return journal->prepared_fd < 0 || !roll(journal) ? -1 : 0;
}

static int resume(struct journal *journal, struct journal_reader *reader, enum journal_read read,
                  struct journal_recovery *recovery, const struct error *reason, struct error *error)
{
    struct journal_position position;
    journal_reader_position(reader, &position);
    journal_segment_discard(journal->dir);
    if (position.next_seq == 0)
        return prepare_first(journal, error);
    if (continue_segment(journal, &position, error) != 0)
        return -1;
    if (read == JOURNAL_READ_TORN && cut_tail(journal, &position, recovery, reason, error) != 0)
        return -1;
    return sync_segments(journal, error);
}

static int start_worker(struct journal *journal, struct error *error)
{
    atomic_store(&journal->written_seq, journal->next_seq - 1);
    atomic_store(&journal->synced_seq, journal->next_seq - 1);
    int reason = pthread_create(&journal->worker, NULL, worker_main, journal);
    if (reason != 0)
        return error_set(error, "cannot start a thread: %s", strerror(reason));
    journal->worker_runs = true;
    return 0;
}

int journal_replay(struct journal *journal, journal_replay_fn replay, void *arg, struct journal_recovery *recovery,
                   struct error *error)
{
    *recovery = (struct journal_recovery){0};
    struct journal_reader *reader;
    if (journal_reader_open(&reader, journal->dir, error) != 0)
        return -1;
    journal_reader_own(reader);
    struct error reason = {{0}};
    enum journal_read read = replay_batches(journal, reader, replay, arg, recovery, &reason);
    int result;
    if (read == JOURNAL_READ_END || read == JOURNAL_READ_TORN)
        result = resume(journal, reader, read, recovery, &reason, error);
    else
        result = error_set(error, "%s", reason.text);
    journal_reader_close(&reader);
    return result == 0 ? start_worker(journal, error) : -1;
}

/* --- writing --- */

size_t journal_bytes_max(size_t issues, size_t coupons)
{
    return sizeof(struct journal_batch_header) + issues * ISSUE_BYTES_MAX + coupons * JOURNAL_RECORD_BYTES_MAX;
}

bool journal_reserve(struct journal *journal, size_t bytes)
{
    CHECK(bytes <= JOURNAL_BATCH_BYTES_MAX);
    bool room = journal->offset + bytes <= journal->segment_size || roll(journal);
    if (room == atomic_load_explicit(&journal->full, memory_order_relaxed))
        atomic_store_explicit(&journal->full, !room, memory_order_relaxed);
    return room;
}

void journal_begin(struct journal *journal, int64_t time_us)
{
    CHECK(time_us >= journal->last_time_us);
    journal->last_time_us = time_us;
    journal->used = sizeof journal->header;
    journal->header = (struct journal_batch_header){
        .first_seq = journal->next_seq,
        .time_us = time_us,
        .synced_seq = journal_synced_seq(journal),
    };
}

static uint64_t appended(struct journal *journal, size_t length)
{
    journal->used += length;
    journal->header.count++;
    CHECK(journal->offset + journal->used <= journal->segment_size);
    return journal->next_seq++;
}

uint64_t journal_append_issue(struct journal *journal, const char *coupon_id, size_t coupon_id_length,
                              const char *user_id, size_t user_id_length, uint32_t sequence, uint16_t nth)
{
    CHECK(journal->used + ISSUE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_issue(journal->batch + journal->used, coupon_id, coupon_id_length, user_id,
                                                  user_id_length, sequence, nth));
}

uint64_t journal_append_coupon(struct journal *journal, const struct coupon *coupon)
{
    CHECK(journal->used + JOURNAL_RECORD_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_coupon(journal->batch + journal->used, coupon));
}

static void write_all(struct journal *journal, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = pwrite(journal->active_fd, bytes, length, (off_t)journal->offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            give_up(journal, "write");
        bytes += written;
        length -= (size_t)written;
        journal->offset += (size_t)written;
    }
}

static void write_batch(struct journal *journal)
{
    journal->header.length = (uint32_t)journal->used;
    memcpy(journal->batch, &journal->header, sizeof journal->header);
    journal->header.checksum = journal_batch_checksum(journal->batch, journal->used, journal->meta.journal_id);
    memcpy(journal->batch, &journal->header, sizeof journal->header);
    write_all(journal, journal->batch, journal->used);
}

size_t journal_commit(struct journal *journal)
{
    if (journal->header.count == 0)
        return 0;
    write_batch(journal);
    uint64_t seq = journal->next_seq - 1;
    atomic_store_explicit(&journal->written_seq, seq, memory_order_release);
    if (syncs_itself(journal)) {
        sync_file(journal, journal->active_fd);
        publish_synced(journal, seq);
    }
    journal->header.count = 0;
    return journal->used;
}

uint64_t journal_written_seq(const struct journal *journal)
{
    return atomic_load_explicit(&journal->written_seq, memory_order_acquire);
}

uint64_t journal_synced_seq(const struct journal *journal)
{
    return atomic_load(&journal->synced_seq);
}

bool journal_is_full(const struct journal *journal)
{
    return atomic_load_explicit(&journal->full, memory_order_relaxed);
}

/* --- closing --- */

static void stop_worker(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    journal->stopping = true;
    pthread_cond_signal(&journal->worker_wakes);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->worker, NULL);
}

/* A last batch without records says that all before it was synced. */
static void seal(struct journal *journal)
{
    sync_written(journal);
    if (journal->offset + sizeof journal->header > journal->segment_size)
        return;
    journal_begin(journal, journal->last_time_us);
    write_batch(journal);
    sync_file(journal, journal->active_fd);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void journal_close(struct journal **journal)
{
    struct journal *self = *journal;
    if (self == NULL)
        return;
    if (self->worker_runs) {
        stop_worker(self);
        seal(self);
    }
    if (self->prepared_fd >= 0)
        journal_segment_discard(self->dir);
    close_fd(self->prepared_fd);
    close_fd(self->retired_fd);
    close_fd(self->active_fd);
    close_fd(self->lock_fd);
    pthread_cond_destroy(&self->writer_wakes);
    pthread_cond_destroy(&self->worker_wakes);
    pthread_mutex_destroy(&self->mutex);
    free(self->batch);
    free(self);
    *journal = NULL;
}
