#include "shared/zap.h"

#include <sodium.h>
#include <string.h>
#include <zmq.h>

#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/error.h"
#include "shared/log.h"

#define ENDPOINT        "inproc://zeromq.zap.01"
#define LOG_INTERVAL_US INT64_C(60000000)

enum zap_place {
    PLACE_VERSION,
    PLACE_REQUEST,
    PLACE_DOMAIN,
    PLACE_ADDRESS,
    PLACE_IDENTITY,
    PLACE_MECHANISM,
    PLACE_KEY
};

static bool is_text(const struct zap_part *part, const char *text)
{
    return part->size == strlen(text) && memcmp(part->data, text, part->size) == 0;
}

bool zap_admits(const struct zap_part parts[ZAP_PARTS], size_t count, const unsigned char accepted[32])
{
    return count == ZAP_PARTS && is_text(&parts[PLACE_VERSION], "1.0") && is_text(&parts[PLACE_DOMAIN], ZAP_DOMAIN) &&
           is_text(&parts[PLACE_MECHANISM], "CURVE") && parts[PLACE_KEY].size == 32 &&
           sodium_memcmp(parts[PLACE_KEY].data, accepted, 32) == 0;
}

/* --- the actor --- */

/* One request, and how many parts it has; more than ZAP_PARTS are counted and thrown away. */
static size_t receive(void *socket, zmq_msg_t messages[ZAP_PARTS])
{
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t surplus;
        zmq_msg_t *message = count < ZAP_PARTS ? &messages[count] : &surplus;
        zmq_msg_init(message);
        if (zmq_msg_recv(message, socket, 0) < 0) {
            zmq_msg_close(message);
            return count;
        }
        more = zmq_msg_more(message) != 0;
        if (message == &surplus)
            zmq_msg_close(&surplus);
        count++;
    }
    return count;
}

static void answer(void *socket, zmq_msg_t *request, bool admitted)
{
    const char *const status = admitted ? "200" : "400";
    const char *const text = admitted ? "OK" : "not the cluster's key";
    zmq_send_const(socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_msg_send(request, socket, ZMQ_SNDMORE);
    zmq_send_const(socket, status, 3, ZMQ_SNDMORE);
    zmq_send_const(socket, text, strlen(text), ZMQ_SNDMORE);
    zmq_send_const(socket, "", 0, ZMQ_SNDMORE); /* user id */
    zmq_send_const(socket, "", 0, 0);           /* metadata */
}

static void tell_refused(const struct zap_config *config, const struct zap_part *address, int64_t *log_after_us)
{
    metrics_add(config->metrics, METRIC_ISSUER_PEERS_REFUSED, 0, 1);
    int64_t now_us = clock_mono_us();
    if (now_us < *log_after_us)
        return;
    *log_after_us = now_us + LOG_INTERVAL_US;
    log_warn("issuer", "a peer without the cluster's secret was turned away, more are only counted: address=%.*s",
             (int)(address->size < 64 ? address->size : 64), (const char *)address->data);
}

static void serve(void *socket, const struct zap_config *config, int64_t *log_after_us)
{
    zmq_msg_t messages[ZAP_PARTS];
    struct zap_part parts[ZAP_PARTS] = {{NULL, 0}};
    size_t count = receive(socket, messages);
    size_t kept = count < ZAP_PARTS ? count : ZAP_PARTS;
    for (size_t i = 0; i < kept; i++)
        parts[i] = (struct zap_part){zmq_msg_data(&messages[i]), zmq_msg_size(&messages[i])};
    bool admitted = zap_admits(parts, count, config->accepted);
    if (!admitted && kept > PLACE_ADDRESS)
        tell_refused(config, &parts[PLACE_ADDRESS], log_after_us);
    if (kept > PLACE_REQUEST)
        answer(socket, &messages[PLACE_REQUEST], admitted);
    for (size_t i = 0; i < kept; i++)
        zmq_msg_close(&messages[i]);
}

void zap_actor(zsock_t *pipe, void *args)
{
    const struct zap_config *config = args;
    int64_t log_after_us = 0;
    zsock_t *requests = zsock_new(ZMQ_REP);
    CHECK(requests != NULL);
    CHECK(zsock_bind(requests, "%s", ENDPOINT) == 0);
    zsock_signal(pipe, 0);
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(requests), .events = ZMQ_POLLIN},
    };
    while (zmq_poll(items, 2, -1) >= 0) {
        if ((items[0].revents & ZMQ_POLLIN) && actor_told_to_end(pipe))
            break;
        if (items[1].revents & ZMQ_POLLIN)
            serve(zsock_resolve(requests), config, &log_after_us);
    }
    zsock_destroy(&requests);
}
