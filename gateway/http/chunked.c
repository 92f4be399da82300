#include "gateway/http/chunked.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/http/bytes.h"
#include "gateway/http/fields.h"

enum { SIZE_DIGITS_MAX = 8, MORE = -1 };

/* The input that is not yet decoded. */
struct input {
    char *at;
    size_t left;
};

static int refuse(struct http_chunked *chunked, int status, const char *reason)
{
    chunked->reason = reason;
    return status;
}

static void advance(struct input *in, size_t size)
{
    in->at += size;
    in->left -= size;
}

/* Takes one line without its CR LF. Returns 0 and sets `line`, or MORE, or a refusal. */
static int take_line(struct http_chunked *chunked, struct input *in, struct span *line, size_t overhead_max)
{
    char *end = memchr(in->at, '\n', in->left);
    size_t size = end == NULL ? in->left : (size_t)(end - in->at) + 1;
    if (chunked->overhead + size > overhead_max)
        return refuse(chunked, 400, "chunk sizes, extensions and trailers are too long");
    if (end == NULL)
        return MORE;
    if (size < 2 || end[-1] != '\r')
        return refuse(chunked, 400, "a line of the chunked body does not end with CR LF");
    *line = (struct span){in->at, size - 2};
    chunked->overhead += size;
    advance(in, size);
    return 0;
}

static bool is_extension(struct span s)
{
    if (s.length == 0)
        return true;
    return s.at[0] == ';' && http_bytes_are(s, HTTP_BYTE_VALUE);
}

static int read_size_line(struct http_chunked *chunked, struct span line, size_t body_max)
{
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < line.length && http_byte_is(line.at[digits], HTTP_BYTE_HEX); digits++) {
        char c = line.at[digits];
        unsigned value = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
        if (digits == SIZE_DIGITS_MAX)
            return refuse(chunked, 400, "a chunk's size has too many digits");
        size = size * 16 + value;
    }
    if (digits == 0 || !is_extension((struct span){line.at + digits, line.length - digits}))
        return refuse(chunked, 400, "a chunk's size is not a plain hexadecimal number");
    if (chunked->body_length + size > body_max)
        return refuse(chunked, 413, "the chunked body exceeds the size limit");
    chunked->chunk_left = size;
    chunked->state = size == 0 ? CHUNKED_TRAILER : CHUNKED_DATA;
    return 0;
}

static int read_trailer(struct http_chunked *chunked, struct span line)
{
    const char *colon = line.length == 0 ? NULL : memchr(line.at, ':', line.length);
    if (line.length == 0) {
        chunked->state = CHUNKED_DONE;
        return 0;
    }
    if (colon == NULL || !http_is_token((struct span){line.at, (size_t)(colon - line.at)}))
        return refuse(chunked, 400, "a trailer is not a header field");
    if (!http_bytes_are(line, HTTP_BYTE_VALUE))
        return refuse(chunked, 400, "a trailer contains a control character");
    return 0;
}

static int take_data(struct http_chunked *chunked, struct input *in, char *body)
{
    size_t size = in->left < chunked->chunk_left ? in->left : (size_t)chunked->chunk_left;
    if (size == 0)
        return MORE;
    memmove(body + chunked->body_length, in->at, size);
    chunked->body_length += size;
    chunked->chunk_left -= size;
    advance(in, size);
    if (chunked->chunk_left == 0)
        chunked->state = CHUNKED_DATA_END;
    return 0;
}

static int take_data_end(struct http_chunked *chunked, struct input *in)
{
    if ((in->left >= 1 && in->at[0] != '\r') || (in->left >= 2 && in->at[1] != '\n'))
        return refuse(chunked, 400, "a chunk is longer than its size");
    if (in->left < 2)
        return MORE;
    advance(in, 2);
    chunked->state = CHUNKED_SIZE_LINE;
    return 0;
}

static int step(struct http_chunked *chunked, struct input *in, char *body, size_t body_max, size_t overhead_max)
{
    struct span line = SPAN_NONE;
    int status = 0;
    if (chunked->state == CHUNKED_DATA)
        return take_data(chunked, in, body);
    if (chunked->state == CHUNKED_DATA_END)
        return take_data_end(chunked, in);
    status = take_line(chunked, in, &line, overhead_max);
    if (status != 0)
        return status;
    return chunked->state == CHUNKED_SIZE_LINE ? read_size_line(chunked, line, body_max) : read_trailer(chunked, line);
}

int http_chunked_decode(struct http_chunked *chunked, char *data, size_t *length, size_t body_max, size_t overhead_max)
{
    struct input in = {data + chunked->body_length, *length - chunked->body_length};
    int status = 0;
    while (status == 0 && chunked->state != CHUNKED_DONE)
        status = step(chunked, &in, data, body_max, overhead_max);
    if (in.left > 0)
        memmove(data + chunked->body_length, in.at, in.left);
    *length = chunked->body_length + in.left;
    return status == MORE ? 0 : status;
}
