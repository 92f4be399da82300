/*
 * The URL of a server: http://HOST[:PORT][/PREFIX]. Pure.
 */
#ifndef COUPOND_HTTP_URL_H
#define COUPOND_HTTP_URL_H

#include <stdbool.h>

struct http_url {
    char host[256];   /* without the brackets of an IPv6 address */
    char port[6];     /* 80 when the URL names none */
    char prefix[128]; /* without a slash at its end */
};

/* False when `text` is no such URL: https, credentials, a query, a fragment, and what does not fit. */
bool http_url_parse(struct http_url *url, const char *text);

#endif
