/*
 * The contract of the API, api/openapi.json, which clients are generated from. embed.cmake makes a C source of it when
 * the program is built. Constant.
 */
#ifndef COUPOND_OPENAPI_H
#define COUPOND_OPENAPI_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/span.h"

enum { OPENAPI_MAX_AGE_S = 300 }; /* for caches: a new version of the program may change the contract */

struct openapi_document {
    const char *json; /* not NUL-terminated */
    size_t length;
    const char *etag; /* ETAG_LENGTH characters of its hash, with both quotes */
};

extern const struct openapi_document openapi_document;

/* True unless If-Match names other tags only; `if_match` is NULL without tags. */
bool openapi_passes(const char *if_match);
/* True when If-None-Match names the document's tag, or any. */
bool openapi_matches(struct span if_none_match);

#endif
