/*
 * The batches of one partition on their way to the store: which may be sent, which must be resent, and what the store
 * has. Pure: no socket, no clock; the stream holds the bytes of a batch under the window's slot. Owned by the stream's
 * thread.
 *
 *   ready ──sent──► waiting ──ack──► done ──pop──► (gone)
 *                    │  ▲
 *                    └──┘ resent after its timeout
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
    bool barrier;    /* has coupon records: no later batch is sent before it is acknowledged */
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

/* Drops all batches and continues after `acked_seq`, which may be earlier or later. */
void window_restart(struct window *window, uint64_t acked_seq);

/* True when another batch may follow: a slot is free and no barrier is in flight. */
bool window_accepts(const struct window *window);
/* Adds the next batch; returns its slot. */
unsigned window_push(struct window *window, uint64_t first_seq, uint64_t last_seq, int64_t time_us, bool barrier);

/* The slot of the oldest batch to send or resend at `now_us`; -1 when there is none. */
int window_due(const struct window *window, int64_t now_us);
/* Records that the batch was sent at `now_us`. Its timeout is resend_us, plus as much for each waiting batch before it,
 * since one persister writes them in sequence. It doubles with each attempt, up to ten times the first. */
void window_sent(struct window *window, unsigned slot, int64_t now_us);
/* The latest time to call window_due() again; INT64_MAX: only after another event. */
int64_t window_deadline(const struct window *window);

/* Takes an acknowledgement. False when no batch with these bounds is in flight: a repeated one. */
bool window_ack(struct window *window, uint64_t first_seq, uint64_t last_seq);
/* A persister cannot take the batch: makes it ready for another one at once, the first few times. */
void window_refused(struct window *window, uint64_t first_seq, uint64_t last_seq);
/* Removes the oldest batch once it is acknowledged and advances acked_seq; returns its slot, or -1. Call until -1. */
int window_pop(struct window *window);

#endif
