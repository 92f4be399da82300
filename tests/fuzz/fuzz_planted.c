/*
 * A reader with a planted fault that a working fuzzer must find: it trusts a length in its input. Not a target of its
 * own; ./dev fuzz and a test run it first, since a check that cannot fail is worthless.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

void fuzz_begin(void)
{
}

void fuzz_seeds(void)
{
    fuzz_seed("len\3abc", 7);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    if (size < 4 || memcmp(data, "len", 3) != 0)
        return;
    uint8_t *copy = malloc(data[3] + 1u);
    CHECK(copy != NULL);
    for (size_t i = 0; i < data[3] && i < 8; i++)
        copy[i] = data[4 + i];
    /* without AddressSanitizer the out-of-bounds read is not detected, so this states it as an invariant */
    CHECK(size >= 4u + (data[3] < 8 ? data[3] : 8));
    free(copy);
}
