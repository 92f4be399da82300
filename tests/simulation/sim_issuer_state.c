#include "sim_issuer_state.h"

#include "sim_clients.h"
#include "sim_disk.h"

bool sim_issuer_is_up(const struct sim *sim)
{
    return sim->issuer->up;
}

bool sim_issuer_is_drained(const struct sim *sim)
{
    const struct sim_issuer *issuer = sim->issuer;
    for (uint16_t i = 0; issuer->up && i < issuer->partitions_count; i++) {
        const struct journal *journal = issuer->partitions[i].journal;
        if (journal_synced_seq(journal) != journal_written_seq(journal) || model_sweeps(&issuer->partitions[i].model))
            return false;
    }
    return issuer->up && feed_is_done(issuer->feed);
}

const struct model *sim_issuer_model(const struct sim *sim, uint16_t partition)
{
    return &sim->issuer->partitions[partition].model;
}

bool sim_issuer_may_lack(const struct sim *sim, const struct sim_told *told)
{
    const struct sim_partition *partition = &sim->issuer->partitions[told->partition];
    for (size_t i = 0; i < partition->lost_count; i++) {
        if (sim_told_is(told, &partition->lost[i]))
            return true;
    }
    return false;
}

bool sim_issuer_is_gone(const struct sim *sim, uint16_t partition, uint64_t seq)
{
    const struct sim_partition *self = &sim->issuer->partitions[partition];
    return seq > self->gone_after && seq <= self->gone_until;
}

uint64_t sim_issuer_durable_seq(const struct sim *sim, uint16_t partition)
{
    return sim_disk_durable_seq(sim->issuer->partitions[partition].dir);
}

const uint8_t *sim_issuer_fingerprint_key(const struct sim *sim, uint16_t partition)
{
    return journal_meta(sim->issuer->partitions[partition].journal)->fingerprint_key;
}
