#include "sim_partition.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/sweep.h"
#include "issuer/recovery/recovery.h"
#include "shared/options/options.h"
#include "sim_clients.h"
#include "sim_disk.h"
#include "sim_divided.h"
#include "sim_network.h"

#define SNAPSHOT_STEP 1000       /* bytes copied between two turns */
#define NOBODY        UINT16_MAX /* the checker asks */
#define DIVIDED       300        /* per 1000 starts */

/* --- the process --- */

static int open_journal(struct sim *sim, struct sim_partition *partition, struct error *error)
{
    struct journal_config config = {
        .dir = partition->dir,
        .partition = partition->index,
        .partitions = sim->plan.partitions,
        .segment_bytes = sim->plan.segment_bytes,
        .sync_interval_ms = sim->plan.sync_interval_ms,
        .worker_by_hand = true,
    };
    return journal_open(&config, &partition->journal, error);
}

int sim_partition_start(struct sim *sim, struct sim_partition *partition, struct error *error)
{
    struct recovery_result recovered;
    partition->details = details_create();
    if (open_journal(sim, partition, error) != 0 ||
        recovery_run_alone(partition->journal, &partition->ledger, partition->details, &recovered, NULL, error) != 0)
        return -1;
    if (sim_random_chance(&sim->random, DIVIDED)) {
        ledger_destroy(&partition->ledger);
        partition->ledger = sim_divided_recover(sim, partition->dir, partition->journal);
    }
    struct snapshot_config snapshot = {
        .bytes_min = sim->plan.snapshot_bytes,
        .step_bytes = SNAPSHOT_STEP,
        .worker_by_hand = true,
        .journal_bytes = recovered.journal_bytes,
        .last_bytes = recovered.snapshot_bytes,
    };
    if (snapshot_create(partition->journal, &snapshot, &partition->snapshot, error) != 0)
        return -1;
    partition->incarnation = 1 + sim_random_below(&sim->random, 1000000000);
    struct turn_config config = {
        .journal = partition->journal,
        .ledger = partition->ledger,
        .details = partition->details,
        .metrics = partition->metrics,
        .requests_max = sim->plan.requests_max,
        .sweep_records_max = sim->plan.sweep_records,
        .incarnation = partition->incarnation,
    };
    partition->turn = turn_create(&config);
    if (recovered.snapshot_bytes > 0)
        sim_count(sim, SIM_SNAPSHOT_LOADED);
    return 0;
}

void sim_partition_abandon(struct sim_partition *partition)
{
    turn_destroy(&partition->turn);
    snapshot_destroy(&partition->snapshot);
    ledger_destroy(&partition->ledger);
    details_destroy(&partition->details);
    journal_abandon(&partition->journal);
}

/* --- taking requests --- */

/* Fills the request with the bytes at `record`; returns their number. */
static size_t read_request(struct sim_partition *partition, struct sim_asked *asked, const unsigned char *record,
                           uint32_t *wait_us, uint64_t *tag)
{
    struct frame_coupon_request *coupon;
    switch (asked->kind) {
    case FRAME_ISSUE_REQUESTS:
        memcpy(&asked->issue, record, sizeof asked->issue);
        *wait_us = asked->issue.wait_us;
        *tag = asked->issue.tag;
        return sizeof asked->issue;
    case FRAME_CHANGE_REQUESTS:
        memcpy(&asked->change, record, sizeof asked->change);
        *wait_us = asked->change.wait_us;
        *tag = asked->change.tag;
        return sizeof asked->change;
    default:
        CHECK(partition->coupons_count < SIM_COUPONS_A_TURN);
        asked->coupon = coupon = &partition->coupons[partition->coupons_count++];
        memcpy(coupon, record, sizeof *coupon);
        *wait_us = coupon->wait_us;
        *tag = coupon->tag;
        return sizeof *coupon;
    }
}

/* A turn is decided at the moment when it is gathered. */
static void note_asked(struct sim *sim, struct sim_partition *partition, const void *frame, uint16_t gateway)
{
    struct frame_header header;
    memcpy(&header, frame, sizeof header);
    const unsigned char *records = frame_records(frame);
    for (uint32_t i = 0; i < header.count; i++) {
        CHECK(partition->asked_count < SIM_ASKED_MAX);
        struct sim_asked *asked = &partition->asked[partition->asked_count++];
        uint32_t wait_us;
        uint64_t tag;
        asked->kind = (enum frame_kind)header.kind;
        records += read_request(partition, asked, records, &wait_us, &tag);
        asked->foreign = header.incarnation != partition->incarnation;
        asked->late = asked->foreign || sim_boot_us(sim) >= header.clock_us + wait_us;
        asked->given_up = gateway != NOBODY && sim_clients_gave_up(sim, tag);
    }
}

static void take_frame(struct sim *sim, struct sim_partition *partition, const void *frame, size_t size, uint16_t from)
{
    zmq_msg_t gateway, request;
    CHECK(zmq_msg_init_size(&gateway, sizeof from) == 0);
    CHECK(zmq_msg_init_size(&request, size) == 0);
    memcpy(zmq_msg_data(&gateway), &from, sizeof from);
    memcpy(zmq_msg_data(&request), frame, size);
    size_t before = turn_frames(partition->turn);
    turn_take(partition->turn, &gateway, &request, true);
    if (turn_frames(partition->turn) == before)
        sim_fail(sim, "a valid frame of requests was dropped");
    else
        note_asked(sim, partition, frame, from);
}

/* Which of several sweeps is next is not a promise, but that they go on is. */
static void note_sweeping(struct sim *sim, struct sim_partition *partition)
{
    const struct ledger_sweep *sweep = ledger_sweep_first(partition->ledger);
    memset(partition->sweeping, 0, sizeof partition->sweeping);
    if (sweep != NULL)
        strcpy(partition->sweeping, sweep->coupon->id);
    const struct model_coupon *coupon = model_find(&partition->model, partition->sweeping);
    if (sweep == NULL && model_sweeps(&partition->model))
        sim_fail(sim, "partition %u has forgotten that the issues of a coupon are being revoked", partition->index);
    if (sweep != NULL && (coupon == NULL || coupon->sweep.begun == 0))
        sim_fail(sim, "partition %u revokes the issues of %s, which nobody requested", partition->index,
                 partition->sweeping);
}

static void begin_turn(struct sim *sim, struct sim_partition *partition, int64_t now_us)
{
    partition->asked_count = partition->coupons_count = 0;
    partition->asked_us = now_us;
    partition->refusals_before = sim_disk_refusals();
    partition->cut_short = false;
    note_sweeping(sim, partition);
}

bool sim_partition_gather(struct sim *sim, struct sim_partition *partition, int64_t now_us)
{
    begin_turn(sim, partition, now_us);
    struct sim_message message;
    while (turn_takes_more(partition->turn) && sim_network_take(sim, SIM_TO_PARTITION, partition->index, &message)) {
        take_frame(sim, partition, message.bytes, message.size, message.from);
        free(message.bytes);
    }
    return !sim_failed(sim) && (turn_frames(partition->turn) > 0 || turn_sweeps(partition->turn));
}

void sim_partition_gather_frame(struct sim *sim, struct sim_partition *partition, int64_t now_us, void *frame,
                                size_t size)
{
    frame_header_set_clock(frame, partition->incarnation, sim_boot_us(sim));
    begin_turn(sim, partition, now_us);
    take_frame(sim, partition, frame, size, NOBODY);
}

void sim_partition_expect(const struct sim_partition *partition, const struct sim_asked *asked,
                          struct model_answer *answer)
{
    switch (asked->kind) {
    case FRAME_ISSUE_REQUESTS:
        model_ask_issue(&partition->model, &asked->issue, partition->asked_us, answer);
        break;
    case FRAME_CHANGE_REQUESTS:
        model_ask_change(&partition->model, &asked->change, partition->asked_us, answer);
        break;
    default:
        model_ask_coupon(&partition->model, asked->coupon, partition->asked_us, answer);
    }
}
