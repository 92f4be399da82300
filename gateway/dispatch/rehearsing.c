#include "gateway/dispatch/rehearsing.h"

#include "gateway/connection/request_note.h"
#include "gateway/service/answer.h"
#include "shared/telemetry/log.h"

#define BEARER "Bearer "

/* The operator's own token, with which the crowd acts. */
static struct span token_of(const struct http_request *request)
{
    struct span field = request->authorization;
    size_t length = sizeof BEARER - 1;
    if (field.at == NULL || field.length <= length ||
        !span_equals_nocase((struct span){field.at, length}, SPAN_LITERAL(BEARER)))
        return (struct span){"", 0};
    return span_trim((struct span){field.at + length, field.length - length});
}

static void answer_state(struct service *service, const struct answer *answer, int status)
{
    struct reply reply = {.status = status, .type = REPLY_JSON};
    rehearsal_json_append(service->rehearsal, &service->scratch);
    reply.body = service->scratch.data;
    reply.body_length = service->scratch.length;
    reply_write(answer->out, &service->clock, answer->style, &reply);
    buffer_clear(&service->scratch, 0);
    answer_end(answer, status);
}

static void refuse_users(struct service *service, const struct answer *answer)
{
    struct api_errors errors = {0};
    char reason[64];
    snprintf(reason, sizeof reason, "must be at most %lld, gateway/rehearsal_users_max",
             (long long)service->options->gateway_rehearsal_users_max);
    api_errors_add(&errors, "users", reason);
    answer_error(answer, ERROR_INVALID_REQUEST, &(struct problem_extras){.errors = &errors});
}

static void log_start(const struct answer *answer, const struct api_call *call)
{
    log_info("gateway", "rehearsal started coupon=%s users=%llu%s%.*s%s%s", call->rehearsal.coupon_id,
             (unsigned long long)call->rehearsal.users, call->principal.id_length > 0 ? " actor=" : "",
             (int)call->principal.id_length, call->principal.id, answer->note != NULL ? " request_id=" : "",
             answer->note != NULL ? answer->note->id : "");
}

static void start(struct service *service, const struct answer *answer, const struct http_request *request,
                  const struct api_call *call)
{
    static const char off[] = "Rehearsals are turned off: set gateway/rehearsal_users_max.";
    if (service->rehearsal == NULL) {
        answer_error(answer, ERROR_FORBIDDEN, &(struct problem_extras){.detail = off});
    } else if (call->rehearsal.users > (uint64_t)service->options->gateway_rehearsal_users_max) {
        refuse_users(service, answer);
    } else if (!rehearsal_start(service->rehearsal, &call->rehearsal, token_of(request))) {
        answer_error(answer, ERROR_REHEARSAL_RUNNING, NULL);
    } else {
        log_start(answer, call);
        answer_state(service, answer, 202);
    }
}

void rehearsing_answer(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call)
{
    struct answer answer = answer_begin_local(service, connection, request, call->route);
    if (call->rehearsal.users > 0)
        start(service, &answer, request, call);
    else
        answer_state(service, &answer, 200);
}
