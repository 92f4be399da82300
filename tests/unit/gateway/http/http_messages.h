/*
 * Valid and hostile HTTP messages with the expected results.
 */
#ifndef COUPOND_HTTP_MESSAGES_H
#define COUPOND_HTTP_MESSAGES_H

#include <stddef.h>

#define HOST    "Host: a\r\n"
#define CHUNKED "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

enum { MORE = 0, READY = 200 };

/* The result of a message's first request: READY, MORE, or the status of the refusal. */
struct message {
    const char *name;
    const char *bytes;
    size_t length; /* 0: strlen(bytes) */
    int outcome;
};

extern const struct message http_messages[];
extern const size_t http_messages_count;

#endif
