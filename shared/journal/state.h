/*
 * What the parts of the journal share: journal/journal.c (opening, writing, closing), journal/sync.c, journal/worker.c
 * (preparing the next segment, syncing in time), journal/watch.c (whether the files stay where they are),
 * journal/replay.c.
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
    int dir_fd; /* so that a new segment needs no descriptor when there are none; -1: the disk has no such thing */

    /* shared: released by the writer (written) and by whoever syncs (synced), acquired by readers */
    _Atomic uint64_t written_seq;
    _Atomic uint64_t synced_seq;
    _Atomic bool full;

    /* shared: under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t writer_wakes;
    int active_fd;
    char active_path[JOURNAL_PATH_MAX];
    int prepared_fd; /* -1: not there yet */
    int retired_fd;  /* the segment before, not synced yet; -1: none */
    bool prepare_failed;

    /* owned by the worker's thread */
    int64_t next_sync_us;

    /* owned by the writer's thread */
    struct worker worker;
    struct worker watch;
    bool running;          /* replayed; the worker is there, unless it is stepped by hand */
    int64_t next_check_us; /* the watch's, by hand */
    size_t segment_size;
    size_t offset;
    unsigned char *batch;
    struct journal_batch_header header;
    size_t used;
    uint64_t next_seq;
    uint64_t replay_after_seq; /* 0: all of it is replayed */
    uint64_t proven_seq;       /* synced for certain */
    int64_t last_time_us;
    uint64_t bytes;
};

static inline bool journal_syncs_itself(const struct journal *journal)
{
    return journal->config.sync_interval_ms == SYNC_ALWAYS;
}

/* The end of the process: what was acknowledged is safe, and nobody hears of the rest. Says `what` failed and why
 * (errno). */
_Noreturn void journal_give_up(const struct journal *journal, const char *what);

/* journal_check_place() under `worker_by_hand`, when it is due. */
void journal_check_by_hand(struct journal *journal);
/* A thread that checks three times a second, whatever the worker does. */
int journal_watch_start(struct journal *journal, struct error *error);
void journal_watch_stop(struct journal *journal);

/* Writer: goes to the prepared segment, waiting while it is being made. False when the disk has no room for it. */
bool journal_roll(struct journal *journal);

/* fdatasync, timed. */
void journal_sync_file(struct journal *journal, int fd);
/* Syncs what is written so far, the segment before included, and says so. */
void journal_sync_written(struct journal *journal);
/* Every record up to `seq` is on the disk: says so to the readers. */
void journal_publish_synced(struct journal *journal, uint64_t seq);

int journal_worker_start(struct journal *journal, struct error *error);
/* Writer: there may be something to sync or to prepare. Does nothing before the start and under `worker_by_hand`. */
void journal_worker_wake(struct journal *journal);
void journal_worker_stop(struct journal *journal);

#endif
