#include "simple_ledger.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

struct holder {
    char id[USER_ID_MAX];
    size_t id_length;
    uint32_t sequence; /* of the latest issue */
    uint32_t held;
};

struct simple_coupon {
    struct coupon policy;
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
    for (size_t i = 0; i < (*simple)->count; i++)
        free((*simple)->coupons[i].holders);
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

static bool take_coupon(struct simple_ledger *simple, const struct journal_record *record)
{
    struct simple_coupon *there = find(simple, record->coupon_id, record->coupon_id_length);
    struct coupon policy;
    journal_record_coupon(record, &policy);
    policy.issued = there != NULL ? there->policy.issued : 0;
    if (policy.quantity < policy.issued)
        return false;
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
    if (record->issue.sequence != coupon->policy.issued + 1 || record->issue.sequence > coupon->policy.quantity ||
        record->issue.nth != held + 1 || record->issue.nth > coupon->policy.per_user_limit)
        return false;
    if (holder == NULL)
        holder = add_holder(coupon, record);
    holder->held++;
    holder->sequence = record->issue.sequence;
    coupon->policy.issued++;
    coupon->last_issued_at_us = record->time_us;
    return true;
}

bool simple_ledger_take(struct simple_ledger *simple, const struct journal_record *record)
{
    return record->type == JOURNAL_ISSUE ? take_issue(simple, record) : take_coupon(simple, record);
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

void simple_ledger_compare(const struct simple_ledger *simple, const struct ledger *ledger)
{
    CHECK(ledger_coupons(ledger) == simple->count);
    for (size_t i = 0; i < simple->count; i++) {
        const struct simple_coupon *coupon = &simple->coupons[i];
        const struct ledger_coupon *there = ledger_entry(ledger, coupon->policy.id, strlen(coupon->policy.id));
        CHECK(there != NULL);
        CHECK(there->issued == coupon->policy.issued && there->quantity == coupon->policy.quantity);
        CHECK(there->issued <= there->quantity);
        CHECK(there->per_user_limit == coupon->policy.per_user_limit && there->paused == coupon->policy.paused);
        CHECK(strcmp(there->title, coupon->policy.title) == 0);
        for (size_t j = 0; j < coupon->holders_count; j++)
            compare_holder(ledger, &coupon->policy, &coupon->holders[j]);
    }
}
