#include <stdio.h>
#include <stdlib.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/journal.h"
#include "shared/journal/state.h"
#include "shared/telemetry/log.h"

#define CHECK_INTERVAL_US 300000 /* between two checks that the paths still name the open files */

static _Noreturn void leave_lost_place(const struct journal *journal, const char *path)
{
    log_error("journal",
              "%s was removed or replaced while this issuer writes to it; stopping, because further records would be "
              "lost: restore the folder, or see `coupond issuer --rebuild-from-store` dir=%s",
              path, journal->dir);
    disk->stop(1);
    abort();
}

/* The writer takes the mutex once per segment and closes no file during a check. */
void journal_check_place(struct journal *journal)
{
    char lock[JOURNAL_PATH_MAX + 8];
    snprintf(lock, sizeof lock, "%s/lock", journal->dir);
    if (!disk->is_same(journal->lock_fd, lock))
        leave_lost_place(journal, lock);
    pthread_mutex_lock(&journal->mutex);
    bool there = journal->active_fd < 0 || disk->is_same(journal->active_fd, journal->active_path);
    pthread_mutex_unlock(&journal->mutex);
    if (!there)
        leave_lost_place(journal, journal->active_path);
}

void journal_check_by_hand(struct journal *journal)
{
    int64_t now_us = clock_mono_us();
    if (now_us < journal->next_check_us)
        return;
    journal_check_place(journal);
    journal->next_check_us = now_us + CHECK_INTERVAL_US;
}

/* --- the watch --- */

static int64_t watch(void *arg)
{
    journal_check_place(arg);
    return CHECK_INTERVAL_US;
}

/* A separate thread: neither a sync nor preparing a segment, which may take seconds, delays a check. */
int journal_watch_start(struct journal *journal, struct error *error)
{
    return worker_start(&journal->watch, watch, journal, error);
}

void journal_watch_stop(struct journal *journal)
{
    worker_stop(&journal->watch);
}
