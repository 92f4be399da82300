#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/journal.h"
#include "shared/journal/segment.h"
#include "shared/journal/state.h"
#include "shared/telemetry/log.h"

#define OS_SYNC_INTERVAL_MS 1000 /* SYNC_OS: how far the stream may stay behind */
#define PREPARE_RETRY_MS    200  /* while the disk is full */

/* --- syncing --- */

void journal_publish_synced(struct journal *journal, uint64_t seq)
{
    /* seq_cst, as is the reader's pair in stream.c: either it sees the new sequence or this sees that it waits. */
    atomic_store(&journal->synced_seq, seq);
    struct journal_signal *signal = journal->config.signal;
    uint64_t one = 1;
    if (signal != NULL && atomic_load(&signal->waiting) && atomic_exchange(&signal->waiting, false) &&
        write(signal->fd, &one, sizeof one) < 0)
        log_warn("journal", "cannot wake the stream: %s", strerror(errno));
}

void journal_sync_file(struct journal *journal, int fd)
{
    int64_t start = clock_mono_us();
    if (disk->fdatasync(fd) != 0)
        journal_give_up(journal, "fdatasync");
    if (journal->config.metrics != NULL)
        metrics_observe(journal->config.metrics, METRIC_ISSUER_SYNC_TIME, (uint64_t)(clock_mono_us() - start), 1);
}

/* Worker: the segment before may be closed once it is synced. */
static void release_retired(struct journal *journal, int retired)
{
    journal_sync_file(journal, retired);
    disk->close(retired);
    pthread_mutex_lock(&journal->mutex);
    journal->retired_fd = -1;
    pthread_cond_signal(&journal->writer_wakes);
    pthread_mutex_unlock(&journal->mutex);
}

void journal_sync_written(struct journal *journal)
{
    uint64_t target = atomic_load_explicit(&journal->written_seq, memory_order_acquire);
    pthread_mutex_lock(&journal->mutex);
    int active = journal->active_fd, retired = journal->retired_fd;
    pthread_mutex_unlock(&journal->mutex);
    if (retired >= 0)
        release_retired(journal, retired);
    if (target == atomic_load_explicit(&journal->synced_seq, memory_order_relaxed))
        return;
    journal_sync_file(journal, active);
    journal_publish_synced(journal, target);
}

/* --- the worker --- */

struct worker {
    struct journal *journal;
    int64_t sync_interval_us; /* 0: it has no syncing to do */
    int64_t next_sync_us;
};

static bool segment_retired(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    bool retired = journal->retired_fd >= 0;
    pthread_mutex_unlock(&journal->mutex);
    return retired;
}

/* When the interval is over, or earlier when a segment has ended: the writer waits for it at the end of the next. */
static void sync_when_due(void *arg)
{
    struct worker *worker = arg;
    if (worker->sync_interval_us == 0 || (clock_mono_us() < worker->next_sync_us && !segment_retired(worker->journal)))
        return;
    journal_sync_written(worker->journal);
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
    if (fd >= 0)
        atomic_store_explicit(&journal->full, false, memory_order_relaxed);
    pthread_cond_signal(&journal->writer_wakes);
    pthread_mutex_unlock(&journal->mutex);
}

/* Under the mutex: waits for work, at most until the next sync or attempt is due. */
static void worker_wait(struct worker *worker)
{
    struct journal *journal = worker->journal;
    int64_t wait_us = worker->sync_interval_us > 0 ? worker->next_sync_us - clock_mono_us() : INT64_MAX;
    if (journal->prepare_failed && wait_us > PREPARE_RETRY_MS * 1000)
        wait_us = PREPARE_RETRY_MS * 1000;
    if (wait_us == INT64_MAX)
        pthread_cond_wait(&journal->worker_wakes, &journal->mutex);
    else if (wait_us > 0)
        journal_wait_for(journal, &journal->worker_wakes, wait_us);
}

static struct worker worker_of(struct journal *journal)
{
    int64_t interval_ms = journal->config.sync_interval_ms;
    return (struct worker){
        .journal = journal,
        .sync_interval_us = (interval_ms == SYNC_OS ? OS_SYNC_INTERVAL_MS : interval_ms) * 1000,
        .next_sync_us = journal->next_sync_us,
    };
}

void journal_wait_for(struct journal *journal, pthread_cond_t *wakes, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / 1000000;
    until.tv_nsec += us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(wakes, &journal->mutex, &until);
}

void journal_work(struct journal *journal)
{
    CHECK(journal->config.worker_by_hand);
    struct worker worker = worker_of(journal);
    journal_check_by_hand(journal);
    sync_when_due(&worker);
    if (journal->prepared_fd < 0)
        prepare_next(&worker);
    journal->next_sync_us = worker.next_sync_us;
}

static void *worker_main(void *arg)
{
    struct journal *journal = arg;
    struct worker worker = worker_of(journal);
    bool stopping = false;
    while (!stopping) {
        sync_when_due(&worker);
        pthread_mutex_lock(&journal->mutex);
        bool due = journal->prepared_fd < 0;
        if (!journal->stopping && journal->retired_fd < 0 && (!due || journal->prepare_failed))
            worker_wait(&worker);
        due = journal->prepared_fd < 0;
        stopping = journal->stopping;
        pthread_mutex_unlock(&journal->mutex);
        if (due && !stopping)
            prepare_next(&worker);
    }
    return NULL;
}

static void stop_worker(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    journal->stopping = true;
    pthread_cond_signal(&journal->worker_wakes);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->worker, NULL);
}

static int start_threads(struct journal *journal, struct error *error)
{
    int reason = pthread_create(&journal->worker, NULL, worker_main, journal);
    if (reason != 0)
        return error_set(error, "cannot start a thread: %s", strerror(reason));
    if (journal_watch_start(journal, error) == 0)
        return 0;
    stop_worker(journal);
    return -1;
}

int journal_worker_start(struct journal *journal, struct error *error)
{
    atomic_store(&journal->written_seq, journal->next_seq - 1);
    atomic_store(&journal->synced_seq, journal->next_seq - 1);
    journal->running = journal->config.worker_by_hand || start_threads(journal, error) == 0;
    return journal->running ? 0 : -1;
}

void journal_worker_stop(struct journal *journal)
{
    if (journal->config.worker_by_hand)
        return;
    journal_watch_stop(journal);
    stop_worker(journal);
}
