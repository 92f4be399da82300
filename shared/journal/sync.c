/* Syncs the journal and publishes the synced sequence. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/journal.h"
#include "shared/journal/state.h"
#include "shared/telemetry/log.h"

void journal_wake_stream(struct journal *journal)
{
    struct journal_signal *signal = journal->config.signal;
    uint64_t one = 1;
    if (signal != NULL && atomic_load(&signal->waiting) && atomic_exchange(&signal->waiting, false) &&
        write(signal->fd, &one, sizeof one) < 0)
        log_warn("journal", "cannot wake the stream: %s", strerror(errno));
}

void journal_publish_synced(struct journal *journal, uint64_t seq)
{
    /* seq_cst, like the reader's pair in stream.c: either the stream sees the new sequence, or we see that it waits */
    atomic_store(&journal->synced_seq, seq);
    journal_wake_stream(journal);
}

void journal_limit_stream(struct journal *journal, uint64_t seq)
{
    if (seq == atomic_load_explicit(&journal->stream_limit, memory_order_relaxed))
        return;
    atomic_store(&journal->stream_limit, seq);
    journal_wake_stream(journal);
}

void journal_set_streams(struct journal *journal, bool streams)
{
    atomic_store(&journal->streams, streams);
}

bool journal_streams(const struct journal *journal)
{
    return atomic_load(&journal->streams);
}

uint64_t journal_stream_seq(const struct journal *journal)
{
    uint64_t synced = journal_synced_seq(journal);
    uint64_t limit = atomic_load(&journal->stream_limit);
    return synced < limit ? synced : limit;
}

void journal_sync_file(struct journal *journal, int fd)
{
    int64_t start = clock_mono_us();
    if (disk->fdatasync(fd) != 0)
        journal_give_up(journal, "fdatasync");
    if (journal->config.metrics != NULL)
        metrics_observe(journal->config.metrics, METRIC_ISSUER_SYNC_TIME, (uint64_t)(clock_mono_us() - start), 1);
}

/* On the worker's thread: syncs and closes the previous segment. */
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
