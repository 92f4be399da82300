/*
 * An incremental parser of one HTTP response. Pure. Only its source file depends on the HTTP parser. Responses are
 * untrusted: a body beyond the limit or bytes after the end are errors.
 */
#ifndef COUPOND_HTTP_RESPONSE_H
#define COUPOND_HTTP_RESPONSE_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_RESPONSE_BODY_MAX 8192u

enum http_response_state {
    HTTP_RESPONSE_MORE, /* incomplete */
    HTTP_RESPONSE_DONE,
    HTTP_RESPONSE_BAD, /* invalid, too large, or more than one response */
};

struct http_response {
    http_parser parser;
    enum http_response_state state;
    int status;
    bool keep_alive;
    size_t body_length;
    size_t body_max;
    char *body; /* room for `body_max` bytes, inside this struct or the caller's */
    char own_body[HTTP_RESPONSE_BODY_MAX];
};

/* Prepares for the next response, whose body is stored inside `response`, which must not be copied or moved. */
void http_response_init(struct http_response *response);
/* The same for a body of up to `size` bytes in `room`, which is borrowed. */
void http_response_init_room(struct http_response *response, char *room, size_t size);
enum http_response_state http_response_feed(struct http_response *response, const char *data, size_t length);
/* The peer closed: DONE when that ends the response, otherwise BAD. */
enum http_response_state http_response_end(struct http_response *response);

#endif
