/* The records of a journal: encoding and decoding (shared/journal/format.h). */
#include "shared/journal/format.h"

#include <string.h>

#include "shared/error.h"
#include "shared/member_name.h"

_Static_assert(sizeof(struct journal_coupon_record) + COUPON_ID_MAX + COUPON_TEXTS_BYTES_MAX + ACTOR_MAX +
                       REQUEST_ID_MAX + 8 <=
                   JOURNAL_RECORD_BYTES_MAX,
               "the longest coupon record fits");
_Static_assert(JOURNAL_RECORD_BYTES_MAX <= UINT16_MAX, "its length fits the header");
_Static_assert(sizeof(struct journal_issue_record) + 16 + COUPON_ID_MAX + USER_ID_MAX <= JOURNAL_ISSUE_BYTES_MAX,
               "the longest issue record fits");
_Static_assert(sizeof(struct journal_change_record) + COUPON_ID_MAX + USER_ID_MAX + REFERENCE_MAX + REASON_MAX +
                       ACTOR_MAX + REQUEST_ID_MAX + 8 <=
                   JOURNAL_CHANGE_BYTES_MAX,
               "the longest change record fits");
_Static_assert(REASON_MAX <= UINT8_MAX && ACTOR_MAX <= UINT8_MAX && REQUEST_ID_MAX <= UINT8_MAX, "one byte each");

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

/* --- encoding --- */

struct writer {
    unsigned char *out;
    size_t used;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
    if (length > 0) /* `bytes` may be NULL */
        memcpy(writer->out + writer->used, bytes, length);
    writer->used += length;
}

static void put_origin(struct writer *writer, const struct journal_origin *origin)
{
    put(writer, origin->actor, origin->actor_length);
    put(writer, origin->request_id, origin->request_id_length);
}

/* Pads the record and fills its header, which begins it. */
static size_t finish(struct writer *writer, enum journal_record_type type, size_t coupon_id_length)
{
    size_t length = padded(writer->used);
    memset(writer->out + writer->used, 0, length - writer->used);
    struct journal_record_header header = {
        .length = (uint16_t)length,
        .type = (uint8_t)type,
        .coupon_id_length = (uint8_t)coupon_id_length,
    };
    memcpy(writer->out, &header, sizeof header);
    return length;
}

size_t journal_encode_stamped_issue(void *out, const struct journal_record *record, int64_t stamp_us)
{
    CHECK(record->coupon_id_length >= 1 && record->coupon_id_length <= COUPON_ID_MAX);
    CHECK(record->issue.user_id_length >= 1 && record->issue.user_id_length <= USER_ID_MAX);
    CHECK(record->issue.sequence >= 1 && record->issue.nth >= 1);
    bool stamped = stamp_us != JOURNAL_NO_STAMP, keyed = record->issue.request_key != 0;
    struct journal_issue_record fixed = {
        .user_id_length = (uint8_t)record->issue.user_id_length,
        .flags = (uint8_t)((stamped ? JOURNAL_ISSUE_STAMPED : 0) | (keyed ? JOURNAL_ISSUE_KEYED : 0)),
        .nth = record->issue.nth,
        .sequence = record->issue.sequence,
    };
    struct writer writer = {out, 0};
    put(&writer, &fixed, sizeof fixed);
    put(&writer, &stamp_us, stamped ? sizeof stamp_us : 0);
    put(&writer, &record->issue.request_key, keyed ? sizeof record->issue.request_key : 0);
    put(&writer, record->coupon_id, record->coupon_id_length);
    put(&writer, record->issue.user_id, record->issue.user_id_length);
    return finish(&writer, JOURNAL_ISSUE, record->coupon_id_length);
}

size_t journal_encode_issue(void *out, const char *coupon_id, size_t coupon_id_length, const char *user_id,
                            size_t user_id_length, uint32_t sequence, uint16_t nth)
{
    struct journal_record record = {
        .coupon_id = coupon_id,
        .coupon_id_length = coupon_id_length,
        .issue = {.user_id = user_id, .user_id_length = user_id_length, .sequence = sequence, .nth = nth},
    };
    return journal_encode_stamped_issue(out, &record, JOURNAL_NO_STAMP);
}

static const struct journal_origin no_origin;

size_t journal_encode_coupon(void *out, const struct coupon *coupon, const struct journal_origin *origin)
{
    size_t id_length = strlen(coupon->id);
    origin = origin != NULL ? origin : &no_origin;
    CHECK(id_length >= 1 && id_length <= COUPON_ID_MAX);
    CHECK(coupon->title[0] != '\0');
    struct journal_coupon_record fixed = {
        .number = coupon->number,
        .quantity = coupon->quantity,
        .per_user_limit = coupon->per_user_limit,
        .redeem_within_s = coupon->redeem_within_s,
        .paused = coupon->paused,
        .archived = coupon->archived,
        .actor_length = (uint8_t)origin->actor_length,
        .request_id_length = (uint8_t)origin->request_id_length,
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .redeem_until_us = coupon->redeem_until_us,
        .created_at_us = coupon->created_at_us,
        .updated_at_us = coupon->updated_at_us,
    };
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        fixed.text_lengths[i] = (uint16_t)strlen(coupon_text(coupon, i));
    struct writer writer = {out, 0};
    put(&writer, &fixed, sizeof fixed);
    put(&writer, coupon->id, id_length);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        put(&writer, coupon_text(coupon, i), fixed.text_lengths[i]);
    put_origin(&writer, origin);
    return finish(&writer, JOURNAL_COUPON, id_length);
}

static uint8_t flags_of(bool restock, bool again)
{
    return (uint8_t)((restock ? JOURNAL_CHANGE_RESTOCK : 0) | (again ? JOURNAL_CHANGE_AGAIN : 0));
}

size_t journal_encode_change(void *out, const struct journal_record *record)
{
    CHECK(record->coupon_id_length >= 1 && record->coupon_id_length <= COUPON_ID_MAX);
    CHECK(record->change.user_id_length <= USER_ID_MAX && record->change.reference_length <= REFERENCE_MAX);
    CHECK(record->change.reason_length <= REASON_MAX && record->change.sequence >= 1);
    struct journal_change_record fixed = {
        .kind = (uint8_t)record->change.kind,
        .flags = flags_of(record->change.restock, record->change.again),
        .user_id_length = (uint8_t)record->change.user_id_length,
        .reference_length = (uint8_t)record->change.reference_length,
        .reason_length = (uint8_t)record->change.reason_length,
        .actor_length = (uint8_t)record->origin.actor_length,
        .request_id_length = (uint8_t)record->origin.request_id_length,
        .sequence = record->change.sequence,
        .time_us = record->time_us,
    };
    struct writer writer = {out, 0};
    put(&writer, &fixed, sizeof fixed);
    put(&writer, record->coupon_id, record->coupon_id_length);
    put(&writer, record->change.user_id, record->change.user_id_length);
    put(&writer, record->change.reference, record->change.reference_length);
    put(&writer, record->change.reason, record->change.reason_length);
    put_origin(&writer, &record->origin);
    return finish(&writer, JOURNAL_CHANGE, record->coupon_id_length);
}

size_t journal_encode_erasure(void *out, const struct journal_record *record)
{
    CHECK(record->erasure.user_id_length >= 1 && record->erasure.user_id_length <= USER_ID_MAX);
    struct journal_erasure_record fixed = {
        .user_id_length = (uint8_t)record->erasure.user_id_length,
        .actor_length = (uint8_t)record->origin.actor_length,
        .request_id_length = (uint8_t)record->origin.request_id_length,
    };
    memcpy(fixed.fingerprint, record->erasure.fingerprint, sizeof fixed.fingerprint);
    struct writer writer = {out, 0};
    put(&writer, &fixed, sizeof fixed);
    put(&writer, record->erasure.user_id, record->erasure.user_id_length);
    put_origin(&writer, &record->origin);
    return finish(&writer, JOURNAL_ERASURE, 0);
}

size_t journal_encode_sweep(void *out, const struct journal_record *record)
{
    CHECK(record->coupon_id_length >= 1 && record->coupon_id_length <= COUPON_ID_MAX);
    CHECK(record->sweep.reason_length <= REASON_MAX && record->sweep.until >= 1);
    struct journal_sweep_record fixed = {
        .ended = record->sweep.ended,
        .flags = flags_of(record->sweep.restock, record->sweep.again),
        .reason_length = (uint8_t)record->sweep.reason_length,
        .actor_length = (uint8_t)record->origin.actor_length,
        .request_id_length = (uint8_t)record->origin.request_id_length,
        .until = record->sweep.until,
    };
    struct writer writer = {out, 0};
    put(&writer, &fixed, sizeof fixed);
    put(&writer, record->coupon_id, record->coupon_id_length);
    put(&writer, record->sweep.reason, record->sweep.reason_length);
    put_origin(&writer, &record->origin);
    return finish(&writer, JOURNAL_SWEEP, record->coupon_id_length);
}

size_t journal_encode_term(void *out, uint64_t epoch, const char *owner, size_t owner_length)
{
    CHECK(epoch >= 1 && owner_length >= 1 && owner_length <= MEMBER_NAME_MAX);
    struct journal_term_record fixed = {.owner_length = (uint8_t)owner_length, .epoch = epoch};
    struct writer writer = {out, 0};
    put(&writer, &fixed, sizeof fixed);
    put(&writer, owner, owner_length);
    return finish(&writer, JOURNAL_TERM, 0);
}

/* --- decoding --- */

/* The bytes of one record. Reading past its end fails for good. */
struct reader {
    const char *at;
    size_t left;
    bool failed;
};

static const char *take(struct reader *reader, size_t length)
{
    const char *at = reader->at;
    if (length > reader->left) {
        reader->failed = true;
        return at;
    }
    reader->at += length;
    reader->left -= length;
    return at;
}

static void take_value(struct reader *reader, void *value, size_t size)
{
    memset(value, 0, size);
    const char *at = take(reader, size);
    if (!reader->failed)
        memcpy(value, at, size);
}

static void take_origin(struct reader *reader, struct journal_record *record, size_t actor_length,
                        size_t request_id_length)
{
    record->origin = (struct journal_origin){.actor_length = actor_length, .request_id_length = request_id_length};
    record->origin.actor = take(reader, actor_length);
    record->origin.request_id = take(reader, request_id_length);
    if (actor_length > ACTOR_MAX || request_id_length > REQUEST_ID_MAX)
        reader->failed = true;
}

static bool origin_valid(const struct journal_origin *origin)
{
    return (origin->actor_length == 0 || reference_valid(origin->actor, origin->actor_length)) &&
           (origin->request_id_length == 0 || origin_id_valid(origin->request_id, origin->request_id_length));
}

/* True when nothing but the padding is left. */
static bool is_at_end(const struct reader *reader)
{
    return !reader->failed && reader->left < 8;
}

static bool time_valid(int64_t us)
{
    return us >= 0 && us <= ISSUER_TIME_US_MAX;
}

static bool decode_issue(struct reader *reader, struct journal_record *record)
{
    struct journal_issue_record fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->issue.stamped = (fixed.flags & JOURNAL_ISSUE_STAMPED) != 0;
    bool keyed = (fixed.flags & JOURNAL_ISSUE_KEYED) != 0;
    record->issue.request_key = 0;
    if (record->issue.stamped)
        take_value(reader, &record->time_us, sizeof record->time_us);
    if (keyed)
        take_value(reader, &record->issue.request_key, sizeof record->issue.request_key);
    record->coupon_id = take(reader, fixed.header.coupon_id_length);
    record->issue.user_id = take(reader, fixed.user_id_length);
    record->issue.user_id_length = fixed.user_id_length;
    record->issue.sequence = fixed.sequence;
    record->issue.nth = fixed.nth;
    if (!is_at_end(reader) || fixed.flags > (JOURNAL_ISSUE_STAMPED | JOURNAL_ISSUE_KEYED))
        return false;
    return (!record->issue.stamped || time_valid(record->time_us)) && (!keyed || record->issue.request_key != 0) &&
           fixed.sequence >= 1 && fixed.nth >= 1 && fixed.nth <= NTH_MAX &&
           user_id_valid(record->issue.user_id, fixed.user_id_length);
}

static bool policy_valid(const struct journal_record *record)
{
    return quantity_valid(record->coupon.quantity) && window_time_valid(record->coupon.starts_at_us) &&
           window_time_valid(record->coupon.ends_at_us) && window_time_valid(record->coupon.redeem_until_us) &&
           record->coupon.redeem_within_s <= REDEEM_WITHIN_MAX && record->coupon.per_user_limit >= 1 &&
           record->coupon.per_user_limit <= PER_USER_LIMIT_MAX;
}

static bool decode_coupon_1(struct reader *reader, struct journal_record *record)
{
    struct journal_coupon_record_1 fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->type = JOURNAL_COUPON;
    record->coupon_id = take(reader, fixed.header.coupon_id_length);
    record->origin = no_origin;
    memset(&record->coupon, 0, sizeof record->coupon);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        record->coupon.texts[i] = "";
    record->coupon.texts[COUPON_TEXT_TITLE] = take(reader, fixed.title_length);
    record->coupon.text_lengths[COUPON_TEXT_TITLE] = fixed.title_length;
    record->coupon.quantity = fixed.quantity;
    record->coupon.per_user_limit = fixed.per_user_limit;
    record->coupon.paused = fixed.paused;
    record->coupon.starts_at_us = fixed.starts_at_us;
    record->coupon.ends_at_us = fixed.ends_at_us;
    record->coupon.redeem_until_us = TIME_NONE;
    record->coupon.created_at_us = fixed.created_at_us;
    return is_at_end(reader) && fixed.paused <= 1 && fixed.quantity != QUANTITY_UNLIMITED && policy_valid(record) &&
           title_valid(record->coupon.texts[COUPON_TEXT_TITLE], fixed.title_length);
}

static bool decode_texts(struct reader *reader, const struct journal_coupon_record *fixed,
                         struct journal_record *record)
{
    bool valid = true;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        record->coupon.text_lengths[i] = fixed->text_lengths[i];
        record->coupon.texts[i] = take(reader, fixed->text_lengths[i]);
        valid = valid && !reader->failed && coupon_text_valid(i, record->coupon.texts[i], fixed->text_lengths[i]);
    }
    return valid;
}

static bool decode_coupon(struct reader *reader, struct journal_record *record)
{
    struct journal_coupon_record fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->coupon_id = take(reader, fixed.header.coupon_id_length);
    record->coupon.number = fixed.number;
    record->coupon.quantity = fixed.quantity;
    record->coupon.per_user_limit = fixed.per_user_limit;
    record->coupon.redeem_within_s = fixed.redeem_within_s;
    record->coupon.paused = fixed.paused == 1;
    record->coupon.archived = fixed.archived == 1;
    record->coupon.starts_at_us = fixed.starts_at_us;
    record->coupon.ends_at_us = fixed.ends_at_us;
    record->coupon.redeem_until_us = fixed.redeem_until_us;
    record->coupon.created_at_us = fixed.created_at_us;
    record->time_us = fixed.updated_at_us;
    bool valid = decode_texts(reader, &fixed, record);
    take_origin(reader, record, fixed.actor_length, fixed.request_id_length);
    return valid && is_at_end(reader) && fixed.paused <= 1 && fixed.archived <= 1 &&
           fixed.number <= COUPONS_PER_PARTITION_MAX && time_valid(fixed.updated_at_us) && policy_valid(record) &&
           origin_valid(&record->origin);
}

static bool change_valid(const struct journal_record *record, uint8_t flags)
{
    const char *reference = record->change.reference, *reason = record->change.reason;
    if (record->change.kind == JOURNAL_REVOKED)
        return record->change.reference_length == 0 && flags <= (JOURNAL_CHANGE_RESTOCK | JOURNAL_CHANGE_AGAIN) &&
               reason_valid(reason, record->change.reason_length);
    return (record->change.kind == JOURNAL_REDEEMED || record->change.kind == JOURNAL_UNDONE) && flags == 0 &&
           record->change.reason_length == 0 && reference_valid(reference, record->change.reference_length);
}

static bool decode_change(struct reader *reader, struct journal_record *record)
{
    struct journal_change_record fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->coupon_id = take(reader, fixed.header.coupon_id_length);
    record->change.kind = (enum journal_change_kind)fixed.kind;
    record->change.sequence = fixed.sequence;
    record->change.restock = (fixed.flags & JOURNAL_CHANGE_RESTOCK) != 0;
    record->change.again = (fixed.flags & JOURNAL_CHANGE_AGAIN) != 0;
    record->change.user_id = take(reader, fixed.user_id_length);
    record->change.user_id_length = fixed.user_id_length;
    record->change.reference = take(reader, fixed.reference_length);
    record->change.reference_length = fixed.reference_length;
    record->change.reason = take(reader, fixed.reason_length);
    record->change.reason_length = fixed.reason_length;
    record->time_us = fixed.time_us;
    take_origin(reader, record, fixed.actor_length, fixed.request_id_length);
    return is_at_end(reader) && fixed.reserved == 0 && fixed.sequence >= 1 && time_valid(fixed.time_us) &&
           (fixed.user_id_length == 0 || user_id_valid(record->change.user_id, fixed.user_id_length)) &&
           change_valid(record, fixed.flags) && origin_valid(&record->origin);
}

static bool decode_erasure(struct reader *reader, struct journal_record *record)
{
    struct journal_erasure_record fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->coupon_id = "";
    record->erasure.user_id = take(reader, fixed.user_id_length);
    record->erasure.user_id_length = fixed.user_id_length;
    memcpy(record->erasure.fingerprint, fixed.fingerprint, sizeof fixed.fingerprint);
    take_origin(reader, record, fixed.actor_length, fixed.request_id_length);
    return is_at_end(reader) && fixed.reserved == 0 && fixed.header.coupon_id_length == 0 &&
           user_id_valid(record->erasure.user_id, fixed.user_id_length) && origin_valid(&record->origin);
}

static bool decode_sweep(struct reader *reader, struct journal_record *record)
{
    struct journal_sweep_record fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->coupon_id = take(reader, fixed.header.coupon_id_length);
    record->sweep.ended = fixed.ended == 1;
    record->sweep.restock = (fixed.flags & JOURNAL_CHANGE_RESTOCK) != 0;
    record->sweep.again = (fixed.flags & JOURNAL_CHANGE_AGAIN) != 0;
    record->sweep.until = fixed.until;
    record->sweep.reason = take(reader, fixed.reason_length);
    record->sweep.reason_length = fixed.reason_length;
    take_origin(reader, record, fixed.actor_length, fixed.request_id_length);
    return is_at_end(reader) && fixed.ended <= 1 && fixed.until >= 1 &&
           fixed.flags <= (JOURNAL_CHANGE_RESTOCK | JOURNAL_CHANGE_AGAIN) &&
           reason_valid(record->sweep.reason, fixed.reason_length) && origin_valid(&record->origin);
}

static bool decode_term(struct reader *reader, struct journal_record *record)
{
    struct journal_term_record fixed;
    take_value(reader, &fixed, sizeof fixed);
    record->coupon_id = "";
    record->term.epoch = fixed.epoch;
    record->term.owner = take(reader, fixed.owner_length);
    record->term.owner_length = fixed.owner_length;
    record->origin = (struct journal_origin){0};
    return is_at_end(reader) && fixed.header.coupon_id_length == 0 && fixed.epoch >= 1 &&
           (fixed.reserved[0] | fixed.reserved[1] | fixed.reserved[2]) == 0 &&
           member_name_valid(record->term.owner, fixed.owner_length);
}

static bool decode(struct reader *reader, struct journal_record *record)
{
    switch (record->type) {
    case JOURNAL_ISSUE:
        return decode_issue(reader, record);
    case JOURNAL_COUPON_1:
        return decode_coupon_1(reader, record);
    case JOURNAL_COUPON:
        return decode_coupon(reader, record);
    case JOURNAL_CHANGE:
        return decode_change(reader, record);
    case JOURNAL_ERASURE:
        return decode_erasure(reader, record);
    case JOURNAL_SWEEP:
        return decode_sweep(reader, record);
    case JOURNAL_TERM:
        return decode_term(reader, record);
    }
    return false;
}

size_t journal_decode_record(const void *data, size_t available, struct journal_record *record)
{
    struct journal_record_header header;
    if (available < sizeof header)
        return 0;
    memcpy(&header, data, sizeof header);
    if (header.length > available || header.length > JOURNAL_RECORD_BYTES_MAX || header.length % 8 != 0)
        return 0;
    struct reader reader = {data, header.length, false};
    record->type = (enum journal_record_type)header.type;
    record->coupon_id_length = header.coupon_id_length;
    if (!decode(&reader, record))
        return 0;
    bool without_coupon = record->type == JOURNAL_ERASURE || record->type == JOURNAL_TERM;
    return without_coupon || coupon_id_valid(record->coupon_id, record->coupon_id_length) ? header.length : 0;
}

bool journal_record_has_time(const struct journal_record *record)
{
    return record->type == JOURNAL_CHANGE || (record->type == JOURNAL_ISSUE && record->issue.stamped) ||
           (record->type == JOURNAL_COUPON && record->coupon.number != 0);
}

void journal_record_coupon(const struct journal_record *record, struct coupon *coupon)
{
    CHECK(record->type == JOURNAL_COUPON);
    *coupon = (struct coupon){
        .number = record->coupon.number,
        .quantity = record->coupon.quantity,
        .per_user_limit = record->coupon.per_user_limit,
        .redeem_within_s = record->coupon.redeem_within_s,
        .paused = record->coupon.paused,
        .archived = record->coupon.archived,
        .starts_at_us = record->coupon.starts_at_us,
        .ends_at_us = record->coupon.ends_at_us,
        .redeem_until_us = record->coupon.redeem_until_us,
        .created_at_us = record->coupon.created_at_us,
        .updated_at_us = record->time_us,
        .journal_seq = record->seq,
    };
    memcpy(coupon->id, record->coupon_id, record->coupon_id_length);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        coupon_text_set(coupon, i, record->coupon.texts[i], record->coupon.text_lengths[i]);
}
