#include "coupond/verify/finish.h"

#include <inttypes.h>
#include <stdlib.h>

#include "coupond/verify/found.h"

/* After the damage nothing is known of the journal, so nothing there can be called wrong. */
static uint64_t damaged_seq(const struct verify *verify, const struct verify_coupon *coupon)
{
    uint64_t seq = UINT64_MAX;
    for (size_t i = 0; i < PARTITIONS_MAX; i++) {
        const struct verify_journal *journal = &verify->journals[i];
        bool may_be_its = !coupon->journalled || coupon->partition == i;
        if (journal->damaged && may_be_its && journal->next_seq < seq)
            seq = journal->next_seq;
    }
    return seq;
}

static bool is_beyond_damage(const struct verify *verify, const struct verify_coupon *coupon, uint64_t journal_seq)
{
    return journal_seq >= damaged_seq(verify, coupon);
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
        found_in(&verify->findings, coupon, FINDING_COUPON_ROW_MISSING,
                 "it is not in the store (journal_seq %" PRIu64 ")", coupon->acked_policy_seq);
    if (!coupon->stored || is_beyond_damage(verify, coupon, coupon->stored_seq))
        return;
    if (!coupon->journalled)
        found_in(&verify->findings, coupon, FINDING_COUPON_ROW_UNKNOWN,
                 "it is only in the store (journal_seq %" PRIu64 ")", coupon->stored_seq);
    else if (!coupon->stored_matched && !is_of_removed_policy(verify, coupon))
        found_in(&verify->findings, coupon, FINDING_COUPON_ROW_DIFFERS,
                 "the store's row differs from the journal's record %" PRIu64 ", which it names", coupon->stored_seq);
    else if (coupon->stored_seq < coupon->acked_policy_seq)
        found_in(&verify->findings, coupon, FINDING_COUPON_ROW_DIFFERS,
                 "the store's row is of journal_seq %" PRIu64 ", but %" PRIu64 " was acknowledged", coupon->stored_seq,
                 coupon->acked_policy_seq);
}

static void finish_rows(struct verify *verify, struct verify_coupon *coupon)
{
    uint32_t last = coupon->rows > 0 ? coupon->sequences[coupon->rows - 1] : 0;
    if (coupon->policy.issued < coupon->snapshot_issued)
        found_in(&verify->findings, coupon, FINDING_ROW_MISSING,
                 "the journal's snapshot has %" PRIu32 " issues, the store and the journal behind it only %" PRIu32,
                 coupon->snapshot_issued, coupon->policy.issued);
    if (coupon->stored && coupon->stored_issued != last)
        found_in(&verify->findings, coupon, FINDING_COUNT_DIFFERS,
                 "the store says issued %" PRIu32 ", its last issue there has sequence %" PRIu32, coupon->stored_issued,
                 last);
}

static void finish_states(struct verify *verify, struct verify_coupon *coupon)
{
    uint64_t first_seq = coupon->journalled ? verify->journals[coupon->partition].first_seq : 0;
    verify_changes_finish(&verify->findings, coupon, first_seq, damaged_seq(verify, coupon));
}

static int compare_numbers(const void *a, const void *b)
{
    const struct verify_coupon *left = *(struct verify_coupon *const *)a, *right = *(struct verify_coupon *const *)b;
    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    return (left->policy.number > right->policy.number) - (left->policy.number < right->policy.number);
}

/* Sorts the coupons by their numbers, and names those that share one: their issues would share codes. */
static void finish_numbers(struct verify *verify, struct verify_coupon **coupons)
{
    if (verify->coupons.count > 1)
        qsort(coupons, verify->coupons.count, sizeof *coupons, compare_numbers);
    for (size_t i = 1; i < verify->coupons.count; i++) {
        if (coupons[i]->policy.number != 0 && compare_numbers(&coupons[i - 1], &coupons[i]) == 0)
            found_in(&verify->findings, coupons[i], FINDING_NUMBER_BROKEN, "its number %" PRIu32 " is also that of %s",
                     coupons[i]->policy.number, coupons[i - 1]->id);
    }
}

/* Acknowledgements were read before the store, so a store that still has what it acknowledged is not behind them. */
static void finish_journal(struct verify *verify, unsigned partition)
{
    const struct verify_journal *journal = &verify->journals[partition];
    if (!journal->present || journal->foreign || journal->stored_seq >= journal->acked)
        return;
    findings_add(&verify->findings, FINDING_STORE_BEHIND,
                 "partition %u: the store has the records up to %" PRIu64 ", but acknowledged them up to %" PRIu64,
                 partition, journal->stored_seq, journal->acked);
}

void verify_finish(struct verify *verify)
{
    for (unsigned i = 0; i < PARTITIONS_MAX; i++)
        finish_journal(verify, i);
    struct verify_coupon **coupons = verify_index_sorted(&verify->coupons);
    for (size_t i = 0; i < verify->coupons.count; i++) {
        finish_policy(verify, coupons[i]);
        finish_rows(verify, coupons[i]);
        finish_states(verify, coupons[i]);
    }
    finish_numbers(verify, coupons);
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
    struct verify_coupon *coupon = verify_index_get(&verify->coupons, issue->coupon_id, issue->coupon_id_length);
    size_t row = verify_coupon_find_row(coupon, issue->sequence);
    if (row == SIZE_MAX || coupon->digests[row] == 0)
        return;
    if (issue->sequence <= coupon->policy.issued) {
        char text[ISSUE_TEXT_MAX];
        found_format_issue(issue, text);
        found_in(&verify->findings, coupon, FINDING_ROW_DIFFERS,
                 "sequence %" PRIu32 ": the store has %s; the journal has %s", issue->sequence, text,
                 find_difference(verify, coupon, issue->sequence));
        return;
    }
    if (!is_beyond_damage(verify, coupon, issue->journal_seq))
        found_at(&verify->findings, coupon, FINDING_ROW_UNKNOWN, issue, "is only in the store");
}
