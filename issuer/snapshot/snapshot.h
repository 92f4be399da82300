/*
 * Writes snapshots of a partition beside its actor, and removes what they make unnecessary. The partition's thread
 * walks its ledger a buffer at a time between two turns; a thread of the snapshotter writes the buffers to the disk,
 * slowly enough for the journal's own syncs, and gives the file its name once the journal is synced up to where the
 * walk ended.
 *
 *   idle ──due──► walking ──all pieces handed over──► finishing ──renamed──► idle
 *                    └──────────── the disk refuses ─────────────────────────┘  tried again later
 *
 * Two snapshots are kept. Segments go when the older of them holds all of their records and the store has them too.
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
    uint64_t bytes_min;      /* of journal between two snapshots at the least; 0: none are taken */
    uint64_t bytes_per_s;    /* to the disk; 0: as fast as it takes them */
    bool keep_segments;      /* none is ever removed */
    int64_t keep_us;         /* for so long after the store has acknowledged all of it */
    size_t step_bytes;       /* copied between two turns, and the piece that crosses it; 0: a megabyte */
    struct metrics *metrics; /* may be NULL */
    bool worker_by_hand;     /* no thread: its owner calls snapshot_work() */
    uint64_t journal_bytes;  /* replayed at the start, behind the snapshot */
    uint64_t last_bytes;     /* of the snapshot that was loaded at the start; 0: none was */
};

/* `journal`, replayed, outlives it. -1 and `error` when the thread cannot be started. */
int snapshot_create(struct snapshot **snapshot, const struct journal *journal, const struct snapshot_config *config,
                    struct error *error);
/* Leaves a snapshot that is not finished; joins, frees. NULL is welcome. */
void snapshot_destroy(struct snapshot **snapshot);

/*
 * Partition's thread, between two turns: begins a snapshot that is due, or hands over one buffer of the one under way:
 * at most `step_bytes` of copying and a piece, and a few hundred pieces. Returns in how many milliseconds it has
 * something to do again; -1: not before the journal has grown.
 */
int snapshot_step(struct snapshot *snapshot, const struct ledger *ledger);

/* Under `worker_by_hand`: what the thread would do now, without its pauses. False when there was nothing. */
bool snapshot_work(struct snapshot *snapshot);

/*
 * Writes a whole snapshot of a ledger that nobody changes, durably: every record up to `seq` is in it. For the rebuild.
 * -1 and `error` when the disk refuses.
 */
int snapshot_write(const char *dir, const struct journal_meta *meta, const struct ledger *ledger, uint64_t seq,
                   int64_t last_time_us, struct error *error);

#endif
