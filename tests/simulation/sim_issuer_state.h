/*
 * The state of the issuer's process and facts about its journals, for the checkers.
 */
#ifndef COUPOND_SIM_ISSUER_STATE_H
#define COUPOND_SIM_ISSUER_STATE_H

#include "issuer/corrected_clock.h"
#include "issuer/feed/feed.h"
#include "sim.h"
#include "sim_model.h"
#include "sim_partition.h"
#include "sim_true_clock.h"

struct sim_issuer {
    bool up;
    int64_t start_at_us;
    int64_t still_until_us;
    uint16_t partitions_count;
    struct sim_partition partitions[SIM_PARTITIONS_MAX];
    struct feed *feed;
    struct corrected_clock clock;
    struct sim_true_clock true_clock;
    bool uncompared; /* the store was unreachable at the start */
    uint64_t sure_seq[SIM_PARTITIONS_MAX];
    int64_t probe_at_us; /* when the current probe of the store ends; 0: none */
    bool started;        /* the result of the last start */
    struct error start_error;
};

bool sim_issuer_is_up(const struct sim *sim);
/* True when every record that is written is synced and acknowledged by the store, and no sweep goes on. */
bool sim_issuer_is_drained(const struct sim *sim);

/* The content of a partition's journal according to the model. */
const struct model *sim_issuer_model(const struct sim *sim, uint16_t partition);
struct sim_told;
/* True when the issue was lost with the power after the answer, as the sync policy allows. */
bool sim_issuer_may_lack(const struct sim *sim, const struct sim_told *told);
/* True when the store lost the record after its segment was removed: only another backup can have it. */
bool sim_issuer_is_gone(const struct sim *sim, uint16_t partition, uint64_t seq);
/* The key of users' fingerprints, while the process is up. */
const uint8_t *sim_issuer_fingerprint_key(const struct sim *sim, uint16_t partition);
/* The last record that no loss of power can take away any more. */
uint64_t sim_issuer_durable_seq(const struct sim *sim, uint16_t partition);

#endif
