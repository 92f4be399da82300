/*
 * Internal to the simulated issuer: one of its partitions, and its checker.
 */
#ifndef COUPOND_SIM_PARTITION_H
#define COUPOND_SIM_PARTITION_H

#include "issuer/ledger/ledger.h"
#include "issuer/snapshot/snapshot.h"
#include "issuer/turn/turn.h"
#include "shared/journal/journal.h"
#include "shared/wire/frame.h"
#include "sim.h"
#include "sim_model_ask.h"

#define SIM_DIR_MAX        32
#define SIM_ASKED_MAX      512
#define SIM_COUPONS_A_TURN FRAME_COUPON_REQUESTS_MAX

/* A request taken into a turn. */
struct sim_asked {
    enum frame_kind kind;
    bool foreign;  /* addressed to another incarnation */
    bool late;     /* for that, or because its deadline has passed */
    bool given_up; /* its client has been told that the outcome is unknown */
    struct frame_issue_request issue;
    struct frame_change_request change;
    const struct frame_coupon_request *coupon;
};

struct sim_partition {
    uint16_t index;
    char dir[SIM_DIR_MAX];
    struct metrics *metrics;

    /* of the process, lost with it */
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct snapshot *snapshot;
    struct turn *turn;
    uint64_t incarnation;

    /* of the checker */
    struct model model;
    struct sim_asked asked[SIM_ASKED_MAX]; /* of the current turn, or of one interrupted by a kill */
    size_t asked_count;
    struct frame_coupon_request coupons[SIM_COUPONS_A_TURN]; /* of them */
    size_t coupons_count;
    int64_t asked_us;                 /* the issuer's time */
    char sweeping[COUPON_ID_MAX + 1]; /* the coupon whose sweep makes a step at the end of the turn; "": none */
    bool snapshot_damaged;
    uint64_t refusals_before; /* of the disk */
    bool cut_short;
    size_t answered_count;           /* records that must survive a kill */
    uint64_t gone_after, gone_until; /* records that the store lost after their segments were removed; 0: none */
    struct model_record *lost;       /* answered and lost with the power, as the policy allows */
    size_t lost_count;
};

/* Opens and replays one partition, like the start of the issuer. -1 and `error`. */
int sim_partition_start(struct sim *sim, struct sim_partition *partition, struct error *error);
/* Frees the memory of the process, which is gone. */
void sim_partition_abandon(struct sim_partition *partition);

/* Takes pending frames into a turn. False when there were none, and no sweep goes on. */
bool sim_partition_gather(struct sim *sim, struct sim_partition *partition, int64_t now_us);
/* The same with one frame of the checker, complete except for its clock. */
void sim_partition_gather_frame(struct sim *sim, struct sim_partition *partition, int64_t now_us, void *frame,
                                size_t size);
/* What the model answers to a request of the turn. */
void sim_partition_expect(const struct sim_partition *partition, const struct sim_asked *asked,
                          struct model_answer *answer);
/* Checks the replies of the decided turn, and sends them. */
void sim_partition_answer(struct sim *sim, struct sim_partition *partition, bool send);

/* The power is about to go: answers that depend on data that is not durable may be lost, if the policy says so. */
void sim_partition_lose_power(struct sim *sim, struct sim_partition *partition);
/* The first record in a segment. */
uint64_t sim_partition_first_kept(const struct sim_partition *partition);
/* Compares the recovered journal with the answers. */
void sim_partition_compare(struct sim *sim, struct sim_partition *partition);

#endif
