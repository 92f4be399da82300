#include "sim_run.h"

#include <string.h>

#include "shared/clock.h"
#include "shared/error.h"
#include "sim_clients.h"
#include "sim_database.h"
#include "sim_disk.h"
#include "sim_gateways.h"
#include "sim_issuer.h"
#include "sim_issuer_state.h"
#include "sim_network.h"
#include "sim_persister.h"
#include "sim_questions.h"

#define STEPS_MAX       20000   /* with faults; a run that needs more continues without them */
#define QUIET_STEPS_MAX 400000  /* without faults: by then everything must be done */
#define IDLE_US         6000000 /* then idle, for longer than the interval at which the store is asked */
#define IDLE_STEPS      1000
#define FIRST_WALL_US   INT64_C(1795224600000000)
#define FIRST_MONO_US   1000000

/* --- time --- */

static struct sim *current;
static int64_t wall_now(void)
{
    return current->wall_us;
}

static int64_t mono_now(void)
{
    return current->mono_us;
}

static void pass_time(struct sim *sim)
{
    int64_t us = sim_random_between(&sim->random, 0, 400);
    sim->mono_us += us;
    sim->wall_us += us;
    if (!sim_strikes(sim, sim->plan.step_clock))
        return;
    int64_t away_us = sim->wall_us - sim->mono_us - (FIRST_WALL_US - FIRST_MONO_US);
    bool returns = away_us != 0 && sim_random_chance(&sim->random, 500);
    int64_t unit = sim_random_chance(&sim->random, 300) ? 43200 : 1; /* up to a day, or to two seconds */
    int64_t step_us = returns ? -away_us : unit * sim_random_between(&sim->random, -2000000, 2000000);
    sim_count(sim, step_us < 0 ? SIM_CLOCK_BACK : SIM_CLOCK_FORWARD);
    sim->wall_us += step_us;
}

/* --- faults of the machine --- */

static void set_disk_faults(struct sim *sim)
{
    sim_disk_faults.short_write = sim->quiet ? 0 : sim->plan.short_write;
    sim_disk_faults.interrupted = sim->quiet ? 0 : sim->plan.interrupted;
    sim_disk_faults.sync_error = sim->quiet ? 0 : sim->plan.sync_error;
    if (sim->quiet)
        sim_disk_faults.full = false;
    else if (sim_strikes(sim, sim_disk_faults.full ? 2 : sim->plan.fill_disk))
        sim_disk_faults.full = !sim_disk_faults.full;
}

static void strike_issuer(struct sim *sim)
{
    if (sim_strikes(sim, sim->plan.kill))
        sim_issuer_kill_soon(sim);
    if (sim_strikes(sim, sim->plan.kill / 4))
        sim_issuer_kill(sim);
    if (sim_strikes(sim, sim->plan.stop))
        sim_issuer_stop(sim);
}

/* --- a run --- */

static void step(struct sim *sim)
{
    pass_time(sim);
    set_disk_faults(sim);
    strike_issuer(sim);
    sim_database_work(sim);
    sim_clients_listen(sim);
    sim_gateways_work(sim);
    switch (sim_random_below(&sim->random, 6)) {
    case 0:
        sim_clients_ask(sim);
        break;
    case 1:
        sim_persisters_work(sim);
        break;
    default:
        sim_issuer_work(sim);
    }
}

static void run_with_faults(struct sim *sim)
{
    for (unsigned i = 0; i < STEPS_MAX && !sim_failed(sim); i++) {
        step(sim);
        if (sim_clients_are_done(sim))
            return;
    }
}

static bool is_done(const struct sim *sim)
{
    return sim_clients_are_done(sim) && sim_issuer_is_drained(sim) && sim_persisters_are_idle(sim);
}

/* Liveness: everything completes within bounds. */
static void run_until_done(struct sim *sim, unsigned steps_min)
{
    for (unsigned i = 0; i < QUIET_STEPS_MAX && !sim_failed(sim); i++) {
        step(sim);
        if (i >= steps_min && i % 16 == 0 && is_done(sim))
            return;
    }
    sim_fail(sim, "the faults are over, but %zu requests are unanswered, the issuer is %s, its records are %s",
             sim_clients_waiting(sim), sim_issuer_is_up(sim) ? "up" : "down",
             sim_issuer_is_drained(sim) ? "persisted" : "not all persisted");
}

/* The faults are over, so everything is answered and persisted. If the store lost records after everything was
 * acknowledged, the next frame or the question of an idle partition detects it. */
static void run_without_faults(struct sim *sim)
{
    sim->quiet = true;
    sim_disk_kill_after(0);
    if (sim->seed % 2 == 0)
        sim_clients_close(sim);
    run_until_done(sim, IDLE_STEPS); /* a new feed starts counting the time */
    sim->mono_us += IDLE_US;
    sim->wall_us += IDLE_US;
    run_until_done(sim, IDLE_STEPS);
}

/* Checks that every issue told to a client is in the journal. */
static void judge_told(struct sim *sim)
{
    size_t count;
    const struct sim_told *told = sim_clients_told(sim, &count);
    for (size_t i = 0; i < count && !sim_failed(sim); i++) {
        const struct model *model = sim_issuer_model(sim, told[i].partition);
        bool there = false;
        for (size_t r = 0; r < model->log_count && !there; r++)
            there = sim_told_is(&told[i], &model->log[r]);
        if (!there && !sim_issuer_may_lack(sim, &told[i]))
            sim_fail(sim, "promise 3: %s was told to hold sequence %u of %s, but the journal lacks it", told[i].user_id,
                     told[i].sequence, told[i].coupon_id);
    }
}

static void judge_end(struct sim *sim)
{
    if (!sim_failed(sim))
        sim_database_judge(sim);
    if (!sim_failed(sim))
        judge_told(sim);
    if (!sim_failed(sim))
        sim_questions_ask(sim);
    if (!sim_failed(sim))
        sim_issuer_come_back(sim);
    if (!sim_failed(sim))
        sim_questions_ask(sim);
}

static void note_disk_faults(struct sim *sim)
{
    sim->counts[SIM_TORN_WRITE] += sim_disk_counts.torn_writes;
    sim->counts[SIM_NAME_LOST] += sim_disk_counts.lost_names;
    sim->counts[SIM_SHORT_WRITE] += sim_disk_counts.short_writes;
    sim->counts[SIM_INTERRUPTED] += sim_disk_counts.interrupts;
    sim->counts[SIM_SYNC_FAILED] += sim_disk_counts.sync_errors;
    sim->counts[SIM_DISK_FULL] += sim_disk_counts.refused_full;
    sim->counts[SIM_SEGMENT_BEGUN] += sim_disk_counts.segments_begun;
    sim->counts[SIM_SEGMENT_REMOVED] += sim_disk_counts.segments_removed;
    sim->counts[SIM_SNAPSHOT_WRITTEN] += sim_disk_counts.snapshots;
    sim_trace(sim, "disk operations", sim_disk_counts.operations, 0);
}

static void begin(struct sim *sim, uint64_t seed, bool verbose)
{
    *sim = (struct sim){.seed = seed, .verbose = verbose, .mono_us = FIRST_MONO_US, .wall_us = FIRST_WALL_US};
    sim_random_init(&sim->random, seed);
    sim_random_feed_sodium(&sim->random);
    sim_plan_make(&sim->plan, &sim->random);
    current = sim;
    disk = &sim_disk;
    clock_replace(wall_now, mono_now);
    sim_disk_reset(&sim->random);
    sim->network = sim_network_create();
    sim->gateways = sim_gateways_create(sim);
    sim->clients = sim_clients_create();
    sim->database = sim_database_create(sim);
    sim->persisters = sim_persisters_create(sim);
    sim->issuer = sim_issuer_create(sim);
}

static void end(struct sim *sim)
{
    sim_issuer_destroy(&sim->issuer);
    sim_persisters_destroy(&sim->persisters);
    sim_database_destroy(&sim->database);
    sim_clients_destroy(&sim->clients);
    sim_gateways_destroy(&sim->gateways);
    sim_network_destroy(&sim->network);
    clock_replace(NULL, NULL);
    disk = &disk_posix;
}

bool sim_run(struct sim *sim, uint64_t seed, bool verbose)
{
    begin(sim, seed, verbose);
    run_with_faults(sim);
    if (!sim_failed(sim))
        run_without_faults(sim);
    judge_end(sim);
    note_disk_faults(sim);
    end(sim);
    return !sim_failed(sim);
}
