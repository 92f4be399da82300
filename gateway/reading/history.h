/*
 * The changes of a coupon as text: the rows of a JSON page. Pure.
 */
#ifndef COUPOND_READING_HISTORY_H
#define COUPOND_READING_HISTORY_H

#include "gateway/http/buffer.h"
#include "shared/store/rows.h"

/* Appends one change, with a comma before it unless it is the first. */
void reading_history_append(struct buffer *out, const struct store_history_row *history);

#endif
