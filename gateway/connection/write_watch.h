/*
 * Decides when to give up on a client that reads too slowly. Each decrease of the unread bytes of a write extends its
 * time, but not without limit, because these bytes occupy memory. Pure: time and byte counts are arguments.
 */
#ifndef COUPOND_WRITE_WATCH_H
#define COUPOND_WRITE_WATCH_H

#include <stddef.h>
#include <stdint.h>

/* A write ends after this many time-outs at the latest, even while it progresses: five minutes by default. */
#define WRITE_TIMEOUTS_MAX 30

struct write_watch {
    uint64_t begun_ms;
    uint64_t moved_ms; /* the last decrease */
    size_t left;       /* the smallest number of unread bytes so far */
};

void write_watch_begin(struct write_watch *watch, size_t left, uint64_t now_ms);
/* Reports the number of unread bytes. */
void write_watch_see(struct write_watch *watch, size_t left, uint64_t now_ms);
/* The time to give up unless the count decreases before. */
uint64_t write_watch_due_ms(const struct write_watch *watch, uint64_t timeout_ms);

#endif
