/*
 * How a journal is opened.
 */
#ifndef COUPOND_JOURNAL_CONFIG_H
#define COUPOND_JOURNAL_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/telemetry/metrics.h"

/* Tells a reader that more is synced: the writer signals `fd` (an eventfd), but only while the reader waits. */
struct journal_signal {
    int fd;
    _Atomic bool waiting;
};

struct journal_config {
    const char *dir; /* of the partition */
    uint16_t partition;
    uint16_t partitions;
    size_t segment_bytes;          /* room for a header and the largest reserved batch */
    int64_t sync_interval_ms;      /* SYNC_ALWAYS, SYNC_OS (once a second, for the stream only) or an interval */
    struct metrics *metrics;       /* for sync times; may be NULL */
    struct journal_signal *signal; /* may be NULL */
    bool worker_by_hand;           /* no worker thread: the owner calls journal_work() */
};

#endif
