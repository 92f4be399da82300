/*
 * Well-formed UTF-8, for whoever must not pass on anything else, and the mark that files may begin with. Pure.
 */
#ifndef COUPOND_UTF8_H
#define COUPOND_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed UTF-8 sequence at `s` (Unicode 15, table 3-7), 0 when it is none. `left` is at least 1. */
size_t utf8_sequence(const unsigned char *s, size_t left);
/* Takes the byte order mark, with which some editors begin a file, from the front of `text`; how much is left. */
size_t utf8_drop_mark(char *text, size_t length);

#endif
