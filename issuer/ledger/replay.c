#include <string.h>

#include "issuer/ledger/ledger.h"
#include "issuer/ledger/state.h"
#include "issuer/ledger/sweep.h"
#include "shared/error.h"

/* How many events ahead to prefetch a user's table, index line and slot. */
#define AHEAD_TABLE 32u
#define AHEAD_INDEX 24u
#define AHEAD_SLOT  8u

void ledger_event_of(const struct ledger *ledger, const struct journal_record *record, struct ledger_event *event)
{
    CHECK(record->type == JOURNAL_ISSUE);
    event->seq = record->seq;
    event->time_us = record->time_us;
    event->user = ledger_fingerprint(ledger, record->issue.user_id, record->issue.user_id_length);
    event->sequence = record->issue.sequence;
    event->nth = record->issue.nth;
    event->request_key = record->issue.request_key;
    event->coupon_id_length = (uint8_t)record->coupon_id_length;
    memcpy(event->coupon_id, record->coupon_id, record->coupon_id_length);
}

static bool is_of(const struct ledger_coupon *coupon, const struct ledger_event *event)
{
    return memcmp(coupon->id, event->coupon_id, event->coupon_id_length) == 0 &&
           coupon->id[event->coupon_id_length] == '\0';
}

/* Most events concern the same coupon as the previous one. */
static struct ledger_coupon *find_near(const struct ledger *ledger, struct ledger_coupon *before,
                                       const struct ledger_event *event)
{
    if (before != NULL && is_of(before, event))
        return before;
    return coupon_index_find(&ledger->index, event->coupon_id, event->coupon_id_length);
}

/* The snapshot visited coupon and user after this issue, so both already know it. */
static const char *meet_again(const struct ledger_coupon *coupon, const struct ledger_event *event)
{
    struct user_issue there = {0};
    bool holds = user_set_find(&coupon->users, event->user, &there);
    return holds && there.sequence >= event->sequence && there.nth >= event->nth
               ? NULL
               : "an issue that the snapshot should contain";
}

static const char *check_sequence(const struct ledger_coupon *coupon, const struct ledger_event *event)
{
    if (event->sequence != coupon->issued + 1)
        return "an issue out of sequence";
    return ledger_coupon_in_force(coupon) >= coupon->quantity ? "an issue above the coupon's quantity" : NULL;
}

/* True when the user belongs to this part of the ledger. */
static bool is_ours(const struct ledger *ledger, const struct ledger_coupon *coupon, const struct ledger_event *event)
{
    if (coupon->holder != 0)
        return coupon->holder == ledger->part + 1;
    return ledger->part_bits == 0 || event->user.high >> (64 - ledger->part_bits) == ledger->part;
}

static const char *pass_by(struct ledger_coupon *coupon, const struct ledger_event *event)
{
    const char *wrong = check_sequence(coupon, event);
    coupon->issued += wrong == NULL;
    return wrong;
}

static const char *check_issue(const struct ledger_coupon *coupon, const struct user_issue *before,
                               const struct ledger_event *event)
{
    const char *wrong = check_sequence(coupon, event);
    if (wrong != NULL)
        return wrong;
    if (event->nth != before->nth + 1 || event->nth > coupon->per_user_limit + coupon->forgiven)
        return "an issue above the user's limit";
    return NULL;
}

static const char *replay_issue(struct ledger *ledger, struct ledger_coupon *coupon, const struct ledger_event *event)
{
    if (coupon == NULL)
        return "an issue of a coupon that was never created";
    bool inexact = event->seq <= ledger->inexact_until;
    bool ours = is_ours(ledger, coupon, event);
    if (inexact && event->sequence <= coupon->issued)
        return ours ? meet_again(coupon, event) : NULL;
    if (!ours)
        return pass_by(coupon, event);
    struct user_issue before = {0};
    user_set_find(&coupon->users, event->user, &before);
    bool known = inexact && before.sequence >= event->sequence;
    if (known && before.nth >= 1)
        before.nth = (uint16_t)(event->nth - 1);
    const char *wrong = check_issue(coupon, &before, event);
    if (wrong != NULL)
        return wrong;
    struct user_issue issue = {event->sequence, event->nth, event->time_us};
    if (!known && issue.nth > 1 && before.sequence != 0)
        issue_list_append(coupon, &before, &issue);
    if (event->request_key != 0)
        sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_REQUESTS), event->sequence,
                         ledger_request_value(event->request_key));
    if (!known)
        user_set_put(&coupon->users, event->user, &issue);
    coupon->issued++;
    return NULL;
}

typedef void prefetch_fn(const struct user_set *set, struct fingerprint user);

static void prefetch(prefetch_fn *fn, const struct ledger *ledger, const struct ledger_coupon *coupon,
                     const struct ledger_event *event)
{
    if (coupon != NULL && is_ours(ledger, coupon, event))
        fn(&coupon->users, event->user);
}

const char *ledger_replay_issues(struct ledger *ledger, const struct ledger_event *events, size_t count, size_t *wrong)
{
    struct ledger_coupon *coupons[AHEAD_TABLE] = {NULL};
    struct ledger_coupon *near = NULL;
    for (size_t i = 0; i < count + AHEAD_TABLE; i++) {
        if (i >= AHEAD_TABLE) {
            size_t at = i - AHEAD_TABLE;
            const char *reason = replay_issue(ledger, coupons[at % AHEAD_TABLE], &events[at]);
            *wrong = at;
            if (reason != NULL)
                return reason;
        }
        if (i < count) {
            near = coupons[i % AHEAD_TABLE] = find_near(ledger, near, &events[i]);
            prefetch(user_set_prefetch_table, ledger, near, &events[i]);
        }
        size_t at = i - (AHEAD_TABLE - AHEAD_INDEX);
        if (at < count)
            prefetch(user_set_prefetch_index, ledger, coupons[at % AHEAD_TABLE], &events[at]);
        at = i - (AHEAD_TABLE - AHEAD_SLOT);
        if (at < count)
            prefetch(user_set_prefetch_slot, ledger, coupons[at % AHEAD_TABLE], &events[at]);
    }
    return NULL;
}

/* A number stays with its coupon. */
static bool number_is_free(const struct ledger *ledger, const struct ledger_coupon *coupon, uint32_t number)
{
    if (coupon != NULL && coupon->number != 0)
        return coupon->number == number;
    return coupon_index_numbered(&ledger->index, number) == NULL;
}

const char *ledger_replay_policy(struct ledger *ledger, const struct coupon *policy)
{
    const struct ledger_coupon *there = ledger_entry(ledger, policy->id, strlen(policy->id));
    if (there != NULL && policy->journal_seq <= ledger->inexact_until && there->journal_seq >= policy->journal_seq)
        return NULL;
    struct coupon applied = *policy;
    applied.issued = there != NULL ? there->issued : 0;
    applied.returned = applied.redeemed = 0; /* counted by the changes of states */
    if (there != NULL && applied.quantity < ledger_coupon_in_force(there))
        return "a coupon's quantity below what is issued";
    if (applied.number != 0 && !number_is_free(ledger, there, applied.number))
        return "a coupon with the number of another";
    ledger_apply_coupon(ledger, &applied);
    return NULL;
}

/* --- changes of a state --- */

void ledger_state_event_of(const struct ledger *ledger, const struct journal_record *record,
                           struct ledger_state_event *event)
{
    CHECK(record->type == JOURNAL_CHANGE);
    uint64_t hash = ledger_reference_hash(ledger, record->change.reference, record->change.reference_length);
    *event = (struct ledger_state_event){
        .seq = record->seq,
        .sequence = record->change.sequence,
        .coupon_id_length = (uint8_t)record->coupon_id_length,
    };
    memcpy(event->coupon_id, record->coupon_id, record->coupon_id_length);
    if (record->change.kind == JOURNAL_REDEEMED)
        event->value = issue_value(ISSUE_KIND_REDEEMED, hash);
    else if (record->change.kind == JOURNAL_UNDONE)
        event->undone = issue_value(ISSUE_KIND_REDEEMED, hash);
    else
        event->value = issue_value_revoked(record->change.restock, record->change.again);
}

/* Only the first part of a divided ledger has the states; the others count what is available again. */
static void pass_by_state(struct ledger_coupon *coupon, const struct ledger_state_event *event)
{
    unsigned kind = issue_kind(event->value);
    if (kind < ISSUE_KIND_REVOKED)
        return;
    coupon->returned += (kind & ISSUE_KIND_RESTOCK) != 0;
    coupon->forgiven += (kind & ISSUE_KIND_AGAIN) != 0;
}

const char *ledger_replay_state(struct ledger *ledger, const struct ledger_state_event *event)
{
    struct ledger_coupon *coupon = coupon_index_find(&ledger->index, event->coupon_id, event->coupon_id_length);
    if (coupon == NULL)
        return "a change of an issue of a coupon that was never created";
    if (event->sequence > coupon->issued)
        return "a change of an issue that was never made";
    if (ledger->part != 0) {
        pass_by_state(coupon, event);
        return NULL;
    }
    bool inexact = event->seq <= ledger->inexact_until;
    if (!inexact && issue_list_state(coupon, event->sequence) != event->undone)
        return event->undone != 0 ? "a redemption taken back that is not there" : "an issue redeemed or revoked twice";
    issue_list_set_state(coupon, event->sequence, event->value);
    return NULL;
}

const char *ledger_replay_sweep(struct ledger *ledger, const struct journal_record *record)
{
    struct ledger_coupon *coupon = coupon_index_find(&ledger->index, record->coupon_id, record->coupon_id_length);
    bool inexact = record->seq <= ledger->inexact_until;
    if (coupon == NULL)
        return "a sweep of a coupon that was never created";
    if (ledger->part != 0)
        return NULL;
    if (record->sweep.until > coupon->issued)
        return "a sweep of issues that were never made";
    if (!inexact && (coupon->sweep != NULL) != record->sweep.ended)
        return record->sweep.ended ? "the end of a sweep that never began" : "a second sweep of a coupon";
    if (coupon->sweep != NULL)
        ledger_sweep_end(ledger, coupon);
    if (!record->sweep.ended)
        ledger_sweep_begin(ledger, record);
    return NULL;
}

const char *ledger_replay_term(struct ledger *ledger, const struct journal_record *record)
{
    bool added = term_list_add(&ledger->terms, record->term.epoch, record->seq);
    return added ? NULL : "a term that does not follow the one before";
}

const char *ledger_replay(struct ledger *ledger, const struct journal_record *record)
{
    struct ledger_event event;
    struct ledger_state_event state;
    struct coupon policy;
    size_t wrong;
    switch (record->type) {
    case JOURNAL_ISSUE:
        ledger_event_of(ledger, record, &event);
        return ledger_replay_issues(ledger, &event, 1, &wrong);
    case JOURNAL_CHANGE:
        ledger_state_event_of(ledger, record, &state);
        return ledger_replay_state(ledger, &state);
    case JOURNAL_SWEEP:
        return ledger_replay_sweep(ledger, record);
    case JOURNAL_TERM:
        return ledger_replay_term(ledger, record);
    case JOURNAL_ERASURE: /* the ledger has no ids of users */
        return NULL;
    default:
        journal_record_coupon(record, &policy);
        return ledger_replay_policy(ledger, &policy);
    }
}

/* --- parts --- */

static struct ledger *part_of(const struct ledger *ledger, unsigned bits, unsigned part)
{
    struct ledger *made = ledger_create(ledger->key);
    made->inexact_until = ledger->inexact_until;
    made->part_bits = bits;
    made->part = part;
    made->index.bare = true;
    for (size_t i = 0; i < ledger->index.count; i++) {
        struct coupon coupon;
        const struct ledger_coupon *entry = coupon_index_at(&ledger->index, i);
        ledger_coupon_read(entry, &coupon);
        coupon_index_add(&made->index, &coupon)->forgiven = entry->forgiven;
    }
    return made;
}

/* A small set goes to one part as a whole: dividing a million coupons with few users each would take too long. */
static void divide_coupon(unsigned bits, struct ledger *parts[], size_t number)
{
    struct user_set whole = coupon_index_at(&parts[0]->index, number)->users;
    struct user_set *sets[LEDGER_PARTS_MAX];
    bool few = user_set_has_few(&whole);
    unsigned holder = (unsigned)(number % (1u << bits));
    for (unsigned part = 0; part < 1u << bits; part++) {
        struct ledger_coupon *coupon = coupon_index_at(&parts[part]->index, number);
        coupon->holder = few ? (uint8_t)(holder + 1) : 0;
        sets[part] = &coupon->users;
        user_set_init(sets[part]);
    }
    if (few)
        *sets[holder] = whole;
    else
        user_set_divide(&whole, bits, sets);
}

void ledger_divide(struct ledger *ledger, unsigned bits, struct ledger *parts[])
{
    parts[0] = ledger;
    if (bits == 0)
        return;
    ledger->part_bits = bits;
    for (unsigned part = 1; part < 1u << bits; part++)
        parts[part] = part_of(ledger, bits, part);
    for (size_t i = 0; i < ledger->index.count; i++)
        divide_coupon(bits, parts, i);
}

/* The first part has all states; of the rest, each part has what its users brought. */
static void unite_maps(struct ledger_coupon *coupon, struct ledger_coupon *from)
{
    for (unsigned map = COUPON_MAP_REQUESTS; from->maps != NULL && map < COUPON_MAPS; map++) {
        if (from->maps[map].count > 0)
            sequence_map_merge(ledger_coupon_map(coupon, map), &from->maps[map]);
    }
}

static void unite_coupon(unsigned bits, struct ledger *parts[], size_t number)
{
    struct ledger_coupon *coupon = coupon_index_at(&parts[0]->index, number);
    struct user_set *sets[LEDGER_PARTS_MAX];
    for (unsigned part = 0; part < 1u << bits; part++)
        sets[part] = &coupon_index_at(&parts[part]->index, number)->users;
    struct user_set whole;
    if (coupon->holder != 0) {
        whole = *sets[coupon->holder - 1];
        user_set_init(sets[coupon->holder - 1]);
    } else {
        user_set_unite(&whole, bits, sets);
    }
    coupon->users = whole;
    coupon->holder = 0;
    for (unsigned part = 1; part < 1u << bits; part++)
        unite_maps(coupon, coupon_index_at(&parts[part]->index, number));
}

/* All parts received the same policies, so a coupon has the same number in each. */
void ledger_unite(unsigned bits, struct ledger *parts[])
{
    struct ledger *ledger = parts[0];
    for (unsigned part = 1; part < 1u << bits; part++)
        CHECK(parts[part]->index.count == ledger->index.count);
    for (size_t i = 0; bits > 0 && i < ledger->index.count; i++)
        unite_coupon(bits, parts, i);
    for (unsigned part = 1; part < 1u << bits; part++)
        ledger_destroy(&parts[part]);
    ledger->part_bits = 0;
}

const char *ledger_check(const struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->index.count; i++) {
        const struct ledger_coupon *coupon = coupon_index_at(&ledger->index, i);
        if (coupon->users.held != coupon->issued)
            return "the users of a coupon do not hold exactly its issues";
        if (coupon->returned > coupon->issued || coupon->issued - coupon->returned > coupon->quantity)
            return "more issues of a coupon in force than its quantity";
    }
    return NULL;
}
