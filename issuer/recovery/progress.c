#include "issuer/recovery/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define MIB(bytes) ((bytes) >> 20)

void recovery_progress_note(struct recovery_progress *progress, enum recovery_phase phase, uint64_t bytes_done,
                            uint64_t bytes_total)
{
    atomic_store_explicit(&progress->bytes_total, bytes_total, memory_order_relaxed);
    atomic_store_explicit(&progress->bytes_done, bytes_done, memory_order_relaxed);
    atomic_store_explicit(&progress->phase, phase, memory_order_relaxed);
}

static const char *phase_name(enum recovery_phase phase)
{
    return phase == RECOVERY_SNAPSHOT ? "snapshot" : phase == RECOVERY_JOURNAL ? "journal" : NULL;
}

void recovery_progress_describe(struct recovery_progress *partitions, unsigned count, char *text, size_t size)
{
    unsigned done = 0, first = count;
    for (unsigned i = 0; i < count; i++) {
        bool is_done = atomic_load_explicit(&partitions[i].phase, memory_order_relaxed) == RECOVERY_DONE;
        done += is_done;
        if (!is_done && first == count)
            first = i;
    }
    int length = snprintf(text, size, "recovering: %u of %u partitions done", done, count);
    struct recovery_progress *at = first < count ? &partitions[first] : NULL;
    const char *phase = at != NULL ? phase_name(at->phase) : NULL;
    if (phase != NULL)
        snprintf(text + length, size - (size_t)length, "; partition %u: %s, %" PRIu64 " of %" PRIu64 " MiB", first,
                 phase, MIB(at->bytes_done), MIB(at->bytes_total));
}
