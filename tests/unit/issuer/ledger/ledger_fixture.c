#include "tests/unit/issuer/ledger/ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/issue_list.h"
#include "issuer/ledger/sweep.h"

struct ledger *ledger;
int64_t now_us;
uint32_t segments_checked;
const struct ledger_owner *owner_required;

static struct {
    unsigned char *bytes;
    size_t used, room;
    struct entry {
        size_t offset;
        int64_t time_us;
    } * entries;
    size_t count;
} log_of;

int ledger_setup(void **state)
{
    (void)state;
    ledger = another_ledger();
    now_us = START_US;
    segments_checked = SEGMENTS_UNCHECKED;
    owner_required = NULL;
    log_of.used = log_of.count = 0;
    return 0;
}

int ledger_teardown(void **state)
{
    (void)state;
    ledger_destroy(&ledger);
    free(log_of.bytes);
    free(log_of.entries);
    memset(&log_of, 0, sizeof log_of);
    return 0;
}

struct ledger *another_ledger(void)
{
    const uint8_t key[16] = {1, 2, 3};
    return ledger_create(key);
}

/* --- the journal --- */

/* Room for one more record. */
static unsigned char *next_record(void)
{
    if (log_of.room - log_of.used < JOURNAL_RECORD_BYTES_MAX) {
        log_of.room = 2 * log_of.room + JOURNAL_RECORD_BYTES_MAX;
        log_of.bytes = realloc(log_of.bytes, log_of.room);
        assert_non_null(log_of.bytes);
    }
    log_of.entries = realloc(log_of.entries, (log_of.count + 1) * sizeof *log_of.entries);
    assert_non_null(log_of.entries);
    log_of.entries[log_of.count] = (struct entry){log_of.used, now_us};
    return log_of.bytes + log_of.used;
}

/* Returns its sequence in the journal. */
static uint64_t appended(size_t length)
{
    log_of.used += length;
    return ++log_of.count;
}

size_t journalled(void)
{
    return log_of.count;
}

void journal_record_at(size_t number, struct journal_record *record)
{
    const struct entry *entry = &log_of.entries[number];
    assert_true(journal_decode_record(log_of.bytes + entry->offset, log_of.used - entry->offset, record) > 0);
    record->seq = number + 1;
    if (!journal_record_has_time(record))
        record->time_us = entry->time_us;
}

const char *replay_from(struct ledger *into, size_t first)
{
    const char *wrong = NULL;
    for (size_t i = first; wrong == NULL && i < log_of.count; i++) {
        struct journal_record record;
        journal_record_at(i, &record);
        wrong = ledger_replay(into, &record);
    }
    return wrong;
}

/* --- policies --- */

struct coupon coupon_of(const char *id, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = {.quantity = quantity,
                            .per_user_limit = limit,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    strcpy(coupon.title, "Title");
    return coupon;
}

static void apply_policy(struct coupon *policy)
{
    policy->journal_seq = appended(journal_encode_coupon(next_record(), policy, NULL));
    ledger_apply_coupon(ledger, policy);
}

void add(const struct coupon *wanted)
{
    struct coupon result;
    assert_int_equal(ledger_decide_create(ledger, wanted, now_us, &result), VERDICT_COUPON_CREATED);
    apply_policy(&result);
}

void add_simple(const char *id, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = coupon_of(id, quantity, limit);
    add(&coupon);
}

enum verdict change_policy(const struct coupon *wanted, unsigned fields)
{
    struct coupon result;
    enum verdict verdict = ledger_decide_change(ledger, wanted, fields, owner_required, now_us, &result);
    if (verdict == VERDICT_COUPON_CHANGED)
        apply_policy(&result);
    return verdict;
}

struct coupon coupon_now(const char *id)
{
    struct coupon coupon;
    assert_non_null(ledger_entry(ledger, id, strlen(id)));
    ledger_coupon_read(ledger_entry(ledger, id, strlen(id)), &coupon);
    return coupon;
}

/* --- issues --- */

static void journal_issue(const struct ledger_command *command, const struct ledger_decision *decision)
{
    struct journal_record record = {
        .coupon_id = command->coupon_id,
        .coupon_id_length = command->coupon_id_length,
        .issue = {.user_id = command->user_id,
                  .user_id_length = command->user_id_length,
                  .sequence = decision->issue.sequence,
                  .nth = decision->issue.nth,
                  .request_key = command->op == ISSUE_POST ? command->request_key : 0},
    };
    appended(journal_encode_stamped_issue(next_record(), &record, decision->issue.issued_at_us));
}

struct ledger_decision ask(enum issue_op op, const char *coupon, const char *user, uint16_t nth, uint64_t request_key)
{
    struct ledger_command command = {.op = op,
                                     .nth = nth,
                                     .request_key = request_key,
                                     .segments = segments_checked,
                                     .coupon_id = coupon,
                                     .coupon_id_length = strlen(coupon),
                                     .user_id = user,
                                     .user_id_length = strlen(user)};
    ledger_prepare(ledger, &command, 1);
    struct ledger_decision decision;
    ledger_decide_issue(ledger, &command, now_us, &decision);
    if (decision.verdict == VERDICT_ISSUED) {
        journal_issue(&command, &decision);
        ledger_apply_issue(&command, &decision);
    }
    return decision;
}

struct ledger_decision post(const char *coupon, const char *user)
{
    return ask(ISSUE_POST, coupon, user, 0, 0);
}

struct ledger_decision put(const char *coupon, const char *user, uint16_t nth)
{
    return ask(ISSUE_ENSURE, coupon, user, nth, 0);
}

struct ledger_decision get(const char *coupon, const char *user)
{
    return ask(ISSUE_LOOKUP, coupon, user, 0, 0);
}

/* --- changes --- */

static void journal_change(const struct ledger_change *change, const struct ledger_change_decision *decision)
{
    struct journal_record record = {
        .time_us = now_us > decision->issue.issued_at_us ? now_us : decision->issue.issued_at_us,
        .coupon_id = change->coupon_id,
        .coupon_id_length = change->coupon_id_length,
        .change = {.kind = change->op == CHANGE_REDEEM ? JOURNAL_REDEEMED
                           : change->op == CHANGE_UNDO ? JOURNAL_UNDONE
                                                       : JOURNAL_REVOKED,
                   .sequence = decision->issue.sequence,
                   .restock = change->restock,
                   .again = change->again,
                   .user_id = change->user_id,
                   .user_id_length = change->user_id_length,
                   .reference = change->reference,
                   .reference_length = change->reference_length},
    };
    appended(journal_encode_change(next_record(), &record));
}

static struct ledger_change_decision decide(const struct ledger_change *change)
{
    struct ledger_change_decision decision;
    ledger_decide_change_of(ledger, change, now_us, &decision);
    if (ledger_change_changes(decision.verdict)) {
        journal_change(change, &decision);
        ledger_apply_change(&decision);
    }
    return decision;
}

static struct ledger_change change_of(enum change_op op, const char *coupon, const char *user, uint32_t sequence)
{
    return (struct ledger_change){.op = op,
                                  .coupon_id = coupon,
                                  .coupon_id_length = strlen(coupon),
                                  .user_id = user,
                                  .user_id_length = strlen(user),
                                  .owner = owner_required,
                                  .sequence = sequence};
}

struct ledger_change_decision redeem(const char *coupon, const char *user, const char *reference, uint32_t sequence)
{
    struct ledger_change change = change_of(CHANGE_REDEEM, coupon, user, sequence);
    change.reference = reference;
    change.reference_length = strlen(reference);
    return decide(&change);
}

struct ledger_change_decision undo(const char *coupon, const char *user, const char *reference, uint32_t sequence)
{
    struct ledger_change change = change_of(CHANGE_UNDO, coupon, user, sequence);
    change.reference = reference;
    change.reference_length = strlen(reference);
    return decide(&change);
}

struct ledger_change_decision revoke(const char *coupon, const char *user, uint32_t sequence, unsigned flags)
{
    struct ledger_change change = change_of(CHANGE_REVOKE, coupon, user, sequence);
    change.restock = (flags & RESTOCK) != 0;
    change.again = (flags & AGAIN) != 0;
    return decide(&change);
}

/* --- sweeps --- */

void sweep(const char *coupon, unsigned flags)
{
    struct journal_record record = {
        .type = JOURNAL_SWEEP,
        .coupon_id = coupon,
        .coupon_id_length = strlen(coupon),
        .sweep = {.restock = (flags & RESTOCK) != 0,
                  .again = (flags & AGAIN) != 0,
                  .until = ledger_entry(ledger, coupon, strlen(coupon))->issued},
    };
    record.seq = appended(journal_encode_sweep(next_record(), &record));
    ledger_sweep_begin(ledger, &record);
}

bool sweep_step(uint32_t examine)
{
    struct ledger_sweep *first = ledger_sweep_first(ledger);
    struct ledger_change_decision decision;
    if (first == NULL)
        return false;
    uint32_t sequence = ledger_sweep_step(first, examine, &decision);
    if (sequence != 0) {
        struct ledger_change change = change_of(CHANGE_REVOKE, first->coupon->id, "", sequence);
        change.restock = first->restock;
        change.again = first->again;
        decision.issue.issued_at_us = first->coupon->users.latest_us;
        journal_change(&change, &decision);
        ledger_apply_change(&decision);
    }
    if (first->examined == first->until) {
        struct journal_record record;
        ledger_sweep_record(first, true, &record);
        appended(journal_encode_sweep(next_record(), &record));
        ledger_sweep_end(ledger, first->coupon);
    }
    return true;
}

/* --- comparing --- */

static void assert_same_sweep(const struct ledger_sweep *a, const struct ledger_sweep *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a == NULL)
        return;
    assert_int_equal(a->until, b->until);
    assert_int_equal(a->restock, b->restock);
    assert_int_equal(a->again, b->again);
}

static void assert_same_coupon(const struct ledger_coupon *a, const struct ledger_coupon *b)
{
    struct coupon one, other;
    memset(&one, 0, sizeof one);
    memset(&other, 0, sizeof other);
    ledger_coupon_read(a, &one);
    ledger_coupon_read(b, &other);
    assert_memory_equal(&one, &other, sizeof one);
    assert_same_sweep(a->sweep, b->sweep);
    assert_int_equal(a->revoked, b->revoked);
    assert_int_equal(a->forgiven, b->forgiven);
    assert_true(a->users.held == b->users.held && a->users.count == b->users.count);
    assert_true(a->users.latest_us == b->users.latest_us);
    for (uint32_t sequence = 0; sequence <= a->issued + 1; sequence++) {
        for (unsigned map = 0; map < COUPON_MAPS; map++)
            assert_int_equal(ledger_coupon_value(a, map, sequence), ledger_coupon_value(b, map, sequence));
    }
}

static void assert_same_issues(struct ledger *one, struct ledger *other, const struct ledger_coupon *coupon,
                               const char *user)
{
    struct user_issue a = {0}, b = {0};
    const struct ledger_coupon *there = ledger_entry(other, coupon->id, strlen(coupon->id));
    bool has = ledger_lookup(one, coupon->id, strlen(coupon->id), user, strlen(user), &a);
    assert_int_equal(ledger_lookup(other, coupon->id, strlen(coupon->id), user, strlen(user), &b), has);
    while (has) {
        assert_int_equal(a.sequence, b.sequence);
        assert_int_equal(a.nth, b.nth);
        assert_int_equal(a.issued_at_us, b.issued_at_us);
        has = issue_list_earlier(coupon, &a);
        assert_int_equal(issue_list_earlier(there, &b), has);
    }
}

void assert_same(struct ledger *one, struct ledger *other, const char *const *users, size_t users_count)
{
    const struct ledger_coupon *coupons[COUPON_LIST_MAX];
    size_t count = ledger_list(one, "", COUPON_LIST_MAX, coupons);
    assert_int_equal(ledger_coupons(one), count);
    assert_int_equal(ledger_coupons(other), count);
    assert_null(ledger_check(one));
    assert_null(ledger_check(other));
    for (size_t i = 0; i < count; i++) {
        assert_same_coupon(coupons[i], ledger_entry(other, coupons[i]->id, strlen(coupons[i]->id)));
        for (size_t j = 0; j < users_count; j++)
            assert_same_issues(one, other, coupons[i], users[j]);
    }
}
