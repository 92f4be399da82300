#include "gateway/dispatch/verification.h"

#include <string.h>

#include "gateway/connection/request_note.h"
#include "gateway/reply/verification_json.h"
#include "gateway/service/answer.h"

#define PARTITION 0 /* the one that answers */

void verification_send(struct service *service, struct connection *connection, const struct http_request *request,
                       const struct api_call *call)
{
    if (!service_may_ask(service, PARTITION)) {
        answer_local_with_error(service, connection, request, call->route, ERROR_ISSUER_UNAVAILABLE);
        return;
    }
    struct exchange *exchange = answer_exchange_waiting(service, connection, request, call->route, 1ull << PARTITION);
    if (exchange == NULL)
        return;
    exchange->kind = EXCHANGE_VERIFICATION;
    exchange->op = (uint8_t)call->verification_op;
    struct frame_verification_request *record =
        partition_link_add_verification(service->links[PARTITION], service_now_us(service), service_until_us(service));
    record->tag = exchange_tag(exchange);
    record->op = exchange->op;
    record->actor_length = call->principal.id_length;
    memcpy(record->actor, call->principal.id, record->actor_length);
    if (exchange->note != NULL)
        record->request_id_length = (uint8_t)request_note_copy_id(exchange->note, record->request_id);
}

static void answer_state(struct service *service, const struct answer *answer,
                         const struct frame_verification_reply *reply)
{
    struct reply written = {.status = reply->verdict == VERIFICATION_STARTED ? 202 : 200, .type = REPLY_JSON};
    verification_json_append(&service->scratch, reply);
    written.body = service->scratch.data;
    written.body_length = service->scratch.length;
    reply_write(answer->out, &service->clock, answer->style, &written);
    buffer_clear(&service->scratch, 0);
    answer_end(answer, written.status);
}

void verification_on_reply(struct service *service, uint16_t partition, struct exchange *exchange,
                           const struct frame_verification_reply *reply)
{
    struct answer answer = answer_begin(service, exchange);
    if (exchange->kind != EXCHANGE_VERIFICATION || !frame_verification_reply_whole(reply))
        answer_nonsense(&answer, partition, reply->verdict);
    else if (reply->verdict == VERIFICATION_LATE)
        answer_error(&answer, ERROR_ISSUER_UNAVAILABLE, NULL);
    else if (reply->verdict == VERIFICATION_BUSY)
        answer_error(&answer, ERROR_VERIFICATION_RUNNING, NULL);
    else
        answer_state(service, &answer, reply);
}
