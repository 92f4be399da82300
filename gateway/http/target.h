/*
 * Request targets: path and query of the origin or absolute form, percent-encoding undone once. Pure.
 */
#ifndef COUPOND_HTTP_TARGET_H
#define COUPOND_HTTP_TARGET_H

#include <stdbool.h>

#include "gateway/http/span.h"

#define TARGET_PATH_MAX 512 /* bytes of an encoded path that a route can have; longer ones are nowhere */

struct http_target {
    struct span path; /* decoded; borrows the target, or `decoded` below */
    struct span query;
    char decoded[TARGET_PATH_MAX];
};

/*
 * Splits and decodes. NULL, or what is wrong with the target: neither "/path" nor "http://host/path", a broken
 * percent-encoding, or one that hides a slash or a control character.
 */
const char *http_target_parse(struct http_target *out, struct span target);

/*
 * Takes the next "name=value" off `query`; nothing between two & is nothing. False at its end. Both are as they came,
 * still encoded.
 */
bool http_query_next(struct span *query, struct span *name, struct span *value);

/* Undoes percent-encoding into `out`. False when broken, when a control character is hidden in it, or `out` is too
 * small. */
bool http_percent_decode(struct span in, char *out, size_t size, size_t *length);

#endif
