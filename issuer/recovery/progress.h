/*
 * How far the recovery of a partition is, for whoever asks meanwhile. Written by the thread that recovers, read on any
 * thread; each value is true by itself.
 */
#ifndef COUPOND_RECOVERY_PROGRESS_H
#define COUPOND_RECOVERY_PROGRESS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum recovery_phase {
    RECOVERY_OPENING, /* the folder is locked and read */
    RECOVERY_SNAPSHOT,
    RECOVERY_JOURNAL,
    RECOVERY_DONE,
};

/* All zeros: at the beginning. */
struct recovery_progress {
    _Atomic enum recovery_phase phase;
    _Atomic uint64_t bytes_done; /* of the phase */
    _Atomic uint64_t bytes_total;
};

void recovery_progress_note(struct recovery_progress *progress, enum recovery_phase phase, uint64_t bytes_done,
                            uint64_t bytes_total);

/* Says in `text` how many partitions are done and where the first of the others stands. */
void recovery_progress_describe(struct recovery_progress *partitions, unsigned count, char *text, size_t size);

#endif
