#include "shared/wire/zap.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "shared/wire/door_watch.h"

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

/* --- a question --- */

/* Receives one request and returns its number of parts; those beyond ZAP_PARTS are counted and discarded. */
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

static void note_refused(const struct zap_part *address)
{
    char text[64];
    int length = (int)(address->size < sizeof text ? address->size : sizeof text - 1);
    snprintf(text, sizeof text, "%.*s", length, (const char *)address->data);
    door_watch_note_refused(text);
}

void zap_answer(zsock_t *questions, const unsigned char accepted[32])
{
    void *socket = zsock_resolve(questions);
    zmq_msg_t messages[ZAP_PARTS];
    struct zap_part parts[ZAP_PARTS] = {{NULL, 0}};
    size_t count = receive(socket, messages);
    size_t kept = count < ZAP_PARTS ? count : ZAP_PARTS;
    for (size_t i = 0; i < kept; i++)
        parts[i] = (struct zap_part){zmq_msg_data(&messages[i]), zmq_msg_size(&messages[i])};
    bool admitted = zap_admits(parts, count, accepted);
    if (!admitted && kept > PLACE_ADDRESS)
        note_refused(&parts[PLACE_ADDRESS]);
    if (kept > PLACE_REQUEST)
        answer(socket, &messages[PLACE_REQUEST], admitted);
    for (size_t i = 0; i < kept; i++)
        zmq_msg_close(&messages[i]);
}
