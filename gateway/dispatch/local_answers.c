#include "gateway/dispatch/local_answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/document.h"
#include "gateway/api/me.h"
#include "gateway/http/etag.h"
#include "shared/error.h"
#include "shared/telemetry/log_line.h"
#include "shared/telemetry/pulse.h"
#include "shared/telemetry/status_http.h"

#define STALE_DOCUMENT                                                                                                 \
    "The document has none of the tags in If-Match, because it comes from another version of the program; read it "    \
    "again without If-Match."

static int answer_text(struct service *service, struct buffer *out, struct reply_style style, const char *body)
{
    struct reply reply = {.status = 200, .type = REPLY_JSON, .body = body, .body_length = strlen(body)};
    reply_write(out, &service->clock, style, &reply);
    return reply.status;
}

int local_answer_me(struct service *service, struct buffer *out, struct reply_style style, const struct api_call *call)
{
    struct reply reply = {.status = 200, .type = REPLY_JSON};
    me_json_append(&service->scratch, call, &service->rules);
    reply.body = service->scratch.data;
    reply.body_length = service->scratch.length;
    reply_write(out, &service->clock, style, &reply);
    buffer_clear(&service->scratch, 0);
    return reply.status;
}

int local_answer_livez(struct service *service, struct buffer *out, struct reply_style style)
{
    char why[128] = "";
    if (!pulse_all_beat(STATUS_LIVE_LIMIT_US, why)) /* this loop runs, but other threads may not */
        return reply_write_problem(out, &service->clock, style, ERROR_OVERLOADED,
                                   &(struct problem_extras){.detail = why});
    return answer_text(service, out, style, "{\"status\":\"live\"}");
}

int local_answer_readyz(struct service *service, struct buffer *out, struct reply_style style)
{
    char why[READINESS_WORDS_MAX];
    char detail[6 * sizeof why];
    char body[sizeof detail + 64];
    if (!readiness_read(service->readiness, why))
        return reply_write_problem(out, &service->clock, style, ERROR_ISSUER_UNAVAILABLE,
                                   &(struct problem_extras){.detail = why});
    int length = why[0] != '\0' ? (int)log_line_quote(detail, sizeof detail, why) : 0;
    snprintf(body, sizeof body, "{\"status\":\"ready\"%s%.*s}", length > 0 ? ",\"detail\":" : "", length, detail);
    return answer_text(service, out, style, body);
}

int local_answer_metrics(struct service *service, struct buffer *out, struct reply_style style)
{
    struct reply reply = {.status = 200, .type = REPLY_METRICS};
    char why[READINESS_WORDS_MAX];
    metrics_set_ready(readiness_read(service->readiness, why));
    char *text = metrics_render(&reply.body_length);
    CHECK(text != NULL);
    reply.body = text;
    reply_write(out, &service->clock, style, &reply);
    free(text);
    return reply.status;
}

int local_answer_document(struct service *service, struct buffer *out, struct reply_style style,
                          const struct document *document, const char *if_match, const char *if_none_match)
{
    if (!etag_passes(if_match, document->etag))
        return reply_write_problem(out, &service->clock, style, ERROR_STALE_VERSION,
                                   &(struct problem_extras){.detail = STALE_DOCUMENT});
    struct reply reply = {
        .status = etag_excluded(if_none_match, document->etag) ? 304 : 200,
        .type = REPLY_DOCUMENT,
        .fields = document->fields,
        .fields_length = strlen(document->fields),
        .body = document->bytes,
        .body_length = document->length,
    };
    reply_write(out, &service->clock, style, &reply);
    return reply.status;
}
