/*
 * Well-formed UTF-8, for whoever must not pass on anything else. Pure.
 */
#ifndef COUPOND_UTF8_H
#define COUPOND_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed UTF-8 sequence at `s` (Unicode 15, table 3-7), 0 when it is none. `left` is at least 1. */
size_t utf8_sequence(const unsigned char *s, size_t left);

#endif
