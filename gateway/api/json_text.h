/*
 * The bytes of a member in the text of a JSON object that a parser has accepted: values that are carried and not read
 * must not change, and a parser that turns numbers into doubles changes them. Pure.
 */
#ifndef COUPOND_JSON_TEXT_H
#define COUPOND_JSON_TEXT_H

#include <stddef.h>

#include "gateway/http/span.h"

/* The first byte that is no space, or `end`. */
const char *json_text_skip_space(const char *at, const char *end);

/* The bytes of the member's value in `object`, valid JSON without duplicate members. SPAN_NONE when it has no such
 * member. `name` is the decoded name, of ASCII letters and underscores. */
struct span json_text_member(struct span object, const char *name);

/* The name of the member whose value has this offset or ends there, as it is written, without its quotes. SPAN_NONE if
 * there is none. A parser has accepted the text before it. */
struct span json_text_name_at(struct span object, size_t offset);

/* Copies the value without the spaces between its parts. Returns the length, or 0 when it is longer than `max`. */
size_t json_text_compact(struct span value, char *out, size_t max);

#endif
