/*
 * The progress of a partition's recovery. Written by the recovering thread, read on any thread; the values are
 * independent.
 */
#ifndef COUPOND_RECOVERY_PROGRESS_H
#define COUPOND_RECOVERY_PROGRESS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum recovery_phase {
    RECOVERY_OPENING, /* locking and reading the folder */
    RECOVERY_SNAPSHOT,
    RECOVERY_JOURNAL,
    RECOVERY_DONE,
};

/* All zeros: not started. */
struct recovery_progress {
    _Atomic enum recovery_phase phase;
    _Atomic uint64_t bytes_done; /* of the phase */
    _Atomic uint64_t bytes_total;
};

void recovery_progress_note(struct recovery_progress *progress, enum recovery_phase phase, uint64_t bytes_done,
                            uint64_t bytes_total);

/* Describes in `text` how many partitions are done and the progress of the first of the others. */
void recovery_progress_describe(struct recovery_progress *partitions, unsigned count, char *text, size_t size);

#endif
