#include "gateway/identity/base64url.h"

#include <stdint.h>

enum { INVALID = 64 };

#define INVALID_8  64, 64, 64, 64, 64, 64, 64, 64
#define INVALID_16 INVALID_8, INVALID_8
#define INVALID_64 INVALID_16, INVALID_16, INVALID_16, INVALID_16

/* The value of a character. */
static const uint8_t values[256] = {
    INVALID_16, INVALID_16, INVALID_8, 64, 64, 64, 64, 64, 62, 64, 64,                     /* - */
    52,         53,         54,        55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, /* 0 to 9 */
    64,         0,          1,         2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* A to O */
    15,         16,         17,        18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63, /* P to Z, _ */
    64,         26,         27,        28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* a to o */
    41,         42,         43,        44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64, /* p to z */
    INVALID_64, INVALID_64,
};

/* The last two or three characters: one or two bytes. */
static bool decode_tail(const uint8_t *in, size_t length, uint8_t *out)
{
    uint32_t a = values[in[0]], b = values[in[1]], c = length == 3 ? values[in[2]] : 0;
    uint32_t unused = length == 3 ? c & 3 : b & 15;
    if (((a | b | c) & INVALID) != 0 || unused != 0)
        return false;
    out[0] = (uint8_t)(a << 2 | b >> 4);
    if (length == 3)
        out[1] = (uint8_t)(b << 4 | c >> 2);
    return true;
}

bool base64url_decode(const char *text, size_t length, void *out, size_t size, size_t *decoded)
{
    const uint8_t *in = (const uint8_t *)text;
    uint8_t *to = out;
    size_t tail = length % 4;
    *decoded = length / 4 * 3 + (tail > 1 ? tail - 1 : 0);
    if (tail == 1 || *decoded > size)
        return false;
    for (size_t left = length / 4; left > 0; left--, in += 4, to += 3) {
        uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
        if (((a | b | c | d) & INVALID) != 0)
            return false;
        to[0] = (uint8_t)(a << 2 | b >> 4);
        to[1] = (uint8_t)(b << 4 | c >> 2);
        to[2] = (uint8_t)(c << 6 | d);
    }
    return tail == 0 || decode_tail(in, tail, to);
}
