/*
 * The URL of a server: http://HOST[:PORT][/PREFIX]. Pure.
 */
#ifndef COUPOND_HTTP_URL_H
#define COUPOND_HTTP_URL_H

#include <stdbool.h>

struct http_url {
    char host[256];   /* without the brackets of an IPv6 address */
    char port[6];     /* 80 when the URL has none */
    char prefix[128]; /* without a trailing slash */
};

/* False for anything else, including https, credentials, a query, a fragment, and parts that are too long. */
bool http_url_parse(struct http_url *url, const char *text);

#endif
