#include "sim_partition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/recovery/recovery.h"
#include "shared/options/options.h"
#include "sim_clients.h"
#include "sim_disk.h"
#include "sim_network.h"

#define SNAPSHOT_STEP 1000       /* bytes copied between two turns */
#define NOBODY        UINT16_MAX /* the checker asks */

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
    if (open_journal(sim, partition, error) != 0 ||
        recovery_run_alone(partition->journal, &partition->ledger, &recovered, NULL, error) != 0)
        return -1;
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
        .metrics = partition->metrics,
        .requests_max = sim->plan.requests_max,
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
    journal_abandon(&partition->journal);
}

/* --- taking requests --- */

static void note_deadline(struct sim *sim, const struct sim_partition *partition, struct sim_asked *asked,
                          const struct frame_header *header, bool from_client)
{
    uint32_t wait_us = asked->is_coupon ? asked->coupon.wait_us : asked->issue.wait_us;
    uint64_t tag = asked->is_coupon ? asked->coupon.tag : asked->issue.tag;
    asked->foreign = header->incarnation != partition->incarnation;
    asked->late = asked->foreign || sim_boot_us(sim) >= header->clock_us + wait_us;
    asked->given_up = from_client && sim_clients_gave_up(sim, tag);
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
        asked->is_coupon = header.kind == FRAME_COUPON_REQUESTS;
        if (asked->is_coupon)
            memcpy(&asked->coupon, records + i * sizeof asked->coupon, sizeof asked->coupon);
        else
            memcpy(&asked->issue, records + i * sizeof asked->issue, sizeof asked->issue);
        note_deadline(sim, partition, asked, &header, gateway != NOBODY);
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

static void begin_turn(struct sim_partition *partition, int64_t now_us)
{
    partition->asked_count = 0;
    partition->asked_us = now_us;
    partition->refusals_before = sim_disk_refusals();
    partition->cut_short = false;
}

bool sim_partition_gather(struct sim *sim, struct sim_partition *partition, int64_t now_us)
{
    begin_turn(partition, now_us);
    struct sim_message message;
    while (turn_takes_more(partition->turn) && sim_network_take(sim, SIM_TO_PARTITION, partition->index, &message)) {
        take_frame(sim, partition, message.bytes, message.size, message.from);
        free(message.bytes);
    }
    return turn_frames(partition->turn) > 0;
}

void sim_partition_gather_lookup(struct sim *sim, struct sim_partition *partition, int64_t now_us, unsigned coupon,
                                 unsigned user)
{
    unsigned char frame[sizeof(struct frame_header) + sizeof(struct frame_issue_request)];
    char coupon_id[COUPON_ID_MAX + 1], user_id[USER_ID_MAX + 1];
    sim_coupon_id(coupon, coupon_id);
    sim_user_id(user, user_id);
    struct frame_issue_request request = {.op = ISSUE_LOOKUP,
                                          .wait_us = UINT32_MAX,
                                          .coupon_id_length = (uint8_t)strlen(coupon_id),
                                          .user_id_length = (uint8_t)strlen(user_id)};
    memcpy(request.coupon_id, coupon_id, strlen(coupon_id));
    memcpy(request.user_id, user_id, strlen(user_id));
    frame_header_write((struct frame_header *)frame, FRAME_ISSUE_REQUESTS, partition->index, sim->plan.partitions, 1);
    frame_header_set_clock(frame, partition->incarnation, sim_boot_us(sim));
    memcpy(frame + sizeof(struct frame_header), &request, sizeof request);
    begin_turn(partition, now_us);
    take_frame(sim, partition, frame, sizeof frame, NOBODY);
}

/* --- judging --- */

/* Checks a request against its deadline: true when it had to be refused for that, or when a fault was found. */
static bool judge_deadline(struct sim *sim, const struct sim_partition *partition, const struct sim_asked *asked,
                           enum verdict verdict)
{
    if (verdict != VERDICT_LATE && asked->given_up)
        sim_fail(sim,
                 "promise 5: partition %u decides (%s) a request whose client was told that its outcome is unknown",
                 partition->index, verdict_name(verdict));
    else if (asked->late != (verdict == VERDICT_LATE))
        sim_fail(sim, "partition %u answers %s where the deadline %s", partition->index, verdict_name(verdict),
                 asked->late ? "has passed" : "has not passed");
    else if (asked->late)
        sim_count(sim, asked->foreign ? SIM_OTHER_INCARNATION : SIM_DEADLINE_PASSED);
    return asked->late || sim_failed(sim);
}

static bool changes_something(enum verdict verdict)
{
    return verdict == VERDICT_ISSUED || verdict == VERDICT_COUPON_CREATED || verdict == VERDICT_COUPON_CHANGED;
}

/* True when the answer is the expected one; a disk that has just failed the next segment excuses refusing what would
 * have to be journalled. */
static bool judge_verdict(struct sim *sim, struct sim_partition *partition, const struct model_answer *expected,
                          enum verdict verdict)
{
    if (verdict == VERDICT_OVERLOADED && changes_something(expected->verdict) && journal_is_full(partition->journal) &&
        sim_disk_refusals() > partition->refusals_before) {
        sim_count(sim, SIM_OVERLOADED);
        return true;
    }
    if (verdict == expected->verdict)
        return true;
    sim_fail(sim, "partition %u answers %s where %s is expected, after %zu records", partition->index,
             verdict_name(verdict), verdict_name(expected->verdict), partition->model.log_count);
    return false;
}

static void note_answer(struct sim *sim, struct sim_partition *partition, const struct model_answer *expected,
                        enum verdict verdict)
{
    if (!changes_something(verdict))
        return;
    const char *broken = model_add(&partition->model, &expected->record);
    if (broken != NULL)
        sim_fail(sim, "partition %u: %s", partition->index, broken);
}

static void judge_issue(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                        const struct frame_issue_reply *reply, int64_t now_us)
{
    enum verdict verdict = (enum verdict)reply->verdict;
    if (judge_deadline(sim, partition, asked, verdict))
        return;
    struct model_answer expected;
    model_ask_issue(&partition->model, &asked->issue, now_us, &expected);
    sim_trace(sim, verdict_name(verdict), partition->index, reply->sequence);
    if (!judge_verdict(sim, partition, &expected, verdict))
        return;
    note_answer(sim, partition, &expected, verdict);
    bool tells = verdict == VERDICT_ISSUED || verdict == VERDICT_ALREADY_ISSUED || verdict == VERDICT_FOUND;
    if (reply->tag != asked->issue.tag || reply->now_us != now_us)
        sim_fail(sim, "partition %u answers another request or from another time", partition->index);
    else if (tells && (reply->sequence != expected.sequence || reply->issued_at_us != expected.time_us))
        sim_fail(sim, "partition %u returns sequence %u of a user whose issue has sequence %u (%s)", partition->index,
                 reply->sequence, expected.sequence, verdict_name(verdict));
}

static void judge_coupon(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                         const struct frame_coupon_reply *reply, int64_t now_us)
{
    enum verdict verdict = (enum verdict)reply->verdict;
    if (judge_deadline(sim, partition, asked, verdict))
        return;
    struct model_answer expected;
    model_ask_coupon(&partition->model, &asked->coupon, now_us, &expected);
    sim_trace(sim, verdict_name(verdict), partition->index, reply->coupon.quantity);
    if (!judge_verdict(sim, partition, &expected, verdict) || verdict == VERDICT_OVERLOADED)
        return;
    struct coupon told;
    CHECK(frame_coupon_read(&reply->coupon, &told));
    const struct coupon *right = changes_something(verdict) ? &expected.record.policy : expected.coupon;
    if (right != NULL && (told.quantity != right->quantity || told.issued != right->issued ||
                          told.journal_seq != right->journal_seq || told.updated_at_us != right->updated_at_us ||
                          told.paused != right->paused || strcmp(told.title, right->title) != 0))
        sim_fail(sim, "partition %u returns another policy of %s than it has (%s)", partition->index, told.id,
                 verdict_name(verdict));
    note_answer(sim, partition, &expected, verdict);
}

/* Checks the replies to one frame; returns how many requests it had. */
static size_t judge_frame(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                          zmq_msg_t *message, int64_t now_us)
{
    struct frame_header header;
    size_t requests = 0;
    if (frame_check(zmq_msg_data(message), zmq_msg_size(message), &header) != FRAME_OK) {
        sim_fail(sim, "partition %u answers with a malformed frame", partition->index);
        return 0;
    }
    const unsigned char *records = frame_records(zmq_msg_data(message));
    for (uint32_t i = 0; i < header.count && !sim_failed(sim); i++) {
        struct frame_issue_reply issue;
        struct frame_coupon_reply coupon;
        if (header.kind == FRAME_ISSUE_REPLIES) {
            memcpy(&issue, records + i * sizeof issue, sizeof issue);
            judge_issue(sim, partition, &asked[requests++], &issue, now_us);
            continue;
        }
        memcpy(&coupon, records + i * sizeof coupon, sizeof coupon);
        if (coupon.remaining == 0) /* the last reply of a listing stands for all */
            judge_coupon(sim, partition, &asked[requests++], &coupon, now_us);
    }
    return requests;
}

/* With `always`, an answer may leave only when everything that it depends on would survive a loss of power. */
static void judge_durability(struct sim *sim, struct sim_partition *partition)
{
    uint64_t durable = sim_disk_durable_seq(partition->dir);
    if (sim->plan.sync_interval_ms == SYNC_ALWAYS && durable < partition->model.log_count)
        sim_fail(sim, "promise 3: partition %u answers for record %zu, but only %" PRIu64 " are on the disk",
                 partition->index, partition->model.log_count, durable);
    if (journal_written_seq(partition->journal) != partition->model.log_count)
        sim_fail(sim, "promise 6: partition %u journalled %" PRIu64 " records where %zu are expected", partition->index,
                 journal_written_seq(partition->journal), partition->model.log_count);
}

void sim_partition_answer(struct sim *sim, struct sim_partition *partition, bool send)
{
    int64_t now_us = partition->asked_us;
    size_t done = 0;
    for (size_t i = 0; i < turn_frames(partition->turn) && !sim_failed(sim); i++) {
        zmq_msg_t *gateway, *reply;
        uint16_t from;
        turn_answer(partition->turn, i, &gateway, &reply);
        done += judge_frame(sim, partition, partition->asked + done, reply, now_us);
        memcpy(&from, zmq_msg_data(gateway), sizeof from);
        if (send)
            sim_network_send(sim, SIM_TO_CLIENTS, from, zmq_msg_data(reply), zmq_msg_size(reply));
    }
    if (!sim_failed(sim) && done != partition->asked_count)
        sim_fail(sim, "partition %u answers %zu of %zu requests", partition->index, done, partition->asked_count);
    if (!sim_failed(sim))
        judge_durability(sim, partition);
    partition->answered_count = partition->model.log_count;
    partition->asked_count = 0;
    turn_end(partition->turn);
}
