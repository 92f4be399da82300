/*
 * The checker of a turn: each answer is the model's, and nothing leaves before it is durable.
 */
#include <inttypes.h>
#include <string.h>

#include "shared/options/options.h"
#include "sim_database.h"
#include "sim_disk.h"
#include "sim_network.h"
#include "sim_partition.h"
#include "sim_wish.h"

/* --- verdicts --- */

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

/* The disk has just failed to make room for what would have to be journalled. */
static bool has_no_room(const struct sim_partition *partition)
{
    return journal_is_full(partition->journal) && sim_disk_refusals() > partition->refusals_before;
}

static void count(struct sim *sim, enum verdict verdict)
{
    static const enum sim_fault counted[VERDICT_COUNT] = {
        [VERDICT_REPLAYED] = SIM_REPEATED,           [VERDICT_REDEEMED] = SIM_REDEEMED,
        [VERDICT_REDEEMED_BEFORE] = SIM_REDEEMED_SO, [VERDICT_ISSUE_EXPIRED] = SIM_EXPIRED,
        [VERDICT_REDEMPTION_UNDONE] = SIM_UNDONE,    [VERDICT_REVOKED] = SIM_REVOKED,
        [VERDICT_ISSUE_REVOKED] = SIM_REFUSED_FOR,   [VERDICT_ERASED] = SIM_ERASED,
        [VERDICT_NOT_ELIGIBLE] = SIM_NOT_ELIGIBLE,   [VERDICT_FORBIDDEN] = SIM_FORBIDDEN,
    };
    if (counted[verdict] != 0)
        sim_count(sim, counted[verdict]);
}

/* True when the request was decided as expected, which is then part of the model. */
static bool judge_verdict(struct sim *sim, struct sim_partition *partition, const struct model_answer *expected,
                          enum verdict verdict)
{
    bool overloaded = expected->journalled && has_no_room(partition);
    enum verdict right = overloaded ? VERDICT_OVERLOADED : expected->verdict;
    if (verdict != right)
        sim_fail(sim, "partition %u answers %s where %s is expected, after %zu records", partition->index,
                 verdict_name(verdict), verdict_name(right), partition->model.log_count);
    else if (overloaded)
        sim_count(sim, SIM_OVERLOADED);
    if (verdict != right || overloaded)
        return false;
    const char *broken = expected->journalled ? model_add(&partition->model, &expected->record) : NULL;
    if (broken != NULL)
        sim_fail(sim, "partition %u: %s", partition->index, broken);
    count(sim, verdict);
    return broken == NULL;
}

/* --- issues --- */

/* A code stays with its issue, and no other issue has it. */
static void judge_code(struct sim *sim, const struct sim_partition *partition, const char *coupon_id, uint32_t sequence,
                       uint64_t code)
{
    struct model_issue *issue = model_find_issue(&partition->model, coupon_id, sequence);
    if (issue == NULL || (issue->code != 0 && issue->code != code)) {
        sim_fail(sim, "sequence %u of %s has another code than before", sequence, coupon_id);
        return;
    }
    for (size_t i = 0; issue->code == 0 && i < partition->model.coupons_count; i++) {
        const struct model_coupon *coupon = &partition->model.coupons[i];
        for (uint32_t k = 0; k < coupon->issued; k++) {
            if (coupon->issues[k].code == code)
                sim_fail(sim, "sequence %u of %s has the code of another issue", sequence, coupon_id);
        }
    }
    issue->code = code;
}

static void judge_told(struct sim *sim, const struct sim_partition *partition, const struct model_answer *expected,
                       const struct frame_issue *told)
{
    const struct model_issue *right = &expected->issue;
    bool same = told->sequence == right->sequence && told->state == right->state;
    if (expected->whole)
        same = same && told->nth == right->nth && told->issued_at_us == right->issued_at_us &&
               told->redeemable_until_us == model_redeemable_until_us(expected->coupon, right->issued_at_us);
    if (!same)
        sim_fail(sim, "partition %u tells sequence %u, nth %u, state %u; right is sequence %u, nth %u, state %u (%s)",
                 partition->index, told->sequence, told->nth, told->state, right->sequence, right->nth, right->state,
                 verdict_name(expected->verdict));
    else if (expected->whole)
        judge_code(sim, partition, expected->coupon->policy.id, told->sequence, told->code);
}

/* Whatever its gateway believed, a user gets no coupon that is for others; and a refusal says for whom it is. */
static void judge_segments(struct sim *sim, const struct sim_partition *partition, const struct sim_asked *asked,
                           const struct model_answer *expected, const struct frame_issue_reply *reply)
{
    uint32_t wanted = expected->coupon != NULL ? expected->coupon->policy.segments : 0;
    bool exempt = asked->issue.segments == SEGMENTS_EXEMPT;
    if (reply->segments != (expected->verdict == VERDICT_NOT_ELIGIBLE ? wanted : 0))
        sim_fail(sim, "partition %u refuses with other segments than the coupon has", partition->index);
    else if (expected->verdict == VERDICT_ISSUED && wanted != 0 && !exempt &&
             !sim_is_in(asked->issue.user_id, asked->issue.user_id_length, wanted))
        sim_fail(sim, "partition %u issues %s to a user who is in none of its segments", partition->index,
                 expected->coupon->policy.id);
}

static void judge_issue(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                        const struct frame_issue_reply *reply)
{
    enum verdict verdict = (enum verdict)reply->verdict;
    if (judge_deadline(sim, partition, asked, verdict))
        return;
    struct model_answer expected;
    sim_partition_expect(partition, asked, &expected);
    sim_trace(sim, verdict_name(verdict), partition->index, reply->issue.sequence);
    if (reply->tag != asked->issue.tag || reply->now_us != partition->asked_us)
        sim_fail(sim, "partition %u answers another request or from another time", partition->index);
    if (sim_failed(sim) || !judge_verdict(sim, partition, &expected, verdict))
        return;
    judge_segments(sim, partition, asked, &expected, reply);
    if (!sim_failed(sim) && expected.issue.sequence != 0)
        judge_told(sim, partition, &expected, &reply->issue);
}

/* --- changes --- */

/* Details are missing only when the store has them. */
static void judge_details(struct sim *sim, const struct sim_partition *partition, const struct model_issue *issue,
                          const struct frame_details *told)
{
    if (told->changed_at_us == 0) {
        if (issue->changed > sim_database_ever_seq(sim, partition->index))
            sim_fail(sim, "partition %u does not know the details of record %zu, which no store has", partition->index,
                     issue->changed);
        return;
    }
    const struct model_record none = {.time_us = 0};
    const struct model_record *right = issue->changed > 0 ? &partition->model.log[issue->changed - 1] : &none;
    unsigned flags = (right->restock ? CHANGE_RESTOCK : 0) | (right->again ? CHANGE_AGAIN : 0);
    if (told->changed_at_us != right->time_us || told->flags != flags ||
        model_text(told->reference, told->reference_length) != right->reference ||
        model_text(told->reason, told->reason_length) != right->reason ||
        model_text(told->actor, told->actor_length) != right->actor)
        sim_fail(sim, "partition %u tells the details of another change than the latest one, record %zu",
                 partition->index, issue->changed);
}

static void judge_progress(struct sim *sim, const struct sim_partition *partition, const char *coupon_id,
                           const struct frame_progress *told)
{
    const struct model_coupon *coupon = model_find(&partition->model, coupon_id);
    if (told->examined != coupon->sweep.examined || told->until != coupon->sweep.until ||
        told->revoked != model_count(coupon, ISSUE_REVOKED))
        sim_fail(sim, "partition %u reports %u of %u issues of %s, %u revoked; right is %u of %u, %u revoked",
                 partition->index, told->examined, told->until, coupon_id, told->revoked, coupon->sweep.examined,
                 coupon->sweep.until, model_count(coupon, ISSUE_REVOKED));
}

static void judge_content(struct sim *sim, const struct sim_partition *partition, const struct model_answer *expected,
                          const struct frame_change_reply *reply, bool details)
{
    const char *coupon_id = expected->coupon->policy.id;
    if (expected->verdict == VERDICT_SWEEPING || expected->verdict == VERDICT_SWEPT) {
        judge_progress(sim, partition, coupon_id, &reply->progress);
        return;
    }
    if (expected->issue.sequence == 0)
        return;
    judge_told(sim, partition, expected, &reply->issue);
    const struct model_issue *issue = model_find_issue(&partition->model, coupon_id, expected->issue.sequence);
    if (!sim_failed(sim) && details)
        judge_details(sim, partition, issue, &reply->details);
}

/* The code of an issue may be right although nobody was told it yet. */
static bool is_untold(const struct sim_partition *partition, const struct frame_change_reply *reply)
{
    char coupon_id[COUPON_ID_MAX + 1] = "";
    memcpy(coupon_id, reply->coupon_id, reply->coupon_id_length);
    const struct model_issue *issue = model_find_issue(&partition->model, coupon_id, reply->issue.sequence);
    return issue != NULL && issue->code == 0 && reply->issue.state == issue->state;
}

static void judge_resolved(struct sim *sim, const struct sim_partition *partition, const struct sim_asked *asked,
                           const struct model_answer *expected, const struct frame_change_reply *reply)
{
    bool found = reply->verdict == VERDICT_FOUND;
    if (found != (expected->verdict == VERDICT_FOUND) && !(found && is_untold(partition, reply)))
        sim_fail(sim, "partition %u says %s of a code, right is %s", partition->index,
                 verdict_name((enum verdict)reply->verdict), verdict_name(expected->verdict));
    if (!found || expected->verdict != VERDICT_FOUND)
        return;
    sim_count(sim, SIM_RESOLVED);
    size_t length = strlen(expected->coupon->policy.id);
    if (reply->issue.code != asked->change.code || reply->coupon_id_length != length ||
        memcmp(reply->coupon_id, expected->coupon->policy.id, length) != 0)
        sim_fail(sim, "partition %u resolves a code to an issue of another coupon", partition->index);
    else
        judge_told(sim, partition, expected, &reply->issue);
}

static void judge_change(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                         const struct frame_change_reply *reply)
{
    enum verdict verdict = (enum verdict)reply->verdict;
    if (judge_deadline(sim, partition, asked, verdict))
        return;
    struct model_answer expected;
    sim_partition_expect(partition, asked, &expected);
    sim_trace(sim, verdict_name(verdict), partition->index, reply->issue.sequence);
    if (reply->tag != asked->change.tag || reply->now_us != partition->asked_us) {
        sim_fail(sim, "partition %u answers another request or from another time", partition->index);
        return;
    }
    if (asked->change.op == CHANGE_RESOLVE) {
        judge_resolved(sim, partition, asked, &expected, reply);
        return;
    }
    bool details = reply->issue.state != ISSUE_ISSUED;
    if (judge_verdict(sim, partition, &expected, verdict) && expected.coupon != NULL)
        judge_content(sim, partition, &expected, reply, details);
}

/* --- coupons --- */

static void judge_coupon(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                         const struct frame_coupon_reply *reply)
{
    enum verdict verdict = (enum verdict)reply->verdict;
    if (judge_deadline(sim, partition, asked, verdict))
        return;
    struct model_answer expected;
    sim_partition_expect(partition, asked, &expected);
    sim_trace(sim, verdict_name(verdict), partition->index, reply->coupon.quantity);
    bool any = expected.coupon == NULL && !expected.journalled; /* a listing, or none */
    if (!judge_verdict(sim, partition, &expected, verdict) || any)
        return;
    struct coupon told = {.number = 0};
    struct model_policy policy;
    CHECK(frame_coupon_read(&reply->coupon, &told));
    model_policy_read(&told, &policy);
    const struct model_coupon *right = model_find(&partition->model, told.id);
    if (right == NULL || !model_policy_equal(&policy, &right->policy))
        sim_fail(sim, "partition %u returns another policy of %s than it has (%s)", partition->index, told.id,
                 verdict_name(verdict));
    else if (told.issued != right->issued || told.returned != model_returned(right) ||
             told.redeemed != model_count(right, ISSUE_REDEEMED))
        sim_fail(sim, "partition %u counts %u issues of %s, %u returned, %u redeemed; right is %u, %u, %u",
                 partition->index, told.issued, told.id, told.returned, told.redeemed, right->issued,
                 model_returned(right), model_count(right, ISSUE_REDEEMED));
}

/* --- turns --- */

static void judge_pong(struct sim *sim, const struct sim_partition *partition, const unsigned char *record)
{
    struct frame_pong pong;
    memcpy(&pong, record, sizeof pong);
    if (pong.journal_seq != journal_written_seq(partition->journal) || pong.now_us != partition->asked_us)
        sim_fail(sim, "partition %u answers a ping with record %" PRIu64 " or from another time", partition->index,
                 pong.journal_seq);
}

/* Checks the replies to one frame; returns how many requests it had. */
static size_t judge_frame(struct sim *sim, struct sim_partition *partition, const struct sim_asked *asked,
                          zmq_msg_t *message)
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
        struct frame_change_reply change;
        struct frame_coupon_reply coupon;
        if (header.kind == FRAME_ISSUE_REPLIES) {
            memcpy(&issue, records + i * sizeof issue, sizeof issue);
            judge_issue(sim, partition, &asked[requests++], &issue);
        } else if (header.kind == FRAME_CHANGE_REPLIES) {
            memcpy(&change, records + i * sizeof change, sizeof change);
            judge_change(sim, partition, &asked[requests++], &change);
        } else if (header.kind == FRAME_PONG) {
            judge_pong(sim, partition, records);
        } else {
            records += frame_coupon_reply_next(records, &coupon);
            if (coupon.remaining == 0) /* the last reply of a listing stands for all */
                judge_coupon(sim, partition, &asked[requests++], &coupon);
        }
    }
    return requests;
}

/* The step of a sweep at the end of a turn. */
static void judge_sweep(struct sim *sim, struct sim_partition *partition)
{
    struct model_record records[MODEL_SWEEP_RECORDS_MAX];
    if (partition->sweeping[0] == '\0' || has_no_room(partition))
        return;
    size_t count =
        model_sweep_step(&partition->model, partition->sweeping, sim->plan.sweep_records, partition->asked_us, records);
    for (size_t i = 0; i < count && !sim_failed(sim); i++) {
        const char *broken = model_add(&partition->model, &records[i]);
        if (broken != NULL)
            sim_fail(sim, "partition %u: %s", partition->index, broken);
        if (records[i].type == JOURNAL_SWEEP)
            sim_count(sim, SIM_SWEPT);
    }
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
    size_t done = 0;
    for (size_t i = 0; i < turn_frames(partition->turn) && !sim_failed(sim); i++) {
        zmq_msg_t *gateway, *reply;
        uint16_t from;
        turn_answer(partition->turn, i, &gateway, &reply);
        done += judge_frame(sim, partition, partition->asked + done, reply);
        memcpy(&from, zmq_msg_data(gateway), sizeof from);
        if (send)
            sim_network_send(sim, SIM_TO_CLIENTS, from, zmq_msg_data(reply), zmq_msg_size(reply));
    }
    if (!sim_failed(sim) && done != partition->asked_count)
        sim_fail(sim, "partition %u answers %zu of %zu requests", partition->index, done, partition->asked_count);
    if (!sim_failed(sim))
        judge_sweep(sim, partition);
    if (!sim_failed(sim))
        judge_durability(sim, partition);
    partition->answered_count = partition->model.log_count;
    partition->asked_count = 0;
    turn_end(partition->turn);
}
