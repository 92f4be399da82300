/*
 * Hosts as Host and absolute targets name them. Pure.
 */
#ifndef COUPOND_HTTP_HOST_H
#define COUPOND_HTTP_HOST_H

#include "gateway/http/span.h"

/* HOST, HOST:PORT or [V6]:PORT, not empty and without empty labels, as nginx asks for. */
bool http_host_valid(struct span value);

#endif
