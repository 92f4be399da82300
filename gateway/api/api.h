/*
 * The HTTP API v1: turns a parsed request into a call, or into the error that answers it. The routes are a table in
 * api/routes.c. Pure, but for the credentials that identity remembers: no socket, no clock, no thread.
 */
#ifndef COUPOND_API_H
#define COUPOND_API_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/api/call.h"
#include "gateway/api/cors.h"
#include "gateway/identity/admin_token.h"
#include "gateway/identity/identity.h"

/* The gateway's options, as far as the API depends on them. */
struct api_rules {
    struct admin_token admin; /* without identity required by routes with OFF_KEY (api/permissions.h) */
    /* everybody says who they are, and the table of permissions decides; NULL: identity is off */
    struct identity_thread *identity;
    int64_t now_s;           /* since 1970, for identity */
    bool metrics;            /* /metrics is enabled */
    const struct cors *cors; /* NULL: answers carry no CORS fields */
};

void api_read(struct api_call *call, const struct http_request *request, const struct api_rules *rules);

/* Writes the methods in `allow` as an Allow list: "GET, HEAD, POST". */
void api_allow_format(unsigned allow, char *out, size_t size);

#endif
