#include "persister/batch.h"

#include <stdlib.h>
#include <string.h>

#include "shared/journal/format.h"

void batch_init(struct batch *batch)
{
    *batch = (struct batch){0};
}

void batch_deinit(struct batch *batch)
{
    free(batch->coupons);
    free(batch->issues);
    free(batch->records);
    free(batch->aligned);
    *batch = (struct batch){0};
}

static void *grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return array;
    *capacity = count > 2 * *capacity ? count : 2 * *capacity;
    array = realloc(array, *capacity * size);
    CHECK(array);
    return array;
}

/* ZeroMQ's buffers may have any alignment; journal batches are read with an alignment of 8 bytes. */
static const unsigned char *align(struct batch *batch, const void *bytes, size_t size)
{
    if (size == 0 || (uintptr_t)bytes % 8 == 0)
        return bytes;
    batch->aligned = grow(batch->aligned, &batch->aligned_capacity, size, 1);
    memcpy(batch->aligned, bytes, size);
    return batch->aligned;
}

static bool time_storable(int64_t us)
{
    return us >= 0 && us <= TIME_US_MAX;
}

static void add_issue(struct batch *batch, const struct journal_record *record)
{
    size_t i = batch->rows.issues_count++;
    batch->issues = grow(batch->issues, &batch->issues_capacity, i + 1, sizeof *batch->issues);
    batch->issues[i] = store_issue_of(record);
}

static const char *add_coupon(struct batch *batch, const struct journal_record *record)
{
    if (!time_storable(record->coupon.created_at_us))
        return "a coupon's time is out of bounds";
    size_t i = batch->rows.coupons_count++;
    batch->coupons = grow(batch->coupons, &batch->coupons_capacity, i + 1, sizeof *batch->coupons);
    journal_record_coupon(record, &batch->coupons[i]);
    return NULL;
}

/* `at` is aligned to 8 bytes, as every record. */
static void keep_record(struct batch *batch, const struct journal_record *record, const void *at)
{
    size_t i = record->seq - batch->rows.first_seq;
    batch->records = grow(batch->records, &batch->records_capacity, i + 1, sizeof *batch->records);
    batch->records[i] = at;
}

static const char *add_records(struct batch *batch, const void *journal_batch)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    const char *wrong = NULL;
    journal_batch_reader_init(&reader, journal_batch);
    if (!time_storable(reader.header.time_us))
        return "a batch's time is out of bounds";
    for (const void *at = reader.cursor; !wrong && journal_batch_reader_next(&reader, &record); at = reader.cursor) {
        keep_record(batch, &record, at);
        if (record.type == JOURNAL_ISSUE)
            add_issue(batch, &record);
        else
            wrong = add_coupon(batch, &record);
    }
    return wrong;
}

/* Reads the journal batches of the frame, whose records are numbered from `next_seq`. */
static const char *read_batches(struct batch *batch, const unsigned char *bytes, size_t size, uint64_t *next_seq)
{
    for (size_t offset = 0; offset < size;) {
        struct journal_batch_header header;
        const char *wrong = "bytes that are not a journal batch";
        if (journal_batch_scan(bytes + offset, size - offset, batch->rows.journal_id, &header, &wrong) !=
            JOURNAL_SCAN_BATCH)
            return wrong;
        if (header.count > 0 && header.first_seq != *next_seq)
            return "the sequences of its journal batches have a gap";
        wrong = add_records(batch, bytes + offset);
        if (wrong)
            return wrong;
        *next_seq += header.count;
        offset += header.length;
    }
    return NULL;
}

static const char other_partitions[] =
    "the issuer has another number of partitions than issuer/partitions of this persister";

bool batch_misdirected(const char *wrong)
{
    return wrong == other_partitions;
}

static const char *check_head(const struct frame_header *header, const struct frame_events *events, uint16_t partitions)
{
    if (header->partitions != partitions)
        return other_partitions;
    if (header->partition >= partitions)
        return "the partition does not exist";
    if (header->count > BATCH_RECORDS_MAX)
        return "more records than allowed in a frame";
    if (events->first_seq == 0 || events->first_seq > INT64_MAX || events->last_seq > INT64_MAX ||
        events->last_seq + 1 - events->first_seq != header->count)
        return "first sequence, last sequence and count do not agree";
    if (events->acked_seq >= events->first_seq || events->gone_seq >= events->first_seq)
        return "it says that it is already acknowledged";
    return NULL;
}

static void begin(struct batch *batch, const struct frame_header *header, const struct frame_events *events)
{
    batch->rows = (struct store_batch){.scope = header->count > 0 ? STORE_FRAME : STORE_PART,
                                       .partition = header->partition,
                                       .partitions = header->partitions,
                                       .first_seq = events->first_seq,
                                       .last_seq = events->last_seq,
                                       .acked_seq = events->acked_seq,
                                       .gone_seq = events->gone_seq};
    memcpy(batch->rows.journal_id, events->journal_id, sizeof batch->rows.journal_id);
    memcpy(batch->rows.store_id, events->store_id, sizeof batch->rows.store_id);
}

const char *batch_read(struct batch *batch, const void *frame, size_t size, uint16_t partitions)
{
    struct frame_header header;
    struct frame_events events;
    const char *wrong = frame_check(frame, size, &header);
    if (wrong)
        return wrong;
    if (header.kind != FRAME_EVENTS)
        return "a frame of another kind";
    memcpy(&events, frame_records(frame), sizeof events);
    wrong = check_head(&header, &events, partitions);
    if (wrong)
        return wrong;
    begin(batch, &header, &events);
    size_t fixed = sizeof header + sizeof events;
    uint64_t next_seq = events.first_seq;
    wrong = read_batches(batch, align(batch, (const char *)frame + fixed, size - fixed), size - fixed, &next_seq);
    if (!wrong && next_seq != events.last_seq + 1)
        wrong = "its count does not match the records of its journal batches";
    batch->rows.coupons = batch->coupons;
    batch->rows.issues = batch->issues;
    return wrong;
}

/* Fills an answer for the batch's records. */
static void answer(const struct batch *batch, enum frame_kind kind, const uint8_t store_id[16], struct batch_ack *out)
{
    memset(out, 0, sizeof *out);
    frame_header_write(&out->header, kind, batch->rows.partition, batch->rows.partitions, 1);
    memcpy(out->ack.journal_id, batch->rows.journal_id, sizeof out->ack.journal_id);
    memcpy(out->ack.store_id, store_id, sizeof out->ack.store_id);
    out->ack.first_seq = batch->rows.first_seq;
    out->ack.last_seq = batch->rows.last_seq;
}

void batch_ack(const struct batch *batch, const uint8_t store_id[16], struct batch_ack *out)
{
    answer(batch, FRAME_ACK, store_id, out);
}

void batch_behind(const struct batch *batch, const uint8_t store_id[16], uint64_t last_seq, struct batch_ack *out)
{
    answer(batch, FRAME_BEHIND, store_id, out);
    out->ack.first_seq = last_seq + 1;
    out->ack.last_seq = last_seq;
}

void batch_refused(const struct batch *batch, const uint8_t store_id[16], struct batch_ack *out)
{
    answer(batch, FRAME_REFUSED, store_id, out);
}
