/*
 * Traces as OTLP over HTTP has them in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): one
 * ExportTraceServiceRequest. Ids are hexadecimal, 64-bit integers are strings. Pure.
 */
#ifndef COUPOND_OTLP_H
#define COUPOND_OTLP_H

#include "gateway/http/buffer.h"
#include "gateway/tracing/trace.h"

#define OTLP_SPANS_MAX (2 + 4 * TRACE_ROUNDS_MAX) /* of a trace */

/* `instance` and `version` need no escapes in JSON. */
void otlp_begin(struct buffer *out, const char *instance, const char *version);
/* Appends the spans of a trace, of which nothing is to come any more; returns their number. `first`: the request has
 * none yet. */
unsigned otlp_append(struct buffer *out, const struct trace *trace, bool first);
void otlp_end(struct buffer *out);

#endif
