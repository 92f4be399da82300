/*
 * Parses the bytes from a terminal as keys of `coupond top`. Pure. Supports the escape sequences of xterm and
 * compatible terminals, in normal and application mode (ECMA-48, xterm's ctlseqs).
 */
#ifndef COUPOND_TOP_KEYS_H
#define COUPOND_TOP_KEYS_H

#include <stddef.h>

enum top_key {
    TOP_KEY_NONE, /* a key without a function */
    TOP_KEY_QUIT,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
};

/* Returns the first key of `length` bytes, at least one; sets `taken` to its length. */
enum top_key top_key_read(const char *bytes, size_t length, size_t *taken);

/* The new first row of a list of `count` rows, of which `shown` are visible from `first` on. */
unsigned top_key_scroll(enum top_key key, unsigned first, unsigned shown, unsigned count);

#endif
