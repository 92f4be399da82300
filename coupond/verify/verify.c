#include "coupond/verify/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/error.h"

#define ISSUE_TEXT_MAX 192

/* An issue in the journal where the store has another with the same sequence. */
struct verify_difference {
    const struct verify_coupon *coupon;
    uint32_t sequence;
    char text[ISSUE_TEXT_MAX];
};

/* Reports a violation and marks the coupon as broken. */
static void found_in(struct verify *verify, struct verify_coupon *coupon, enum finding kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "coupon C: sequence N <what> (<the issue>)" */
static void found_at(struct verify *verify, struct verify_coupon *coupon, enum finding kind,
                     const struct store_issue *issue, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void format_issue(const struct store_issue *issue, char out[ISSUE_TEXT_MAX])
{
    char time[RFC3339_MAX];
    rfc3339_format(issue->issued_at_us, time);
    snprintf(out, ISSUE_TEXT_MAX, "user %.*s, nth %u, at %s, journal_seq %" PRIu64, (int)issue->user_id_length,
             issue->user_id, issue->nth, time, issue->journal_seq);
}

static void found_in(struct verify *verify, struct verify_coupon *coupon, enum finding kind, const char *format, ...)
{
    char text[FINDING_LENGTH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    coupon->broken = true;
    findings_add(&verify->findings, kind, "coupon %s: %s", coupon->id, text);
}

static void found_at(struct verify *verify, struct verify_coupon *coupon, enum finding kind,
                     const struct store_issue *issue, const char *format, ...)
{
    char what[FINDING_LENGTH_MAX];
    char text[ISSUE_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    format_issue(issue, text);
    found_in(verify, coupon, kind, "sequence %" PRIu32 " %s (%s)", issue->sequence, what, text);
}

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
        found_in(verify, coupon, FINDING_COUPON_MISPLACED, "it is in partition %u, but belongs to %u", partition,
                 right);
}

static void check_user(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    uint16_t count = verify_users_count(&coupon->users, verify->seed, issue->user_id, issue->user_id_length);
    if (issue->nth != count)
        found_at(verify, coupon, FINDING_NTH_BROKEN, issue, "is the user's issue number %u, not %u", count, issue->nth);
    if (count > coupon->policy.per_user_limit)
        found_at(verify, coupon, FINDING_ABOVE_LIMIT, issue, "exceeds the per-user limit, %" PRIu32,
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
static void clear_window(struct coupon *policy)
{
    policy->paused = false;
    policy->starts_at_us = policy->ends_at_us = TIME_NONE;
}

static void add_snapshot_coupon(struct verify *verify, uint16_t partition, const struct coupon *there)
{
    struct verify_coupon *coupon = get_coupon(verify, there->id, strlen(there->id));
    check_partition(verify, coupon, partition);
    coupon->journalled = true;
    coupon->partition = partition;
    coupon->policy = *there;
    coupon->policy.issued = 0; /* the rows are counted instead */
    coupon->snapshot_issued = there->issued;
    coupon->snapshot_digest = verify_policy_digest(there);
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

void verify_store_journal(struct verify *verify, const struct store_journal *there)
{
    struct verify_journal *journal = there->partition < PARTITIONS_MAX ? &verify->journals[there->partition] : NULL;
    if (!journal || !journal->present) {
        findings_add(&verify->findings, FINDING_JOURNAL_FOREIGN,
                     "partition %u: the store was filled by a journal that is missing here", there->partition);
        return;
    }
    journal->stored = true;
    if (memcmp(journal->meta.journal_id, there->journal_id, sizeof there->journal_id) != 0)
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
    coupon->stored_seq = there->journal_seq;
    coupon->stored_digest = verify_policy_digest(there);
    if (coupon->journalled && coupon->policy.journal_seq == there->journal_seq)
        coupon->stored_matched = coupon->stored_digest == coupon->snapshot_digest;
}

/* True when the user's latest issue in the snapshot is this one or a later one. */
static bool snapshot_knows(const struct ledger *snapshot, const struct store_issue *issue)
{
    struct user_issue there;
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
        found_at(verify, coupon, FINDING_SEQUENCE_BROKEN, issue, "follows %" PRIu32 " in the store",
                 coupon->policy.issued);
    if (issue->issued_at_us < coupon->last_issued_at_us)
        found_at(verify, coupon, FINDING_TIME_BACKWARDS, issue, "is issued earlier than the one before it");
    if (!snapshot_knows(verify->journals[coupon->partition].snapshot, issue))
        found_at(verify, coupon, FINDING_SNAPSHOT_DIFFERS, issue, "differs from the journal's snapshot");
    coupon->policy.issued = issue->sequence;
    coupon->last_issued_at_us = issue->issued_at_us;
    check_user(verify, coupon, issue);
    coupon->digests[coupon->rows - 1] = 0;
    coupon->rows_matched++;
}

void verify_store_issue(struct verify *verify, const struct store_issue *issue)
{
    struct verify_coupon *coupon = get_coupon(verify, issue->coupon_id, issue->coupon_id_length);
    verify_coupon_add_row(coupon, issue);
    verify->rows++;
    if (coupon->journalled && issue->journal_seq < verify->journals[coupon->partition].first_seq)
        take_row_as_record(verify, coupon, issue);
}

void verify_store_dead_letter(struct verify *verify, const struct store_dead_letter *letter)
{
    struct verify_coupon *coupon = get_coupon(verify, letter->coupon_id, letter->coupon_id_length);
    struct verify_journal *journal = letter->partition < PARTITIONS_MAX ? &verify->journals[letter->partition] : NULL;
    if (journal && journal->present && memcmp(journal->meta.journal_id, letter->journal_id, 16) == 0)
        verify_dead_add(&journal->dead, letter->journal_seq);
    verify->dead++;
    if (letter->user_id_length == 0)
        found_in(verify, coupon, FINDING_DEAD_LETTER, "its policy of journal_seq %" PRIu64 ": %s", letter->journal_seq,
                 letter->reason);
    else
        found_in(verify, coupon, FINDING_DEAD_LETTER, "sequence %" PRIu32 " (user %.*s, journal_seq %" PRIu64 "): %s",
                 letter->sequence, (int)letter->user_id_length, letter->user_id, letter->journal_seq, letter->reason);
}

/* --- the journal's coupons --- */

static void read_policy(const struct journal_record *record, struct coupon *policy)
{
    uint32_t issued = policy->issued;
    journal_record_coupon(record, policy);
    policy->issued = issued;
}

static void take_policy(struct verify *verify, struct verify_coupon *coupon, uint16_t partition,
                        const struct journal_record *record)
{
    if (!coupon->journalled)
        check_partition(verify, coupon, partition);
    coupon->journalled = true;
    coupon->partition = partition;
    read_policy(record, &coupon->policy);
    const struct verify_journal *journal = &verify->journals[partition];
    if (record->seq <= journal->acked && !verify_dead_has(&journal->dead, record->seq))
        coupon->acked_policy_seq = record->seq;
    if (coupon->stored && coupon->stored_seq == record->seq)
        coupon->stored_matched = coupon->stored_digest == verify_policy_digest(&coupon->policy);
    if (coupon->policy.quantity < coupon->policy.issued)
        found_in(verify, coupon, FINDING_LOWERED_BELOW_ISSUED,
                 "quantity lowered to %" PRIu32 " when %" PRIu32 " are issued (journal_seq %" PRIu64 ")",
                 coupon->policy.quantity, coupon->policy.issued, record->seq);
}

/* --- the journal's issues --- */

static void check_sequence(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    struct coupon *policy = &coupon->policy;
    if (!coupon->journalled)
        found_at(verify, coupon, FINDING_COUPON_UNKNOWN, issue, "belongs to a coupon that was never created");
    if (issue->sequence != policy->issued + 1)
        found_at(verify, coupon, FINDING_SEQUENCE_BROKEN, issue, "follows %" PRIu32, policy->issued);
    if (issue->sequence > policy->quantity)
        found_at(verify, coupon, FINDING_ABOVE_QUANTITY, issue, "is above the quantity, %" PRIu32, policy->quantity);
    if (issue->issued_at_us < coupon->last_issued_at_us)
        found_at(verify, coupon, FINDING_TIME_BACKWARDS, issue, "is issued earlier than the one before it");
    if (issue->sequence > policy->issued)
        policy->issued = issue->sequence;
    coupon->last_issued_at_us = issue->issued_at_us;
}

static void check_window(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    const struct coupon *policy = &coupon->policy;
    const char *when = NULL;
    if (policy->paused)
        when = "while it was paused";
    else if (policy->starts_at_us != TIME_NONE && issue->issued_at_us < policy->starts_at_us)
        when = "before its start";
    else if (policy->ends_at_us != TIME_NONE && issue->issued_at_us >= policy->ends_at_us)
        when = "after its end";
    if (when)
        found_at(verify, coupon, FINDING_OUT_OF_WINDOW, issue, "is issued %s", when);
}

static void keep_difference(struct verify *verify, struct verify_coupon *coupon, const struct store_issue *issue)
{
    coupon->broken = true;
    if (verify->differences_count == FINDING_LINES_MAX)
        return;
    struct verify_difference *difference = &verify->differences[verify->differences_count++];
    difference->coupon = coupon;
    difference->sequence = issue->sequence;
    format_issue(issue, difference->text);
}

static void note_absence(struct verify *verify, struct verify_coupon *coupon, const struct verify_journal *journal,
                         const struct store_issue *issue)
{
    if (verify_dead_has(&journal->dead, issue->journal_seq))
        return;
    if (issue->journal_seq <= journal->acked) {
        found_at(verify, coupon, FINDING_ROW_MISSING, issue, "is not in the store");
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
    } else if (coupon->digests[row] == verify_issue_digest(issue)) {
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

void verify_journal_record(struct verify *verify, uint16_t partition, const struct journal_record *record)
{
    CHECK(verify->journals[partition].present);
    struct verify_coupon *coupon = get_coupon(verify, record->coupon_id, record->coupon_id_length);
    verify->journals[partition].records++;
    if (record->type == JOURNAL_COUPON)
        take_policy(verify, coupon, partition, record);
    else
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

/* --- final checks --- */

/* After the damage nothing is known of the journal, so nothing there can be called wrong. */
static bool is_beyond_damage(const struct verify *verify, const struct verify_coupon *coupon, uint64_t journal_seq)
{
    for (size_t i = 0; i < PARTITIONS_MAX; i++) {
        const struct verify_journal *journal = &verify->journals[i];
        bool may_be_its = !coupon->journalled || coupon->partition == i;
        if (journal->damaged && may_be_its && journal_seq >= journal->next_seq)
            return true;
    }
    return false;
}

/* The row names a record whose segment is removed, and the snapshot has a later one, which the store may not have
 * yet. */
static bool is_of_removed_policy(const struct verify *verify, const struct verify_coupon *coupon)
{
    return coupon->stored_seq > 0 && coupon->stored_seq < coupon->snapshot_policy_seq &&
           coupon->stored_seq < verify->journals[coupon->partition].first_seq;
}

static void finish_policy(struct verify *verify, struct verify_coupon *coupon)
{
    if (!coupon->stored && coupon->acked_policy_seq > 0)
        found_in(verify, coupon, FINDING_COUPON_ROW_MISSING, "it is not in the store (journal_seq %" PRIu64 ")",
                 coupon->acked_policy_seq);
    if (!coupon->stored || is_beyond_damage(verify, coupon, coupon->stored_seq))
        return;
    if (!coupon->journalled)
        found_in(verify, coupon, FINDING_COUPON_ROW_UNKNOWN, "it is only in the store (journal_seq %" PRIu64 ")",
                 coupon->stored_seq);
    else if (!coupon->stored_matched && !is_of_removed_policy(verify, coupon))
        found_in(verify, coupon, FINDING_COUPON_ROW_DIFFERS,
                 "the store's row differs from the journal's record %" PRIu64 ", which it names", coupon->stored_seq);
    else if (coupon->stored_seq < coupon->acked_policy_seq)
        found_in(verify, coupon, FINDING_COUPON_ROW_DIFFERS,
                 "the store's row is of journal_seq %" PRIu64 ", but %" PRIu64 " was acknowledged", coupon->stored_seq,
                 coupon->acked_policy_seq);
}

static void finish_rows(struct verify *verify, struct verify_coupon *coupon)
{
    uint32_t last = coupon->rows > 0 ? coupon->sequences[coupon->rows - 1] : 0;
    if (coupon->policy.issued < coupon->snapshot_issued)
        found_in(verify, coupon, FINDING_ROW_MISSING,
                 "the journal's snapshot has %" PRIu32 " issues, the store and the journal behind it only %" PRIu32,
                 coupon->snapshot_issued, coupon->policy.issued);
    if (coupon->stored && coupon->stored_issued != last)
        found_in(verify, coupon, FINDING_COUNT_DIFFERS,
                 "the store says issued %" PRIu32 ", its last issue there has sequence %" PRIu32, coupon->stored_issued,
                 last);
}

void verify_finish(struct verify *verify)
{
    struct verify_coupon **coupons = verify_index_sorted(&verify->coupons);
    for (size_t i = 0; i < verify->coupons.count; i++) {
        finish_policy(verify, coupons[i]);
        finish_rows(verify, coupons[i]);
    }
    free(coupons);
}

bool verify_wants_rows(const struct verify *verify)
{
    for (size_t i = 0; verify->coupons.places && i <= verify->coupons.mask; i++) {
        const struct verify_coupon *coupon = verify->coupons.places[i];
        if (coupon && coupon->rows_matched < coupon->rows)
            return true;
    }
    return false;
}

static const char *find_difference(const struct verify *verify, const struct verify_coupon *coupon, uint32_t sequence)
{
    for (size_t i = 0; i < verify->differences_count; i++)
        if (verify->differences[i].coupon == coupon && verify->differences[i].sequence == sequence)
            return verify->differences[i].text;
    return "another";
}

void verify_name_row(struct verify *verify, const struct store_issue *issue)
{
    struct verify_coupon *coupon = get_coupon(verify, issue->coupon_id, issue->coupon_id_length);
    size_t row = verify_coupon_find_row(coupon, issue->sequence);
    if (row == SIZE_MAX || coupon->digests[row] == 0)
        return;
    if (issue->sequence <= coupon->policy.issued) {
        char text[ISSUE_TEXT_MAX];
        format_issue(issue, text);
        found_in(verify, coupon, FINDING_ROW_DIFFERS, "sequence %" PRIu32 ": the store has %s; the journal has %s",
                 issue->sequence, text, find_difference(verify, coupon, issue->sequence));
        return;
    }
    if (!is_beyond_damage(verify, coupon, issue->journal_seq))
        found_at(verify, coupon, FINDING_ROW_UNKNOWN, issue, "is only in the store");
}
