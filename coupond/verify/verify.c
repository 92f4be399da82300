#include "coupond/verify/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/verify/found.h"
#include "shared/error.h"

/* --- life --- */

void verify_init(struct verify *verify, uint64_t seed)
{
    *verify = (struct verify){.seed = seed};
    verify->differences = calloc(FINDING_LINES_MAX, sizeof *verify->differences);
    CHECK(verify->differences != NULL);
}

void verify_deinit(struct verify *verify)
{
    verify_index_deinit(&verify->coupons);
    findings_deinit(&verify->findings);
    store_erased_deinit(&verify->erased);
    free(verify->differences);
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        verify_dead_deinit(&verify->journals[i].dead);
    *verify = (struct verify){0};
}

static struct verify_coupon *get_coupon(struct verify *verify, const char *id, size_t length)
{
    struct verify_coupon *last = verify->last;
    if (!last || strlen(last->id) != length || memcmp(last->id, id, length) != 0)
        verify->last = verify_index_get(&verify->coupons, id, length);
    return verify->last;
}

/* --- checks that rows and records share --- */

static void check_partition(struct verify *verify, struct verify_coupon *coupon, uint16_t partition)
{
    uint16_t partitions = verify->journals[partition].meta.partitions;
    uint16_t right = coupon_partition(coupon->id, strlen(coupon->id), partitions);
    if (right != partition)
        found_in(&verify->findings, coupon, FINDING_COUPON_MISPLACED, "it is in partition %u, but belongs to %u",
                 partition, right);
}

static const uint8_t *key_of(const struct verify *verify, const struct verify_coupon *coupon)
{
    return verify->journals[coupon->partition].meta.fingerprint_key;
}

static void check_user(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    char erased_id[ERASED_ID_LENGTH + 1];
    struct store_issue counted = *issue;
    verify_take_erased(&verify->erased, key_of(verify, coupon), &counted, erased_id);
    uint16_t count = verify_users_count(&coupon->users, verify->seed, counted.user_id, counted.user_id_length);
    if (issue->nth != count)
        found_at(&verify->findings, coupon, FINDING_NTH_BROKEN, issue, "is the user's issue number %u, not %u", count,
                 issue->nth);
    if (count > coupon->policy.per_user_limit + coupon->policy.forgiven)
        found_at(&verify->findings, coupon, FINDING_ABOVE_LIMIT, issue, "exceeds the per-user limit, %" PRIu32,
                 coupon->policy.per_user_limit);
}

/* --- journals and store --- */

void verify_add_journal(struct verify *verify, const struct journal_meta *meta, uint64_t acked)
{
    CHECK(meta->partition < PARTITIONS_MAX);
    verify->journals[meta->partition] =
        (struct verify_journal){.present = true, .meta = *meta, .acked = acked, .next_seq = 1, .first_seq = 1};
}

/* The policy's record comes after issues that are still in segments: the policy of their time is in no file any
 * more. */
static void clear_window(struct verify_policy *policy)
{
    policy->paused = false;
    policy->starts_at_us = policy->ends_at_us = TIME_NONE;
}

/* The policy without the counters, which follow from issues and changes. */
static void set_policy(struct verify_policy *policy, const struct store_coupon *row)
{
    policy->number = row->number != 0 ? row->number : policy->number;
    policy->quantity = row->quantity;
    policy->per_user_limit = row->per_user_limit;
    policy->paused = row->paused;
    policy->starts_at_us = row->starts_at_us;
    policy->ends_at_us = row->ends_at_us;
    policy->journal_seq = row->journal_seq;
}

static void add_snapshot_coupon(struct verify *verify, uint16_t partition, const struct coupon *there)
{
    struct verify_coupon *coupon = get_coupon(verify, there->id, strlen(there->id));
    check_partition(verify, coupon, partition);
    coupon->journalled = true;
    coupon->partition = partition;
    const struct store_coupon row = store_coupon_borrow(there);
    set_policy(&coupon->policy, &row); /* the rows are counted instead of its issues */
    coupon->snapshot_issued = there->issued;
    coupon->snapshot_digest = verify_policy_digest(&row);
    coupon->snapshot_policy_seq = there->journal_seq;
    if (there->journal_seq < verify->journals[partition].first_seq)
        coupon->acked_policy_seq = there->journal_seq;
    else
        clear_window(&coupon->policy);
}

void verify_add_snapshot(struct verify *verify, uint16_t partition, uint64_t first_seq, const struct ledger *snapshot)
{
    const struct ledger_coupon *coupons[COUPON_LIST_MAX];
    const char *after = "";
    verify->journals[partition].first_seq = first_seq;
    verify->journals[partition].snapshot = snapshot;
    size_t count;
    while ((count = ledger_list(snapshot, after, COUPON_LIST_MAX, coupons)) > 0) {
        for (size_t i = 0; i < count; i++) {
            struct coupon coupon;
            ledger_coupon_read(coupons[i], &coupon);
            add_snapshot_coupon(verify, partition, &coupon);
        }
        after = coupons[count - 1]->id;
    }
}

void verify_store_erasure(struct verify *verify, const struct store_erasure *erasure)
{
    store_erased_add(&verify->erased, erasure->fingerprint, erasure->journal_seq);
}

void verify_store_erasures_end(struct verify *verify)
{
    store_erased_sort(&verify->erased);
}

void verify_store_journal(struct verify *verify, const struct store_journal *there)
{
    struct verify_journal *journal = there->partition < PARTITIONS_MAX ? &verify->journals[there->partition] : NULL;
    if (!journal || !journal->present) {
        findings_add(&verify->findings, FINDING_JOURNAL_FOREIGN,
                     "partition %u: the store was filled by a journal that is missing here", there->partition);
        return;
    }
    journal->stored_seq = there->last_seq;
    journal->foreign = memcmp(journal->meta.journal_id, there->journal_id, sizeof there->journal_id) != 0;
    if (journal->foreign)
        findings_add(&verify->findings, FINDING_JOURNAL_FOREIGN,
                     "partition %u: the store was filled by another journal", there->partition);
    else if (journal->meta.partitions != there->partitions)
        findings_add(&verify->findings, FINDING_JOURNAL_FOREIGN,
                     "partition %u: the journal has %u partitions, but the store was filled by one with %u",
                     there->partition, journal->meta.partitions, there->partitions);
}

void verify_store_coupon(struct verify *verify, const struct coupon *there)
{
    struct verify_coupon *coupon = get_coupon(verify, there->id, strlen(there->id));
    coupon->stored = true;
    coupon->stored_issued = there->issued;
    const struct store_coupon row = store_coupon_borrow(there);
    coupon->stored_returned = there->returned;
    coupon->stored_redeemed = there->redeemed;
    coupon->stored_seq = there->journal_seq;
    coupon->stored_digest = verify_policy_digest(&row);
    if (coupon->journalled && coupon->policy.journal_seq == there->journal_seq)
        coupon->stored_matched = coupon->stored_digest == coupon->snapshot_digest;
}

/* True when the user's latest issue in the snapshot is this one or a later one. */
static bool snapshot_knows(const struct ledger *snapshot, const struct store_issue *issue)
{
    struct user_issue there;
    if (user_id_is_erased(issue->user_id, issue->user_id_length))
        return true; /* the snapshot cannot be asked by an erased id */
    if (!ledger_lookup(snapshot, issue->coupon_id, issue->coupon_id_length, issue->user_id, issue->user_id_length,
                       &there))
        return false;
    if (there.sequence == issue->sequence)
        return there.nth == issue->nth && there.issued_at_us == issue->issued_at_us;
    return there.sequence > issue->sequence && there.nth > issue->nth;
}

/* Uses the row of an issue in place of the journal's record, whose segment is removed. */
static void take_row_as_record(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    verify->issues++;
    if (issue->sequence != coupon->policy.issued + 1)
        found_at(&verify->findings, coupon, FINDING_SEQUENCE_BROKEN, issue, "follows %" PRIu32 " in the store",
                 coupon->policy.issued);
    if (issue->issued_at_us < coupon->last_issued_at_us)
        found_at(&verify->findings, coupon, FINDING_TIME_BACKWARDS, issue, "is issued earlier than the one before it");
    if (!snapshot_knows(verify->journals[coupon->partition].snapshot, issue))
        found_at(&verify->findings, coupon, FINDING_SNAPSHOT_DIFFERS, issue, "differs from the journal's snapshot");
    coupon->policy.issued = issue->sequence;
    coupon->last_issued_at_us = issue->issued_at_us;
    check_user(verify, coupon, issue);
    coupon->digests[coupon->rows - 1] = 0;
    coupon->rows_matched++;
}

void verify_store_change(struct verify *verify, const struct store_change *change)
{
    struct verify_coupon *coupon = get_coupon(verify, change->coupon_id, change->coupon_id_length);
    verify_changes_add_row(coupon, change, coupon->journalled ? verify->journals[coupon->partition].first_seq : 0);
}

/* True for a row from before an erasure of its user that still has the user's id. */
static bool should_be_erased(const struct verify *verify, const struct store_issue *issue)
{
    const struct verify_journal *first = &verify->journals[0];
    uint8_t fingerprint[16];
    if (verify->erased.count == 0)
        return false;
    uint16_t partitions = first->present ? first->meta.partitions : 1;
    uint16_t partition = coupon_partition(issue->coupon_id, issue->coupon_id_length, partitions);
    store_fingerprint(verify->journals[partition].meta.fingerprint_key, issue->user_id, issue->user_id_length,
                      fingerprint);
    return store_erased_seq(&verify->erased, fingerprint) > issue->journal_seq;
}

void verify_store_issue(struct verify *verify, const struct store_issue *issue)
{
    struct verify_coupon *coupon = get_coupon(verify, issue->coupon_id, issue->coupon_id_length);
    verify_coupon_add_row(coupon, issue);
    verify->rows++;
    if (should_be_erased(verify, issue))
        found_in(&verify->findings, coupon, FINDING_USER_NOT_ERASED,
                 "sequence %" PRIu32 " still has the id of its user, who was erased (journal_seq %" PRIu64 ")",
                 issue->sequence, issue->journal_seq);
    if (coupon->journalled && issue->journal_seq < verify->journals[coupon->partition].first_seq)
        take_row_as_record(verify, coupon, issue);
}

static void report_letter(struct verify *verify, struct verify_coupon *coupon, const struct store_dead_letter *letter)
{
    enum journal_record_type type = store_letter_type(letter);
    if (type == JOURNAL_COUPON)
        found_in(&verify->findings, coupon, FINDING_DEAD_LETTER, "its policy of journal_seq %" PRIu64 ": %s",
                 letter->journal_seq, letter->reason);
    else
        found_in(&verify->findings, coupon, FINDING_DEAD_LETTER,
                 "%ssequence %" PRIu32 " (user %.*s, journal_seq %" PRIu64 "): %s",
                 type == JOURNAL_CHANGE ? "the change of " : "", letter->sequence, (int)letter->user_id_length,
                 letter->user_id_length > 0 ? letter->user_id : "", letter->journal_seq, letter->reason);
}

static void note_dead(struct verify_journal *journal, const struct store_dead_letter *letter)
{
    if (journal->present && memcmp(journal->meta.journal_id, letter->journal_id, 16) == 0)
        verify_dead_add(&journal->dead, letter->journal_seq);
}

void verify_store_dead_letter(struct verify *verify, const struct store_dead_letter *letter)
{
    if (letter->partition < PARTITIONS_MAX)
        note_dead(&verify->journals[letter->partition], letter);
    verify->dead++;
    if (store_letter_type(letter) == JOURNAL_ERASURE)
        findings_add(&verify->findings, FINDING_DEAD_LETTER, "partition %u: the erasure of journal_seq %" PRIu64 ": %s",
                     letter->partition, letter->journal_seq, letter->reason);
    else
        report_letter(verify, get_coupon(verify, letter->coupon_id, letter->coupon_id_length), letter);
}

/* --- the journal's coupons --- */

static uint32_t in_force(const struct verify_policy *policy)
{
    return policy->issued > policy->returned ? policy->issued - policy->returned : 0;
}

static void take_policy(struct verify *verify, struct verify_coupon *coupon, uint16_t partition,
                        const struct journal_record *record)
{
    if (!coupon->journalled)
        check_partition(verify, coupon, partition);
    coupon->journalled = true;
    coupon->partition = partition;
    const struct store_coupon row = store_coupon_of(record);
    if (row.number != 0 && coupon->policy.number != 0 && row.number != coupon->policy.number)
        found_in(&verify->findings, coupon, FINDING_NUMBER_BROKEN,
                 "its number changes from %" PRIu32 " to %" PRIu32 " (journal_seq %" PRIu64 ")", coupon->policy.number,
                 row.number, record->seq);
    set_policy(&coupon->policy, &row);
    const struct verify_journal *journal = &verify->journals[partition];
    if (record->seq <= journal->acked && !verify_dead_has(&journal->dead, record->seq))
        coupon->acked_policy_seq = record->seq;
    if (coupon->stored && coupon->stored_seq == record->seq)
        coupon->stored_matched = coupon->stored_digest == verify_policy_digest(&row);
    if (coupon->policy.quantity < in_force(&coupon->policy))
        found_in(&verify->findings, coupon, FINDING_LOWERED_BELOW_ISSUED,
                 "quantity lowered to %" PRIu32 " when %" PRIu32 " are issued (journal_seq %" PRIu64 ")",
                 coupon->policy.quantity, in_force(&coupon->policy), record->seq);
}

/* --- the journal's issues --- */

static void check_sequence(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    struct verify_policy *policy = &coupon->policy;
    if (!coupon->journalled)
        found_at(&verify->findings, coupon, FINDING_COUPON_UNKNOWN, issue,
                 "belongs to a coupon that was never created");
    if (issue->sequence != policy->issued + 1)
        found_at(&verify->findings, coupon, FINDING_SEQUENCE_BROKEN, issue, "follows %" PRIu32, policy->issued);
    if (in_force(policy) >= policy->quantity)
        found_at(&verify->findings, coupon, FINDING_ABOVE_QUANTITY, issue, "is above the quantity, %" PRIu32,
                 policy->quantity);
    if (issue->issued_at_us < coupon->last_issued_at_us)
        found_at(&verify->findings, coupon, FINDING_TIME_BACKWARDS, issue, "is issued earlier than the one before it");
    if (issue->sequence > policy->issued)
        policy->issued = issue->sequence;
    coupon->last_issued_at_us = issue->issued_at_us;
}

static void check_window(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    const struct verify_policy *policy = &coupon->policy;
    const char *when = NULL;
    if (policy->paused)
        when = "while it was paused";
    else if (policy->starts_at_us != TIME_NONE && issue->issued_at_us < policy->starts_at_us)
        when = "before its start";
    else if (policy->ends_at_us != TIME_NONE && issue->issued_at_us >= policy->ends_at_us)
        when = "after its end";
    if (when)
        found_at(&verify->findings, coupon, FINDING_OUT_OF_WINDOW, issue, "is issued %s", when);
}

static void keep_difference(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    coupon->broken = true;
    if (verify->differences_count == FINDING_LINES_MAX)
        return;
    struct verify_difference *difference = &verify->differences[verify->differences_count++];
    difference->coupon = coupon;
    difference->sequence = issue->sequence;
    found_format_issue(issue, difference->text);
}

static void note_absence(struct verify *verify, struct verify_coupon *coupon, const struct verify_journal *journal,
                         const struct store_issue *issue)
{
    if (verify_dead_has(&journal->dead, issue->journal_seq))
        return;
    if (issue->journal_seq <= journal->acked) {
        found_at(&verify->findings, coupon, FINDING_ROW_MISSING, issue, "is not in the store");
        return;
    }
    coupon->lag++;
    verify->lag++;
}

static void compare_with_store(struct verify *verify, struct verify_coupon *coupon,
                               const struct verify_journal *journal, const struct store_issue *issue)
{
    size_t row = verify_coupon_find_row(coupon, issue->sequence);
    if (row == SIZE_MAX) {
        note_absence(verify, coupon, journal, issue);
    } else if (coupon->digests[row] == verify_issue_digest(issue) ||
               verify_is_erased(&verify->erased, journal->meta.fingerprint_key, issue, coupon->digests[row])) {
        coupon->digests[row] = 0;
        coupon->rows_matched++;
    } else if (coupon->digests[row] != 0) {
        keep_difference(verify, coupon, issue);
    }
}

static void take_issue(struct verify *verify, struct verify_coupon *coupon, uint16_t partition,
                       const struct journal_record *record)
{
    const struct store_issue issue = store_issue_of(record);
    verify->issues++;
    check_sequence(verify, coupon, &issue);
    check_user(verify, coupon, &issue);
    check_window(verify, coupon, &issue);
    compare_with_store(verify, coupon, &verify->journals[partition], &issue);
}

/* --- the journal's changes and erasures --- */

static void take_change(struct verify *verify, struct verify_coupon *coupon, uint16_t partition,
                        const struct journal_record *record)
{
    const struct verify_journal *journal = &verify->journals[partition];
    const struct store_change change = store_change_of(record);
    const struct verify_bounds bounds = {.acked = journal->acked,
                                         .first_seq = journal->first_seq,
                                         .is_dead = verify_dead_has(&journal->dead, record->seq),
                                         .erased = &verify->erased,
                                         .fingerprint_key = journal->meta.fingerprint_key};
    verify->changes++;
    verify->lag += verify_changes_add_record(&verify->findings, coupon, &change, &bounds);
}

static void take_erasure(struct verify *verify, uint16_t partition, const struct journal_record *record)
{
    const struct verify_journal *journal = &verify->journals[partition];
    if (record->seq > journal->acked || verify_dead_has(&journal->dead, record->seq) ||
        store_erased_seq(&verify->erased, record->erasure.fingerprint) >= record->seq)
        return;
    findings_add(&verify->findings, FINDING_ERASURE_MISSING,
                 "partition %u: the erasure of journal_seq %" PRIu64 " is not in the store", partition, record->seq);
}

void verify_journal_record(struct verify *verify, uint16_t partition, const struct journal_record *record)
{
    CHECK(verify->journals[partition].present);
    verify->journals[partition].records++;
    if (record->type == JOURNAL_ERASURE) {
        take_erasure(verify, partition, record);
        return;
    }
    if (record->type == JOURNAL_TERM)
        return;
    struct verify_coupon *coupon = get_coupon(verify, record->coupon_id, record->coupon_id_length);
    if (record->type == JOURNAL_COUPON)
        take_policy(verify, coupon, partition, record);
    else if (record->type == JOURNAL_CHANGE)
        take_change(verify, coupon, partition, record);
    else if (record->type == JOURNAL_ISSUE)
        take_issue(verify, coupon, partition, record);
}

void verify_journal_end(struct verify *verify, uint16_t partition, uint64_t next_seq, const char *damage)
{
    struct verify_journal *journal = &verify->journals[partition];
    journal->next_seq = next_seq;
    journal->damaged = damage != NULL;
    if (damage)
        findings_add(&verify->findings, FINDING_JOURNAL_DAMAGED, "partition %u: %s", partition, damage);
    else if (journal->acked >= next_seq)
        findings_add(&verify->findings, FINDING_JOURNAL_DAMAGED,
                     "partition %u: the journal ends before record %" PRIu64
                     ", but the store has acknowledged up to %" PRIu64,
                     partition, next_seq, journal->acked);
}
