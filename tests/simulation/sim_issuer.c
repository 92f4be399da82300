#include "sim_issuer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_clients.h"
#include "sim_database.h"
#include "sim_disk.h"
#include "sim_issuer_state.h"
#include "sim_network.h"
#include "sim_partition.h"
#include "sim_persister.h"

#define RESEND_US 8000

enum phase { RUNNING, STARTING, STOPPING };

/* The argument of a body that runs on the disk. */
struct call {
    struct sim *sim;
    struct sim_partition *partition;
};

struct sim_issuer *sim_issuer_create(struct sim *sim)
{
    static struct metrics *metrics[SIM_PARTITIONS_MAX];
    struct sim_issuer *issuer = calloc(1, sizeof *issuer);
    CHECK(issuer != NULL);
    issuer->partitions_count = sim->plan.partitions;
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        if (metrics[i] == NULL)
            metrics[i] = metrics_create("issuer", i);
        issuer->partitions[i].index = i;
        issuer->partitions[i].metrics = metrics[i];
        snprintf(issuer->partitions[i].dir, SIM_DIR_MAX, "/sim/p%02u", i);
        model_init(&issuer->partitions[i].model);
    }
    return issuer;
}

static void abandon(struct sim_issuer *issuer)
{
    for (uint16_t i = 0; i < issuer->partitions_count; i++)
        sim_partition_abandon(&issuer->partitions[i]);
    feed_destroy(&issuer->feed);
    issuer->probe_at_us = 0;
    issuer->up = false;
}

void sim_issuer_destroy(struct sim_issuer **issuer)
{
    if (*issuer == NULL)
        return;
    abandon(*issuer);
    for (uint16_t i = 0; i < (*issuer)->partitions_count; i++) {
        model_deinit(&(*issuer)->partitions[i].model);
        free((*issuer)->partitions[i].lost);
    }
    free(*issuer);
    *issuer = NULL;
}

/* --- its end --- */

/* The process is gone, and possibly the power, too. */
static void end_process(struct sim *sim, bool power_too)
{
    struct sim_issuer *issuer = sim->issuer;
    for (uint16_t i = 0; power_too && i < issuer->partitions_count; i++)
        sim_partition_lose_power(sim, &issuer->partitions[i]);
    if (power_too)
        sim_disk_power_gone();
    else
        sim_disk_process_gone();
    if (power_too) {
        sim_count(sim, SIM_POWER_LOST);
        sim->booted_us = sim->mono_us;
    }
    abandon(issuer);
    for (uint16_t i = 0; i < issuer->partitions_count; i++)
        sim_network_cut(sim, SIM_TO_PARTITION, i);
    sim_network_cut(sim, SIM_TO_FEED, 0);
    issuer->start_at_us = sim->mono_us + sim_random_between(&sim->random, 0, 20000);
}

static void on_end(struct sim *sim, enum sim_end end, enum phase phase, bool sync_failed)
{
    static const enum sim_fault killed[] = {
        [RUNNING] = SIM_KILLED, [STARTING] = SIM_KILLED_AT_START, [STOPPING] = SIM_KILLED_AT_STOP};
    sim_trace(sim, end == SIM_END_KILLED ? "killed" : "stopped itself", phase, sim_disk_counts.operations);
    sim_count(sim, end == SIM_END_KILLED ? killed[phase] : SIM_STOPPED_ITSELF);
    if (end == SIM_END_STOPPED && !sync_failed)
        sim_fail(sim, "the issuer stopped itself although the disk did not fail");
    end_process(sim, sim_strikes(sim, sim->plan.lose_power));
}

/* Runs a part of the process. False when the process ended in it. */
static bool enter(struct sim *sim, void (*body)(void *), struct call *call, enum phase phase)
{
    uint64_t failed_before = sim_disk_counts.sync_errors;
    enum sim_end end = sim_disk_run(body, call);
    if (end == SIM_END_RETURNED)
        return true;
    on_end(sim, end, phase, sim_disk_counts.sync_errors > failed_before);
    return false;
}

void sim_issuer_kill_soon(struct sim *sim)
{
    sim_disk_kill_after((uint64_t)sim_random_between(&sim->random, 1, 40));
}

void sim_issuer_kill(struct sim *sim)
{
    if (!sim->issuer->up)
        return;
    sim_trace(sim, "killed between", 0, 0);
    end_process(sim, sim_strikes(sim, sim->plan.lose_power));
}

/* --- its start --- */

static int start_all(struct sim *sim, struct error *error)
{
    struct sim_issuer *issuer = sim->issuer;
    struct feed_config config = {.may_probe = true,
                                 .rows_max = sim->plan.rows_max,
                                 .in_flight_max = sim->plan.in_flight_max,
                                 .resend_us = RESEND_US,
                                 .gather_us = sim->plan.gather_us};
    issuer->feed = feed_create(&config);
    issuer->uncompared = sim_strikes(sim, sim->plan.store_fails);
    if (issuer->uncompared)
        feed_await_comparison(issuer->feed);
    sim_true_clock_begin(&issuer->true_clock, sim->wall_us, sim->mono_us);
    corrected_clock_init(&issuer->clock, sim->plan.clock_settle_us, 1, sim->wall_us, sim->mono_us);
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        struct sim_partition *partition = &issuer->partitions[i];
        if (sim_partition_start(sim, partition, error) != 0 ||
            feed_add(issuer->feed, partition->journal, partition->dir, error) != 0)
            return -1;
        issuer->sure_seq[i] = journal_written_seq(partition->journal);
    }
    return 0;
}

static void start_body(void *arg)
{
    struct call *call = arg;
    struct sim_issuer *issuer = call->sim->issuer;
    issuer->started = start_all(call->sim, &issuer->start_error) == 0;
}

static void on_refused(struct sim *sim, uint64_t faults_before)
{
    struct sim_issuer *issuer = sim->issuer;
    sim_trace(sim, "start refused", 0, 0);
    if (sim_disk_refusals() == faults_before)
        sim_fail(sim, "the start is refused although the disk did not fail: %s", issuer->start_error.text);
    sim_count(sim, SIM_START_REFUSED);
    end_process(sim, false);
}

/* Damages the newest snapshot: the previous one has to do. */
static void damage_snapshots(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->issuer->partitions_count && !sim->quiet; i++) {
        struct sim_partition *partition = &sim->issuer->partitions[i];
        if (!sim->plan.damage_snapshot || partition->snapshot_damaged || !sim_random_chance(&sim->random, 200))
            continue;
        partition->snapshot_damaged = sim_disk_damage_snapshot(partition->dir);
        if (partition->snapshot_damaged)
            sim_count(sim, SIM_SNAPSHOT_DAMAGED);
    }
}

static void start(struct sim *sim)
{
    struct sim_issuer *issuer = sim->issuer;
    struct call call = {.sim = sim};
    uint64_t faults_before = sim_disk_refusals();
    sim_trace(sim, "start", 0, 0);
    damage_snapshots(sim);
    sim_network_fence(sim);
    if (!enter(sim, start_body, &call, STARTING))
        return;
    if (!issuer->started) {
        on_refused(sim, faults_before);
        return;
    }
    for (uint16_t i = 0; i < issuer->partitions_count && !sim_failed(sim); i++)
        sim_partition_compare(sim, &issuer->partitions[i]);
    issuer->up = true;
}

/* --- its work --- */

int64_t sim_issuer_now_us(struct sim *sim)
{
    corrected_clock_judge(&sim->issuer->clock, sim->wall_us, sim->mono_us);
    int64_t now_us = corrected_clock_at(&sim->issuer->clock, sim->mono_us);
    sim_true_clock_update(&sim->issuer->true_clock, sim->plan.clock_settle_us, sim->wall_us, sim->mono_us);
    if (!sim_true_clock_allows(&sim->issuer->true_clock, now_us, sim->mono_us))
        sim_fail(sim, "a step of the clock that did not last counts: the time is off by %lld us",
                 (long long)(now_us - sim->mono_us - sim->issuer->true_clock.believed_us));
    return now_us;
}

static void decide_body(void *arg)
{
    struct call *call = arg;
    turn_decide(call->partition->turn, call->partition->asked_us, sim_boot_us(call->sim));
}

static void snapshot_step_body(void *arg)
{
    struct call *call = arg;
    snapshot_step(call->partition->snapshot, call->partition->ledger);
}

static void work_on_turn(struct sim *sim, struct sim_partition *partition)
{
    struct call call = {sim, partition};
    if (sim_partition_gather(sim, partition, sim_issuer_now_us(sim))) {
        partition->cut_short = true;
        if (!enter(sim, decide_body, &call, RUNNING))
            return;
        partition->cut_short = false;
        sim_partition_answer(sim, partition, true);
    }
    if (!sim_failed(sim))
        enter(sim, snapshot_step_body, &call, RUNNING);
}

static void worker_body(void *arg)
{
    struct call *call = arg;
    if (sim_random_chance(&call->sim->random, 500))
        journal_work(call->partition->journal);
    else
        snapshot_work(call->partition->snapshot);
}

/* The feed restarts later than the store asked for: no segment may have the records in between any more. */
static void note_gone(struct sim *sim, const struct sim_message *message)
{
    struct frame_header header;
    memcpy(&header, message->bytes, sizeof header);
    struct frame_ack behind;
    memcpy(&behind, frame_records(message->bytes), sizeof behind);
    struct sim_partition *partition = &sim->issuer->partitions[header.partition];
    uint64_t begins = feed_acked_seq(sim->issuer->feed, header.partition);
    if (memcmp(behind.store_id, sim_database_id(sim), sizeof behind.store_id) != 0)
        return;
    if (header.kind != FRAME_BEHIND || begins <= behind.last_seq || begins + 1 != sim_partition_first_kept(partition))
        return;
    sim_count(sim, SIM_GONE);
    if (partition->gone_until == 0 || behind.last_seq < partition->gone_after)
        partition->gone_after = behind.last_seq;
    partition->gone_until = begins;
}

/* Records that the feed considers persisted were in the database at some time, and so were those that no segment has
 * any more. */
static void judge_acked(struct sim *sim)
{
    for (uint16_t i = 0; i < sim->issuer->partitions_count; i++) {
        uint64_t acked = feed_acked_seq(sim->issuer->feed, i), ever = sim_database_ever_seq(sim, i);
        if (acked > ever)
            sim_fail(sim,
                     "promise 3: records up to %" PRIu64 " of partition %u count as persisted, %" PRIu64 " ever were",
                     acked, i, ever);
        uint64_t removed = sim_partition_first_kept(&sim->issuer->partitions[i]) - 1;
        if (removed > ever)
            sim_fail(sim,
                     "promise 3: records up to %" PRIu64 " of partition %u are in no segment, %" PRIu64
                     " were persisted",
                     removed, i, ever);
    }
}

static void answers_body(void *arg)
{
    struct call *call = arg;
    struct sim_message message;
    while (sim_network_take(call->sim, SIM_TO_FEED, 0, &message)) {
        feed_on_answer(call->sim->issuer->feed, message.bytes, message.size, call->sim->mono_us);
        note_gone(call->sim, &message);
        judge_acked(call->sim);
        free(message.bytes);
    }
}

/* Nothing is sent that a loss of power could still take back. */
static void judge_events(struct sim *sim, const struct feed_frame *frame)
{
    struct frame_events events;
    memcpy(&events, frame_records(zmq_msg_data(frame->message)), sizeof events);
    uint64_t durable = sim_disk_durable_seq(sim->issuer->partitions[frame->partition].dir);
    sim_trace(sim, "events", events.first_seq, events.last_seq);
    if (sim->issuer->uncompared)
        sim_fail(sim, "records leave before the journal was compared with its store");
    if (events.last_seq > durable)
        sim_fail(sim, "records up to %" PRIu64 " of partition %u are sent, but only %" PRIu64 " are on the disk",
                 events.last_seq, frame->partition, durable);
}

/* An issuer that has sent nothing since its start finds nothing new in its store. */
static void compare(struct sim *sim)
{
    struct sim_issuer *issuer = sim->issuer;
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        if (sim_database_ever_seq(sim, i) > issuer->sure_seq[i])
            sim_fail(sim, "a journal that had %" PRIu64 " records is compared with a store that has %" PRIu64,
                     issuer->sure_seq[i], sim_database_ever_seq(sim, i));
    }
    issuer->uncompared = false;
    feed_on_compared(issuer->feed);
    sim_count(sim, SIM_COMPARED_LATE);
}

/* The issuer probes its store; that takes a moment, and may fail. */
static void probe_store(struct sim *sim)
{
    struct sim_issuer *issuer = sim->issuer;
    if (issuer->probe_at_us == 0 && feed_wants_probe(issuer->feed, sim->mono_us))
        issuer->probe_at_us = sim->mono_us + sim_random_between(&sim->random, 1, 10000);
    if (issuer->probe_at_us == 0 || sim->mono_us < issuer->probe_at_us)
        return;
    issuer->probe_at_us = 0;
    sim_count(sim, SIM_PROBED);
    enum feed_store_probe result = sim_strikes(sim, sim->plan.store_fails) ? FEED_STORE_AWAY : FEED_STORE_FOUND;
    if (result == FEED_STORE_FOUND && issuer->uncompared)
        compare(sim);
    feed_on_probe(issuer->feed, result, sim_database_id(sim), sim->mono_us);
    judge_acked(sim);
}

static void feed_body(void *arg)
{
    struct call *call = arg;
    struct sim *sim = call->sim;
    struct feed *feed = sim->issuer->feed;
    answers_body(arg);
    probe_store(sim);
    feed_read_ahead(feed, sim->mono_us);
    struct feed_frame frame;
    uint16_t persister;
    while (!sim_failed(sim) && sim_persisters_take_more(sim, &persister) && feed_due(feed, sim->mono_us, &frame)) {
        judge_events(sim, &frame);
        sim_network_send(sim, SIM_TO_PERSISTER, persister, zmq_msg_data(frame.message), zmq_msg_size(frame.message));
        feed_sent(feed, &frame, sim->mono_us);
    }
    feed_report(feed, sim_issuer_now_us(sim), sim->mono_us);
}

void sim_issuer_work(struct sim *sim)
{
    struct sim_issuer *issuer = sim->issuer;
    if (sim_strikes(sim, sim->plan.pause_issuer)) {
        sim_count(sim, SIM_ISSUER_PAUSED);
        issuer->still_until_us = sim->mono_us + sim_random_between(&sim->random, 10000, 100000);
    }
    if (sim->mono_us < issuer->still_until_us && !sim->quiet)
        return;
    if (!issuer->up) {
        if (sim->mono_us >= issuer->start_at_us)
            start(sim);
        return;
    }
    struct call call = {.sim = sim};
    call.partition = &issuer->partitions[sim_random_below(&sim->random, issuer->partitions_count)];
    switch (sim_random_below(&sim->random, 5)) {
    case 0:
    case 1:
        work_on_turn(sim, call.partition);
        break;
    case 2:
        enter(sim, worker_body, &call, RUNNING);
        break;
    default:
        enter(sim, feed_body, &call, RUNNING);
    }
}

/* --- stopping in order --- */

static void stop_body(void *arg)
{
    struct call *call = arg;
    struct sim_issuer *issuer = call->sim->issuer;
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        struct sim_partition *partition = &issuer->partitions[i];
        snapshot_destroy(&partition->snapshot);
        turn_destroy(&partition->turn);
        ledger_destroy(&partition->ledger);
        journal_close(&partition->journal);
    }
}

void sim_issuer_stop(struct sim *sim)
{
    struct call call = {.sim = sim};
    if (!sim->issuer->up)
        return;
    sim_trace(sim, "stop", 0, 0);
    if (!enter(sim, stop_body, &call, STOPPING))
        return;
    sim_count(sim, SIM_STOPPED);
    end_process(sim, false);
}

void sim_issuer_come_back(struct sim *sim)
{
    sim_issuer_stop(sim);
    start(sim);
}

/* --- for the checker --- */

void sim_issuer_ask(struct sim *sim, uint16_t partition, void *frame, size_t size)
{
    struct call call = {sim, &sim->issuer->partitions[partition]};
    sim_partition_gather_frame(sim, call.partition, sim_issuer_now_us(sim), frame, size);
    if (!sim_failed(sim) && enter(sim, decide_body, &call, RUNNING))
        sim_partition_answer(sim, call.partition, false);
}
