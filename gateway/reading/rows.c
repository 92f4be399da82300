#include "gateway/reading/rows.h"

#include <string.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/code.h"

#define CSV_HEADER                                                                                                     \
    "coupon_id,user_id,sequence,nth,code,issued_at,redeemable_until,state,reference,redeemed_at,reason,revoked_at\r\n"

static void append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_number(struct buffer *out, uint64_t number)
{
    char digits[20];
    buffer_append(out, digits, decimal_format(digits, number));
}

void reading_rows_begin(struct buffer *out, enum reading_format format)
{
    if (format == READING_CSV)
        append(out, CSV_HEADER);
}

/* --- rows --- */

static uint8_t copy(char *out, const char *text, uint8_t length)
{
    if (length > 0)
        memcpy(out, text, length);
    return length;
}

void reading_row_of(const struct store_issue_view *view, uint64_t code, int64_t now_us, struct reading_row *row)
{
    const struct store_issue *issue = &view->issue;
    const struct store_change *change = &view->change;
    *row = (struct reading_row){
        .coupon_id = {issue->coupon_id, issue->coupon_id_length},
        .user_id = {issue->user_id, issue->user_id_length},
        .issue = {.sequence = issue->sequence,
                  .nth = issue->nth,
                  .state = change->state != ISSUE_NONE ? change->state : (uint8_t)ISSUE_ISSUED,
                  .issued_at_us = issue->issued_at_us,
                  .redeemable_until_us =
                      issue_redeemable_until_us(view->redeem_until_us, view->redeem_within_s, issue->issued_at_us),
                  .code = code},
        .details = {.changed_at_us = change->changed_at_us,
                    .flags = (uint8_t)((change->restock ? CHANGE_RESTOCK : 0) | (change->again ? CHANGE_AGAIN : 0))},
        .now_us = now_us,
    };
    row->details.reference_length = copy(row->details.reference, change->reference, change->reference_length);
    row->details.reason_length = copy(row->details.reason, change->reason, change->reason_length);
    row->details.actor_length = copy(row->details.actor, change->actor, change->actor_length);
}

void reading_csv_append(struct buffer *out, struct span text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.length && !quoted; i++)
        quoted = strchr(",\"\r\n", text.at[i]) != NULL;
    if (!quoted) {
        buffer_append(out, text.at, text.length);
        return;
    }
    append(out, "\"");
    for (size_t i = 0; i < text.length; i++)
        buffer_append(out, text.at[i] == '"' ? "\"\"" : &text.at[i], text.at[i] == '"' ? 2 : 1);
    append(out, "\"");
}

static void append_csv_time(struct buffer *out, int64_t us)
{
    char time[RFC3339_MAX];
    append(out, ",");
    if (us != TIME_NONE)
        buffer_append(out, time, rfc3339_format(us, time));
}

static void append_csv_text(struct buffer *out, const char *text, size_t length)
{
    append(out, ",");
    reading_csv_append(out, (struct span){text, length});
}

static void append_csv_change(struct buffer *out, const struct reading_row *row)
{
    const struct frame_details *details = &row->details;
    bool redeemed = row->issue.state == ISSUE_REDEEMED, revoked = row->issue.state == ISSUE_REVOKED;
    append_csv_text(out, details->reference, redeemed ? details->reference_length : 0);
    append_csv_time(out, redeemed ? details->changed_at_us : TIME_NONE);
    append_csv_text(out, details->reason, revoked ? details->reason_length : 0);
    append_csv_time(out, revoked ? details->changed_at_us : TIME_NONE);
}

static void append_csv(struct buffer *out, const struct reading_row *row)
{
    char code[CODE_LENGTH];
    const char *state = issue_state_text(&row->issue, row->now_us);
    reading_csv_append(out, row->coupon_id);
    append(out, ",");
    reading_csv_append(out, row->user_id);
    append(out, ",");
    append_number(out, row->issue.sequence);
    append(out, ",");
    append_number(out, row->issue.nth);
    if (row->issue.code != ISSUE_CODE_UNKNOWN)
        code_format(row->issue.code, code);
    append_csv_text(out, code, row->issue.code != ISSUE_CODE_UNKNOWN ? sizeof code : 0);
    append_csv_time(out, row->issue.issued_at_us);
    append_csv_time(out, row->issue.redeemable_until_us);
    append_csv_text(out, state, strlen(state));
    append_csv_change(out, row);
    append(out, "\r\n");
}

/* The same object as in the answer to the request that made the issue. */
static void append_json(struct buffer *out, const struct reading_row *row)
{
    const struct issue_view view = {row->coupon_id, row->user_id, &row->issue, &row->details, row->now_us};
    char *at = buffer_reserve(out, ISSUE_JSON_MAX);
    out->length += issue_json_format(at, &view);
}

/* A person may have changed what is in the database. */
static bool benefit_valid(const struct store_issue_view *view)
{
    return coupon_text_valid(COUPON_TEXT_BENEFIT, view->benefit, view->benefit_length) &&
           frame_json_text_valid(COUPON_TEXT_BENEFIT, view->benefit, view->benefit_length);
}

/* What a wallet shows of the coupon. */
static void append_coupon(struct buffer *out, const struct store_issue_view *view)
{
    out->length--; /* the brace */
    append(out, ",\"title\":");
    if (view->title == NULL)
        append(out, "null");
    else
        json_string_append(out, view->title, view->title_length);
    append(out, ",\"benefit\":");
    if (view->benefit_length == 0 || !benefit_valid(view))
        append(out, "null");
    else
        buffer_append(out, view->benefit, view->benefit_length);
    append(out, "}");
}

void reading_rows_append(struct buffer *out, const struct reading_question *question,
                         const struct store_issue_view *view, uint64_t code, int64_t now_us)
{
    struct reading_row row;
    reading_row_of(view, code, now_us, &row);
    if (question->format == READING_CSV) {
        append_csv(out, &row);
        return;
    }
    if (question->format == READING_JSON && out->length > 0)
        append(out, ",");
    append_json(out, &row);
    if (question->format == READING_NDJSON)
        append(out, "\n");
    else if (question->scope == READING_USER)
        append_coupon(out, view);
}

/* --- the page --- */

static void append_as_of(struct buffer *out, int64_t as_of_us)
{
    char time[RFC3339_MAX];
    append(out, "{\"as_of\":");
    if (as_of_us == TIME_NONE) {
        append(out, "null");
        return;
    }
    append(out, "\"");
    buffer_append(out, time, rfc3339_format(as_of_us, time));
    append(out, "\"");
}

void reading_rows_wrap(struct buffer *out, const char *name, int64_t as_of_us, struct span cursor)
{
    struct buffer whole = {0};
    append_as_of(&whole, as_of_us);
    append(&whole, ",\"");
    append(&whole, name);
    append(&whole, "\":[");
    if (out->length > 0)
        buffer_append(&whole, out->data, out->length);
    append(&whole, "],\"next_cursor\":");
    if (cursor.at != NULL)
        json_string_append(&whole, cursor.at, cursor.length);
    else
        append(&whole, "null");
    append(&whole, "}");
    buffer_deinit(out);
    *out = whole;
}
