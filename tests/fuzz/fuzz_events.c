/*
 * Event frames that a persister receives from any peer. The result does not depend on the bytes' alignment; an accepted
 * frame has as many rows as it announces, numbered from its first sequence, and every row can be stored and
 * acknowledged.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "persister/batch.h"
#include "tests/unit/persister/events_fixture.h"

/* An input: flags for repairs, then the frame. */
enum { FIX_HEAD = 1 << 0, FIX_SUMS = 1 << 1, FIX_NUMBERS = 1 << 2, FIX_ALL = 7 };

#define FIXED_BYTES (sizeof(struct frame_header) + sizeof(struct frame_events))

static struct batch batch, moved;

void fuzz_begin(void)
{
    batch_init(&batch);
    batch_init(&moved);
}

/* --- seeds --- */

static void add_seed(const struct events *events, unsigned fixes)
{
    char *seed = malloc(events->size + 1);
    CHECK(seed != NULL);
    seed[0] = (char)fixes;
    memcpy(seed + 1, events->bytes, events->size);
    fuzz_seed(seed, events->size + 1);
    free(seed);
}

void fuzz_seeds(void)
{
    static struct events events;
    events_coupon_with_issues(&events, 0, 1, 3);
    add_seed(&events, FIX_ALL);
    add_seed(&events, 0);
    events_begin(&events, 0, 1, 1000);
    events_open_batch(&events, EVENTS_TIME_US);
    events_add_issue(&events, "A.b-c_D", 7, "u:1@x");
    events_add_issue(&events, "A.b-c_D", 8, "0123456789012345678901234567890123456789012345678901234567890123");
    events_close_batch(&events);
    events_end(&events);
    add_seed(&events, FIX_ALL);
    add_seed(&events, FIX_SUMS);
    events_begin(&events, 0, 1, 1000); /* a query */
    events_end(&events);
    add_seed(&events, FIX_HEAD);
}

/* --- what cannot be guessed --- */

/* Repairs every journal batch up to the first with an impossible length; returns the number of records announced. */
static uint64_t fix_batches(unsigned fixes, uint8_t *frame, size_t size, const struct frame_events *events)
{
    struct journal_batch_header header;
    uint64_t next_seq = events->first_seq;
    for (size_t at = FIXED_BYTES; at + sizeof header <= size; at += header.length) {
        memcpy(&header, frame + at, sizeof header);
        if (header.length < sizeof header || header.length % 8 != 0 || header.length > size - at)
            break;
        if (fixes & FIX_NUMBERS) {
            header.first_seq = next_seq;
            header.synced_seq = header.synced_seq < next_seq ? header.synced_seq : 0;
        }
        next_seq += header.count;
        /* batches are read at 8-byte alignment, over which their checksums are computed */
        memcpy(frame + at, &header, sizeof header);
        if (fixes & FIX_SUMS)
            header.checksum = journal_batch_checksum(frame + at, header.length, events->journal_id);
        memcpy(frame + at, &header, sizeof header);
    }
    return next_seq - events->first_seq;
}

static void fix(unsigned fixes, uint8_t *frame, size_t size)
{
    if (size < FIXED_BYTES)
        return;
    struct frame_header header;
    memcpy(&header, frame, sizeof header);
    struct frame_events events;
    memcpy(&events, frame + sizeof header, sizeof events);
    uint64_t records = fix_batches(fixes, frame, size, &events);
    if (fixes & FIX_HEAD)
        frame_header_write(&header, FRAME_EVENTS, 0, 1, header.count);
    if (fixes & FIX_NUMBERS) {
        header.count = (uint32_t)records;
        events.last_seq = events.first_seq + records - 1;
    }
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, &events, sizeof events);
}

/* --- what must hold --- */

static void check_issue(const struct store_issue *issue, uint64_t last_seq)
{
    CHECK(coupon_id_valid(issue->coupon_id, issue->coupon_id_length));
    CHECK(user_id_valid(issue->user_id, issue->user_id_length));
    CHECK(issue->sequence >= 1 && issue->nth >= 1);
    CHECK(issue->issued_at_us >= 0 && issue->issued_at_us <= TIME_US_MAX);
    CHECK(issue->journal_seq >= batch.rows.first_seq && issue->journal_seq <= last_seq);
}

static void check_coupon(const struct store_coupon *coupon, uint64_t last_seq)
{
    CHECK(coupon_id_valid(coupon->id, strlen(coupon->id)));
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        CHECK(coupon_text_valid(i, coupon->texts[i], coupon->text_lengths[i]));
    CHECK(quantity_valid(coupon->quantity));
    CHECK(window_time_valid(coupon->starts_at_us) && window_time_valid(coupon->ends_at_us));
    CHECK(coupon->created_at_us >= 0 && coupon->updated_at_us >= 0 && coupon->updated_at_us <= TIME_US_MAX);
    CHECK(coupon->journal_seq >= batch.rows.first_seq && coupon->journal_seq <= last_seq);
}

/* Each record must be available as it is in the journal. */
static void check_records(const struct store_batch *rows)
{
    for (uint64_t i = 0; i + rows->first_seq <= rows->last_seq; i++) {
        struct journal_record_header header;
        memcpy(&header, batch.records[i], sizeof header);
        CHECK(header.length % 8 == 0 && header.length <= JOURNAL_RECORD_BYTES_MAX);
        CHECK(header.type >= JOURNAL_ISSUE && header.type <= JOURNAL_TERM);
    }
}

static void check_acknowledged(const struct store_batch *rows)
{
    struct batch_ack ack;
    batch_ack(&batch, (uint8_t[16]){0x51}, &ack);
    struct frame_header header;
    CHECK(frame_check(&ack, sizeof ack, &header) == FRAME_OK);
    CHECK(header.kind == FRAME_ACK && ack.ack.first_seq == batch.rows.first_seq && ack.ack.last_seq == rows->last_seq);
}

static void check_rows(void)
{
    const struct store_batch *rows = &batch.rows;
    CHECK(rows->first_seq >= 1 && rows->last_seq >= rows->first_seq - 1 && rows->last_seq <= INT64_MAX);
    CHECK(rows->acked_seq < rows->first_seq && rows->gone_seq < rows->first_seq);
    CHECK(rows->issues_count + rows->coupons_count + rows->changes_count + rows->erasures_count <=
          rows->last_seq + 1 - rows->first_seq); /* a sweep has no row */
    for (size_t i = 0; i < rows->issues_count; i++) {
        check_issue(&rows->issues[i], rows->last_seq);
        CHECK(i == 0 || rows->issues[i].journal_seq > rows->issues[i - 1].journal_seq);
    }
    for (size_t i = 0; i < rows->coupons_count; i++) {
        check_coupon(&rows->coupons[i], rows->last_seq);
        CHECK(i == 0 || rows->coupons[i].journal_seq > rows->coupons[i - 1].journal_seq);
    }
    check_records(rows);
    if (rows->last_seq >= rows->first_seq)
        check_acknowledged(rows);
    else
        CHECK(rows->scope == STORE_PART); /* a query, which stores nothing */
}

static void check_same_rows(void)
{
    CHECK(batch.rows.first_seq == moved.rows.first_seq && batch.rows.last_seq == moved.rows.last_seq);
    CHECK(batch.rows.issues_count == moved.rows.issues_count);
    CHECK(batch.rows.coupons_count == moved.rows.coupons_count);
    for (size_t i = 0; i < batch.rows.issues_count; i++) {
        const struct store_issue *a = &batch.rows.issues[i], *b = &moved.rows.issues[i];
        CHECK(a->journal_seq == b->journal_seq && a->sequence == b->sequence && a->nth == b->nth);
        CHECK(a->user_id_length == b->user_id_length && memcmp(a->user_id, b->user_id, a->user_id_length) == 0);
    }
}

/* --- one input --- */

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned fixes = fuzz_take_byte(&input);
    size_t length = input.left;
    uint8_t *frame = fuzz_copy(input.at, length);
    fix(fixes, frame, length);
    uint8_t *elsewhere = malloc(length + 1);
    CHECK(elsewhere != NULL);
    memcpy(elsewhere + 1, frame, length);
    enum frame_fault fault = batch_read(&batch, frame, length, 1);
    enum frame_fault elsewhere_fault = batch_read(&moved, elsewhere + 1, length, 1);
    CHECK(fault == elsewhere_fault);
    if (fault == FRAME_OK) {
        check_rows();
        check_same_rows();
    }
    free(elsewhere);
    free(frame);
}
