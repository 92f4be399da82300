/*
 * The faulty members of a request: the `errors` of an invalid_request. Pure.
 */
#ifndef COUPOND_API_ERRORS_H
#define COUPOND_API_ERRORS_H

#include "gateway/http/span.h"

#define API_ERRORS_MAX 8 /* further errors are not listed */

struct api_error {
    char field[48];
    char reason[160];
};

struct api_errors {
    unsigned count;
    struct api_error rows[API_ERRORS_MAX];
};

/* Adds a row; truncates long texts. */
void api_errors_add(struct api_errors *errors, const char *field, const char *reason);
/* Adds a query parameter that the route does not know. */
void api_errors_add_unknown(struct api_errors *errors, struct span parameter);

#endif
