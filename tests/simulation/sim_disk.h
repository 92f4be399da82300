/*
 * A disk in memory, put in the place of the real one (shared/disk.h). Every file has two contents: what the page cache
 * says, and what would be there after a loss of power. What was not synced survives a loss of power in any part, sector
 * by sector; after a sync that failed, what it should have written passes for written. Names that were not synced
 * survive as far as their folder's journal happened to get.
 *
 * One process uses the disk at a time. Its code runs inside of sim_disk_run(), which returns early when the process
 * ends in the middle: killed at one of its disk operations, or by itself after a fault (disk->stop). Outside of it the
 * disk can be read, but nothing changes it: what frees the memory of a process that is gone has no effect.
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
    SIM_END_STOPPED, /* the program itself called disk->stop() */
};

/* What may go wrong, in how many of 1000 operations. */
struct sim_disk_faults {
    uint32_t short_write;
    uint32_t interrupted; /* EINTR */
    uint32_t sync_error;  /* EIO */
    bool full;            /* ENOSPC for what is not allocated yet */
};

/* What did go wrong since sim_disk_reset(). */
struct sim_disk_counts {
    uint64_t operations;
    uint64_t short_writes;
    uint64_t interrupts;
    uint64_t sync_errors;
    uint64_t refused_full;
    uint64_t torn_writes; /* unsynced writes of which a part was lost with the power */
    uint64_t segments_begun;
    uint64_t segments_removed;
    uint64_t snapshots;
    uint64_t lost_names; /* changes of names that were lost with the power */
};

extern const struct disk sim_disk;
extern struct sim_disk_faults sim_disk_faults;
extern struct sim_disk_counts sim_disk_counts;

/* How often it refused to do what it should. */
static inline uint64_t sim_disk_refusals(void)
{
    return sim_disk_counts.sync_errors + sim_disk_counts.refused_full;
}

/* An empty disk. */
void sim_disk_reset(struct sim_random *random);

/* Runs the process until `body` returns or the process ends. */
enum sim_end sim_disk_run(void (*body)(void *arg), void *arg);
/* The process is killed at its disk operation after so many more; 0: never. */
void sim_disk_kill_after(uint64_t operations);

/* The process is no more: its descriptors, locks and mappings are gone. What it wrote is in the page cache. */
void sim_disk_process_gone(void);
/* With it the power: what is left is what was synced, and by chance some of the rest. */
void sim_disk_power_gone(void);

/* Flips a bit of the newest snapshot in `dir`, if that is not the only one. False when it is. */
bool sim_disk_damage_snapshot(const char *dir);

/*
 * The last record of the journal in `dir` up to which all would be there after a loss of power now: read from the bytes
 * of that state, whatever the journal itself believes.
 */
uint64_t sim_disk_durable_seq(const char *dir);

#endif
