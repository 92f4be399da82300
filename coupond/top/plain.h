/*
 * Output of `coupond top` without a terminal: a line of figures or a JSON object. Pure except for writing.
 */
#ifndef COUPOND_TOP_PLAIN_H
#define COUPOND_TOP_PLAIN_H

#include <stdbool.h>
#include <stdio.h>

#include "coupond/top/model.h"

void top_line_print_head(FILE *out);
void top_line_print(const struct top_view *view, bool unicode, FILE *out);

/* One object and a newline, in ASCII; times in seconds, rates per second, null for unknown values. */
void top_json_print(const struct top_view *view, FILE *out);

#endif
