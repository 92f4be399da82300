/*
 * Web origins as browsers send them in Origin (RFC 6454): scheme://host[:port] in lower case, without the port that the
 * scheme has anyway, and without a path. A list has commas between them. Pure.
 */
#ifndef COUPOND_WEB_ORIGIN_H
#define COUPOND_WEB_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the next member off the list, without the blanks around it; it may be empty. False at the list's end. */
bool web_origin_next(const char **list, const char **origin, size_t *length);

/* What is wrong with a list that is to hold origins, or nothing but "*": words that follow "must", or NULL. `at` and
 * `length` get the member. The empty list is right. */
const char *web_origins_fault(const char *list, const char **at, size_t *length);

#endif
