/* Converts rows to values. */
#include "shared/store/sqlite/sqlite.h"
#include "shared/store/view_columns.h"

#include <string.h>

static bool read_time(sqlite3_stmt *row, int column, int64_t *us)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text && rfc3339_parse(text, (size_t)sqlite3_column_bytes(row, column), us);
}

static bool read_bound(sqlite3_stmt *row, int column, int64_t *us)
{
    *us = TIME_NONE;
    return sqlite3_column_type(row, column) == SQLITE_NULL || read_time(row, column, us);
}

static bool read_number(sqlite3_stmt *row, int column, uint64_t max, uint64_t *number)
{
    int64_t value = sqlite3_column_int64(row, column);
    *number = (uint64_t)value;
    return value >= 0 && *number <= max;
}

static bool read_text(sqlite3_stmt *row, int column, size_t max, const char **text, size_t *length)
{
    *text = (const char *)sqlite3_column_text(row, column);
    *length = (size_t)sqlite3_column_bytes(row, column);
    return *text && *length <= max;
}

static bool read_optional_number(sqlite3_stmt *row, int column, uint64_t max, uint64_t none, uint64_t *number)
{
    *number = none;
    return sqlite3_column_type(row, column) == SQLITE_NULL || read_number(row, column, max, number);
}

static bool read_flag(sqlite3_stmt *row, int column, bool *flag)
{
    uint64_t number = 0;
    bool good = read_number(row, column, 1, &number);
    *flag = number == 1;
    return good;
}

static bool read_short_text(sqlite3_stmt *row, int column, size_t max, const char **text, uint8_t *length)
{
    size_t bytes = 0;
    bool good = read_text(row, column, max, text, &bytes);
    *length = (uint8_t)bytes;
    return good;
}

static bool read_request_key(sqlite3_stmt *row, int column, uint64_t *key)
{
    const void *bytes = sqlite3_column_blob(row, column);
    bool whole = sqlite3_column_bytes(row, column) == STORE_REQUEST_KEY_BYTES;
    *key = bytes && whole ? store_request_key_read(bytes) : 0;
    return sqlite3_column_type(row, column) == SQLITE_NULL || *key != 0;
}

/* NULL becomes zeros. */
static bool read_key(sqlite3_stmt *row, int column, uint8_t key[16])
{
    const void *bytes = sqlite3_column_blob(row, column);
    bool whole = bytes && sqlite3_column_bytes(row, column) == 16;
    memset(key, 0, 16);
    if (whole)
        memcpy(key, bytes, 16);
    return whole || sqlite3_column_type(row, column) == SQLITE_NULL;
}

bool store_sqlite_read_issue(sqlite3_stmt *row, struct store_issue *issue)
{
    uint64_t sequence = 0;
    uint64_t nth = 0;
    size_t coupon_id_length = 0;
    size_t user_id_length = 0;
    bool good = read_text(row, 0, COUPON_ID_MAX, &issue->coupon_id, &coupon_id_length) &&
                read_number(row, 1, UINT32_MAX, &sequence) &&
                read_text(row, 2, USER_ID_MAX, &issue->user_id, &user_id_length) &&
                read_number(row, 3, UINT16_MAX, &nth) && read_time(row, 4, &issue->issued_at_us) &&
                read_number(row, 5, INT64_MAX, &issue->journal_seq) && read_request_key(row, 6, &issue->request_key);
    issue->coupon_id_length = (uint8_t)coupon_id_length;
    issue->user_id_length = (uint8_t)user_id_length;
    issue->sequence = (uint32_t)sequence;
    issue->nth = (uint16_t)nth;
    return good;
}

static bool copy_text(sqlite3_stmt *row, int column, size_t max, char *out)
{
    const char *text = NULL;
    size_t length = 0;
    if (!read_text(row, column, max, &text, &length))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

static bool read_counters(sqlite3_stmt *row, struct coupon *coupon)
{
    uint64_t issued = 0, returned = 0, redeemed = 0;
    bool good = read_number(row, 7, UINT32_MAX, &issued) && read_number(row, 12, UINT32_MAX, &returned) &&
                read_number(row, 13, UINT32_MAX, &redeemed);
    coupon->issued = (uint32_t)issued;
    coupon->returned = (uint32_t)returned;
    coupon->redeemed = (uint32_t)redeemed;
    return good;
}

static bool read_numbers(sqlite3_stmt *row, struct coupon *coupon)
{
    uint64_t number = 0, quantity = 0, per_user_limit = 0, redeem_within_s = 0;
    bool good = read_optional_number(row, 2, QUANTITY_MAX, QUANTITY_UNLIMITED, &quantity) &&
                read_number(row, 3, UINT32_MAX, &per_user_limit) && read_number(row, 11, UINT32_MAX, &number) &&
                read_optional_number(row, 15, UINT32_MAX, 0, &redeem_within_s) && read_flag(row, 6, &coupon->paused) &&
                read_flag(row, 16, &coupon->archived) && read_number(row, 10, INT64_MAX, &coupon->journal_seq);
    coupon->number = (uint32_t)number;
    coupon->quantity = (uint32_t)quantity;
    coupon->per_user_limit = (uint32_t)per_user_limit;
    coupon->redeem_within_s = (uint32_t)redeem_within_s;
    return good;
}

static bool read_texts(sqlite3_stmt *row, struct coupon *coupon)
{
    static const int places[COUPON_TEXTS] = {
        [COUPON_TEXT_TITLE] = 1,     [COUPON_TEXT_DESCRIPTION] = 17, [COUPON_TEXT_BENEFIT] = 18,
        [COUPON_TEXT_METADATA] = 19, [COUPON_TEXT_OWNER] = 20,       [COUPON_TEXT_SEGMENTS] = 21,
    };
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        const char *text = NULL;
        size_t length = 0;
        if (!read_text(row, places[i], coupon_text_max(i), &text, &length))
            return false;
        coupon_text_set(coupon, i, text, length);
    }
    return true;
}

bool store_sqlite_read_coupon(sqlite3_stmt *row, struct coupon *coupon)
{
    memset(coupon->id, 0, sizeof coupon->id);
    return copy_text(row, 0, COUPON_ID_MAX, coupon->id) && read_numbers(row, coupon) && read_counters(row, coupon) &&
           read_texts(row, coupon) && read_bound(row, 4, &coupon->starts_at_us) &&
           read_bound(row, 5, &coupon->ends_at_us) && read_bound(row, 14, &coupon->redeem_until_us) &&
           read_time(row, 8, &coupon->created_at_us) && read_time(row, 9, &coupon->updated_at_us);
}

bool store_sqlite_read_change(sqlite3_stmt *row, struct store_change *change)
{
    uint64_t sequence = 0;
    const char *state = NULL;
    size_t state_length = 0;
    *change = (struct store_change){.user_id = ""};
    bool good = read_short_text(row, 0, COUPON_ID_MAX, &change->coupon_id, &change->coupon_id_length) &&
                read_number(row, 1, UINT32_MAX, &sequence) && read_text(row, 2, 16, &state, &state_length) &&
                read_short_text(row, 3, REFERENCE_MAX, &change->reference, &change->reference_length) &&
                read_short_text(row, 4, REASON_MAX, &change->reason, &change->reason_length) &&
                read_flag(row, 5, &change->restock) && read_flag(row, 6, &change->again) &&
                read_short_text(row, 7, ACTOR_MAX, &change->actor, &change->actor_length) &&
                read_time(row, 8, &change->changed_at_us) && read_number(row, 9, INT64_MAX, &change->journal_seq);
    change->sequence = (uint32_t)sequence;
    change->state = good ? (uint8_t)store_state_of(state, state_length) : ISSUE_NONE;
    return change->state != ISSUE_NONE;
}

bool store_sqlite_read_user(sqlite3_stmt *row, int column, struct store_change *change)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ||
           read_short_text(row, column, USER_ID_MAX, &change->user_id, &change->user_id_length);
}

/* What became of an issue; all columns are NULL when nothing did. */
static bool read_view_change(sqlite3_stmt *row, struct store_change *change)
{
    const char *state = (const char *)sqlite3_column_text(row, STORE_VIEW_STATE);
    *change = (struct store_change){.user_id = ""};
    if (!state)
        return true;
    bool good =
        read_short_text(row, STORE_VIEW_REFERENCE, REFERENCE_MAX, &change->reference, &change->reference_length) &&
        read_short_text(row, STORE_VIEW_REASON, REASON_MAX, &change->reason, &change->reason_length) &&
        read_flag(row, STORE_VIEW_RESTOCK, &change->restock) && read_flag(row, STORE_VIEW_AGAIN, &change->again) &&
        read_short_text(row, STORE_VIEW_ACTOR, ACTOR_MAX, &change->actor, &change->actor_length) &&
        read_time(row, STORE_VIEW_CHANGED_AT, &change->changed_at_us);
    if (good)
        change->state = (uint8_t)store_state_of(state, (size_t)sqlite3_column_bytes(row, STORE_VIEW_STATE));
    return change->state != ISSUE_NONE;
}

bool store_sqlite_read_view(sqlite3_stmt *row, struct store_issue_view *view)
{
    uint64_t number = 0, redeem_within_s = 0;
    *view = (struct store_issue_view){
        .title = (const char *)sqlite3_column_text(row, STORE_VIEW_TITLE),
        .title_length = (size_t)sqlite3_column_bytes(row, STORE_VIEW_TITLE),
        .benefit = (const char *)sqlite3_column_text(row, STORE_VIEW_BENEFIT),
        .benefit_length = (size_t)sqlite3_column_bytes(row, STORE_VIEW_BENEFIT),
    };
    bool good = store_sqlite_read_issue(row, &view->issue) && view->benefit_length <= BENEFIT_MAX &&
                read_optional_number(row, STORE_VIEW_NUMBER, UINT32_MAX, 0, &number) &&
                read_optional_number(row, STORE_VIEW_REDEEM_WITHIN, UINT32_MAX, 0, &redeem_within_s) &&
                read_bound(row, STORE_VIEW_REDEEM_UNTIL, &view->redeem_until_us) &&
                read_view_change(row, &view->change);
    view->number = (uint32_t)number;
    view->redeem_within_s = (uint32_t)redeem_within_s;
    return good;
}

bool store_sqlite_read_history(sqlite3_stmt *row, struct store_history_row *history)
{
    *history = (struct store_history_row){.policy_length = 0};
    return read_short_text(row, 0, COUPON_ID_MAX, &history->coupon_id, &history->coupon_id_length) &&
           read_number(row, 1, INT64_MAX, &history->journal_seq) && read_time(row, 2, &history->changed_at_us) &&
           read_short_text(row, 3, ACTOR_MAX, &history->actor, &history->actor_length) &&
           read_short_text(row, 4, REQUEST_ID_MAX, &history->request_id, &history->request_id_length) &&
           read_text(row, 5, SIZE_MAX, &history->policy, &history->policy_length);
}

bool store_sqlite_read_erasure(sqlite3_stmt *row, struct store_erasure *erasure)
{
    *erasure = (struct store_erasure){.user_id = NULL};
    return sqlite3_column_type(row, 2) != SQLITE_NULL && read_number(row, 1, INT64_MAX, &erasure->journal_seq) &&
           read_key(row, 2, erasure->fingerprint) && read_time(row, 3, &erasure->erased_at_us) &&
           read_short_text(row, 4, ACTOR_MAX, &erasure->actor, &erasure->actor_length) &&
           read_short_text(row, 5, REQUEST_ID_MAX, &erasure->request_id, &erasure->request_id_length);
}

static bool read_progress(sqlite3_stmt *row, struct store_progress *progress)
{
    uint64_t last_seq = 0;
    const char *ahead = NULL;
    size_t length = 0;
    return read_number(row, 3, INT64_MAX, &last_seq) && read_text(row, 4, STORE_AHEAD_TEXT_MAX, &ahead, &length) &&
           store_progress_parse(progress, last_seq, ahead, length);
}

bool store_sqlite_read_journal(sqlite3_stmt *row, struct store_journal *journal, struct store_progress *progress)
{
    uint64_t partition = 0;
    uint64_t partitions = 0;
    const char *id = NULL;
    size_t id_length = 0;
    bool good = read_number(row, 0, UINT16_MAX, &partition) && read_text(row, 1, 32, &id, &id_length) &&
                journal_id_parse(id, id_length, journal->journal_id) && read_number(row, 2, UINT16_MAX, &partitions) &&
                read_number(row, 3, INT64_MAX, &journal->last_seq) && read_key(row, 5, journal->fingerprint_key) &&
                read_key(row, 6, journal->code_key) && read_number(row, 7, INT64_MAX, &journal->erased_seq);
    journal->partition = (uint16_t)partition;
    journal->partitions = (uint16_t)partitions;
    if (!good || !read_progress(row, progress))
        return false;
    journal->newest_seq = store_progress_newest(progress);
    return true;
}

/* Sequence, user and nth of a dead letter, each of which may be NULL. */
static bool read_dead_issue(sqlite3_stmt *row, struct store_dead_letter *letter)
{
    uint64_t sequence = 0, nth = 0;
    bool has_user = sqlite3_column_type(row, 5) != SQLITE_NULL;
    bool good = read_optional_number(row, 4, UINT32_MAX, 0, &sequence) &&
                read_optional_number(row, 6, UINT16_MAX, 0, &nth) &&
                (!has_user || read_short_text(row, 5, USER_ID_MAX, &letter->user_id, &letter->user_id_length));
    letter->sequence = (uint32_t)sequence;
    letter->nth = (uint16_t)nth;
    return good;
}

bool store_sqlite_read_letter(sqlite3_stmt *row, struct store_dead_letter *letter)
{
    uint64_t partition = 0;
    const char *id = NULL;
    size_t id_length = 0;
    size_t coupon_id_length = 0;
    size_t reason_length = 0;
    bool good = read_text(row, 0, 32, &id, &id_length) && journal_id_parse(id, id_length, letter->journal_id) &&
                read_number(row, 1, INT64_MAX, &letter->journal_seq) && read_number(row, 2, UINT16_MAX, &partition) &&
                read_text(row, 3, COUPON_ID_MAX, &letter->coupon_id, &coupon_id_length) &&
                read_dead_issue(row, letter) && read_time(row, 7, &letter->recorded_at_us) &&
                read_text(row, 9, STORE_REASON_MAX, &letter->reason, &reason_length) &&
                read_time(row, 10, &letter->dead_at_us);
    letter->partition = (uint16_t)partition;
    letter->coupon_id_length = (uint8_t)coupon_id_length;
    letter->record = sqlite3_column_blob(row, 8);
    letter->record_length = (uint16_t)sqlite3_column_bytes(row, 8);
    return good && letter->record && sqlite3_column_bytes(row, 8) <= (int)JOURNAL_RECORD_BYTES_MAX;
}
