/*
 * The delivery of one frame into the store: which attempt comes next, and the final answer to the issuer. Pure, except
 * for the store: no socket, no thread, no clock and no random source; time and randomness are arguments. The writer
 * drives it with a real store, the simulation with its own.
 *
 *   begin ──► WHOLE ──written──► acknowledge, or nothing for a frame without records
 *               │ rejected
 *               ▼
 *             COUPONS ──► ORPHANS ──► ROWS ──► LETTERS ──written──► acknowledge
 *               ▲                                 │ rejected
 *               └─────────────────────────────────┘
 *
 * WHOLE writes the frame in one transaction. If rows of it can never be stored, COUPONS and then ROWS halve it until
 * those rows are isolated. ORPHANS makes the issues of coupons that are dead letters, and their changes, dead letters,
 * too, without trying each. LETTERS writes the dead letters and closes the frame, together with all other rows: a store
 * that came back from a backup meanwhile may lack them again. A temporary fault repeats the attempt. In every state, a
 * store that lost acknowledged records ends with a FRAME_BEHIND, another store than intended with a FRAME_REFUSED, and
 * a store that another journal fills drops the frame.
 */
#ifndef COUPOND_PERSISTER_DELIVERY_H
#define COUPOND_PERSISTER_DELIVERY_H

#include "persister/batch.h"
#include "persister/dead.h"
#include "persister/parts.h"
#include "persister/retry.h"

enum delivery_state {
    DELIVERY_IDLE,
    DELIVERY_WHOLE,
    DELIVERY_COUPONS,
    DELIVERY_ORPHANS,
    DELIVERY_ROWS,
    DELIVERY_LETTERS,
    DELIVERY_STATES
};

/* Pending halves: one per level, and a frame has fewer rows than 2^32. */
#define DELIVERY_RANGES_MAX 64

struct delivery {
    struct store *store; /* borrowed */
    uint16_t partitions;
    struct retry retry;
    enum delivery_state state; /* changes along the arrows above only */
    struct batch batch;
    struct dead dead;
    size_t dead_stored;                             /* of these, already in dead_letter */
    struct parts_range ranges[DELIVERY_RANGES_MAX]; /* the last one is tried next */
    size_t ranges_count;
    struct parts parts;
    bool halved_again; /* since a row was rejected that had been accepted before */
    bool schema_seen;  /* migrated after a fault, without success */
};

enum delivery_action {
    DELIVERY_AGAIN,  /* call delivery_work() again in wait_ms */
    DELIVERY_ANSWER, /* send `answer`; the frame is finished */
    DELIVERY_DROP,   /* the frame is finished without an answer; the issuer resends it if needed */
};

struct delivery_step {
    enum delivery_action action;
    enum store_result result; /* of the attempt */
    int64_t wait_ms;
    size_t rows;             /* records committed by the attempt, without dead ones */
    struct batch_ack answer; /* FRAME_ACK, FRAME_BEHIND or FRAME_REFUSED */
    struct error error;      /* why the attempt failed */
    /* the frame's dead letters, once committed; valid until the next begin */
    const struct store_dead_letter *dead;
    size_t dead_count;
};

/* `partitions` is the number that the persister is configured with; `store` must outlive the delivery. */
void delivery_init(struct delivery *delivery, struct store *store, uint16_t partitions, int64_t retry_min_ms,
                   int64_t retry_max_ms);
void delivery_deinit(struct delivery *delivery);

/*
 * Starts a frame, which is validated completely; drops the current one, if any. FRAME_OK when delivery_work() is to be
 * called. The bytes must stay in place until the frame is finished.
 */
enum frame_fault delivery_begin(struct delivery *delivery, const void *frame, size_t size);

/* Makes one attempt: at most one transaction. `now_us` is the wall clock, used only as the time of a dead letter;
 * `random` is uniform over uint32_t. */
void delivery_work(struct delivery *delivery, int64_t now_us, uint32_t random, struct delivery_step *step);

#endif
