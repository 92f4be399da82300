/* The journal's worker thread: prepares the next segment and syncs written records. */
#include "shared/clock.h"
#include "shared/journal/journal.h"
#include "shared/journal/segment.h"
#include "shared/journal/state.h"
#include "shared/telemetry/log.h"

#define OS_SYNC_INTERVAL_US INT64_C(1000000) /* SYNC_OS: maximum delay of the stream */
#define PREPARE_RETRY_US    INT64_C(200000)  /* while the disk is full */

/* --- the duty cycle --- */

static bool segment_retired(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    bool retired = journal->retired_fd >= 0;
    pthread_mutex_unlock(&journal->mutex);
    return retired;
}

/* 0: the writer syncs by itself. */
static int64_t sync_interval_us(const struct journal *journal)
{
    int64_t interval_ms = journal->config.sync_interval_ms;
    return interval_ms == SYNC_OS ? OS_SYNC_INTERVAL_US : interval_ms * 1000;
}

/* Syncs when the interval has passed, or when a segment has been retired: at the end of the next segment the writer
 * waits for that. */
static void sync_when_due(void *arg)
{
    struct journal *journal = arg;
    int64_t interval_us = sync_interval_us(journal);
    if (interval_us == 0 || (clock_mono_us() < journal->next_sync_us && !segment_retired(journal)))
        return;
    journal_sync_written(journal);
    journal->next_sync_us = clock_mono_us() + interval_us;
}

static bool segment_missing(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    bool missing = journal->prepared_fd < 0;
    pthread_mutex_unlock(&journal->mutex);
    return missing;
}

static void prepare_next(struct journal *journal)
{
    struct error error;
    int fd = journal_segment_prepare(journal->dir, journal->config.segment_bytes, sync_when_due, journal, &error);
    pthread_mutex_lock(&journal->mutex);
    if (fd < 0 && !journal->prepare_failed)
        log_error("journal", "%s; new issues will be refused once the current segment is full", error.text);
    if (fd >= 0 && journal->prepare_failed)
        log_info("journal", "there is room for the next segment again dir=%s", journal->dir);
    journal->prepared_fd = fd;
    journal->prepare_failed = fd < 0;
    if (fd >= 0)
        atomic_store_explicit(&journal->full, false, memory_order_relaxed);
    pthread_cond_signal(&journal->writer_wakes);
    pthread_mutex_unlock(&journal->mutex);
}

/* Time until the next sync or attempt. */
static int64_t until_due_us(struct journal *journal)
{
    int64_t interval_us = sync_interval_us(journal);
    int64_t us = interval_us > 0 ? journal->next_sync_us - clock_mono_us() : WORKER_UNTIL_WOKEN;
    pthread_mutex_lock(&journal->mutex);
    if (journal->prepare_failed && us > PREPARE_RETRY_US)
        us = PREPARE_RETRY_US;
    pthread_mutex_unlock(&journal->mutex);
    return us;
}

static int64_t work(void *arg)
{
    struct journal *journal = arg;
    sync_when_due(journal);
    if (segment_missing(journal))
        prepare_next(journal);
    return until_due_us(journal);
}

void journal_work(struct journal *journal)
{
    CHECK(journal->config.worker_by_hand);
    journal_check_by_hand(journal);
    work(journal);
}

/* --- life --- */

static int start_threads(struct journal *journal, struct error *error)
{
    if (worker_start(&journal->worker, work, journal, error) != 0)
        return -1;
    if (journal_watch_start(journal, error) == 0)
        return 0;
    worker_stop(&journal->worker);
    return -1;
}

int journal_worker_start(struct journal *journal, struct error *error)
{
    atomic_store(&journal->written_seq, journal->next_seq - 1);
    atomic_store(&journal->synced_seq, journal->next_seq - 1);
    journal->running = journal->config.worker_by_hand || start_threads(journal, error) == 0;
    return journal->running ? 0 : -1;
}

void journal_worker_wake(struct journal *journal)
{
    if (journal->worker.running)
        worker_wake(&journal->worker);
}

void journal_worker_stop(struct journal *journal)
{
    journal_watch_stop(journal);
    worker_stop(&journal->worker);
}
