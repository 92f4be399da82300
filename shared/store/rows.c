#include "shared/store/rows.h"

#include <string.h>

#include "shared/error.h"

static int compare_texts(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;
    int order = common > 0 ? memcmp(a, b, common) : 0; /* an empty text may be NULL */
    if (order != 0)
        return order;
    return (a_length > b_length) - (a_length < b_length);
}

/* --- of records --- */

struct store_coupon store_coupon_of(const struct journal_record *record)
{
    CHECK(record->type == JOURNAL_COUPON);
    struct store_coupon row = {
        .paused = record->coupon.paused,
        .archived = record->coupon.archived,
        .number = record->coupon.number,
        .quantity = record->coupon.quantity,
        .per_user_limit = record->coupon.per_user_limit,
        .redeem_within_s = record->coupon.redeem_within_s,
        .starts_at_us = record->coupon.starts_at_us,
        .ends_at_us = record->coupon.ends_at_us,
        .redeem_until_us = record->coupon.redeem_until_us,
        .created_at_us = record->coupon.created_at_us,
        .updated_at_us = record->time_us,
        .journal_seq = record->seq,
        .origin = record->origin,
    };
    memcpy(row.id, record->coupon_id, record->coupon_id_length);
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        row.texts[i] = record->coupon.texts[i];
        row.text_lengths[i] = (uint16_t)record->coupon.text_lengths[i];
    }
    return row;
}

struct store_issue store_issue_of(const struct journal_record *record)
{
    CHECK(record->type == JOURNAL_ISSUE);
    return (struct store_issue){
        .coupon_id = record->coupon_id,
        .user_id = record->issue.user_id,
        .coupon_id_length = (uint8_t)record->coupon_id_length,
        .user_id_length = (uint8_t)record->issue.user_id_length,
        .nth = record->issue.nth,
        .sequence = record->issue.sequence,
        .issued_at_us = record->time_us,
        .journal_seq = record->seq,
        .request_key = record->issue.request_key,
    };
}

static enum issue_state state_after(enum journal_change_kind kind)
{
    switch (kind) {
    case JOURNAL_REDEEMED:
        return ISSUE_REDEEMED;
    case JOURNAL_UNDONE:
        return ISSUE_ISSUED;
    case JOURNAL_REVOKED:
        return ISSUE_REVOKED;
    }
    CHECK(!"a kind of change");
    return ISSUE_NONE;
}

struct store_change store_change_of(const struct journal_record *record)
{
    CHECK(record->type == JOURNAL_CHANGE);
    return (struct store_change){
        .coupon_id = record->coupon_id,
        .user_id = record->change.user_id,
        .reference = record->change.reference,
        .reason = record->change.reason,
        .actor = record->origin.actor,
        .coupon_id_length = (uint8_t)record->coupon_id_length,
        .user_id_length = (uint8_t)record->change.user_id_length,
        .reference_length = (uint8_t)record->change.reference_length,
        .reason_length = (uint8_t)record->change.reason_length,
        .actor_length = (uint8_t)record->origin.actor_length,
        .state = (uint8_t)state_after(record->change.kind),
        .restock = record->change.restock,
        .again = record->change.again,
        .sequence = record->change.sequence,
        .changed_at_us = record->time_us,
        .journal_seq = record->seq,
    };
}

struct journal_record store_change_record(const struct store_change *change)
{
    static const enum journal_change_kind kinds[ISSUE_STATE_COUNT] = {
        [ISSUE_ISSUED] = JOURNAL_UNDONE, [ISSUE_REDEEMED] = JOURNAL_REDEEMED, [ISSUE_REVOKED] = JOURNAL_REVOKED};
    CHECK(change->state > ISSUE_NONE && change->state < ISSUE_STATE_COUNT);
    return (struct journal_record){
        .type = JOURNAL_CHANGE,
        .seq = change->journal_seq,
        .time_us = change->changed_at_us,
        .coupon_id = change->coupon_id,
        .coupon_id_length = change->coupon_id_length,
        .origin = {.actor = change->actor, .actor_length = change->actor_length, .request_id = ""},
        .change = {.kind = kinds[change->state],
                   .sequence = change->sequence,
                   .restock = change->restock,
                   .again = change->again,
                   .user_id = change->user_id,
                   .user_id_length = change->user_id_length,
                   .reference = change->reference,
                   .reference_length = change->reference_length,
                   .reason = change->reason,
                   .reason_length = change->reason_length},
    };
}

struct store_erasure store_erasure_of(const struct journal_record *record)
{
    CHECK(record->type == JOURNAL_ERASURE);
    struct store_erasure row = {
        .user_id = record->erasure.user_id,
        .actor = record->origin.actor,
        .request_id = record->origin.request_id,
        .user_id_length = (uint8_t)record->erasure.user_id_length,
        .actor_length = (uint8_t)record->origin.actor_length,
        .request_id_length = (uint8_t)record->origin.request_id_length,
        .erased_at_us = record->time_us,
        .journal_seq = record->seq,
    };
    memcpy(row.fingerprint, record->erasure.fingerprint, sizeof row.fingerprint);
    return row;
}

/* --- coupons --- */

struct store_coupon store_coupon_borrow(const struct coupon *coupon)
{
    struct store_coupon row = {
        .paused = coupon->paused,
        .archived = coupon->archived,
        .number = coupon->number,
        .quantity = coupon->quantity,
        .per_user_limit = coupon->per_user_limit,
        .redeem_within_s = coupon->redeem_within_s,
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .redeem_until_us = coupon->redeem_until_us,
        .created_at_us = coupon->created_at_us,
        .updated_at_us = coupon->updated_at_us,
        .journal_seq = coupon->journal_seq,
    };
    memcpy(row.id, coupon->id, sizeof row.id);
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        row.texts[i] = coupon_text(coupon, i);
        row.text_lengths[i] = (uint16_t)strlen(row.texts[i]);
    }
    return row;
}

static bool texts_equal(const struct store_coupon *a, const struct store_coupon *b)
{
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        if (compare_texts(a->texts[i], a->text_lengths[i], b->texts[i], b->text_lengths[i]) != 0)
            return false;
    }
    return true;
}

bool store_coupon_equal(const struct store_coupon *a, const struct store_coupon *b)
{
    return strcmp(a->id, b->id) == 0 && a->number == b->number && a->quantity == b->quantity &&
           a->per_user_limit == b->per_user_limit && a->redeem_within_s == b->redeem_within_s &&
           a->paused == b->paused && a->archived == b->archived && a->starts_at_us == b->starts_at_us &&
           a->ends_at_us == b->ends_at_us && a->redeem_until_us == b->redeem_until_us &&
           a->created_at_us == b->created_at_us && a->updated_at_us == b->updated_at_us &&
           a->journal_seq == b->journal_seq && texts_equal(a, b);
}

/* --- issues --- */

int store_issue_compare(const struct store_issue *a, const struct store_issue *b)
{
    int order = compare_texts(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length);
    if (order != 0)
        return order;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b)
{
    return compare_texts(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length) == 0;
}

static bool same_user(const struct store_issue *a, const struct store_issue *b)
{
    return compare_texts(a->user_id, a->user_id_length, b->user_id, b->user_id_length) == 0;
}

bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b)
{
    return a->nth == b->nth && same_user(a, b) && store_issue_same_coupon(a, b);
}

bool store_issue_equal(const struct store_issue *a, const struct store_issue *b)
{
    return a->sequence == b->sequence && a->issued_at_us == b->issued_at_us && a->journal_seq == b->journal_seq &&
           a->request_key == b->request_key && store_issue_same_holder(a, b);
}

/* --- changes --- */

int store_change_compare(const struct store_change *a, const struct store_change *b)
{
    int order = compare_texts(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length);
    if (order != 0)
        return order;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

bool store_change_same_coupon(const struct store_change *a, const struct store_change *b)
{
    return compare_texts(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length) == 0;
}

bool store_change_equal(const struct store_change *a, const struct store_change *b)
{
    return store_change_compare(a, b) == 0 && a->state == b->state && a->restock == b->restock &&
           a->again == b->again && a->changed_at_us == b->changed_at_us && a->journal_seq == b->journal_seq &&
           compare_texts(a->reference, a->reference_length, b->reference, b->reference_length) == 0 &&
           compare_texts(a->reason, a->reason_length, b->reason, b->reason_length) == 0 &&
           (compare_texts(a->actor, a->actor_length, b->actor, b->actor_length) == 0 ||
            user_id_is_erased(b->actor, b->actor_length)); /* nobody else can have such an id */
}

static const char *const state_names[ISSUE_STATE_COUNT] = {
    [ISSUE_NONE] = "none", [ISSUE_ISSUED] = "issued", [ISSUE_REDEEMED] = "redeemed", [ISSUE_REVOKED] = "revoked"};

const char *store_state_name(enum issue_state state)
{
    CHECK((unsigned)state < ISSUE_STATE_COUNT);
    return state_names[state];
}

enum issue_state store_state_of(const char *name, size_t length)
{
    for (unsigned state = ISSUE_ISSUED; state < ISSUE_STATE_COUNT; state++) {
        if (strlen(state_names[state]) == length && memcmp(state_names[state], name, length) == 0)
            return (enum issue_state)state;
    }
    return ISSUE_NONE;
}

/* --- others --- */

enum journal_record_type store_letter_type(const struct store_dead_letter *letter)
{
    if (letter->coupon_id_length == 0)
        return JOURNAL_ERASURE;
    if (letter->nth > 0)
        return JOURNAL_ISSUE;
    return letter->sequence > 0 ? JOURNAL_CHANGE : JOURNAL_COUPON;
}

bool store_key_is_known(const uint8_t key[16])
{
    static const uint8_t none[16];
    return memcmp(key, none, sizeof none) != 0;
}

void store_request_key_write(uint64_t key, char out[STORE_REQUEST_KEY_BYTES])
{
    for (unsigned i = 0; i < STORE_REQUEST_KEY_BYTES; i++)
        out[i] = (char)(key >> (8 * (STORE_REQUEST_KEY_BYTES - 1 - i)));
}

uint64_t store_request_key_read(const char bytes[STORE_REQUEST_KEY_BYTES])
{
    uint64_t key = 0;
    for (unsigned i = 0; i < STORE_REQUEST_KEY_BYTES; i++)
        key = key << 8 | (unsigned char)bytes[i];
    return key;
}
