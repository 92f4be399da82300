/*
 * Cross-origin requests (CORS, as in the Fetch standard): which origins' pages may read the answers. The header lines
 * are formatted once, at the start. Constant afterwards; used by one thread. Pure.
 */
#ifndef COUPOND_CORS_H
#define COUPOND_CORS_H

#include <stdbool.h>

#include "gateway/http/span.h"
#include "gateway/reply/reply.h"

struct cors;

/* `origins` is the checked value of gateway/cors_origins. NULL when it is empty: answers then carry no CORS fields. */
struct cors *cors_create(const char *origins);
void cors_destroy(struct cors **cors);

bool cors_allows(const struct cors *cors, struct span origin);

/* The header lines for any answer to a request from this origin (SPAN_NONE: from none), NUL-terminated. */
const char *cors_fields(const struct cors *cors, struct span origin);

/* Appends the answer to a preflight request for a path with these methods. Returns its status. */
int cors_write_preflight(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const char *methods);

#endif
