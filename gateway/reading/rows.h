/*
 * Issues as text: the parts of a JSON page, lines of CSV (RFC 4180) and of NDJSON. Pure.
 */
#ifndef COUPOND_READING_ROWS_H
#define COUPOND_READING_ROWS_H

#include <stddef.h>

#include "gateway/http/buffer.h"
#include "gateway/http/span.h"
#include "gateway/reading/question.h"
#include "shared/wire/frame.h"

/* What stands before the first row: the header line of CSV, otherwise nothing. */
void reading_rows_begin(struct buffer *out, enum reading_format format);

/* An issue of the store, as the rest of the gateway knows issues; the ids are borrowed. */
struct reading_row {
    struct span coupon_id;
    struct span user_id;
    struct frame_issue issue;
    struct frame_details details;
    int64_t now_us; /* decides whether it has expired */
};

/* `code` may be ISSUE_CODE_UNKNOWN. */
void reading_row_of(const struct store_issue_view *view, uint64_t code, int64_t now_us, struct reading_row *row);

/* Appends one row. In a JSON page rows are separated by commas, and those of a user have the coupon's title and
 * benefit. */
void reading_rows_append(struct buffer *out, const struct reading_question *question,
                         const struct store_issue_view *view, uint64_t code, int64_t now_us);

/* Puts the rows of a JSON page, which are in `out`, into the whole: {"as_of":…,"issues":[…],"next_cursor":…}, where
 * `name` is that of the list. `cursor` is SPAN_NONE when no other page follows. */
void reading_rows_wrap(struct buffer *out, const char *name, int64_t as_of_us, struct span cursor);

/* Appends a field of CSV, in quotes if it needs them. Spreadsheets take a field that begins with = + - or @ for a
 * formula. Ids may begin with the last two, but have none of the characters with which a formula calls a function or a
 * program, so they stay as they are: a list must name the users that there are. */
void reading_csv_append(struct buffer *out, struct span text);

#endif
