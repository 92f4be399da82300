/*
 * The byte classes of HTTP: one table, one bit per class. Pure.
 */
#ifndef COUPOND_HTTP_BYTES_H
#define COUPOND_HTTP_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"

enum http_byte_class {
    HTTP_BYTE_TOKEN = 1 << 0,  /* RFC 9110 token: names of methods and fields */
    HTTP_BYTE_VALUE = 1 << 1,  /* field values: no control characters but the tab */
    HTTP_BYTE_TARGET = 1 << 2, /* request targets: visible ASCII except '#' and what RFC 3986 excludes */
    HTTP_BYTE_HOST = 1 << 3,   /* registered names and IPv4 addresses */
    HTTP_BYTE_DIGIT = 1 << 4,
    HTTP_BYTE_HEX = 1 << 5,
    HTTP_BYTE_V6 = 1 << 6,   /* inside the brackets of an IPv6 address */
    HTTP_BYTE_PORT = 1 << 7, /* digits and the colon before them */
};

extern const uint8_t http_bytes[256];

static inline bool http_byte_is(char byte, enum http_byte_class class)
{
    return (http_bytes[(unsigned char)byte] & (unsigned)class) != 0;
}

/* True for the empty span. */
static inline bool http_bytes_are(struct span s, enum http_byte_class class)
{
    for (size_t i = 0; i < s.length; i++)
        if (!http_byte_is(s.at[i], class))
            return false;
    return true;
}

#endif
