/*
 * The W3C trace context of a request (https://www.w3.org/TR/trace-context/): version 00, and later versions as it
 * prescribes. Pure.
 */
#ifndef COUPOND_TRACEPARENT_H
#define COUPOND_TRACEPARENT_H

#include <stdbool.h>

#include "gateway/http/span.h"

#define TRACE_ID_DIGITS 32
#define SPAN_ID_DIGITS  16

struct traceparent {
    char trace_id[TRACE_ID_DIGITS + 1];
    char span_id[SPAN_ID_DIGITS + 1]; /* the caller's */
    bool sampled;
};

/* False, with both ids empty, when it is invalid. */
bool traceparent_read(struct span value, struct traceparent *parent);

#endif
