#include "coupond/verify/changes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/verify/found.h"

/* --- changes --- */

static void count_revocation(struct verify_coupon *coupon, const struct store_change *change)
{
    if (change->state != ISSUE_REVOKED)
        return;
    coupon->policy.returned += change->restock;
    coupon->policy.forgiven += change->again;
}

/* A revocation is final, so that its row never names a later record. */
void verify_changes_add_row(struct verify_coupon *coupon, const struct store_change *change, uint64_t first_seq)
{
    verify_states_add_row(&coupon->states, change);
    if (change->journal_seq < first_seq)
        count_revocation(coupon, change);
}

static void check_record(struct findings *findings, struct verify_coupon *coupon, const struct store_change *change,
                         struct verify_state *state, bool from_start)
{
    bool was_redeemed = state->reached == ISSUE_REDEEMED && change->state == ISSUE_REDEEMED;
    const char *wrong = verify_state_reach(state, change, from_start);
    if (change->sequence > coupon->policy.issued)
        found_change(findings, coupon, FINDING_CHANGE_UNKNOWN, change, "belongs to an issue that was never made");
    else if (wrong)
        found_change(findings, coupon, was_redeemed ? FINDING_REDEEMED_TWICE : FINDING_CHANGE_BROKEN, change, "%s",
                     wrong);
}

/* True when the row is that of the change, whose actor was erased by a later record. */
static bool is_of_erased_actor(const struct verify_bounds *bounds, const struct store_change *change, uint64_t digest)
{
    uint8_t fingerprint[16];
    char id[ERASED_ID_LENGTH + 1];
    struct store_change row = *change;
    if (bounds->erased == NULL || bounds->erased->count == 0 || change->actor_length == 0)
        return false;
    store_fingerprint(bounds->fingerprint_key, change->actor, change->actor_length, fingerprint);
    if (store_erased_seq(bounds->erased, fingerprint) <= change->journal_seq)
        return false;
    store_erased_id(fingerprint, id);
    row.actor = id;
    row.actor_length = ERASED_ID_LENGTH;
    return verify_change_digest(&row) == digest;
}

static bool compare_with_row(struct findings *findings, struct verify_coupon *coupon, const struct store_change *change,
                             struct verify_state *state, const struct verify_bounds *bounds)
{
    bool there = state->stored != ISSUE_NONE && state->journal_seq >= change->journal_seq;
    if (there && state->journal_seq == change->journal_seq) {
        state->matched =
            state->digest == verify_change_digest(change) || is_of_erased_actor(bounds, change, state->digest);
        if (!state->matched)
            found_change(findings, coupon, FINDING_STATE_DIFFERS, change, "differs from the state in the store");
        state->matched = true; /* and reported */
        return false;
    }
    if (there || bounds->is_dead)
        return false;
    if (change->journal_seq <= bounds->acked)
        found_change(findings, coupon, FINDING_STATE_MISSING, change, "is not in the store");
    return change->journal_seq > bounds->acked;
}

bool verify_changes_add_record(struct findings *findings, struct verify_coupon *coupon,
                               const struct store_change *change, const struct verify_bounds *bounds)
{
    struct verify_state *state = verify_states_get(&coupon->states, change->sequence);
    check_record(findings, coupon, change, state, bounds->first_seq == 1);
    count_revocation(coupon, change);
    return compare_with_row(findings, coupon, change, state, bounds);
}

/* --- the end --- */

static void finish_counters(struct findings *findings, struct verify_coupon *coupon, uint32_t returned,
                            uint32_t redeemed)
{
    if (!coupon->stored || (coupon->stored_returned == returned && coupon->stored_redeemed == redeemed))
        return;
    found_in(findings, coupon, FINDING_COUNT_DIFFERS,
             "the store says returned %" PRIu32 " and redeemed %" PRIu32 ", the states there %" PRIu32 " and %" PRIu32,
             coupon->stored_returned, coupon->stored_redeemed, returned, redeemed);
}

void verify_changes_finish(struct findings *findings, struct verify_coupon *coupon, uint64_t first_seq,
                           uint64_t damaged_seq)
{
    uint32_t returned = 0, redeemed = 0;
    for (size_t i = 0; coupon->states.places && i <= coupon->states.mask; i++) {
        const struct verify_state *state = &coupon->states.places[i];
        if (state->stored == ISSUE_NONE)
            continue;
        returned += state->stored == ISSUE_REVOKED && state->restock;
        redeemed += state->stored == ISSUE_REDEEMED;
        if (!state->matched && state->journal_seq >= first_seq && state->journal_seq < damaged_seq)
            found_in(findings, coupon, FINDING_STATE_UNKNOWN,
                     "sequence %" PRIu32 " is %s in the store by record %" PRIu64 ", which the journal does not have",
                     state->sequence, store_state_name(state->stored), state->journal_seq);
    }
    finish_counters(findings, coupon, returned, redeemed);
}

/* --- erased users --- */

static bool to_erased(const struct store_erased *erased, const uint8_t key[16], const struct store_issue *issue,
                      uint64_t after_seq, char id[ERASED_ID_LENGTH + 1])
{
    uint8_t fingerprint[16];
    if (erased->count == 0)
        return false;
    store_fingerprint(key, issue->user_id, issue->user_id_length, fingerprint);
    store_erased_id(fingerprint, id);
    return store_erased_seq(erased, fingerprint) > after_seq;
}

bool verify_is_erased(const struct store_erased *erased, const uint8_t key[16], const struct store_issue *issue,
                      uint64_t digest)
{
    char id[ERASED_ID_LENGTH + 1];
    struct store_issue row = *issue;
    if (!to_erased(erased, key, issue, issue->journal_seq, id))
        return false;
    row.user_id = id;
    row.user_id_length = ERASED_ID_LENGTH;
    return verify_issue_digest(&row) == digest;
}

void verify_take_erased(const struct store_erased *erased, const uint8_t key[16], struct store_issue *issue,
                        char id[ERASED_ID_LENGTH + 1])
{
    if (!to_erased(erased, key, issue, 0, id))
        return;
    issue->user_id = id;
    issue->user_id_length = ERASED_ID_LENGTH;
}
