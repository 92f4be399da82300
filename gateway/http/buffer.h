/*
 * A growing byte buffer for input and output. Keeps its allocation between uses, so that the steady state allocates
 * nothing. Pure; used by one thread. Callers limit the size; running out of memory stops the process.
 */
#ifndef COUPOND_BUFFER_H
#define COUPOND_BUFFER_H

#include <stddef.h>

/* All zeros is an empty buffer. */
struct buffer {
    char *data;
    size_t length;
    size_t capacity;
};

/* Returns room for `size` bytes behind the end, valid until the next call. The length does not change. */
char *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
/* Removes the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);
/* Empties it; frees the allocation when it exceeds `keep` bytes. */
void buffer_clear(struct buffer *buffer, size_t keep);
void buffer_deinit(struct buffer *buffer);

#endif
