/*
 * The HTTP API v1: from a parsed request to what it asks for (a call), or to the error that answers it. The routes are
 * a table in api/routes.c. Pure: no socket, no clock, no thread.
 */
#ifndef COUPOND_API_H
#define COUPOND_API_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/api/admin_token.h"
#include "gateway/api/call.h"
#include "gateway/api/cors.h"

/* What the gateway's options allow. */
struct api_rules {
    struct admin_token admin; /* that creating and changing coupons needs */
    bool metrics;             /* there is a /metrics */
    const struct cors *cors;  /* NULL: nothing is said of origins */
};

void api_read(struct api_call *call, const struct http_request *request, const struct api_rules *rules);

/* "GET, HEAD, POST" for the bits of `allow`. */
void api_allow_format(unsigned allow, char *out, size_t size);

#endif
