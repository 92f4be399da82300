#include "shared/journal/format.h"

#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

_Static_assert(sizeof(struct journal_coupon_record) + COUPON_ID_MAX + TITLE_MAX + 8 <= JOURNAL_RECORD_BYTES_MAX,
               "the longest coupon record fits");

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

uint64_t journal_checksum(const void *structure, size_t size)
{
    return XXH3_64bits((const unsigned char *)structure + sizeof(uint64_t), size - sizeof(uint64_t));
}

uint64_t journal_batch_checksum(const void *batch, size_t length, const uint8_t journal_id[16])
{
    uint64_t seed;
    memcpy(&seed, journal_id, sizeof seed);
    return XXH3_64bits_withSeed((const unsigned char *)batch + sizeof(uint64_t), length - sizeof(uint64_t), seed);
}

/* Appends the two texts after the fixed part and pads with zeros; returns the record's length. */
static size_t append_texts(unsigned char *out, size_t fixed, const char *first, size_t first_length, const char *second,
                           size_t second_length)
{
    size_t used = fixed + first_length + second_length;
    size_t length = padded(used);
    memcpy(out + fixed, first, first_length);
    memcpy(out + fixed + first_length, second, second_length);
    memset(out + used, 0, length - used);
    return length;
}

size_t journal_encode_stamped_issue(void *out, const struct journal_record *record, int64_t stamp_us)
{
    CHECK(record->coupon_id_length >= 1 && record->coupon_id_length <= COUPON_ID_MAX);
    CHECK(record->issue.user_id_length >= 1 && record->issue.user_id_length <= USER_ID_MAX);
    CHECK(record->issue.sequence >= 1 && record->issue.nth >= 1);
    bool stamped = stamp_us != JOURNAL_NO_STAMP;
    size_t fixed = sizeof(struct journal_issue_record) + (stamped ? sizeof stamp_us : 0);
    size_t length = append_texts(out, fixed, record->coupon_id, record->coupon_id_length, record->issue.user_id,
                                 record->issue.user_id_length);
    struct journal_issue_record head = {
        .header = {.length = (uint16_t)length,
                   .type = JOURNAL_ISSUE,
                   .coupon_id_length = (uint8_t)record->coupon_id_length},
        .user_id_length = (uint8_t)record->issue.user_id_length,
        .stamped = stamped,
        .nth = record->issue.nth,
        .sequence = record->issue.sequence,
    };
    memcpy(out, &head, sizeof head);
    if (stamped)
        memcpy((unsigned char *)out + sizeof head, &stamp_us, sizeof stamp_us);
    return length;
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

size_t journal_encode_coupon(void *out, const struct coupon *coupon)
{
    size_t id_length = strlen(coupon->id);
    size_t title_length = strlen(coupon->title);
    CHECK(id_length >= 1 && id_length <= COUPON_ID_MAX);
    CHECK(title_length >= 1 && title_length <= TITLE_MAX);
    size_t length =
        append_texts(out, sizeof(struct journal_coupon_record), coupon->id, id_length, coupon->title, title_length);
    struct journal_coupon_record record = {
        .header = {.length = (uint16_t)length, .type = JOURNAL_COUPON, .coupon_id_length = (uint8_t)id_length},
        .quantity = coupon->quantity,
        .per_user_limit = coupon->per_user_limit,
        .title_length = (uint16_t)title_length,
        .paused = coupon->paused,
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .created_at_us = coupon->created_at_us,
    };
    memcpy(out, &record, sizeof record);
    return length;
}

/* The issue's own time follows the fixed part; the ids follow it. */
static bool decode_stamp(const unsigned char *bytes, size_t length, struct journal_record *record)
{
    if (length < sizeof(struct journal_issue_record) + sizeof record->time_us)
        return false;
    memcpy(&record->time_us, bytes + sizeof(struct journal_issue_record), sizeof record->time_us);
    record->coupon_id += sizeof record->time_us;
    return record->time_us >= 0 && record->time_us <= ISSUER_TIME_US_MAX;
}

static bool decode_issue(const unsigned char *bytes, size_t length, struct journal_record *record)
{
    struct journal_issue_record fixed;
    if (length < sizeof fixed)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    record->issue.stamped = fixed.stamped == 1;
    if (fixed.stamped > 1 || (fixed.stamped == 1 && !decode_stamp(bytes, length, record)))
        return false;
    size_t used = (size_t)((const unsigned char *)record->coupon_id - bytes) + fixed.header.coupon_id_length +
                  fixed.user_id_length;
    if (padded(used) != length)
        return false;
    record->issue.user_id = record->coupon_id + fixed.header.coupon_id_length;
    record->issue.user_id_length = fixed.user_id_length;
    record->issue.sequence = fixed.sequence;
    record->issue.nth = fixed.nth;
    return fixed.sequence >= 1 && fixed.nth >= 1 && user_id_valid(record->issue.user_id, fixed.user_id_length);
}

static bool decode_coupon(const unsigned char *bytes, size_t length, struct journal_record *record)
{
    struct journal_coupon_record fixed;
    if (length < sizeof fixed)
        return false;
    memcpy(&fixed, bytes, sizeof fixed);
    size_t used = sizeof fixed + fixed.header.coupon_id_length + fixed.title_length;
    if (padded(used) != length || fixed.paused > 1)
        return false;
    record->coupon.title = record->coupon_id + fixed.header.coupon_id_length;
    record->coupon.title_length = fixed.title_length;
    record->coupon.quantity = fixed.quantity;
    record->coupon.per_user_limit = fixed.per_user_limit;
    record->coupon.paused = fixed.paused;
    record->coupon.starts_at_us = fixed.starts_at_us;
    record->coupon.ends_at_us = fixed.ends_at_us;
    record->coupon.created_at_us = fixed.created_at_us;
    return title_valid(record->coupon.title, fixed.title_length) && fixed.quantity >= 1 &&
           fixed.quantity <= QUANTITY_MAX && window_time_valid(fixed.starts_at_us) &&
           window_time_valid(fixed.ends_at_us) && fixed.per_user_limit >= 1 &&
           fixed.per_user_limit <= PER_USER_LIMIT_MAX;
}

size_t journal_decode_record(const void *data, size_t available, struct journal_record *record)
{
    const unsigned char *bytes = data;
    struct journal_record_header header;
    if (available < sizeof header)
        return 0;
    memcpy(&header, bytes, sizeof header);
    if (header.length > available || header.length % 8 != 0)
        return 0;
    size_t fixed =
        header.type == JOURNAL_ISSUE ? sizeof(struct journal_issue_record) : sizeof(struct journal_coupon_record);
    record->type = (enum journal_record_type)header.type;
    record->coupon_id = (const char *)bytes + fixed;
    record->coupon_id_length = header.coupon_id_length;
    bool ok = (header.type == JOURNAL_ISSUE && decode_issue(bytes, header.length, record)) ||
              (header.type == JOURNAL_COUPON && decode_coupon(bytes, header.length, record));
    return ok && coupon_id_valid(record->coupon_id, record->coupon_id_length) ? header.length : 0;
}

void journal_record_coupon(const struct journal_record *record, struct coupon *coupon)
{
    CHECK(record->type == JOURNAL_COUPON);
    *coupon = (struct coupon){
        .quantity = record->coupon.quantity,
        .per_user_limit = record->coupon.per_user_limit,
        .paused = record->coupon.paused,
        .starts_at_us = record->coupon.starts_at_us,
        .ends_at_us = record->coupon.ends_at_us,
        .created_at_us = record->coupon.created_at_us,
        .updated_at_us = record->time_us,
        .journal_seq = record->seq,
    };
    memcpy(coupon->id, record->coupon_id, record->coupon_id_length);
    memcpy(coupon->title, record->coupon.title, record->coupon.title_length);
}

static bool all_zero(const unsigned char *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* NULL, or a description of the fault in the records of a batch with a valid checksum. */
static const char *check_records(const unsigned char *batch, const struct journal_batch_header *header)
{
    size_t offset = sizeof *header;
    struct journal_record record;
    for (uint32_t i = 0; i < header->count; i++) {
        size_t length = journal_decode_record(batch + offset, header->length - offset, &record);
        if (length == 0)
            return "a record is malformed";
        offset += length;
    }
    return offset == header->length ? NULL : "the records do not fill the batch";
}

static const char *check_batch(const unsigned char *batch, size_t available, const uint8_t journal_id[16],
                               struct journal_batch_header *header)
{
    if (header->length < sizeof *header || header->length % 8 != 0 || header->length > JOURNAL_BATCH_BYTES_MAX ||
        header->length > available)
        return "the length is impossible";
    if (header->checksum != journal_batch_checksum(batch, header->length, journal_id))
        return "the checksum does not match";
    if (header->count > JOURNAL_BATCH_RECORDS_MAX || header->first_seq == 0 || header->synced_seq >= header->first_seq)
        return "the header is impossible";
    return check_records(batch, header);
}

enum journal_scan journal_batch_scan(const void *data, size_t available, const uint8_t journal_id[16],
                                     struct journal_batch_header *header, const char **reason)
{
    if (available < sizeof *header && all_zero(data, available))
        return JOURNAL_SCAN_END;
    const char *wrong = "shorter than a header";
    if (available >= sizeof *header) {
        memcpy(header, data, sizeof *header);
        if (all_zero(data, sizeof *header))
            return JOURNAL_SCAN_END;
        wrong = check_batch(data, available, journal_id, header);
    }
    if (wrong != NULL && reason != NULL)
        *reason = wrong;
    return wrong == NULL ? JOURNAL_SCAN_BATCH : JOURNAL_SCAN_BAD;
}

void journal_batch_reader_init(struct journal_batch_reader *reader, const void *batch)
{
    memcpy(&reader->header, batch, sizeof reader->header);
    reader->cursor = (const unsigned char *)batch + sizeof reader->header;
    reader->left = reader->header.count;
}

bool journal_batch_reader_next(struct journal_batch_reader *reader, struct journal_record *record)
{
    if (reader->left == 0)
        return false;
    size_t length = journal_decode_record(reader->cursor, JOURNAL_RECORD_BYTES_MAX, record);
    CHECK(length > 0);
    record->seq = reader->header.first_seq + (reader->header.count - reader->left);
    if (record->type != JOURNAL_ISSUE || !record->issue.stamped)
        record->time_us = reader->header.time_us;
    reader->cursor += length;
    reader->left--;
    return true;
}
