/*
 * Reads a small text from a URL, by libcurl. Blocking; any thread, after download_init().
 */
#ifndef COUPOND_IDENTITY_DOWNLOAD_H
#define COUPOND_IDENTITY_DOWNLOAD_H

#include <stdatomic.h>
#include <stddef.h>

#include "shared/error.h"

struct download {
    const char *url; /* https://, or http:// */
    const char *ca;  /* PEM file with the authorities to trust; empty: the system's */
    size_t bytes_max;
    long timeout_ms;
    const atomic_bool *stop; /* ends the download when it becomes true */
};

/* Call before other threads start. */
void download_init(void);
/* The body of a 200, NUL-terminated, which the caller frees; NULL and `error` for anything else. Follows no
 * redirect. */
char *download_text(const struct download *download, size_t *length, struct error *error);

#endif
