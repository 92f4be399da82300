/*
 * Chunked bodies, decoded in place and as strictly as RFC 9112 writes them: CR LF line ends, plain hexadecimal sizes,
 * bounded extensions and trailers, which are read and dropped. Pure.
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

/* All zeros is the begin of a body. */
struct http_chunked {
    enum http_chunked_state state;
    uint64_t chunk_left;
    size_t body_length; /* decoded so far */
    size_t overhead;    /* bytes of size lines and trailers so far */
    const char *reason; /* why it was refused */
};

/*
 * `data` holds the body_length decoded bytes and behind them what came in since, *length bytes in all. Decodes what is
 * there and closes the gaps, so *length may shrink. 0: go on (state tells whether it is done); 400 or 413: refused.
 * `overhead_max` bounds what is not body.
 */
int http_chunked_decode(struct http_chunked *chunked, char *data, size_t *length, size_t body_max, size_t overhead_max);

#endif
