#include "shared/store/judge.h"

#include <inttypes.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/store/reason.h"

static void describe_issue(const struct store_issue *issue, char out[192])
{
    char time[RFC3339_MAX];
    rfc3339_format(issue->issued_at_us, time);
    snprintf(out, 192, "sequence %" PRIu32 " " STORE_REASON_USER " nth %u, at %s, journal_seq %" PRIu64,
             issue->sequence, (int)issue->user_id_length, issue->user_id, issue->nth, time, issue->journal_seq);
}

enum store_result store_issue_conflict(const struct store_issue *wanted, const struct store_issue *there,
                                       struct error *error)
{
    char wanted_text[192];
    char there_text[192];
    describe_issue(wanted, wanted_text);
    describe_issue(there, there_text);
    error_set(error, "coupon %.*s: the journal has %s, but the store already has %s", (int)wanted->coupon_id_length,
              wanted->coupon_id, wanted_text, there_text);
    return STORE_REJECTED;
}

enum store_result store_coupon_missing(const struct store_issue *issue, struct error *error)
{
    error_set(error, "coupon %.*s is not in the store, but the journal issues its sequence %" PRIu32 " to user %.*s",
              (int)issue->coupon_id_length, issue->coupon_id, issue->sequence, (int)issue->user_id_length,
              issue->user_id);
    return STORE_REJECTED;
}

enum store_result store_changed_coupon_missing(const struct store_change *change, struct error *error)
{
    error_set(error, "coupon %.*s is not in the store, but the journal changes its issue %" PRIu32 " to %s",
              (int)change->coupon_id_length, change->coupon_id, change->sequence, store_state_name(change->state));
    return STORE_REJECTED;
}

enum store_result store_policy_judge(const struct store_coupon *wanted, const struct store_coupon *there, bool *newer,
                                     struct error *error)
{
    *newer = wanted->journal_seq > there->journal_seq;
    bool same_record = wanted->journal_seq == there->journal_seq;
    if (wanted->created_at_us == there->created_at_us && (!same_record || store_coupon_equal(wanted, there)))
        return STORE_OK;
    error_set(error,
              "coupon %s: the journal's record %" PRIu64 " contradicts the stored one, which came from its record "
              "%" PRIu64,
              wanted->id, wanted->journal_seq, there->journal_seq);
    return STORE_REJECTED;
}

static void count_state(struct store_count *count, const struct store_change *change, int32_t sign)
{
    count->redeemed += change->state == ISSUE_REDEEMED ? sign : 0;
    count->returned += change->state == ISSUE_REVOKED && change->restock ? sign : 0;
}

enum store_result store_change_judge(const struct store_change *wanted, const struct store_change *there, bool *newer,
                                     struct store_count *count, struct error *error)
{
    *newer = there == NULL || wanted->journal_seq > there->journal_seq;
    if (*newer) {
        count_state(count, wanted, 1);
        if (there != NULL)
            count_state(count, there, -1);
        return STORE_OK;
    }
    if (wanted->journal_seq < there->journal_seq || store_change_equal(wanted, there))
        return STORE_OK;
    error_set(error,
              "coupon %.*s, sequence %" PRIu32 ": the journal's record %" PRIu64 " makes it %s, which contradicts the "
              "state %s that the store has from the same record",
              (int)wanted->coupon_id_length, wanted->coupon_id, wanted->sequence, wanted->journal_seq,
              store_state_name(wanted->state), store_state_name(there->state));
    return STORE_REJECTED;
}

enum store_result store_id_missing(const struct store *store, struct error *error)
{
    error_set(error, "%s has no id in schema_version; its persister gives it one when it starts", store->description);
    return STORE_FAILED;
}

enum store_result store_id_judge(const struct store *store, const struct store_batch *batch, struct error *error)
{
    char ours[STORE_ID_TEXT_MAX];
    char meant[STORE_ID_TEXT_MAX];
    if (!store_id_is_known(batch->store_id) || memcmp(batch->store_id, store->id, STORE_ID_BYTES) == 0)
        return STORE_OK;
    store_id_format(store->id, ours);
    store_id_format(batch->store_id, meant);
    error_set(error,
              "%s (id %s) is not the store that the issuer fills (id %s): give this persister the same store/… "
              "options as the issuer and the other persisters",
              store->description, ours, meant);
    return STORE_OTHER;
}

/* STORE_FOREIGN when a journal that filled the store before cannot be of the same issuer as the batch's. */
static enum store_result judge_journal(const struct store_batch *batch, const struct store_journal *there,
                                       struct error *error)
{
    if (there->partitions != batch->partitions) {
        error_set(error, "foreign journal: it has %u partitions, but the store was filled by one with %u",
                  batch->partitions, there->partitions);
        return STORE_FOREIGN;
    }
    if (there->partition != batch->partition || memcmp(there->journal_id, batch->journal_id, 16) == 0)
        return STORE_OK;
    char ours[JOURNAL_ID_TEXT_MAX];
    char theirs[JOURNAL_ID_TEXT_MAX];
    journal_id_format(batch->journal_id, ours);
    journal_id_format(there->journal_id, theirs);
    error_set(error,
              "foreign journal: partition %u is journal %s, but the store was filled by journal %s; give the persister "
              "an empty database, or restore the journal that belongs to this one",
              batch->partition, ours, theirs);
    return STORE_FOREIGN;
}

bool store_journals_judge(struct store_journals *journals, const struct store_journal *there,
                          const struct store_progress *progress, struct error *error)
{
    if (there->partition == journals->batch->partition) {
        journals->known = true;
        journals->progress = *progress;
    }
    journals->result = judge_journal(journals->batch, there, error);
    return journals->result == STORE_OK;
}

void store_pass_over_gone(const struct store_batch *batch, struct store_progress *progress)
{
    if (batch->gone_seq > progress->last_seq)
        store_progress_add(progress, 1, batch->gone_seq);
}

enum store_result store_behind_judge(struct store *store, const struct store_batch *batch,
                                     struct store_progress *progress, struct error *error)
{
    store->behind_seq = progress->last_seq;
    store_pass_over_gone(batch, progress);
    if (progress->last_seq >= batch->acked_seq)
        return STORE_OK;
    error_set(error,
              "%s has the records of partition %u only up to %" PRIu64 ", but acknowledged them up to %" PRIu64
              "; it came back empty or from a backup, and the issuer sends them again",
              store->description, batch->partition, store->behind_seq, batch->acked_seq);
    return STORE_BEHIND;
}

enum store_result store_schema_judge(const struct store *store, int64_t version, struct error *error)
{
    if (version == STORE_SCHEMA_VERSION)
        return STORE_OK;
    if (version == 0)
        error_set(error, "%s does not exist or has no coupond schema; the persister creates it when it starts",
                  store->description);
    else
        error_set(error, "%s has schema version %" PRId64 ", but this coupond needs version %d; %s", store->description,
                  version, STORE_SCHEMA_VERSION,
                  version > STORE_SCHEMA_VERSION ? "use a newer coupond" : "start its persister, which migrates it");
    return STORE_FAILED;
}

enum store_result store_schema_check(struct store *store, struct error *error)
{
    int64_t version;
    enum store_result result = store->ops->schema_version(store, &version, error);
    if (result == STORE_OK)
        result = store_schema_judge(store, version, error);
    return result == STORE_OK && store->ops->check_tables != NULL ? store->ops->check_tables(store, error) : result;
}
