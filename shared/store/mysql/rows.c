/* Converts rows to values. */
#include "shared/store/mysql/mysql.h"
#include "shared/store/view_columns.h"

#include <string.h>

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    if (!text || *text == '\0')
        return false;
    uint64_t value = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *number = value;
    return value <= max;
}

/* "2026-11-21 02:25:00.000000" */
static bool read_time(const char *text, size_t length, int64_t *us)
{
    char rfc3339[RFC3339_MAX];
    if (!text || length != RFC3339_MAX - 2 || text[10] != ' ')
        return false;
    memcpy(rfc3339, text, length);
    rfc3339[10] = 'T';
    rfc3339[length] = 'Z';
    return rfc3339_parse(rfc3339, length + 1, us);
}

static bool read_bound(const char *text, size_t length, int64_t *us)
{
    *us = TIME_NONE;
    return !text || read_time(text, length, us);
}

static bool copy_text(const char *text, size_t length, size_t max, char *out)
{
    if (!text || length > max || memchr(text, '\0', length))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static bool read_optional_number(const char *text, uint64_t max, uint64_t none, uint64_t *number)
{
    *number = none;
    return !text || read_number(text, max, number);
}

static bool read_flag(const char *text, bool *flag)
{
    uint64_t number = 0;
    bool good = read_number(text, 1, &number);
    *flag = number == 1;
    return good;
}

/* A text of up to `max` bytes in the row. */
static bool borrow_text(char **columns, const unsigned long *lengths, size_t column, size_t max, const char **text,
                        uint8_t *length)
{
    *text = columns[column];
    *length = (uint8_t)lengths[column];
    return *text && lengths[column] <= max;
}

/* A key of 16 bytes; NULL becomes zeros. */
static bool read_key(const char *bytes, size_t length, uint8_t key[16])
{
    memset(key, 0, 16);
    if (bytes && length == 16)
        memcpy(key, bytes, 16);
    return !bytes || length == 16;
}

static bool read_request_key(const char *bytes, size_t length, uint64_t *key)
{
    *key = bytes && length == STORE_REQUEST_KEY_BYTES ? store_request_key_read(bytes) : 0;
    return !bytes || *key != 0;
}

bool store_mysql_read_issue(char **columns, const unsigned long *lengths, struct store_issue *issue)
{
    uint64_t sequence = 0;
    uint64_t nth = 0;
    if (!columns[0] || lengths[0] > COUPON_ID_MAX || !columns[2] || lengths[2] > USER_ID_MAX)
        return false;
    issue->coupon_id = columns[0];
    issue->coupon_id_length = (uint8_t)lengths[0];
    issue->user_id = columns[2];
    issue->user_id_length = (uint8_t)lengths[2];
    bool good = read_number(columns[1], UINT32_MAX, &sequence) && read_number(columns[3], UINT16_MAX, &nth) &&
                read_time(columns[4], lengths[4], &issue->issued_at_us) &&
                read_number(columns[5], UINT64_MAX, &issue->journal_seq) &&
                read_request_key(columns[6], lengths[6], &issue->request_key);
    issue->sequence = (uint32_t)sequence;
    issue->nth = (uint16_t)nth;
    return good;
}

static bool read_counters(char **columns, struct coupon *coupon)
{
    uint64_t issued = 0, returned = 0, redeemed = 0;
    bool good = read_number(columns[7], UINT32_MAX, &issued) && read_number(columns[12], UINT32_MAX, &returned) &&
                read_number(columns[13], UINT32_MAX, &redeemed);
    coupon->issued = (uint32_t)issued;
    coupon->returned = (uint32_t)returned;
    coupon->redeemed = (uint32_t)redeemed;
    return good;
}

static bool read_numbers(char **columns, struct coupon *coupon)
{
    uint64_t number = 0, quantity = 0, per_user_limit = 0, redeem_within_s = 0;
    bool good = read_optional_number(columns[2], QUANTITY_MAX, QUANTITY_UNLIMITED, &quantity) &&
                read_number(columns[3], UINT32_MAX, &per_user_limit) && read_number(columns[11], UINT32_MAX, &number) &&
                read_optional_number(columns[15], UINT32_MAX, 0, &redeem_within_s) &&
                read_flag(columns[6], &coupon->paused) && read_flag(columns[16], &coupon->archived) &&
                read_number(columns[10], UINT64_MAX, &coupon->journal_seq);
    coupon->number = (uint32_t)number;
    coupon->quantity = (uint32_t)quantity;
    coupon->per_user_limit = (uint32_t)per_user_limit;
    coupon->redeem_within_s = (uint32_t)redeem_within_s;
    return good;
}

static bool read_texts(char **columns, const unsigned long *lengths, struct coupon *coupon)
{
    static const size_t places[COUPON_TEXTS] = {
        [COUPON_TEXT_TITLE] = 1,     [COUPON_TEXT_DESCRIPTION] = 17, [COUPON_TEXT_BENEFIT] = 18,
        [COUPON_TEXT_METADATA] = 19, [COUPON_TEXT_OWNER] = 20,       [COUPON_TEXT_SEGMENTS] = 21,
    };
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        const char *text = columns[places[i]];
        size_t length = lengths[places[i]];
        if (!text || length > coupon_text_max(i) || memchr(text, '\0', length))
            return false;
        coupon_text_set(coupon, i, text, length);
    }
    return true;
}

bool store_mysql_read_coupon(char **columns, const unsigned long *lengths, struct coupon *coupon)
{
    memset(coupon->id, 0, sizeof coupon->id);
    return copy_text(columns[0], lengths[0], COUPON_ID_MAX, coupon->id) && read_numbers(columns, coupon) &&
           read_counters(columns, coupon) && read_texts(columns, lengths, coupon) &&
           read_bound(columns[4], lengths[4], &coupon->starts_at_us) &&
           read_bound(columns[5], lengths[5], &coupon->ends_at_us) &&
           read_bound(columns[14], lengths[14], &coupon->redeem_until_us) &&
           read_time(columns[8], lengths[8], &coupon->created_at_us) &&
           read_time(columns[9], lengths[9], &coupon->updated_at_us);
}

bool store_mysql_read_change(char **columns, const unsigned long *lengths, struct store_change *change)
{
    uint64_t sequence = 0;
    *change = (struct store_change){.user_id = ""};
    bool good = borrow_text(columns, lengths, 0, COUPON_ID_MAX, &change->coupon_id, &change->coupon_id_length) &&
                read_number(columns[1], UINT32_MAX, &sequence) && columns[2] &&
                borrow_text(columns, lengths, 3, REFERENCE_MAX, &change->reference, &change->reference_length) &&
                borrow_text(columns, lengths, 4, REASON_MAX, &change->reason, &change->reason_length) &&
                read_flag(columns[5], &change->restock) && read_flag(columns[6], &change->again) &&
                borrow_text(columns, lengths, 7, ACTOR_MAX, &change->actor, &change->actor_length) &&
                read_time(columns[8], lengths[8], &change->changed_at_us) &&
                read_number(columns[9], UINT64_MAX, &change->journal_seq);
    change->sequence = (uint32_t)sequence;
    change->state = good ? (uint8_t)store_state_of(columns[2], lengths[2]) : ISSUE_NONE;
    return change->state != ISSUE_NONE;
}

/* What became of an issue; all columns are NULL when nothing did. */
static bool read_view_change(char **columns, const unsigned long *lengths, struct store_change *change)
{
    *change = (struct store_change){.user_id = ""};
    if (!columns[STORE_VIEW_STATE])
        return true;
    bool good = borrow_text(columns, lengths, STORE_VIEW_REFERENCE, REFERENCE_MAX, &change->reference,
                            &change->reference_length) &&
                borrow_text(columns, lengths, STORE_VIEW_REASON, REASON_MAX, &change->reason, &change->reason_length) &&
                read_flag(columns[STORE_VIEW_RESTOCK], &change->restock) &&
                read_flag(columns[STORE_VIEW_AGAIN], &change->again) &&
                borrow_text(columns, lengths, STORE_VIEW_ACTOR, ACTOR_MAX, &change->actor, &change->actor_length) &&
                read_time(columns[STORE_VIEW_CHANGED_AT], lengths[STORE_VIEW_CHANGED_AT], &change->changed_at_us);
    if (good)
        change->state = (uint8_t)store_state_of(columns[STORE_VIEW_STATE], lengths[STORE_VIEW_STATE]);
    return change->state != ISSUE_NONE;
}

bool store_mysql_read_view(char **columns, const unsigned long *lengths, struct store_issue_view *view)
{
    uint64_t number = 0, redeem_within_s = 0;
    *view = (struct store_issue_view){
        .title = columns[STORE_VIEW_TITLE],
        .title_length = lengths[STORE_VIEW_TITLE],
        .benefit = columns[STORE_VIEW_BENEFIT] ? columns[STORE_VIEW_BENEFIT] : "",
        .benefit_length = columns[STORE_VIEW_BENEFIT] ? lengths[STORE_VIEW_BENEFIT] : 0,
    };
    bool good =
        store_mysql_read_issue(columns, lengths, &view->issue) && view->benefit_length <= BENEFIT_MAX &&
        read_optional_number(columns[STORE_VIEW_NUMBER], UINT32_MAX, 0, &number) &&
        read_optional_number(columns[STORE_VIEW_REDEEM_WITHIN], UINT32_MAX, 0, &redeem_within_s) &&
        read_bound(columns[STORE_VIEW_REDEEM_UNTIL], lengths[STORE_VIEW_REDEEM_UNTIL], &view->redeem_until_us) &&
        read_view_change(columns, lengths, &view->change);
    view->number = (uint32_t)number;
    view->redeem_within_s = (uint32_t)redeem_within_s;
    return good;
}

bool store_mysql_read_history(char **columns, const unsigned long *lengths, struct store_history_row *history)
{
    *history = (struct store_history_row){.policy = columns[5], .policy_length = lengths[5]};
    return borrow_text(columns, lengths, 0, COUPON_ID_MAX, &history->coupon_id, &history->coupon_id_length) &&
           read_number(columns[1], UINT64_MAX, &history->journal_seq) &&
           read_time(columns[2], lengths[2], &history->changed_at_us) &&
           borrow_text(columns, lengths, 3, ACTOR_MAX, &history->actor, &history->actor_length) &&
           borrow_text(columns, lengths, 4, REQUEST_ID_MAX, &history->request_id, &history->request_id_length) &&
           columns[5];
}

bool store_mysql_read_erasure(char **columns, const unsigned long *lengths, struct store_erasure *erasure)
{
    *erasure = (struct store_erasure){.user_id = NULL};
    return columns[2] && read_number(columns[1], UINT64_MAX, &erasure->journal_seq) &&
           read_key(columns[2], lengths[2], erasure->fingerprint) &&
           read_time(columns[3], lengths[3], &erasure->erased_at_us) &&
           borrow_text(columns, lengths, 4, ACTOR_MAX, &erasure->actor, &erasure->actor_length) &&
           borrow_text(columns, lengths, 5, REQUEST_ID_MAX, &erasure->request_id, &erasure->request_id_length);
}

static bool read_progress(char **columns, const unsigned long *lengths, struct store_progress *progress)
{
    uint64_t last_seq = 0;
    return read_number(columns[3], INT64_MAX, &last_seq) && columns[4] && lengths[4] <= STORE_AHEAD_TEXT_MAX &&
           store_progress_parse(progress, last_seq, columns[4], lengths[4]);
}

bool store_mysql_read_journal(char **columns, const unsigned long *lengths, struct store_journal *journal,
                              struct store_progress *progress)
{
    uint64_t partition = 0;
    uint64_t partitions = 0;
    bool good = read_number(columns[0], UINT16_MAX, &partition) && columns[1] &&
                journal_id_parse(columns[1], lengths[1], journal->journal_id) &&
                read_number(columns[2], UINT16_MAX, &partitions) &&
                read_number(columns[3], UINT64_MAX, &journal->last_seq) &&
                read_key(columns[5], lengths[5], journal->fingerprint_key) &&
                read_key(columns[6], lengths[6], journal->code_key) &&
                read_number(columns[7], UINT64_MAX, &journal->erased_seq);
    journal->partition = (uint16_t)partition;
    journal->partitions = (uint16_t)partitions;
    if (!good || !read_progress(columns, lengths, progress))
        return false;
    journal->newest_seq = store_progress_newest(progress);
    return true;
}

/* Sequence, user and nth of a dead letter, each of which may be NULL. */
static bool read_dead_issue(char **columns, const unsigned long *lengths, struct store_dead_letter *letter)
{
    uint64_t sequence = 0, nth = 0;
    bool good = read_optional_number(columns[4], UINT32_MAX, 0, &sequence) &&
                read_optional_number(columns[6], UINT16_MAX, 0, &nth) && (!columns[5] || lengths[5] <= USER_ID_MAX);
    letter->sequence = (uint32_t)sequence;
    letter->user_id = columns[5];
    letter->user_id_length = columns[5] ? (uint8_t)lengths[5] : 0;
    letter->nth = (uint16_t)nth;
    return good;
}

bool store_mysql_read_letter(char **columns, const unsigned long *lengths, struct store_dead_letter *letter)
{
    uint64_t partition = 0;
    if (!columns[0] || !columns[3] || !columns[8] || !columns[9])
        return false;
    bool good = journal_id_parse(columns[0], lengths[0], letter->journal_id) &&
                read_number(columns[1], INT64_MAX, &letter->journal_seq) &&
                read_number(columns[2], UINT16_MAX, &partition) && lengths[3] <= COUPON_ID_MAX &&
                read_dead_issue(columns, lengths, letter) &&
                read_time(columns[7], lengths[7], &letter->recorded_at_us) && lengths[8] <= JOURNAL_RECORD_BYTES_MAX &&
                read_time(columns[10], lengths[10], &letter->dead_at_us);
    letter->partition = (uint16_t)partition;
    letter->coupon_id = columns[3];
    letter->coupon_id_length = (uint8_t)lengths[3];
    letter->record = columns[8];
    letter->record_length = (uint16_t)lengths[8];
    letter->reason = columns[9];
    return good;
}
