#include "issuer/ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/state.h"
#include "shared/error.h"

struct ledger *ledger_create(const uint8_t key[16])
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    CHECK(ledger != NULL);
    memcpy(ledger->key, key, sizeof ledger->key);
    coupon_index_init(&ledger->index, false);
    return ledger;
}

void ledger_destroy(struct ledger **ledger)
{
    if (*ledger == NULL)
        return;
    coupon_index_deinit(&(*ledger)->index);
    free(*ledger);
    *ledger = NULL;
}

/* Most batches concern one coupon only: tries the previous one first. */
static struct ledger_coupon *find_near(const struct ledger *ledger, const struct ledger_command *command,
                                       struct ledger_coupon *before)
{
    if (before != NULL && memcmp(before->id, command->coupon_id, command->coupon_id_length) == 0 &&
        before->id[command->coupon_id_length] == '\0')
        return before;
    return coupon_index_find(&ledger->index, command->coupon_id, command->coupon_id_length);
}

void ledger_prepare(const struct ledger *ledger, struct ledger_command *commands, size_t count)
{
    struct ledger_coupon *before = NULL;
    for (size_t i = 0; i < count; i++) {
        struct ledger_command *command = &commands[i];
        command->coupon = before = find_near(ledger, command, before);
        command->user = ledger_fingerprint(ledger, command->user_id, command->user_id_length);
        if (command->coupon != NULL)
            user_set_prefetch_table(&command->coupon->users, command->user);
    }
    for (size_t i = 0; i < count; i++) {
        if (commands[i].coupon != NULL)
            user_set_prefetch_index(&commands[i].coupon->users, commands[i].user);
    }
    for (size_t i = 0; i < count; i++) {
        if (commands[i].coupon != NULL)
            user_set_prefetch_slot(&commands[i].coupon->users, commands[i].user);
    }
}

/* The verdict for a user who holds none. */
static enum verdict refusal(const struct ledger_coupon *coupon, int64_t now_us)
{
    bool sold_out = coupon->issued >= coupon->quantity;
    switch (coupon_state_of(coupon->starts_at_us, coupon->ends_at_us, coupon->paused, sold_out, now_us)) {
    case COUPON_ENDED:
        return VERDICT_ENDED;
    case COUPON_PAUSED:
        return VERDICT_PAUSED;
    case COUPON_SCHEDULED:
        return VERDICT_NOT_STARTED;
    case COUPON_SOLD_OUT:
        return VERDICT_SOLD_OUT;
    case COUPON_OPEN:
        break;
    }
    return VERDICT_ISSUED;
}

static void decide_lookup(bool holds, struct ledger_decision *decision)
{
    decision->verdict = holds ? VERDICT_FOUND : VERDICT_NOT_ISSUED;
}

void ledger_decide_issue(const struct ledger *ledger, struct ledger_command *command, int64_t now_us,
                         struct ledger_decision *decision)
{
    *decision = (struct ledger_decision){.verdict = VERDICT_COUPON_NOT_FOUND};
    if (command->coupon == NULL) /* created since the batch was prepared? */
        command->coupon = coupon_index_find(&ledger->index, command->coupon_id, command->coupon_id_length);
    if (command->coupon == NULL)
        return;
    const struct ledger_coupon *coupon = command->coupon;
    const struct user_set *users = &coupon->users;
    bool holds = user_set_find(users, command->user, &decision->issue);
    if (command->op == ISSUE_LOOKUP) {
        decide_lookup(holds, decision);
        return;
    }
    enum verdict verdict = refusal(coupon, now_us);
    bool wants_more = command->op == ISSUE_POST && decision->issue.nth < coupon->per_user_limit;
    if (holds && (!wants_more || verdict != VERDICT_ISSUED)) {
        decision->verdict = VERDICT_ALREADY_ISSUED;
        return;
    }
    decision->verdict = verdict;
    if (verdict == VERDICT_ISSUED)
        decision->issue = (struct user_issue){coupon->issued + 1, (uint16_t)(decision->issue.nth + 1),
                                              now_us > users->latest_us ? now_us : users->latest_us};
    else if (verdict == VERDICT_NOT_STARTED)
        decision->issue.issued_at_us = coupon->starts_at_us;
}

void ledger_apply_issue(const struct ledger_command *command, const struct ledger_decision *decision)
{
    struct ledger_coupon *coupon = command->coupon;
    CHECK(decision->verdict == VERDICT_ISSUED);
    CHECK(decision->issue.sequence == coupon->issued + 1);
    CHECK(decision->issue.sequence <= coupon->quantity);
    CHECK(decision->issue.nth >= 1 && decision->issue.nth <= coupon->per_user_limit);
    user_set_put(&coupon->users, command->user, &decision->issue);
    coupon->issued++;
}

enum verdict ledger_decide_create(const struct ledger *ledger, const struct coupon *wanted, int64_t now_us,
                                  struct coupon *result)
{
    const struct ledger_coupon *there = ledger_entry(ledger, wanted->id, strlen(wanted->id));
    if (there != NULL) {
        ledger_coupon_read(there, result);
        return VERDICT_COUPON_EXISTS;
    }
    if (ledger->index.count >= COUPONS_PER_PARTITION_MAX)
        return VERDICT_OVERLOADED;
    *result = *wanted;
    result->issued = 0;
    result->paused = false;
    result->created_at_us = result->updated_at_us = now_us;
    return VERDICT_COUPON_CREATED;
}

static void change_fields(struct coupon *coupon, const struct coupon *wanted, unsigned fields)
{
    if (fields & COUPON_FIELD_TITLE)
        memcpy(coupon->title, wanted->title, sizeof coupon->title);
    if (fields & COUPON_FIELD_QUANTITY)
        coupon->quantity = wanted->quantity;
    if (fields & COUPON_FIELD_STARTS_AT)
        coupon->starts_at_us = wanted->starts_at_us;
    if (fields & COUPON_FIELD_ENDS_AT)
        coupon->ends_at_us = wanted->ends_at_us;
    if (fields & COUPON_FIELD_PAUSED)
        coupon->paused = wanted->paused;
}

enum verdict ledger_decide_change(const struct ledger *ledger, const struct coupon *wanted, unsigned fields,
                                  int64_t now_us, struct coupon *result)
{
    const struct ledger_coupon *there = ledger_entry(ledger, wanted->id, strlen(wanted->id));
    if (there == NULL)
        return VERDICT_COUPON_NOT_FOUND;
    ledger_coupon_read(there, result);
    bool same_version = result->journal_seq == wanted->journal_seq;
    if (((fields & COUPON_IF_VERSION) != 0 && !same_version) || ((fields & COUPON_UNLESS_VERSION) != 0 && same_version))
        return VERDICT_STALE_VERSION;
    change_fields(result, wanted, fields);
    bool ends_before_it_begins = result->starts_at_us != TIME_NONE && result->ends_at_us != TIME_NONE &&
                                 result->ends_at_us <= result->starts_at_us;
    bool below_issued = result->quantity < result->issued;
    if (!ends_before_it_begins && !below_issued) {
        result->updated_at_us = now_us;
        return VERDICT_COUPON_CHANGED;
    }
    ledger_coupon_read(there, result);
    return below_issued ? VERDICT_QUANTITY_BELOW_ISSUED : VERDICT_WINDOW_INVALID;
}

void ledger_apply_coupon(struct ledger *ledger, const struct coupon *policy)
{
    struct ledger_coupon *there = coupon_index_find(&ledger->index, policy->id, strlen(policy->id));
    if (there == NULL) {
        CHECK(policy->issued == 0);
        coupon_index_add(&ledger->index, policy);
        return;
    }
    CHECK(policy->issued == there->issued);
    CHECK(policy->quantity >= there->issued);
    ledger_coupon_change(there, policy);
}

int64_t ledger_latest_us(const struct ledger *ledger)
{
    int64_t latest = 0;
    for (size_t i = 0; i < ledger->index.count; i++) {
        int64_t its = coupon_index_at(&ledger->index, i)->users.latest_us;
        latest = its > latest ? its : latest;
    }
    return latest;
}

bool ledger_lookup(const struct ledger *ledger, const char *coupon_id, size_t coupon_id_length, const char *user_id,
                   size_t user_id_length, struct user_issue *issue)
{
    const struct ledger_coupon *coupon = coupon_index_find(&ledger->index, coupon_id, coupon_id_length);
    return coupon != NULL && user_set_find(&coupon->users, ledger_fingerprint(ledger, user_id, user_id_length), issue);
}

struct ledger_coupon *ledger_entry(const struct ledger *ledger, const char *id, size_t length)
{
    return coupon_index_find(&ledger->index, id, length);
}

size_t ledger_list(const struct ledger *ledger, const char *after, size_t limit, const struct ledger_coupon **out)
{
    struct coupon_order_place place = coupon_order_after(&ledger->index.order, after);
    size_t count = 0;
    while (count < limit && (out[count] = coupon_order_next(&place)) != NULL)
        count++;
    return count;
}

size_t ledger_coupons(const struct ledger *ledger)
{
    return ledger->index.count;
}
