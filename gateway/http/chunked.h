/*
 * Decodes chunked bodies in place, as strictly as RFC 9112 defines them: CR LF line ends, plain hexadecimal sizes,
 * bounded extensions and trailers, which are discarded. Pure.
 */
#ifndef COUPOND_HTTP_CHUNKED_H
#define COUPOND_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

enum http_chunked_state {
    CHUNKED_SIZE_LINE, /* → CHUNKED_DATA, or CHUNKED_TRAILER after the size 0 */
    CHUNKED_DATA,      /* → CHUNKED_DATA_END */
    CHUNKED_DATA_END,  /* → CHUNKED_SIZE_LINE */
    CHUNKED_TRAILER,   /* → CHUNKED_DONE at the empty line */
    CHUNKED_DONE,
};

/* All zeros is the beginning of a body. */
struct http_chunked {
    enum http_chunked_state state;
    uint64_t chunk_left;
    size_t body_length; /* decoded so far */
    size_t overhead;    /* bytes of size lines and trailers so far */
    const char *reason; /* why it was refused */
};

/*
 * `data` holds the body_length decoded bytes followed by new input, *length bytes in all. Decodes in place, so *length
 * may shrink. Returns 0 to go on (`state` shows whether the body is complete), or 400 or 413 to refuse. `overhead_max`
 * limits the bytes that are not body.
 */
int http_chunked_decode(struct http_chunked *chunked, char *data, size_t *length, size_t body_max, size_t overhead_max);

#endif
