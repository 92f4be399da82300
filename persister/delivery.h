/*
 * A frame on its way into the store: what to try next, and what to tell the issuer in the end. Pure but for the store:
 * no socket, no thread, no clock and no source of chance; time and randomness are arguments. The writer drives it with
 * a real store, the simulation with its own.
 *
 *   begin ──► WHOLE ──written──► acknowledge, or nothing where there are no records
 *               │ rejected
 *               ▼
 *             COUPONS ──► ORPHANS ──► ISSUES ──► LETTERS ──written──► acknowledge
 *               ▲                                   │ rejected
 *               └───────────────────────────────────┘
 *
 * WHOLE writes the frame in one transaction. Where rows of it can never be stored, COUPONS and then ISSUES halve it
 * until those are alone; ORPHANS gives the issues of coupons that are dead letters the same fate without trying each;
 * LETTERS writes the dead letters and closes the frame, together with all rows that are not dead: a store that came
 * back from a backup meanwhile may lack them again. A passing fault repeats the attempt that it hit. In every state a
 * store that has less than was acknowledged ends with a FRAME_BEHIND, one that is another than the frame is meant for
 * with a FRAME_REFUSED, and one that another journal fills drops the frame.
 */
#ifndef COUPOND_PERSISTER_DELIVERY_H
#define COUPOND_PERSISTER_DELIVERY_H

#include "persister/batch.h"
#include "persister/dead.h"
#include "persister/retry.h"
#include "persister/rows_by_coupon.h"

enum delivery_state {
    DELIVERY_IDLE,
    DELIVERY_WHOLE,
    DELIVERY_COUPONS,
    DELIVERY_ORPHANS,
    DELIVERY_ISSUES,
    DELIVERY_LETTERS,
    DELIVERY_STATES
};

/* Rows `first` up to but not `end`, the coupons before the issues. */
struct delivery_range {
    size_t first;
    size_t end;
};

/* Halves that wait for their turn: one a level, and a frame has fewer rows than 2^32. */
#define DELIVERY_RANGES_MAX 64

struct delivery {
    struct store *store; /* borrowed */
    uint16_t partitions;
    struct retry retry;
    enum delivery_state state; /* changes along the arrows above only */
    struct batch batch;
    struct dead dead;
    size_t dead_stored;                                /* of these, already in dead_letter */
    struct delivery_range ranges[DELIVERY_RANGES_MAX]; /* the last is tried next */
    size_t ranges_count;
    bool *is_dead; /* by row */
    size_t is_dead_capacity;
    struct rows_by_coupon by_coupon;
    struct store_issue *issues; /* of the attempt in hand, without the dead ones */
    size_t issues_capacity;
    struct coupon *coupons; /* likewise */
    size_t coupons_capacity;
    bool *is_wanted;   /* by coupon: these are */
    bool halved_again; /* since a row was refused that had been taken before */
    bool schema_seen;  /* it was made sure of after a fault, in vain */
};

enum delivery_action {
    DELIVERY_AGAIN,  /* call delivery_work() again in wait_ms */
    DELIVERY_ANSWER, /* send `answer`; the frame is done with */
    DELIVERY_DROP,   /* the frame is done with and needs no answer, or gets none: then the issuer sends it again */
};

struct delivery_step {
    enum delivery_action action;
    enum store_result result; /* of the attempt */
    int64_t wait_ms;
    size_t rows;             /* records that the attempt committed, dead ones not included */
    struct batch_ack answer; /* FRAME_ACK, FRAME_BEHIND or FRAME_REFUSED */
    struct error error;      /* why the attempt failed */
    /* the frame's dead letters, once they are committed; valid until the next begin */
    const struct store_dead_letter *dead;
    size_t dead_count;
};

/* `partitions` is how many the persister believes there are; `store` outlives the delivery. */
void delivery_init(struct delivery *delivery, struct store *store, uint16_t partitions, int64_t retry_min_ms,
                   int64_t retry_max_ms);
void delivery_deinit(struct delivery *delivery);

/*
 * Takes up a frame, of which nothing is believed; one that was in hand is given up. FRAME_OK when delivery_work()
 * is to be called. The bytes stay where they are until the frame is done with.
 */
enum frame_fault delivery_begin(struct delivery *delivery, const void *frame, size_t size);

/* One attempt: at most one transaction. `now_us` is the wall clock's, by which a
 * dead letter tells people when it died, and nothing is decided; `random` is uniform over uint32_t. */
void delivery_work(struct delivery *delivery, int64_t now_us, uint32_t random, struct delivery_step *step);

#endif
