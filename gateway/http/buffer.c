#include "gateway/http/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

enum { FIRST_CAPACITY = 1024 };

char *buffer_reserve(struct buffer *buffer, size_t size)
{
    size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
    if (buffer->capacity - buffer->length >= size && buffer->data != NULL)
        return buffer->data + buffer->length;
    while (capacity - buffer->length < size)
        capacity *= 2;
    buffer->data = realloc(buffer->data, capacity);
    CHECK(buffer->data != NULL);
    buffer->capacity = capacity;
    return buffer->data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->length += size;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    CHECK(size <= buffer->length);
    if (size < buffer->length && size > 0)
        memmove(buffer->data, buffer->data + size, buffer->length - size);
    buffer->length -= size;
}

void buffer_clear(struct buffer *buffer, size_t keep)
{
    buffer->length = 0;
    if (buffer->capacity > keep)
        buffer_deinit(buffer);
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
