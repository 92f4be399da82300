/*
 * State shared by the parts of the journal: journal/journal.c (opening, writing, closing), journal/sync.c,
 * journal/worker.c (preparing the next segment, syncing in time), journal/watch.c (checking that the files stay in
 * place), journal/replay.c.
 */
#ifndef COUPOND_JOURNAL_STATE_H
#define COUPOND_JOURNAL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "shared/error.h"
#include "shared/journal/config.h"
#include "shared/journal/dir.h"
#include "shared/journal/format.h"
#include "shared/options/values.h"
#include "shared/worker.h"

struct journal {
    /* shared: constant once open */
    char dir[JOURNAL_PATH_MAX];
    struct journal_meta meta;
    struct journal_config config;
    int lock_fd;
    int dir_fd; /* lets a new segment open without another descriptor; -1: not supported by the disk */

    /* shared: released by the writer (written) and by the syncing thread (synced), acquired by readers */
    _Atomic uint64_t written_seq;
    _Atomic uint64_t synced_seq;
    _Atomic bool full;

    /* shared: set by the stream, of a follower by the writer; publishes nothing, so relaxed order is enough */
    _Atomic uint64_t acked_seq;

    /* shared: released by the writer, acquired by the stream */
    _Atomic uint64_t stream_limit; /* records after it do not go to persisters yet */
    _Atomic bool streams;

    /* shared: under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t writer_wakes;
    int active_fd;
    char active_path[JOURNAL_PATH_MAX];
    int prepared_fd; /* -1: not ready yet */
    int retired_fd;  /* the previous segment, not yet synced; -1: none */
    bool prepare_failed;

    /* owned by the worker's thread */
    int64_t next_sync_us;

    /* owned by the writer's thread */
    struct worker worker;
    struct worker watch;
    bool running;          /* replayed; the worker thread runs, unless worker_by_hand */
    int64_t next_check_us; /* the watch's, with worker_by_hand */
    size_t segment_size;
    size_t offset;
    unsigned char *batch;
    struct journal_batch_header header;
    size_t used;
    uint64_t next_seq;
    uint64_t replay_after_seq; /* 0: replay everything */
    uint64_t proven_seq;       /* known to be synced */
    int64_t last_time_us;
    uint64_t bytes;
};

static inline bool journal_syncs_itself(const struct journal *journal)
{
    return journal->config.sync_interval_ms == SYNC_ALWAYS;
}

/* Ends the process: acknowledged records are safe, and nothing else is answered. Logs that `what` failed, and errno. */
_Noreturn void journal_give_up(const struct journal *journal, const char *what);

/* journal_check_place() with `worker_by_hand`, when it is due. */
void journal_check_by_hand(struct journal *journal);
/* Starts a thread that checks three times a second, independently of the worker. */
int journal_watch_start(struct journal *journal, struct error *error);
void journal_watch_stop(struct journal *journal);

/* Writer: switches to the prepared segment and waits while it is being prepared. False when the disk has no room for
 * it. */
bool journal_roll(struct journal *journal);

/* fdatasync, with its duration measured. */
void journal_sync_file(struct journal *journal, int fd);
/* Syncs everything written so far, the previous segment included, and publishes it. */
void journal_sync_written(struct journal *journal);
/* Every record up to `seq` is synced: publishes that to the readers. */
void journal_publish_synced(struct journal *journal, uint64_t seq);
/* There may be more for the stream: wakes it if it waits. */
void journal_wake_stream(struct journal *journal);

int journal_worker_start(struct journal *journal, struct error *error);
/* Writer: there may be something to sync or to prepare. Does nothing before the start and under `worker_by_hand`. */
void journal_worker_wake(struct journal *journal);
void journal_worker_stop(struct journal *journal);

#endif
