/*
 * Documents that the program contains: the contract of the API, api/openapi.json, which clients are generated from, and
 * the page that shows it. web/embed.cmake makes a C source of web/documents.cmake when the program is built. Constant.
 */
#ifndef COUPOND_DOCUMENT_H
#define COUPOND_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/span.h"

/* Of every document. Caches keep them for five minutes: a new version of the program may change them. */
#define DOCUMENT_FIELDS                                                                                                \
    "Cache-Control: public, max-age=300\r\n"                                                                           \
    "X-Content-Type-Options: nosniff\r\n"

struct document {
    const char *path;
    const char *bytes; /* not NUL-terminated */
    size_t length;
    const char *etag;            /* ETAG_LENGTH characters of its hash, with both quotes */
    const char *fields;          /* header lines, Content-Type among them, each ending with CR LF */
    const struct document *gzip; /* the same, compressed; NULL: there is none */
};

extern const struct document documents[];
extern const size_t document_count;

/* The document of that path, or NULL. */
const struct document *document_find(struct span path);

#endif
