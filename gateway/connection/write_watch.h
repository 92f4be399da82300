/*
 * Whether a reader goes on reading: watches what is left of one write, and says when to give up. A slow reader has its
 * time for as long as less is left each time; but not for ever, since what is left holds memory. Pure: time and what is
 * left come in.
 */
#ifndef COUPOND_WRITE_WATCH_H
#define COUPOND_WRITE_WATCH_H

#include <stddef.h>
#include <stdint.h>

/* A write ends at the latest after this many time-outs, however steadily it goes on: five minutes by default. */
#define WRITE_TIMEOUTS_MAX 30

struct write_watch {
    uint64_t begun_ms;
    uint64_t moved_ms; /* when less was left than before */
    size_t left;       /* bytes that the peer has not taken, the least that was seen */
};

void write_watch_begin(struct write_watch *watch, size_t left, uint64_t now_ms);
/* What is left now. */
void write_watch_see(struct write_watch *watch, size_t left, uint64_t now_ms);
/* When to give up, if nothing moves until then. */
uint64_t write_watch_due_ms(const struct write_watch *watch, uint64_t timeout_ms);

#endif
