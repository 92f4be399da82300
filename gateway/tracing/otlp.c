#include "gateway/tracing/otlp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/error.h"

/* opentelemetry/proto/trace/v1/trace.proto: Span.SpanKind, Status.StatusCode */
enum { KIND_INTERNAL = 1, KIND_SERVER = 2, STATUS_ERROR = 2 };

enum { PIECE_MAX = 512 };

/* --- text --- */

__attribute__((format(printf, 2, 3))) static void put(struct buffer *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer_reserve(out, PIECE_MAX), PIECE_MAX, format, arguments);
    va_end(arguments);
    CHECK(length >= 0 && length < PIECE_MAX);
    out->length += (size_t)length;
}

static void put_text(struct buffer *out, const char *key, const char *value)
{
    put(out, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s\"}}", out->data[out->length - 1] == '[' ? "" : ",", key,
        value);
}

static void put_number(struct buffer *out, const char *key, int64_t value)
{
    put(out, "%s{\"key\":\"%s\",\"value\":{\"intValue\":\"%" PRId64 "\"}}",
        out->data[out->length - 1] == '[' ? "" : ",", key, value);
}

static void put_flag(struct buffer *out, const char *key, bool value)
{
    put(out, "%s{\"key\":\"%s\",\"value\":{\"boolValue\":%s}}", out->data[out->length - 1] == '[' ? "" : ",", key,
        value ? "true" : "false");
}

/* --- requests --- */

void otlp_begin(struct buffer *out, const char *instance, const char *version)
{
    put(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    put_text(out, "service.name", "coupond");
    put_text(out, "service.instance.id", instance);
    put_text(out, "service.version", version);
    put(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"coupond.gateway\",\"version\":\"%s\"},\"spans\":[", version);
}

void otlp_end(struct buffer *out)
{
    put(out, "]}]}]}");
}

/* --- spans --- */

/* The beginning of a span up to its attributes. Times are those of the gateway thread's clock. */
static void begin_span(struct buffer *out, const struct trace *trace, const char *name, int64_t from_us, int64_t to_us)
{
    int64_t offset_us = trace->wall_offset_us;
    put(out, "\"name\":\"%s\",\"startTimeUnixNano\":\"%" PRId64 "000\",\"endTimeUnixNano\":\"%" PRId64 "000\",", name,
        from_us + offset_us, to_us + offset_us);
    put(out, "\"attributes\":[");
}

static void put_child(struct buffer *out, const struct trace *trace, unsigned *index, const char *name, int64_t from_us,
                      int64_t to_us)
{
    put(out, ",{\"traceId\":\"%s\",\"spanId\":\"%016" PRIx64 "\",\"parentSpanId\":\"%s\",\"kind\":%d,", trace->trace_id,
        trace_span_id(trace, (*index)++), trace->span_id, KIND_INTERNAL);
    begin_span(out, trace, name, from_us, to_us);
}

static void end_span(struct buffer *out, const char *fault)
{
    if (fault == NULL)
        put(out, "],\"status\":{}}");
    else
        put(out, "],\"status\":{\"code\":%d,\"message\":\"%s\"}}", STATUS_ERROR, fault);
}

/* https://opentelemetry.io/docs/specs/semconv/http/http-spans/: only 5xx are a server's errors. The path itself is left
 * out, because it names the user. */
static void put_gateway(struct buffer *out, const struct trace *trace)
{
    static const char *const methods[METHOD_COUNT] = {"_OTHER", "GET",   "HEAD",   "POST",
                                                      "PUT",    "PATCH", "DELETE", "OPTIONS"};
    put(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\",\"kind\":%d,", trace->trace_id, trace->span_id, KIND_SERVER);
    if (trace->parent_id[0] != '\0')
        put(out, "\"parentSpanId\":\"%s\",", trace->parent_id);
    begin_span(out, trace, "gateway", trace->begun_us, trace->ended_us);
    put_text(out, "http.request.method", methods[trace->method]);
    if (trace->route != NULL)
        put_text(out, "http.route", trace->route);
    put_number(out, "http.response.status_code", trace->status);
    if (trace->verdict != NULL)
        put_text(out, "coupond.verdict", trace->verdict);
    if (trace->coupon_id[0] != '\0')
        put_text(out, "coupond.coupon_id", trace->coupon_id);
    put_text(out, "coupond.request_id", trace->request_id);
    end_span(out, trace->status >= 500 ? "the answer is a server error" : NULL);
}

static void put_round(struct buffer *out, const struct trace *trace, unsigned number, unsigned *index)
{
    const struct trace_round *round = &trace->rounds[number];
    bool last = number + 1 == trace->rounds_count;
    int64_t until_us = last ? trace->ended_us : trace->rounds[number + 1].sent_us;
    bool replied = round->began_us != 0;
    put_child(out, trace, index, "wait", round->sent_us, replied ? round->began_us : until_us);
    end_span(out, replied ? NULL : "no reply");
    if (!replied)
        return;
    put_child(out, trace, index, "decision", round->began_us, round->decided_us);
    if (last && trace->verdict != NULL)
        put_text(out, "coupond.verdict", trace->verdict);
    end_span(out, NULL);
    put_child(out, trace, index, "sync", round->decided_us, round->synced_us);
    end_span(out, NULL);
    put_child(out, trace, index, "reply", round->synced_us, until_us);
    end_span(out, NULL);
}

static void put_store(struct buffer *out, const struct trace *trace, unsigned *index)
{
    bool seen = trace->store == TRACE_STORE_SEEN;
    put_child(out, trace, index, "store", trace->rounds[trace->rounds_count - 1].decided_us, trace->stored_us);
    put_flag(out, "coupond.store.seen", seen);
    put_number(out, "coupond.journal_seq", (int64_t)trace->journal_seq);
    put_number(out, "coupond.partition", trace->partition);
    end_span(out, seen ? NULL : "not seen");
}

unsigned otlp_append(struct buffer *out, const struct trace *trace, bool first)
{
    unsigned children = 0;
    if (!first)
        put(out, ",");
    put_gateway(out, trace);
    for (unsigned i = 0; i < trace->rounds_count; i++)
        put_round(out, trace, i, &children);
    if (trace->store != TRACE_STORE_NONE && trace->rounds_count > 0)
        put_store(out, trace, &children);
    return 1 + children;
}
