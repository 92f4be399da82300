/*
 * Validates hosts in Host fields and absolute targets. Pure.
 */
#ifndef COUPOND_HTTP_HOST_H
#define COUPOND_HTTP_HOST_H

#include "gateway/http/span.h"

/* HOST, HOST:PORT or [V6]:PORT; not empty and without empty labels, like nginx. */
bool http_host_valid(struct span value);

#endif
