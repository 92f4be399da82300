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
    term_list_deinit(&(*ledger)->terms);
    free(*ledger);
    *ledger = NULL;
}

struct term_list *ledger_terms(struct ledger *ledger)
{
    return &ledger->terms;
}

struct term ledger_last_term(const struct ledger *ledger)
{
    return term_list_last(&ledger->terms);
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

/* The verdict for a user who may have one. */
static enum verdict refusal(const struct ledger_coupon *coupon, int64_t now_us)
{
    switch (ledger_coupon_state(coupon, now_us)) {
    case COUPON_ARCHIVED:
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

/* The same for this user: a holder of a coupon that is sold out is not asked for segments. */
static enum verdict judge(const struct ledger_coupon *coupon, const struct ledger_command *command, bool holds,
                          int64_t now_us)
{
    enum verdict verdict = refusal(coupon, now_us);
    bool checked =
        coupon->segments == 0 || command->segments == coupon->segments || command->segments == SEGMENTS_EXEMPT;
    if (!checked && (verdict == VERDICT_ISSUED || (verdict == VERDICT_SOLD_OUT && !holds)))
        return VERDICT_NOT_ELIGIBLE;
    return verdict;
}

/* What a user holds of a coupon. */
struct holding {
    struct user_issue latest; /* nth 0: none at all */
    struct user_issue live;   /* the latest that is not revoked; nth 0: none */
    unsigned counting;        /* issues that count for the limit */
    bool ends_early;          /* earlier ones are not known: one may be live, and fewer may count */
};

static void count_revoked(const struct ledger_coupon *coupon, struct holding *holding)
{
    struct user_issue issue = holding->latest;
    bool goes_on;
    holding->live.nth = 0;
    do {
        unsigned kind = issue_kind(issue_list_state(coupon, issue.sequence));
        bool revoked = kind >= ISSUE_KIND_REVOKED;
        if (!revoked && holding->live.nth == 0)
            holding->live = issue;
        if (revoked && (kind & ISSUE_KIND_AGAIN) != 0)
            holding->counting--;
        goes_on = holding->live.nth == 0 || coupon->forgiven > 0;
    } while (goes_on && issue_list_earlier(coupon, &issue));
    holding->ends_early = goes_on && issue_list_ends_early(&issue);
}

static struct holding holding_of(const struct ledger_coupon *coupon, struct fingerprint user)
{
    struct holding holding = {0};
    if (!user_set_find(&coupon->users, user, &holding.latest))
        return holding;
    holding.live = holding.latest;
    holding.counting = holding.latest.nth;
    if (coupon->revoked > 0)
        count_revoked(coupon, &holding);
    return holding;
}

static void tell(const struct ledger_coupon *coupon, enum verdict verdict, const struct user_issue *issue,
                 struct ledger_decision *decision)
{
    decision->verdict = verdict;
    decision->issue = *issue;
    decision->value = issue_list_state(coupon, issue->sequence);
}

/* True when the user asked for one of the latest issues with this key; tells it. */
static bool replays(const struct ledger_coupon *coupon, const struct ledger_command *command,
                    const struct holding *holding, struct ledger_decision *decision)
{
    if (command->op != ISSUE_POST || command->request_key == 0 || holding->latest.nth == 0)
        return false;
    struct user_issue issue = holding->latest;
    unsigned left = IDEMPOTENT_ISSUES;
    do {
        if (ledger_coupon_value(coupon, COUPON_MAP_REQUESTS, issue.sequence) ==
            ledger_request_value(command->request_key)) {
            tell(coupon, VERDICT_REPLAYED, &issue, decision);
            return true;
        }
    } while (--left > 0 && issue_list_earlier(coupon, &issue));
    return false;
}

/* True when the nth issue is there, or cannot be the next one; tells so, unless it is one that is not known. */
static bool ensured(const struct ledger_coupon *coupon, const struct ledger_command *command,
                    const struct holding *holding, struct ledger_decision *decision)
{
    if (command->op != ISSUE_ENSURE || command->nth == 0)
        return false;
    struct user_issue issue = holding->latest;
    if (command->nth > issue.nth) {
        decision->verdict = VERDICT_NOT_ISSUED;
        return command->nth > issue.nth + 1 && holding->counting < coupon->per_user_limit;
    }
    while (issue.nth > command->nth && issue_list_earlier(coupon, &issue))
        continue;
    if (issue.nth > command->nth)
        decision->verdict = VERDICT_OVERLOADED;
    else
        tell(coupon, VERDICT_ALREADY_ISSUED, &issue, decision);
    return true;
}

static bool wants_more(const struct ledger_coupon *coupon, const struct ledger_command *command,
                       const struct holding *holding)
{
    bool asks = command->op == ISSUE_POST || command->nth != 0 || holding->live.nth == 0;
    return asks && holding->counting < coupon->per_user_limit && holding->latest.nth < NTH_MAX;
}

/* True when no issue of the user that is not known could change the verdict. */
static bool is_certain(const struct ledger_command *command, const struct holding *holding, enum verdict verdict,
                       bool more)
{
    if (!holding->ends_early)
        return true;
    if (command->op == ISSUE_POST || command->nth != 0)
        return more && (holding->live.nth > 0 || verdict == VERDICT_ISSUED);
    return holding->live.nth > 0;
}

static void decide_new(const struct ledger_coupon *coupon, const struct holding *holding, int64_t now_us,
                       struct ledger_decision *decision)
{
    const struct user_set *users = &coupon->users;
    if (decision->verdict == VERDICT_ISSUED)
        decision->issue = (struct user_issue){coupon->issued + 1, (uint16_t)(holding->latest.nth + 1),
                                              now_us > users->latest_us ? now_us : users->latest_us};
    else if (decision->verdict == VERDICT_NOT_STARTED)
        decision->issue.issued_at_us = coupon->starts_at_us;
}

/* True when a holder may still get another one. */
static bool may_come(enum verdict verdict)
{
    return verdict == VERDICT_ISSUED || verdict == VERDICT_NOT_ELIGIBLE;
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
    if (command->op == ISSUE_LOOKUP) {
        struct user_issue latest = {0};
        bool holds = user_set_find(&coupon->users, command->user, &latest);
        tell(coupon, holds ? VERDICT_FOUND : VERDICT_NOT_ISSUED, &latest, decision);
        return;
    }
    struct holding holding = holding_of(coupon, command->user);
    if (replays(coupon, command, &holding, decision) || ensured(coupon, command, &holding, decision))
        return;
    bool more = wants_more(coupon, command, &holding);
    decision->verdict = judge(coupon, command, holding.live.nth > 0, now_us);
    if (!is_certain(command, &holding, decision->verdict, more))
        decision->verdict = VERDICT_OVERLOADED;
    else if (holding.live.nth > 0 && (!more || !may_come(decision->verdict)))
        tell(coupon, VERDICT_ALREADY_ISSUED, &holding.live, decision);
    else if (!more)
        tell(coupon, VERDICT_ISSUE_REVOKED, &holding.latest, decision);
    else if (decision->verdict == VERDICT_NOT_ELIGIBLE)
        tell(coupon, VERDICT_NOT_ELIGIBLE, &holding.live, decision);
    else
        decide_new(coupon, &holding, now_us, decision);
}

/* Notes what only few issues have: an earlier one of the same user, an idempotency key. */
static void apply_extras(struct ledger_coupon *coupon, struct fingerprint user, const struct user_issue *issue,
                         uint64_t request_key)
{
    struct user_issue before;
    if (issue->nth > 1 && user_set_find(&coupon->users, user, &before))
        issue_list_append(coupon, &before, issue);
    if (request_key != 0)
        sequence_map_set(ledger_coupon_map(coupon, COUPON_MAP_REQUESTS), issue->sequence,
                         ledger_request_value(request_key));
}

void ledger_apply_issue(const struct ledger_command *command, const struct ledger_decision *decision)
{
    struct ledger_coupon *coupon = command->coupon;
    CHECK(decision->verdict == VERDICT_ISSUED);
    CHECK(decision->issue.sequence == coupon->issued + 1);
    CHECK(ledger_coupon_in_force(coupon) < coupon->quantity);
    CHECK(decision->issue.nth >= 1 && decision->issue.nth <= coupon->per_user_limit + coupon->forgiven);
    if (decision->issue.nth > 1 || command->request_key != 0)
        apply_extras(coupon, command->user, &decision->issue, command->op == ISSUE_POST ? command->request_key : 0);
    user_set_put(&coupon->users, command->user, &decision->issue);
    coupon->issued++;
}

struct ledger_coupon *ledger_find_issue(const struct ledger *ledger, uint32_t number, uint32_t sequence,
                                        uint64_t *value)
{
    struct ledger_coupon *coupon = coupon_index_numbered(&ledger->index, number);
    if (coupon == NULL || sequence == 0 || sequence > coupon->issued)
        return NULL;
    *value = issue_list_state(coupon, sequence);
    return coupon;
}

bool ledger_next_unnumbered(const struct ledger *ledger, struct coupon *numbered)
{
    if (ledger->unnumbered == 0)
        return false;
    size_t at = ledger->first_unnumbered;
    while (coupon_index_at(&ledger->index, at)->number != 0)
        at++;
    ledger_coupon_read(coupon_index_at(&ledger->index, at), numbered);
    numbered->number = ledger->last_number + 1;
    return true;
}

enum verdict ledger_decide_create(const struct ledger *ledger, const struct coupon *wanted, int64_t now_us,
                                  struct coupon *result)
{
    const struct ledger_coupon *there = ledger_entry(ledger, wanted->id, strlen(wanted->id));
    if (there != NULL) {
        ledger_coupon_read(there, result);
        return VERDICT_COUPON_EXISTS;
    }
    *result = *wanted;
    result->issued = result->returned = result->redeemed = 0;
    result->number = ledger->last_number + 1;
    result->archived = false;
    result->created_at_us = result->updated_at_us = now_us;
    return VERDICT_COUPON_CREATED;
}

static void change_texts(struct coupon *coupon, const struct coupon *wanted, unsigned fields)
{
    static const unsigned field_of[] = {
        [COUPON_TEXT_TITLE] = COUPON_FIELD_TITLE,     [COUPON_TEXT_DESCRIPTION] = COUPON_FIELD_DESCRIPTION,
        [COUPON_TEXT_BENEFIT] = COUPON_FIELD_BENEFIT, [COUPON_TEXT_METADATA] = COUPON_FIELD_METADATA,
        [COUPON_TEXT_OWNER] = COUPON_FIELD_OWNER,     [COUPON_TEXT_SEGMENTS] = COUPON_FIELD_SEGMENTS,
    };
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        const char *text = coupon_text(wanted, i);
        if (fields & field_of[i])
            coupon_text_set(coupon, i, text, strlen(text));
    }
}

static void change_fields(struct coupon *coupon, const struct coupon *wanted, unsigned fields)
{
    change_texts(coupon, wanted, fields);
    if (fields & COUPON_FIELD_QUANTITY)
        coupon->quantity = wanted->quantity;
    if (fields & COUPON_FIELD_PER_USER_LIMIT)
        coupon->per_user_limit = wanted->per_user_limit;
    if (fields & COUPON_FIELD_STARTS_AT)
        coupon->starts_at_us = wanted->starts_at_us;
    if (fields & COUPON_FIELD_ENDS_AT)
        coupon->ends_at_us = wanted->ends_at_us;
    if (fields & COUPON_FIELD_REDEEM_UNTIL)
        coupon->redeem_until_us = wanted->redeem_until_us;
    if (fields & COUPON_FIELD_REDEEM_WITHIN)
        coupon->redeem_within_s = wanted->redeem_within_s;
    if (fields & COUPON_FIELD_PAUSED)
        coupon->paused = wanted->paused;
    if (fields & COUPON_FIELD_ARCHIVED)
        coupon->archived = wanted->archived;
}

/* COUPON_CHANGED, or why a coupon cannot become this one. */
static enum verdict judge_change(const struct ledger_coupon *before, const struct coupon *after)
{
    if (after->starts_at_us != TIME_NONE && after->ends_at_us != TIME_NONE && after->ends_at_us <= after->starts_at_us)
        return VERDICT_WINDOW_INVALID;
    if (after->redeem_until_us != TIME_NONE && after->redeem_within_s != 0)
        return VERDICT_REDEMPTION_INVALID;
    if (after->per_user_limit < before->per_user_limit)
        return VERDICT_LIMIT_LOWERED;
    return VERDICT_COUPON_CHANGED;
}

bool ledger_is_owned_by(const struct ledger_coupon *coupon, const struct ledger_owner *owner)
{
    const char *its = ledger_coupon_text(coupon, COUPON_TEXT_OWNER);
    return strlen(its) == owner->length && memcmp(its, owner->id, owner->length) == 0;
}

enum verdict ledger_decide_change(const struct ledger *ledger, const struct coupon *wanted, unsigned fields,
                                  const struct ledger_owner *owner, int64_t now_us, struct coupon *result)
{
    const struct ledger_coupon *there = ledger_entry(ledger, wanted->id, strlen(wanted->id));
    if (there == NULL)
        return VERDICT_COUPON_NOT_FOUND;
    if (owner != NULL && !ledger_is_owned_by(there, owner))
        return VERDICT_FORBIDDEN;
    ledger_coupon_read(there, result);
    bool same_version = result->journal_seq == wanted->journal_seq;
    if (((fields & COUPON_IF_VERSION) != 0 && !same_version) || ((fields & COUPON_UNLESS_VERSION) != 0 && same_version))
        return VERDICT_STALE_VERSION;
    change_fields(result, wanted, fields);
    enum verdict verdict = result->quantity < result->issued - result->returned ? VERDICT_QUANTITY_BELOW_ISSUED
                                                                                : judge_change(there, result);
    if (verdict == VERDICT_COUPON_CHANGED)
        result->updated_at_us = now_us;
    else
        ledger_coupon_read(there, result);
    return verdict;
}

void ledger_note_number(struct ledger *ledger, struct ledger_coupon *entry, bool is_new)
{
    if (entry->number == 0) {
        ledger->unnumbered += is_new;
        return;
    }
    if (entry->number > ledger->last_number)
        ledger->last_number = entry->number;
    coupon_index_number(&ledger->index, entry);
}

/* Once in all over every coupon, however many are numbered one after the other. */
static void pass_numbered(struct ledger *ledger)
{
    while (ledger->first_unnumbered < ledger->index.count &&
           coupon_index_at(&ledger->index, ledger->first_unnumbered)->number != 0)
        ledger->first_unnumbered++;
}

void ledger_apply_coupon(struct ledger *ledger, const struct coupon *policy)
{
    struct ledger_coupon *there = coupon_index_find(&ledger->index, policy->id, strlen(policy->id));
    if (there == NULL) {
        CHECK(policy->issued == 0);
        ledger_note_number(ledger, coupon_index_add(&ledger->index, policy), true);
        return;
    }
    CHECK(policy->issued == there->issued);
    CHECK(policy->quantity >= ledger_coupon_in_force(there));
    bool unnumbered = there->number == 0;
    ledger_coupon_change(there, policy);
    if (unnumbered && there->number != 0) {
        ledger->unnumbered--;
        ledger_note_number(ledger, there, false);
        pass_numbered(ledger);
    }
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

void ledger_user_fingerprint(const struct ledger *ledger, const char *user_id, size_t length, uint8_t out[16])
{
    struct fingerprint user = ledger_fingerprint(ledger, user_id, length);
    memcpy(out, &user, sizeof user);
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
