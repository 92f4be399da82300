/* Inside of the simulated issuer: a partition of it, and its checker. */
#ifndef COUPOND_SIM_PARTITION_H
#define COUPOND_SIM_PARTITION_H

#include "issuer/ledger/ledger.h"
#include "issuer/snapshot/snapshot.h"
#include "issuer/turn.h"
#include "shared/journal/journal.h"
#include "shared/wire/frame.h"
#include "sim.h"
#include "sim_model.h"

#define SIM_DIR_MAX   32
#define SIM_ASKED_MAX 512

/* A request that was taken into a turn. */
struct sim_asked {
    bool is_coupon;
    bool foreign;  /* another incarnation was asked */
    bool late;     /* for that, or since its deadline has passed */
    bool given_up; /* its client is told that nobody knows */
    struct frame_issue_request issue;
    struct frame_coupon_request coupon;
};

struct sim_partition {
    uint16_t index;
    char dir[SIM_DIR_MAX];
    struct metrics *metrics;

    /* of the process, gone with it */
    struct journal *journal;
    struct ledger *ledger;
    struct snapshot *snapshot;
    struct turn *turn;
    uint64_t incarnation;

    /* of the checker */
    struct model model;
    struct sim_asked asked[SIM_ASKED_MAX]; /* of the turn in hand, or of the one that a kill cut short */
    size_t asked_count;
    int64_t asked_us; /* the issuer's time */
    bool snapshot_damaged;
    uint64_t refusals_before; /* of the disk */
    bool cut_short;
    size_t answered_count;           /* records that have to be there again after a kill */
    uint64_t gone_after, gone_until; /* records that the store lost after their segments were removed; 0: none */
    struct model_record *lost;       /* answered and lost with the power, as the policy allows */
    size_t lost_count;
};

/* Opens and replays: what the start of the issuer does for one partition. -1 and `error`. */
int sim_partition_start(struct sim *sim, struct sim_partition *partition, struct error *error);
/* Frees what the process had, which is gone. */
void sim_partition_abandon(struct sim_partition *partition);

/* Takes what has arrived into a turn. False when there was nothing. */
bool sim_partition_gather(struct sim *sim, struct sim_partition *partition, int64_t now_us);
/* The same with requests for each coupon and user: which of them, by number. */
void sim_partition_gather_lookup(struct sim *sim, struct sim_partition *partition, int64_t now_us, unsigned coupon,
                                 unsigned user);
/* Judges the replies of the turn that was decided, and sends them. */
void sim_partition_answer(struct sim *sim, struct sim_partition *partition, bool send);

/* The power is about to go: answers that rest on what is not durable may be lost, if the policy says so. */
void sim_partition_lose_power(struct sim *sim, struct sim_partition *partition);
/* The first record that is in a segment. */
uint64_t sim_partition_first_kept(const struct sim_partition *partition);
/* Compares the journal that came up with what was answered. */
void sim_partition_compare(struct sim *sim, struct sim_partition *partition);

#endif
