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
    free(batch->changes);
    free(batch->erasures);
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
    CHECK(array != NULL);
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

static enum frame_fault add_coupon(struct batch *batch, const struct journal_record *record)
{
    if (!time_storable(record->coupon.created_at_us))
        return FRAME_FAULT_TIME;
    size_t i = batch->rows.coupons_count++;
    batch->coupons = grow(batch->coupons, &batch->coupons_capacity, i + 1, sizeof *batch->coupons);
    batch->coupons[i] = store_coupon_of(record);
    return FRAME_OK;
}

static void add_change(struct batch *batch, const struct journal_record *record)
{
    size_t i = batch->rows.changes_count++;
    batch->changes = grow(batch->changes, &batch->changes_capacity, i + 1, sizeof *batch->changes);
    batch->changes[i] = store_change_of(record);
}

static void add_erasure(struct batch *batch, const struct journal_record *record)
{
    size_t i = batch->rows.erasures_count++;
    batch->erasures = grow(batch->erasures, &batch->erasures_capacity, i + 1, sizeof *batch->erasures);
    batch->erasures[i] = store_erasure_of(record);
}

static enum frame_fault add_record(struct batch *batch, const struct journal_record *record)
{
    switch (record->type) {
    case JOURNAL_ISSUE:
        add_issue(batch, record);
        return FRAME_OK;
    case JOURNAL_CHANGE:
        add_change(batch, record);
        return FRAME_OK;
    case JOURNAL_ERASURE:
        add_erasure(batch, record);
        return FRAME_OK;
    case JOURNAL_COUPON:
    case JOURNAL_COUPON_1:
        return add_coupon(batch, record);
    case JOURNAL_SWEEP: /* has no row: the revocations have theirs */
    case JOURNAL_TERM:  /* has no row */
        break;
    }
    return FRAME_OK;
}

/* `at` is aligned to 8 bytes, as every record. */
static void keep_record(struct batch *batch, const struct journal_record *record, const void *at)
{
    size_t i = record->seq - batch->rows.first_seq;
    batch->records = grow(batch->records, &batch->records_capacity, i + 1, sizeof *batch->records);
    batch->records[i] = at;
}

static enum frame_fault add_records(struct batch *batch, const void *journal_batch)
{
    struct journal_batch_reader reader;
    enum frame_fault fault = FRAME_OK;
    journal_batch_reader_init(&reader, journal_batch);
    if (!time_storable(reader.header.time_us))
        return FRAME_FAULT_TIME;
    struct journal_record record;
    for (const void *at = reader.cursor; fault == FRAME_OK && journal_batch_reader_next(&reader, &record);
         at = reader.cursor) {
        keep_record(batch, &record, at);
        fault = add_record(batch, &record);
    }
    return fault;
}

/* Reads the journal batches of the frame, whose records are numbered from `next_seq`. */
static enum frame_fault read_batches(struct batch *batch, const unsigned char *bytes, size_t size, uint64_t *next_seq)
{
    for (size_t offset = 0; offset < size;) {
        struct journal_batch_header header;
        if (journal_batch_scan(bytes + offset, size - offset, batch->rows.journal_id, &header, NULL) !=
            JOURNAL_SCAN_BATCH)
            return FRAME_FAULT_JOURNAL_BATCH;
        if (header.count > 0 && header.first_seq != *next_seq)
            return FRAME_FAULT_GAP;
        enum frame_fault fault = add_records(batch, bytes + offset);
        if (fault != FRAME_OK)
            return fault;
        *next_seq += header.count;
        offset += header.length;
    }
    return FRAME_OK;
}

static enum frame_fault check_head(const struct frame_header *header, const struct frame_events *events,
                                   uint16_t partitions)
{
    if (header->partitions != partitions)
        return FRAME_FAULT_OTHER_PARTITIONS;
    if (header->partition >= partitions)
        return FRAME_FAULT_PARTITION;
    if (header->count > BATCH_RECORDS_MAX)
        return FRAME_FAULT_RECORDS;
    if (events->first_seq == 0 || events->first_seq > INT64_MAX || events->last_seq > INT64_MAX ||
        events->last_seq + 1 - events->first_seq != header->count)
        return FRAME_FAULT_SEQUENCES;
    if (events->acked_seq >= events->first_seq || events->gone_seq >= events->first_seq)
        return FRAME_FAULT_ACKNOWLEDGED;
    return FRAME_OK;
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
    memcpy(batch->rows.fingerprint_key, events->fingerprint_key, sizeof batch->rows.fingerprint_key);
    memcpy(batch->rows.code_key, events->code_key, sizeof batch->rows.code_key);
}

enum frame_fault batch_read(struct batch *batch, const void *frame, size_t size, uint16_t partitions)
{
    struct frame_header header;
    enum frame_fault fault = frame_check(frame, size, &header);
    if (fault != FRAME_OK)
        return fault;
    if (header.kind != FRAME_EVENTS)
        return FRAME_FAULT_RECEIVER;
    struct frame_events events;
    memcpy(&events, frame_records(frame), sizeof events);
    fault = check_head(&header, &events, partitions);
    if (fault != FRAME_OK)
        return fault;
    begin(batch, &header, &events);
    size_t fixed = sizeof header + sizeof events;
    uint64_t next_seq = events.first_seq;
    fault = read_batches(batch, align(batch, (const char *)frame + fixed, size - fixed), size - fixed, &next_seq);
    if (fault == FRAME_OK && next_seq != events.last_seq + 1)
        fault = FRAME_FAULT_SEQUENCES;
    batch->rows.coupons = batch->coupons;
    batch->rows.issues = batch->issues;
    batch->rows.changes = batch->changes;
    batch->rows.erasures = batch->erasures;
    return fault;
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
