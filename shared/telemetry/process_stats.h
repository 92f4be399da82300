/*
 * The kernel's figures on this process, for /metrics. Linux: reads /proc/self. Any thread.
 */
#ifndef COUPOND_PROCESS_STATS_H
#define COUPOND_PROCESS_STATS_H

#include <stdint.h>

struct process_stats {
    double cpu_seconds;        /* user and system */
    double start_time_seconds; /* since 1970 */
    int64_t resident_bytes;
    int64_t virtual_bytes;
    int64_t open_fds;
    int64_t max_fds; /* the soft limit */
    int64_t threads;
};

/* Fills `stats`; unreadable values become 0. */
void process_stats_read(struct process_stats *stats);

#endif
