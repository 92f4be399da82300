/*
 * Web origins as browsers send them in Origin (RFC 6454): scheme://host[:port] in lower case, without the scheme's
 * default port and without a path. A list is separated by commas. Pure.
 */
#ifndef COUPOND_WEB_ORIGIN_H
#define COUPOND_WEB_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the next member off the list, without surrounding blanks; it may be empty. False at the end of the list. */
bool web_origin_next(const char **list, const char **origin, size_t *length);

/* Checks a list of origins, or just "*". NULL, or the fault in words that follow "must"; `at` and `length` receive the
 * faulty member. The empty list is valid. */
const char *web_origins_fault(const char *list, const char **at, size_t *length);

#endif
