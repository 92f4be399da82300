/*
 * Request targets: path and query of the origin or absolute form, percent-decoded once. Pure.
 */
#ifndef COUPOND_HTTP_TARGET_H
#define COUPOND_HTTP_TARGET_H

#include <stdbool.h>

#include "gateway/http/span.h"

#define TARGET_PATH_MAX 512 /* bytes of an encoded path; longer paths match no route */

struct http_target {
    struct span path; /* decoded; borrows from the target or from `decoded` below */
    struct span query;
    char decoded[TARGET_PATH_MAX];
};

/*
 * Splits and decodes. Returns NULL, or the reason when the target is invalid: neither "/path" nor "http://host/path", a
 * broken percent-encoding, or an encoded slash or control character.
 */
const char *http_target_parse(struct http_target *out, struct span target);

/*
 * Takes the next "name=value" off `query`; skips empty pairs. False at the end. Name and value are still encoded.
 */
bool http_query_next(struct span *query, struct span *name, struct span *value);

/* Percent-decodes into `out`. False when the encoding is broken, a control character is encoded, or `out` is too
 * small. */
bool http_percent_decode(struct span in, char *out, size_t size, size_t *length);

#endif
