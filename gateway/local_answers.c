#include "gateway/local_answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/error.h"
#include "shared/pulse.h"
#include "shared/status_http.h"

static int answer_text(struct gateway_loop *loop, struct buffer *out, struct reply_style style, const char *body)
{
    struct reply reply = {.status = 200, .type = REPLY_JSON, .body = body, .body_length = strlen(body)};

    reply_write(out, &loop->clock, style, &reply);
    return reply.status;
}

int local_answer_livez(struct gateway_loop *loop, struct buffer *out, struct reply_style style)
{
    char why[128] = "";

    if (!pulse_all_beat(STATUS_LIVE_LIMIT_US, why)) /* this loop goes round, but others may not */
        return reply_write_problem(out, &loop->clock, style, ERROR_OVERLOADED, &(struct problem_extras){.detail = why});
    return answer_text(loop, out, style, "{\"status\":\"live\"}");
}

int local_answer_readyz(struct gateway_loop *loop, struct buffer *out, struct reply_style style)
{
    char detail[256] = "No answer from partition";
    size_t length = strlen(detail);
    bool missing = false;

    for (uint16_t p = 0; p < loop->partitions; p++) {
        if (issuer_link_up(loop->links[p], (int64_t)uv_now(&loop->uv)))
            continue;
        if (length < sizeof(detail) - 8)
            length += (size_t)snprintf(detail + length, sizeof(detail) - length, "%s %u", missing ? "," : "", p);
        missing = true;
    }
    if (loop->draining)
        return reply_write_problem(out, &loop->clock, style, ERROR_ISSUER_UNAVAILABLE,
                                   &(struct problem_extras){.detail = "The gateway is draining."});
    if (missing)
        return reply_write_problem(out, &loop->clock, style, ERROR_ISSUER_UNAVAILABLE,
                                   &(struct problem_extras){.detail = detail});
    return answer_text(loop, out, style, "{\"status\":\"ready\"}");
}

/* As local_answer_readyz() tells. */
static bool is_ready(const struct gateway_loop *loop)
{
    uint16_t p = 0;

    while (p < loop->partitions && issuer_link_up(loop->links[p], (int64_t)uv_now(&loop->uv)))
        p++;
    return p == loop->partitions && !loop->draining;
}

int local_answer_metrics(struct gateway_loop *loop, struct buffer *out, struct reply_style style)
{
    struct reply reply = {.status = 200, .type = REPLY_METRICS};
    char *text;

    metrics_set_ready(is_ready(loop));
    text = metrics_render(&reply.body_length);
    CHECK(text != NULL);
    reply.body = text;
    reply_write(out, &loop->clock, style, &reply);
    free(text);
    return reply.status;
}
