#include "shared/journal/format.h"

#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

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
    if (!journal_record_has_time(record))
        record->time_us = reader->header.time_us;
    reader->cursor += length;
    reader->left--;
    return true;
}
