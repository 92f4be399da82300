/*
 * Keeps large blocks for the next input instead of freeing them, because AddressSanitizer maps and poisons each anew,
 * which dominates the time of some targets. Out-of-bounds reads are still detected; use after free is not. Linked with
 * --wrap, see CMakeLists.txt; one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_BYTES 200000u /* this size and larger */
#define BLOCKS_MAX  32

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

struct block {
    void *bytes; /* NULL: this row is free */
    size_t size;
    bool used;
};

static struct block blocks[BLOCKS_MAX];

static struct block *find(const void *bytes)
{
    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        if (blocks[i].bytes == bytes)
            return &blocks[i];
    }
    return NULL;
}

void *__wrap_malloc(size_t size)
{
    if (size < LARGE_BYTES)
        return __real_malloc(size);
    for (size_t i = 0; i < BLOCKS_MAX; i++) {
        if (blocks[i].bytes != NULL && !blocks[i].used && blocks[i].size == size) {
            blocks[i].used = true;
            return blocks[i].bytes;
        }
    }
    struct block *row = find(NULL);
    void *bytes = __real_malloc(size);
    if (row != NULL && bytes != NULL)
        *row = (struct block){bytes, size, true};
    return bytes;
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (count * size < LARGE_BYTES)
        return __real_calloc(count, size);
    void *bytes = __wrap_malloc(count * size);
    return bytes == NULL ? NULL : memset(bytes, 0, count * size);
}

/* A resized block is no longer managed here. */
void *__wrap_realloc(void *block, size_t size)
{
    struct block *row = block == NULL ? NULL : find(block);
    if (row != NULL)
        *row = (struct block){NULL, 0, false};
    return __real_realloc(block, size);
}

void __wrap_free(void *block)
{
    struct block *row = block == NULL ? NULL : find(block);
    if (row == NULL)
        __real_free(block);
    else
        row->used = false;
}
