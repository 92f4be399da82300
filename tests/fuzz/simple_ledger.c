#include "simple_ledger.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/issue_list.h"
#include "shared/error.h"

struct holder {
    char id[USER_ID_MAX];
    size_t id_length;
    uint32_t sequence; /* of the latest issue */
    uint32_t held;
};

/* What has become of an issue. */
struct fate {
    uint8_t state; /* enum issue_state */
    char reference[REFERENCE_MAX];
    size_t reference_length;
};

struct simple_coupon {
    struct coupon policy;
    uint32_t forgiven;  /* revoked issues that do not count for their users' limits */
    struct fate *fates; /* by sequence - 1 */
    bool sweeps;        /* all issues are being revoked */
    struct holder *holders;
    size_t holders_count;
    int64_t last_issued_at_us;
};

struct simple_ledger {
    struct simple_coupon *coupons;
    size_t count;
};

struct simple_ledger *simple_ledger_create(void)
{
    struct simple_ledger *simple = calloc(1, sizeof *simple);
    CHECK(simple != NULL);
    return simple;
}

void simple_ledger_destroy(struct simple_ledger **simple)
{
    if (*simple == NULL)
        return;
    for (size_t i = 0; i < (*simple)->count; i++) {
        free((*simple)->coupons[i].holders);
        free((*simple)->coupons[i].fates);
    }
    free((*simple)->coupons);
    free(*simple);
    *simple = NULL;
}

static struct simple_coupon *find(const struct simple_ledger *simple, const char *id, size_t length)
{
    for (size_t i = 0; i < simple->count; i++) {
        const char *there = simple->coupons[i].policy.id;
        if (strlen(there) == length && memcmp(there, id, length) == 0)
            return &simple->coupons[i];
    }
    return NULL;
}

/* A number stays with its coupon. */
static bool number_is_free(const struct simple_ledger *simple, const struct simple_coupon *coupon, uint32_t number)
{
    if (number == 0)
        return true;
    if (coupon != NULL && coupon->policy.number != 0)
        return coupon->policy.number == number;
    for (size_t i = 0; i < simple->count; i++) {
        if (simple->coupons[i].policy.number == number)
            return false;
    }
    return true;
}

static bool take_coupon(struct simple_ledger *simple, const struct journal_record *record)
{
    struct simple_coupon *there = find(simple, record->coupon_id, record->coupon_id_length);
    struct coupon policy;
    journal_record_coupon(record, &policy);
    if (there != NULL) {
        policy.issued = there->policy.issued;
        policy.returned = there->policy.returned;
        policy.redeemed = there->policy.redeemed;
    }
    if (policy.quantity < policy.issued - policy.returned || !number_is_free(simple, there, policy.number))
        return false;
    if (there != NULL && policy.number == 0)
        policy.number = there->policy.number;
    if (there == NULL) {
        simple->coupons = realloc(simple->coupons, (simple->count + 1) * sizeof *simple->coupons);
        CHECK(simple->coupons != NULL);
        there = &simple->coupons[simple->count++];
        *there = (struct simple_coupon){.holders_count = 0};
    }
    there->policy = policy;
    return true;
}

static struct holder *find_holder(const struct simple_coupon *coupon, const struct journal_record *record)
{
    for (size_t i = 0; i < coupon->holders_count; i++) {
        struct holder *holder = &coupon->holders[i];
        if (holder->id_length == record->issue.user_id_length &&
            memcmp(holder->id, record->issue.user_id, holder->id_length) == 0)
            return holder;
    }
    return NULL;
}

static struct holder *add_holder(struct simple_coupon *coupon, const struct journal_record *record)
{
    coupon->holders = realloc(coupon->holders, (coupon->holders_count + 1) * sizeof *coupon->holders);
    CHECK(coupon->holders != NULL);
    struct holder *holder = &coupon->holders[coupon->holders_count++];
    *holder = (struct holder){.id_length = record->issue.user_id_length};
    memcpy(holder->id, record->issue.user_id, record->issue.user_id_length);
    return holder;
}

static bool take_issue(struct simple_ledger *simple, const struct journal_record *record)
{
    struct simple_coupon *coupon = find(simple, record->coupon_id, record->coupon_id_length);
    if (coupon == NULL)
        return false;
    struct holder *holder = find_holder(coupon, record);
    uint32_t held = holder != NULL ? holder->held : 0;
    if (record->issue.sequence != coupon->policy.issued + 1 ||
        coupon->policy.issued - coupon->policy.returned >= coupon->policy.quantity || record->issue.nth != held + 1 ||
        record->issue.nth > coupon->policy.per_user_limit + coupon->forgiven)
        return false;
    if (holder == NULL)
        holder = add_holder(coupon, record);
    holder->held++;
    holder->sequence = record->issue.sequence;
    coupon->fates = realloc(coupon->fates, (coupon->policy.issued + 1) * sizeof *coupon->fates);
    CHECK(coupon->fates != NULL);
    coupon->fates[coupon->policy.issued++] = (struct fate){.state = ISSUE_ISSUED};
    coupon->last_issued_at_us = record->time_us;
    return true;
}

static bool is_reference(const struct fate *fate, const struct journal_record *record)
{
    return fate->reference_length == record->change.reference_length &&
           memcmp(fate->reference, record->change.reference, fate->reference_length) == 0;
}

static bool take_change(struct simple_ledger *simple, const struct journal_record *record)
{
    struct simple_coupon *coupon = find(simple, record->coupon_id, record->coupon_id_length);
    if (coupon == NULL || record->change.sequence > coupon->policy.issued)
        return false;
    struct fate *fate = &coupon->fates[record->change.sequence - 1];
    bool undone = record->change.kind == JOURNAL_UNDONE;
    if (fate->state != (undone ? ISSUE_REDEEMED : ISSUE_ISSUED) || (undone && !is_reference(fate, record)))
        return false;
    fate->state = undone ? ISSUE_ISSUED : record->change.kind == JOURNAL_REVOKED ? ISSUE_REVOKED : ISSUE_REDEEMED;
    fate->reference_length = record->change.reference_length;
    memcpy(fate->reference, record->change.reference, record->change.reference_length);
    coupon->policy.redeemed += fate->state == ISSUE_REDEEMED;
    coupon->policy.redeemed -= undone;
    coupon->policy.returned += record->change.restock;
    coupon->forgiven += record->change.again;
    return true;
}

static bool take_sweep(struct simple_ledger *simple, const struct journal_record *record)
{
    struct simple_coupon *coupon = find(simple, record->coupon_id, record->coupon_id_length);
    if (coupon == NULL || record->sweep.until > coupon->policy.issued || coupon->sweeps != record->sweep.ended)
        return false;
    coupon->sweeps = !record->sweep.ended;
    return true;
}

bool simple_ledger_take(struct simple_ledger *simple, const struct journal_record *record)
{
    switch (record->type) {
    case JOURNAL_ISSUE:
        return take_issue(simple, record);
    case JOURNAL_CHANGE:
        return take_change(simple, record);
    case JOURNAL_SWEEP:
        return take_sweep(simple, record);
    case JOURNAL_ERASURE:
    case JOURNAL_TERM:
        return true;
    default:
        return take_coupon(simple, record);
    }
}

bool simple_ledger_in_time(const struct simple_ledger *simple, const struct journal_record *record)
{
    const struct simple_coupon *coupon = find(simple, record->coupon_id, record->coupon_id_length);
    if (record->type != JOURNAL_ISSUE || coupon == NULL)
        return true;
    const struct coupon *policy = &coupon->policy;
    bool begun = policy->starts_at_us == TIME_NONE || record->time_us >= policy->starts_at_us;
    bool ended = policy->ends_at_us != TIME_NONE && record->time_us >= policy->ends_at_us;
    return begun && !ended && !policy->paused &&
           (coupon->holders_count == 0 || record->time_us >= coupon->last_issued_at_us);
}

static void compare_holder(const struct ledger *ledger, const struct coupon *coupon, const struct holder *holder)
{
    struct ledger_command command = {
        .op = ISSUE_LOOKUP,
        .coupon_id = coupon->id,
        .coupon_id_length = strlen(coupon->id),
        .user_id = holder->id,
        .user_id_length = holder->id_length,
    };
    ledger_prepare(ledger, &command, 1);
    struct ledger_decision decision;
    ledger_decide_issue(ledger, &command, 0, &decision);
    CHECK(decision.verdict == VERDICT_FOUND);
    CHECK(decision.issue.sequence == holder->sequence && decision.issue.nth == holder->held);
}

static void compare_coupon(const struct ledger_coupon *entry, const struct simple_coupon *coupon)
{
    static struct coupon there;
    const struct coupon *policy = &coupon->policy;
    ledger_coupon_read(entry, &there);
    CHECK(there.issued == policy->issued && there.quantity == policy->quantity);
    CHECK(there.returned == policy->returned && there.redeemed == policy->redeemed);
    CHECK(there.issued - there.returned <= there.quantity);
    CHECK(there.per_user_limit == policy->per_user_limit && there.paused == policy->paused);
    CHECK((entry->sweep != NULL) == coupon->sweeps);
    CHECK(there.number == policy->number && there.archived == policy->archived);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        CHECK(strcmp(coupon_text(&there, i), coupon_text(policy, i)) == 0);
    for (uint32_t sequence = 1; sequence <= there.issued; sequence++)
        CHECK(issue_state_of(issue_list_state(entry, sequence)) == coupon->fates[sequence - 1].state);
}

void simple_ledger_compare(const struct simple_ledger *simple, const struct ledger *ledger)
{
    CHECK(ledger_coupons(ledger) == simple->count);
    for (size_t i = 0; i < simple->count; i++) {
        const struct simple_coupon *coupon = &simple->coupons[i];
        const struct ledger_coupon *there = ledger_entry(ledger, coupon->policy.id, strlen(coupon->policy.id));
        CHECK(there != NULL);
        compare_coupon(there, coupon);
        for (size_t j = 0; j < coupon->holders_count; j++)
            compare_holder(ledger, &coupon->policy, &coupon->holders[j]);
    }
}
