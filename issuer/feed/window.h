/*
 * The batches of one partition that are on their way to the store: which may be sent, which must be sent again, what
 * the store has. Pure: no socket, no clock; the stream holds the bytes of a batch under the slot that the window names.
 * Owned by the stream's thread.
 *
 *   ready ──sent──► waiting ──ack──► done ──pop──► (gone)
 *                    │  ▲
 *                    └──┘ sent again when its time is over
 */
#ifndef COUPOND_WINDOW_H
#define COUPOND_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_MAX 64

enum window_state {
    WINDOW_READY,
    WINDOW_WAITING,
    WINDOW_DONE,
};

struct window_batch {
    enum window_state state;
    uint64_t first_seq;
    uint64_t last_seq;
    int64_t time_us; /* of its first record */
    bool barrier;    /* holds coupon records: nothing later is sent before it is acknowledged */
    unsigned sends;
    unsigned refusals;
    int64_t resend_at_us;
};

struct window {
    struct window_batch batches[WINDOW_MAX]; /* a ring; the index is the slot */
    unsigned capacity;
    unsigned first;
    unsigned count;
    int64_t resend_us;
    uint64_t acked_seq; /* the store has every record up to this one */
};

/* `capacity` at most WINDOW_MAX. */
void window_init(struct window *window, unsigned capacity, int64_t resend_us, uint64_t acked_seq);

/* Gives up what is under way and goes on behind `acked_seq`, earlier or later. */
void window_restart(struct window *window, uint64_t acked_seq);

/* True when another batch may follow: there is a free slot and no barrier is under way. */
bool window_accepts(const struct window *window);
/* Adds the batch that follows the last one; returns its slot. */
unsigned window_push(struct window *window, uint64_t first_seq, uint64_t last_seq, int64_t time_us, bool barrier);

/* The oldest batch that is to be sent at `now_us`, for the first time or again; -1 when there is none. */
int window_due(const struct window *window, int64_t now_us);
/* The batch was handed over at `now_us`. It waits resend_us, and as long again for each one before it that waits too:
 * one persister writes them one after the other. Each time twice as long, up to ten times the first. */
void window_sent(struct window *window, unsigned slot, int64_t now_us);
/* When window_due() has to be asked again at the latest; INT64_MAX: not before something else happens. */
int64_t window_deadline(const struct window *window);

/* An acknowledgement came in. False when no batch of these bounds is under way: a repeated one. */
bool window_ack(struct window *window, uint64_t first_seq, uint64_t last_seq);
/* A persister cannot take the batch: it is ready for another one at once, the first few times. */
void window_refused(struct window *window, uint64_t first_seq, uint64_t last_seq);
/* Removes the oldest batch once it is acknowledged, moving acked_seq; returns its slot, or -1. Call until -1. */
int window_pop(struct window *window);

#endif
