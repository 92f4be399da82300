/*
 * Well-formed UTF-8, for output that must not contain anything else, and the byte order mark of files. Pure.
 */
#ifndef COUPOND_UTF8_H
#define COUPOND_UTF8_H

#include <stddef.h>

/* The length of the well-formed UTF-8 sequence at `s` (Unicode 15, table 3-7), 0 when it is malformed. `left` is at
 * least 1. */
size_t utf8_sequence(const unsigned char *s, size_t left);
/* Removes a leading byte order mark, which some editors write, from `text`. Returns the remaining length. */
size_t utf8_drop_mark(char *text, size_t length);

#endif
