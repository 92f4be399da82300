/*
 * Checks that the JSON which a coupon carries is JSON, because it becomes a part of answers as it is. Accepts what RFC
 * 8259 allows, also members that are given twice. Allocates nothing. Pure.
 */
#ifndef COUPOND_FRAME_JSON_H
#define COUPOND_FRAME_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define FRAME_JSON_DEPTH_MAX 2048 /* arrays and objects in each other, as many as fit the longest text */

/* True for one object (`open` is '{') or array ('['). The bytes are UTF-8. */
bool frame_json_valid(const char *text, size_t length, char open);

#endif
