/*
 * A disk in memory that replaces the real one (shared/disk.h). Every file has two contents: the page cache, and what
 * would remain after a loss of power. Any part of the unsynced data may survive a loss of power, sector by sector;
 * after a failed sync, the page cache considers its data written. Unsynced names survive up to some point of their
 * folder's journal.
 *
 * One process uses the disk at a time. Its code runs inside sim_disk_run(), which returns early when the process ends
 * in the middle: killed at one of its disk operations, or by itself after a fault (disk->stop). Outside of it the disk
 * can be read but not changed: freeing the memory of a dead process has no effect on it.
 */
#ifndef COUPOND_SIM_DISK_H
#define COUPOND_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/disk.h"
#include "sim_disk_files.h"
#include "sim_random.h"

enum sim_end {
    SIM_END_RETURNED,
    SIM_END_KILLED,  /* at the operation that was chosen */
    SIM_END_STOPPED, /* at the chosen operation */
};

/* Possible faults, with their rates per 1000 operations. */
struct sim_disk_faults {
    uint32_t short_write;
    uint32_t interrupted; /* EINTR */
    uint32_t sync_error;  /* EIO */
    bool full;            /* ENOSPC for space not allocated yet */
};

/* Faults since sim_disk_reset(). */
struct sim_disk_counts {
    uint64_t operations;
    uint64_t short_writes;
    uint64_t interrupts;
    uint64_t sync_errors;
    uint64_t refused_full;
    uint64_t torn_writes; /* unsynced writes partly lost with the power */
    uint64_t segments_begun;
    uint64_t segments_removed;
    uint64_t snapshots;
    uint64_t lost_names; /* changes of names lost with the power */
};

extern const struct disk sim_disk;
extern struct sim_disk_faults sim_disk_faults;
extern struct sim_disk_counts sim_disk_counts;

/* How often it failed an operation. */
static inline uint64_t sim_disk_refusals(void)
{
    return sim_disk_counts.sync_errors + sim_disk_counts.refused_full;
}

/* An empty disk. */
void sim_disk_reset(struct sim_random *random);

/* Runs the process until `body` returns or the process ends. */
enum sim_end sim_disk_run(void (*body)(void *arg), void *arg);
/* Kills the process at its disk operation after this many more; 0: never. */
void sim_disk_kill_after(uint64_t operations);

/* The process is gone with its descriptors, locks and mappings. Its writes are in the page cache. */
void sim_disk_process_gone(void);
/* The power is gone, too: what was synced remains, and by chance some of the rest. */
void sim_disk_power_gone(void);

/* Flips a bit of the newest snapshot in `dir`, unless it is the only one; then returns false. */
bool sim_disk_damage_snapshot(const char *dir);

/* The last record up to which the journal in `dir` would survive a loss of power now: read from the bytes of that
 * state, independently of the journal's own view. */
uint64_t sim_disk_durable_seq(const char *dir);

#endif
