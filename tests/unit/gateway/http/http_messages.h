/*
 * HTTP messages, fair and hostile, and what becomes of each.
 */
#ifndef COUPOND_HTTP_MESSAGES_H
#define COUPOND_HTTP_MESSAGES_H

#include <stddef.h>

#define HOST    "Host: a\r\n"
#define CHUNKED "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

enum { MORE = 0, READY = 200 };

/* What comes of the first request of a message: READY, MORE, or the status it is refused with. */
struct message {
    const char *name;
    const char *bytes;
    size_t length; /* 0: strlen(bytes) */
    int outcome;
};

extern const struct message http_messages[];
extern const size_t http_messages_count;

#endif
