#include "shared/store/letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/error.h"
#include "shared/store/erased.h"

#define SEQ_DIGITS_MAX 18 /* beyond every journal */

const char *store_letter_kind(const struct store_dead_letter *letter)
{
    switch (store_letter_type(letter)) {
    case JOURNAL_COUPON:
        return "coupon";
    case JOURNAL_CHANGE:
        return "change";
    case JOURNAL_ERASURE:
        return "erasure";
    default:
        return "issue";
    }
}

/* --- ids --- */

size_t store_letter_id_format(const struct store_dead_letter *letter, char out[STORE_LETTER_ID_MAX])
{
    char journal[JOURNAL_ID_TEXT_MAX];
    journal_id_format(letter->journal_id, journal);
    return (size_t)snprintf(out, STORE_LETTER_ID_MAX, "%.32s-%" PRIu64, journal, letter->journal_seq);
}

/* A number that is too long wraps around, which is no harm. */
static bool read_seq(const char *text, size_t length, uint64_t *seq)
{
    *seq = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *seq = *seq * 10 + (uint64_t)(text[i] - '0');
    }
    return length > 0 && length <= SEQ_DIGITS_MAX && text[0] != '0';
}

bool store_letter_id_parse(const char *text, size_t length, struct store_dead_letter *letter)
{
    *letter = (struct store_dead_letter){.journal_seq = 0};
    return length > 33 && text[32] == '-' && journal_id_parse(text, 32, letter->journal_id) &&
           read_seq(text + 33, length - 33, &letter->journal_seq);
}

/* --- copies --- */

void store_letter_copy(struct store_letter *out, const struct store_dead_letter *letter)
{
    CHECK(letter->coupon_id_length <= COUPON_ID_MAX);
    CHECK(letter->user_id_length <= USER_ID_MAX);
    CHECK(letter->record_length <= JOURNAL_RECORD_BYTES_MAX);
    *out = (struct store_letter){.letter = *letter};
    if (letter->coupon_id_length > 0)
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
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool same_user(const struct store_dead_letter *letter, const char *user_id, size_t length)
{
    return same_text(user_id, length, letter->user_id, letter->user_id_length);
}

static bool take_coupon(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                        const struct journal_record *record)
{
    int64_t created_at_us = record->coupon.created_at_us;
    rows->coupon = store_coupon_of(record);
    rows->batch.coupons = &rows->coupon;
    rows->batch.coupons_count = 1;
    return created_at_us >= 0 && created_at_us <= TIME_US_MAX && letter->user_id_length == 0;
}

static bool take_issue(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                       const struct journal_record *record)
{
    rows->issue = store_issue_of(record);
    rows->batch.issues = &rows->issue;
    rows->batch.issues_count = 1;
    return rows->issue.sequence == letter->sequence && rows->issue.nth == letter->nth &&
           same_user(letter, rows->issue.user_id, rows->issue.user_id_length);
}

static bool take_change(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                        const struct journal_record *record)
{
    rows->change = store_change_of(record);
    rows->batch.changes = &rows->change;
    rows->batch.changes_count = 1;
    return rows->change.sequence == letter->sequence &&
           same_user(letter, rows->change.user_id, rows->change.user_id_length);
}

static bool take_erasure(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                         const struct journal_record *record)
{
    rows->erasure = store_erasure_of(record);
    rows->batch.erasures = &rows->erasure;
    rows->batch.erasures_count = 1;
    return same_user(letter, rows->erasure.user_id, rows->erasure.user_id_length);
}

static bool take_record(struct store_letter_rows *rows, const struct store_dead_letter *letter,
                        const struct journal_record *record)
{
    if (record->type != store_letter_type(letter))
        return false;
    switch (record->type) {
    case JOURNAL_COUPON:
        return take_coupon(rows, letter, record);
    case JOURNAL_ISSUE:
        return take_issue(rows, letter, record);
    case JOURNAL_CHANGE:
        return take_change(rows, letter, record);
    case JOURNAL_ERASURE:
        return take_erasure(rows, letter, record);
    case JOURNAL_COUPON_1: /* is read as a JOURNAL_COUPON */
    case JOURNAL_SWEEP:    /* has no row */
    case JOURNAL_TERM:     /* has no row */
        break;
    }
    return false;
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

/* --- erasing --- */

static void hide_reason(struct store_letter *letter)
{
    snprintf(letter->reason, sizeof letter->reason,
             "it named a user who was erased; coupond dead-letter retry gives the reason again");
}

/* Encodes the record again, with another user. Returns 0 when it is malformed. */
static size_t replace_user(const struct store_letter *letter, const char *user_id, unsigned char *out)
{
    struct journal_record record = {.time_us = letter->letter.recorded_at_us};
    if (journal_decode_record(letter->record, letter->letter.record_length, &record) == 0)
        return 0;
    if (record.type == JOURNAL_ISSUE) {
        record.issue.user_id = user_id;
        record.issue.user_id_length = strlen(user_id);
        return journal_encode_stamped_issue(out, &record, record.issue.stamped ? record.time_us : JOURNAL_NO_STAMP);
    }
    if (record.type != JOURNAL_CHANGE)
        return 0;
    record.change.user_id = user_id;
    record.change.user_id_length = strlen(user_id);
    return journal_encode_change(out, &record);
}

static void replace_id(struct store_letter *letter, const uint8_t fingerprint[16])
{
    char erased_id[ERASED_ID_LENGTH + 1];
    store_erased_id(fingerprint, erased_id);
    _Alignas(8) unsigned char record[JOURNAL_RECORD_BYTES_MAX];
    size_t length = replace_user(letter, erased_id, record);
    if (length == 0)
        record[length++] = 0;
    memcpy(letter->record, record, length);
    letter->letter.record_length = (uint16_t)length;
    memcpy(letter->user_id, erased_id, ERASED_ID_LENGTH + 1);
    letter->letter.user_id_length = ERASED_ID_LENGTH;
}

void store_letter_erase(struct store_letter *letter, const struct store_erasure *erasure)
{
    bool own = same_user(&letter->letter, erasure->user_id, erasure->user_id_length);
    if (own && letter->letter.journal_seq < erasure->journal_seq)
        replace_id(letter, erasure->fingerprint);
    hide_reason(letter);
}
