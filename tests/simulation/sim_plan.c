/*
 * The settings of a run. Each run leaves most faults out, so that one kind does not mask another.
 */
#include "shared/journal/journal.h"
#include "shared/options/options.h"
#include "sim.h"
#include "sim_clients.h"
#include "sim_disk.h"

/* A rate up to `most`, in one run of three. */
static uint32_t sometimes(struct sim_random *random, uint32_t most)
{
    return sim_random_chance(random, 333) ? 1 + sim_random_below(random, most) : 0;
}

static int64_t choose_sync(struct sim_random *random)
{
    switch (sim_random_below(random, 4)) {
    case 0:
        return SYNC_OS;
    case 1:
        return sim_random_between(random, 1, 20);
    default:
        return SYNC_ALWAYS;
    }
}

/* Room for a header and the largest turn, which consists of changes: segments change as often as possible. */
static size_t smallest_segment(const struct sim_plan *plan)
{
    size_t changes = plan->requests_max + plan->changes_a_frame + plan->sweep_records;
    _Static_assert(SIM_ISSUES_A_FRAME * JOURNAL_ISSUE_BYTES_MAX <= SIM_CHANGES_A_FRAME_MIN * JOURNAL_CHANGE_BYTES_MAX,
                   "a frame of issues needs less");
    size_t bytes = sizeof(struct journal_segment_header) + journal_bytes_max(0, changes, plan->coupons_a_frame);
    return (bytes + SIM_SECTOR - 1) / SIM_SECTOR * SIM_SECTOR;
}

static void plan_changes(struct sim_plan *plan, struct sim_random *random)
{
    plan->redemptions = sim_random_chance(random, 150) ? 0 : 200 + sim_random_below(random, 600);
    plan->sweeps = sim_random_chance(random, 300) ? 0 : 20 + sim_random_below(random, 100);
    plan->keyed = sim_random_below(random, 1000);
    plan->limit_max = 3;
    if (sim_random_chance(random, 250)) { /* users with more issues than keys are remembered */
        plan->limit_max = 20;
        plan->users = 2 + sim_random_below(random, 3);
    }
}

static void plan_load(struct sim_plan *plan, struct sim_random *random)
{
    plan->partitions = (uint16_t)(1 + sim_random_below(random, SIM_PARTITIONS_MAX));
    plan->persisters = 1 + sim_random_below(random, SIM_PERSISTERS_MAX);
    plan->gateways = 1 + sim_random_below(random, SIM_GATEWAYS_MAX);
    plan->sync_interval_ms = choose_sync(random);
    plan->requests_max = 1 + sim_random_below(random, sim_random_chance(random, 500) ? 4 : 30);
    plan->sweep_records = 2 + sim_random_below(random, 4);
    plan->changes_a_frame = (uint32_t)sim_random_between(random, SIM_CHANGES_A_FRAME_MIN, SIM_CHANGES_A_FRAME);
    plan->coupons_a_frame = 1 + sim_random_below(random, SIM_COUPONS_A_FRAME);
    plan->segment_bytes = smallest_segment(plan) + 512 * (size_t)sim_random_below(random, 16);
    plan->snapshot_bytes = sim_random_chance(random, 300) ? 0 : 500 + sim_random_below(random, 5000);
    plan->rows_max = 1 + sim_random_below(random, sim_random_chance(random, 500) ? 8 : 100);
    plan->in_flight_max = 1 + sim_random_below(random, 6);
    plan->gather_us = plan->rows_max % 2 == 0 ? 0 : 5000;
    plan->coupons = plan->coupons_first = 1 + sim_random_below(random, 5);
    plan->users = 2 + sim_random_below(random, sim_random_chance(random, 300) ? 4 : 60);
    plan->operations = 30 + sim_random_below(random, sim_random_chance(random, 200) ? 900 : 150);
    plan->creates = sim_random_below(random, 20);
    if (sim_random_chance(random, 250)) {
        plan->coupons_first = 1;
        plan->coupons = 2 + sim_random_below(random, 30);
        plan->creates = 50 + sim_random_below(random, 500);
    }
    plan->changes = sim_random_below(random, sim_random_chance(random, 300) ? 500 : 60);
    plan->delay_us_max = sim_random_chance(random, 500) ? 200 : 15000;
}

void sim_plan_make(struct sim_plan *plan, struct sim_random *random)
{
    *plan = (struct sim_plan){0};
    plan_load(plan, random);
    plan_changes(plan, random);
    plan->lose = sometimes(random, 150);
    plan->repeat = sometimes(random, 150);
    plan->hold_link = sometimes(random, 2);
    plan->kill = sometimes(random, 40);
    plan->stop = sometimes(random, 10);
    plan->pause_issuer = sometimes(random, 10);
    plan->lose_power = sim_random_chance(random, 600) ? 1000 : sometimes(random, 900);
    plan->kill_persister = sometimes(random, 40);
    plan->pause_persister = sometimes(random, 20);
    plan->step_clock = sometimes(random, 20);
    plan->clock_settle_us = 20000;
    plan->damage_snapshot = sim_random_chance(random, 300);
    plan->short_write = sometimes(random, 300);
    plan->interrupted = sometimes(random, 200);
    plan->sync_error = sometimes(random, 30);
    plan->fill_disk = sometimes(random, 20);
    plan->store_fails = sometimes(random, 300);
    plan->commit_unknown = sometimes(random, 200);
    plan->empty_store = sometimes(random, 5);
    plan->older_store = sometimes(random, 10);
    plan->reject_rows = sometimes(random, 1);
    plan->second_store = plan->persisters > 1 && sim_random_chance(random, 300);
}
