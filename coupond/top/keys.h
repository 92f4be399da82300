/*
 * Keys of `coupond top`: the bytes that a terminal sends, read as keys. Pure. Escape sequences as xterm and what
 * imitates it sends them, in normal and in application mode (ECMA-48, xterm's ctlseqs).
 */
#ifndef COUPOND_TOP_KEYS_H
#define COUPOND_TOP_KEYS_H

#include <stddef.h>

enum top_key {
    TOP_KEY_NONE, /* one that means nothing here */
    TOP_KEY_QUIT,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
};

/* The first key of `length` bytes, at least one; `taken` is set to how many of them it takes. */
enum top_key top_key_read(const char *bytes, size_t length, size_t *taken);

/* Where a list of `count` rows, of which `shown` are on the screen from `first` on, begins after a key. */
unsigned top_key_scroll(enum top_key key, unsigned first, unsigned shown, unsigned count);

#endif
