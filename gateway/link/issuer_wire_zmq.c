/* A DEALER, with a connector that monitors its connection. */
#include <czmq.h>

#include "gateway/link/issuer_wire.h"
#include "shared/limits.h"
#include "shared/wire/connector.h"
#include "shared/wire/peer.h"

enum {
    SEND_HWM = 16384,       /* frames; after LINK_ALIVE_MS of silence no more are sent */
    RECEIVE_HWM = 4096,     /* frames */
    RECONNECT_MS = 50,      /* first wait before connecting again */
    RECONNECT_MAX_MS = 200, /* longest wait; others may have taken over meanwhile */
};

struct zmq_wire {
    struct issuer_wire head;
    zsock_t *dealer;
    struct connector connector;
    bool unchecked; /* the socket's events may have changed */
    zmq_msg_t message;
};

static void set_option(zsock_t *socket, int option, int value)
{
    CHECK(zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof value) == 0);
}

static int fd_of(const zsock_t *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    CHECK(zmq_getsockopt(zsock_resolve((zsock_t *)socket), ZMQ_FD, &fd, &size) == 0);
    return fd;
}

/* --- life --- */

static void open_dealer(struct zmq_wire *wire)
{
    int64_t bytes_max = FRAME_BYTES_MAX;
    wire->dealer = zsock_new(ZMQ_DEALER);
    CHECK(wire->dealer != NULL);
    peer_prepare_connector(wire->dealer, true);
    set_option(wire->dealer, ZMQ_LINGER, 0);
    set_option(wire->dealer, ZMQ_IMMEDIATE, 1);
    set_option(wire->dealer, ZMQ_SNDHWM, SEND_HWM);
    set_option(wire->dealer, ZMQ_RCVHWM, RECEIVE_HWM);
    set_option(wire->dealer, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_option(wire->dealer, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    CHECK(zmq_setsockopt(zsock_resolve(wire->dealer), ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) == 0);
}

static void destroy(struct issuer_wire *self)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;
    connector_close(&wire->connector);
    zsock_destroy(&wire->dealer);
    zmq_msg_close(&wire->message);
    free(wire);
}

static int fd(const struct issuer_wire *self)
{
    return fd_of(((const struct zmq_wire *)self)->dealer);
}

static int monitor_fd(const struct issuer_wire *self)
{
    return connector_fd(&((const struct zmq_wire *)self)->connector);
}

/* --- frames --- */

static void wake(struct issuer_wire *self)
{
    ((struct zmq_wire *)self)->unchecked = true;
}

static bool send_bytes(struct issuer_wire *self, const void *data, size_t size)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;
    wire->unchecked = true;
    return zmq_send(zsock_resolve(wire->dealer), data, size, ZMQ_DONTWAIT) >= 0;
}

static bool take_part(struct zmq_wire *wire)
{
    return zmq_msg_recv(&wire->message, zsock_resolve(wire->dealer), ZMQ_DONTWAIT) >= 0;
}

/* A receive that finds nothing has processed all of ZeroMQ's commands, so the descriptor fires for the next one. */
static bool receive(struct issuer_wire *self, struct wire_message *message)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;
    wire->unchecked = wire->unchecked && take_part(wire);
    if (!wire->unchecked)
        return false;
    message->one_part = !zmq_msg_more(&wire->message);
    while (zmq_msg_more(&wire->message) && take_part(wire))
        continue;
    message->data = zmq_msg_data(&wire->message);
    message->size = zmq_msg_size(&wire->message);
    return true;
}

/* --- connection --- */

static unsigned check(struct issuer_wire *self)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;
    unsigned found = connector_check(&wire->connector);
    unsigned news = wire->connector.refused ? WIRE_REFUSED : 0;
    if ((found & CONNECTOR_MADE) != 0)
        news |= WIRE_MADE;
    if ((found & CONNECTOR_LOST) != 0) {
        news |= WIRE_LOST;
        wire->unchecked = true;
    }
    return news;
}

static void tick(struct issuer_wire *self, int64_t now_ms)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;
    if (connector_tick(&wire->connector, now_ms))
        wire->unchecked = true;
}

static bool begin_sleep(struct issuer_wire *self)
{
    (void)self;
    return true;
}

static void end_sleep(struct issuer_wire *self)
{
    (void)self;
}

struct issuer_wire *issuer_wire_zmq_create(const char *endpoint, struct error *error)
{
    static const struct issuer_wire_kind kind = {destroy, fd,    monitor_fd, wake,        send_bytes,
                                                 receive, check, tick,       begin_sleep, end_sleep};
    struct zmq_wire *wire = calloc(1, sizeof *wire);
    CHECK(wire != NULL);
    wire->head.kind = &kind;
    zmq_msg_init(&wire->message);
    open_dealer(wire);
    if (connector_open(&wire->connector, wire->dealer, "gateway", endpoint) == 0)
        return &wire->head;
    error_set(error, "cannot connect to %s: %s", endpoint, zmq_strerror(zmq_errno()));
    destroy(&wire->head);
    return NULL;
}
