/* The rows of the database at the end of a run, compared with the journals. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "sim_database.h"
#include "sim_database_rows.h"
#include "sim_issuer_state.h"

/* True when a record of the coupon before `seq` was lost for good, and reported: until the coupon's next change its
 * issues cannot be stored. */
static bool coupon_is_gone(const struct sim *sim, uint16_t partition, uint64_t seq, const char *coupon_id)
{
    const struct model *model = sim_issuer_model(sim, partition);
    bool gone = false;
    for (uint64_t i = 0; i < seq; i++)
        gone |= model->log[i].type == JOURNAL_COUPON && strcmp(model->log[i].coupon_id, coupon_id) == 0 &&
                sim_issuer_is_gone(sim, partition, i + 1);
    return gone;
}

static bool may_be_dead(const struct sim *sim, uint16_t partition, uint64_t seq, const struct model_record *record)
{
    bool refused = record->type == JOURNAL_CHANGE
                       ? sim_database_refuses_change(sim, record->sequence)
                       : sim_database_refuses_user(sim, record->user_id, strlen(record->user_id));
    return refused || coupon_is_gone(sim, partition, seq, record->coupon_id) ||
           sim_database_refuses_coupon(sim, record->coupon_id);
}

/* Checks that a record is in a row or in a letter, and in a letter only if it must be. */
static void judge_record(struct sim *sim, uint16_t partition, uint64_t seq, size_t there)
{
    const struct model_record *record = &sim_issuer_model(sim, partition)->log[seq - 1];
    size_t dead = sim_rows_count_letters(sim_database_rows(sim), partition, seq);
    bool may_lack = sim_issuer_is_gone(sim, partition, seq);
    /* One persister found the coupon rejected, and finishes its frame after another that found it accepted. */
    bool may_be_both = there == 1 && dead == 1 && coupon_is_gone(sim, partition, seq, record->coupon_id);
    if (there + dead != 1 && !(there + dead == 0 && may_lack) && !may_be_both)
        sim_fail(sim,
                 "promise 3: sequence %u of %s to %s, %s by record %" PRIu64 ", is %zu times in the database and %zu "
                 "times a dead letter",
                 record->sequence, record->coupon_id, record->user_id,
                 record->type == JOURNAL_CHANGE ? "changed" : "issued", seq, there, dead);
    else if (dead > 0 && !may_be_dead(sim, partition, seq, record))
        sim_fail(sim, "record %" PRIu64 " is a dead letter, but the database would take it", seq);
}

/* --- issues --- */

/* "erased:" and the fingerprint, as shared/store/erased.h says. */
static void erased_id(const struct sim *sim, uint16_t partition, const char *user_id, char out[USER_ID_MAX + 1])
{
    uint8_t hash[crypto_shorthash_siphashx24_BYTES];
    crypto_shorthash_siphashx24(hash, (const unsigned char *)user_id, strlen(user_id),
                                sim_issuer_fingerprint_key(sim, partition));
    int used = snprintf(out, USER_ID_MAX + 1, "erased:");
    for (size_t i = 0; i < sizeof hash; i++)
        used += snprintf(out + used, (size_t)(USER_ID_MAX + 1 - used), "%02x", hash[i]);
}

static void judge_issue(struct sim *sim, uint16_t partition, uint64_t seq)
{
    const struct model *model = sim_issuer_model(sim, partition);
    const struct model_record *record = &model->log[seq - 1];
    const struct sim_rows *rows = sim_database_rows(sim);
    bool erased = false, may_be_erased = false;
    for (size_t i = seq; i < model->log_count; i++) {
        if (model->log[i].type != JOURNAL_ERASURE || strcmp(model->log[i].user_id, record->user_id) != 0)
            continue;
        may_be_erased = true;
        erased |= !sim_issuer_is_gone(sim, partition, i + 1);
    }
    size_t there = erased ? 0 : sim_rows_count_issue(rows, record, seq, record->user_id);
    if (may_be_erased) {
        char id[USER_ID_MAX + 1];
        erased_id(sim, partition, record->user_id, id);
        there += sim_rows_count_issue(rows, record, seq, id);
    }
    judge_record(sim, partition, seq, there);
}

/* --- states --- */

static bool is_state(const struct store_change *row, const struct model_issue *issue, const struct model_record *record)
{
    return row->state == issue->state && row->restock == record->restock && row->again == record->again &&
           row->changed_at_us == record->time_us && row->journal_seq == issue->changed &&
           model_text(row->reference, row->reference_length) == record->reference &&
           model_text(row->reason, row->reason_length) == record->reason &&
           model_text(row->actor, row->actor_length) == record->actor;
}

/* The last change counts; earlier ones are nowhere, or dead letters. */
static void judge_state(struct sim *sim, uint16_t partition, const struct model_coupon *coupon,
                        const struct model_issue *issue)
{
    const char *id = coupon->policy.id;
    const struct store_change *row = sim_rows_state(sim_database_rows(sim), id, strlen(id), issue->sequence);
    if (issue->changed == 0) {
        if (row != NULL)
            sim_fail(sim, "the database has a change of sequence %u of %s, which never changed", issue->sequence, id);
        return;
    }
    const struct model_record *record = &sim_issuer_model(sim, partition)->log[issue->changed - 1];
    bool there = row != NULL && is_state(row, issue, record);
    if (!there && row != NULL && sim_rows_count_letters(sim_database_rows(sim), partition, issue->changed) == 0 &&
        !sim_issuer_is_gone(sim, partition, issue->changed))
        sim_fail(sim,
                 "promise 3: sequence %u of %s is %s in the database by record %" PRIu64 ", but it is %s by "
                 "record %zu",
                 issue->sequence, id, store_state_name(row->state), row->journal_seq, store_state_name(issue->state),
                 issue->changed);
    else
        judge_record(sim, partition, issue->changed, there);
}

/* --- coupons --- */

/* The counters follow from the states in the database. */
static void judge_counters(struct sim *sim, const struct sim_coupon_row *coupon)
{
    const struct sim_rows *rows = sim_database_rows(sim);
    int32_t returned = 0, redeemed = 0;
    for (size_t i = 0; i < rows->states_count; i++) {
        const struct sim_state_row *state = &rows->states[i];
        if (strcmp(state->coupon_id, coupon->policy.id) != 0)
            continue;
        returned += state->change.state == ISSUE_REVOKED && state->change.restock;
        redeemed += state->change.state == ISSUE_REDEEMED;
    }
    if (returned != coupon->returned || redeemed != coupon->redeemed)
        sim_fail(sim, "the database counts %d returned and %d redeemed issues of %s, but has %d and %d",
                 coupon->returned, coupon->redeemed, coupon->policy.id, returned, redeemed);
}

static void judge_coupon(struct sim *sim, uint16_t partition, const struct model_coupon *coupon)
{
    const struct sim_rows *rows = sim_database_rows(sim);
    const struct model_policy *policy = &coupon->policy;
    const struct sim_coupon_row *there = sim_rows_coupon(rows, policy->id, strlen(policy->id));
    if (there != NULL)
        judge_counters(sim, there);
    if (sim_failed(sim) || sim_issuer_is_gone(sim, partition, policy->journal_seq))
        return;
    if (sim_database_refuses_coupon(sim, policy->id) &&
        (there != NULL || sim_rows_count_letters(rows, partition, policy->journal_seq) != 1))
        sim_fail(sim, "coupon %s is rejected, but it is not a dead letter", policy->id);
    else if (sim_database_refuses_coupon(sim, policy->id))
        return;
    else if (there == NULL)
        sim_fail(sim, "promise 3: coupon %s is not in the database", policy->id);
    else if (!model_policy_equal(&there->policy, policy) || there->issued > coupon->issued)
        sim_fail(sim, "coupon %s has another policy in the database, of record %" PRIu64 " instead of %" PRIu64,
                 policy->id, there->policy.journal_seq, policy->journal_seq);
}

/* --- all --- */

static void judge_log(struct sim *sim, uint16_t partition, bool *all, size_t *issues)
{
    const struct model *model = sim_issuer_model(sim, partition);
    for (size_t i = 0; i < model->log_count && !sim_failed(sim); i++) {
        bool gone = sim_issuer_is_gone(sim, partition, i + 1);
        *all &= !gone;
        *issues += model->log[i].type == JOURNAL_ISSUE;
        if (model->log[i].type == JOURNAL_ISSUE)
            judge_issue(sim, partition, i + 1);
        if (model->log[i].type == JOURNAL_ERASURE && !gone &&
            !sim_rows_has_erasure(sim_database_rows(sim), partition, i + 1))
            sim_fail(sim, "promise 3: the erasure of %s, record %zu, is not in the database", model->log[i].user_id,
                     i + 1);
    }
}

void sim_database_judge(struct sim *sim)
{
    size_t records = 0;
    bool all = true;
    for (uint16_t p = 0; p < sim->plan.partitions; p++) {
        const struct model *model = sim_issuer_model(sim, p);
        judge_log(sim, p, &all, &records);
        for (size_t i = 0; i < model->coupons_count && !sim_failed(sim); i++) {
            const struct model_coupon *coupon = &model->coupons[i];
            judge_coupon(sim, p, coupon);
            for (uint32_t k = 0; k < coupon->issued && !sim_failed(sim); k++)
                judge_state(sim, p, coupon, &coupon->issues[k]);
        }
    }
    const struct sim_rows *rows = sim_database_rows(sim);
    size_t there = rows->issues_count + sim_rows_issue_letters(rows);
    if (!sim_failed(sim) && all && there != records)
        sim_fail(sim, "the database has %zu issues, the journals %zu", there, records);
}
