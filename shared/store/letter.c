#include "shared/store/letter.h"

#include <string.h>

#include "shared/error.h"

void store_letter_copy(struct store_letter *out, const struct store_dead_letter *letter)
{
    CHECK(letter->coupon_id_length <= COUPON_ID_MAX);
    CHECK(letter->user_id_length <= USER_ID_MAX);
    CHECK(letter->record_length <= JOURNAL_RECORD_BYTES_MAX);
    *out = (struct store_letter){.letter = *letter};
    memcpy(out->coupon_id, letter->coupon_id, letter->coupon_id_length);
    if (letter->user_id_length > 0)
        memcpy(out->user_id, letter->user_id, letter->user_id_length);
    memcpy(out->record, letter->record, letter->record_length);
    strncpy(out->reason, letter->reason, STORE_REASON_MAX);
    out->letter.coupon_id = out->coupon_id;
    out->letter.user_id = out->user_id;
    out->letter.reason = out->reason;
    out->letter.record = out->record;
}

/* Wraps the record in a journal batch of its own, so that it passes the same checks as every record. */
static bool read_record(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                        struct journal_record *record)
{
    struct journal_batch_header header = {
        .length = (uint32_t)sizeof header + letter->record_length,
        .count = 1,
        .first_seq = letter->journal_seq,
        .time_us = letter->recorded_at_us,
    };
    memcpy(rows->bytes, &header, sizeof header);
    memcpy(rows->bytes + sizeof header, letter->record, letter->record_length);
    header.checksum = journal_batch_checksum(rows->bytes, header.length, letter->journal_id);
    memcpy(rows->bytes, &header, sizeof header);
    if (journal_batch_scan(rows->bytes, header.length, letter->journal_id, &header, NULL) != JOURNAL_SCAN_BATCH)
        return false;
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, rows->bytes);
    return journal_batch_reader_next(&reader, record);
}

static bool same_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

static bool issue_agrees(const struct store_issue *issue, const struct store_dead_letter *letter)
{
    return issue->sequence == letter->sequence && issue->nth == letter->nth && letter->user_id_length > 0 &&
           same_text(issue->user_id, issue->user_id_length, letter->user_id, letter->user_id_length);
}

static bool take_record(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                        const struct journal_record *record)
{
    if (record->type == JOURNAL_ISSUE) {
        rows->issue = store_issue_of(record);
        rows->batch.issues = &rows->issue;
        rows->batch.issues_count = 1;
        return issue_agrees(&rows->issue, letter);
    }
    int64_t created_at_us = record->coupon.created_at_us;
    if (created_at_us < 0 || created_at_us > TIME_US_MAX)
        return false;
    journal_record_coupon(record, &rows->coupon);
    rows->batch.coupons = &rows->coupon;
    rows->batch.coupons_count = 1;
    return letter->user_id_length == 0;
}

bool store_letter_rows(struct store_letter_rows *rows, const struct store_dead_letter *letter)
{
    rows->batch = (struct store_batch){
        .scope = STORE_LETTER,
        .partition = letter->partition,
        .first_seq = letter->journal_seq,
        .last_seq = letter->journal_seq,
    };
    memcpy(rows->batch.journal_id, letter->journal_id, sizeof rows->batch.journal_id);
    struct journal_record record;
    if (letter->journal_seq == 0 || letter->record_length == 0 || letter->record_length > JOURNAL_RECORD_BYTES_MAX ||
        !read_record(rows, letter, &record))
        return false;
    return same_text(record.coupon_id, record.coupon_id_length, letter->coupon_id, letter->coupon_id_length) &&
           take_record(rows, letter, &record);
}
