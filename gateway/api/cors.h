/*
 * Cross-origin requests (CORS, as the Fetch standard has it): pages of which other origins may read the answers. The
 * header lines are put together once, at the start. Read by all of one thread; constant. Pure.
 */
#ifndef COUPOND_CORS_H
#define COUPOND_CORS_H

#include <stdbool.h>

#include "gateway/http/span.h"
#include "gateway/reply/reply.h"

struct cors;

/* From gateway/cors_origins, which has been checked. NULL when it is empty: answers say nothing of origins then. */
struct cors *cors_create(const char *origins);
void cors_destroy(struct cors **cors);

bool cors_allows(const struct cors *cors, struct span origin);

/* Header lines of every answer to a request of this origin, or of none (SPAN_NONE), NUL-terminated. */
const char *cors_fields(const struct cors *cors, struct span origin);

/* Appends the answer to a preflight request for a path that takes these methods. Returns its status. */
int cors_write_preflight(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const char *methods);

#endif
