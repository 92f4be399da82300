/*
 * Cursors of pages of issues, as text that needs no escapes in a URL: "17", the sequence of a coupon's issue, or
 * "1764480906929932-17-noon", time in µs, sequence and coupon of a user's. Pure.
 */
#ifndef COUPOND_READING_CURSOR_H
#define COUPOND_READING_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/span.h"
#include "gateway/reading/question.h"

#define READING_CURSOR_MAX 72 /* bytes of text */

/* Writes the cursor of a page that ends with this issue. Returns its length. */
size_t reading_cursor_format(enum reading_scope scope, const struct store_issue_key *key, char out[READING_CURSOR_MAX]);
/* False when the text is no cursor of that scope. */
bool reading_cursor_parse(enum reading_scope scope, struct span text, struct store_issue_key *key);

#endif
