/*
 * Writes snapshots of a partition next to its actor, and removes the files that they make unnecessary. Between turns,
 * the partition's thread walks its ledger a buffer at a time; the snapshotter's thread writes the buffers to disk,
 * slowly enough not to delay the journal's syncs, and renames the file once the journal is synced up to the end of the
 * walk.
 *
 *   idle ──due──► walking ──all pieces handed over──► finishing ──renamed──► idle
 *                    └───────────────── disk error ───────────────────────────┘  retried later
 *
 * Two snapshots are kept. A segment is removed when the older of them and the store have all of its records.
 */
#ifndef COUPOND_SNAPSHOT_H
#define COUPOND_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/telemetry/metrics.h"

struct snapshot;

struct snapshot_config {
    uint64_t bytes_min;      /* minimum growth of the journal between two snapshots; 0: no snapshots */
    uint64_t bytes_per_s;    /* maximum write rate; 0: unlimited */
    bool keep_segments;      /* never remove segments */
    int64_t keep_us;         /* after the store has acknowledged all of its records */
    size_t step_bytes;       /* copied between two turns, plus the last piece; 0: a megabyte */
    struct metrics *metrics; /* may be NULL */
    bool worker_by_hand;     /* no worker thread: the owner calls snapshot_work() */
    uint64_t journal_bytes;  /* replayed at the start, after the snapshot */
    uint64_t last_bytes;     /* of the snapshot loaded at the start; 0: none */
};

/* `journal`, replayed, must outlive it. -1 and `error` when the thread cannot be started. */
int snapshot_create(const struct journal *journal, const struct snapshot_config *config, struct snapshot **snapshot,
                    struct error *error);
/* Abandons an unfinished snapshot; joins, frees. Accepts NULL. */
void snapshot_destroy(struct snapshot **snapshot);

/*
 * On the partition's thread, between two turns: starts a snapshot that is due, or hands over one buffer of the current
 * one: at most `step_bytes` plus a piece, and a few hundred pieces. Returns the milliseconds until it has something to
 * do; -1: not before the journal has grown.
 */
int snapshot_step(struct snapshot *snapshot, const struct ledger *ledger);

/* With `worker_by_hand`: does the thread's work now, without its pauses. False when there was nothing to do. */
bool snapshot_work(struct snapshot *snapshot);

/* Writes a whole snapshot of a ledger that does not change meanwhile, durably, with every record up to `seq`. For the
 * rebuild. -1 and `error` on a disk error. */
int snapshot_write(const char *dir, const struct journal_meta *meta, const struct ledger *ledger, uint64_t seq,
                   int64_t last_time_us, struct error *error);

#endif
