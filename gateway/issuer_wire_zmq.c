/* A DEALER, and a monitor that tells of its connection. */
#include <czmq.h>

#include "gateway/issuer_wire.h"
#include "shared/limits.h"
#include "shared/log.h"
#include "shared/peer.h"

enum {
    SEND_HWM = 16384,        /* frames; after LINK_ALIVE_MS of silence no more are sent */
    RECEIVE_HWM = 4096,      /* frames */
    RECONNECT_MS = 50,       /* first wait before connecting again */
    RECONNECT_MAX_MS = 1000, /* longest */
};

/* What the monitor tells when one end has a secret and the other has none. Of two secrets that differ it tells a
 * disconnection without a handshake. */
#define HANDSHAKE_REFUSED (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct zmq_wire {
    struct issuer_wire head;
    zsock_t *dealer;
    zsock_t *monitor; /* NULL on inproc */
    bool made;        /* the handshake has succeeded */
    bool complained;  /* since the last handshake that succeeded */
    bool look;        /* the socket's events may have changed */
    zmq_msg_t message;
};

static void set_option(zsock_t *socket, int option, int value)
{
    CHECK(zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof(value)) == 0);
}

static int fd_of(const zsock_t *socket)
{
    int fd = -1;
    size_t size = sizeof(fd);

    CHECK(zmq_getsockopt(zsock_resolve((zsock_t *)socket), ZMQ_FD, &fd, &size) == 0);
    return fd;
}

/* ---- life ---- */

/* Watches connects and disconnects; inproc has none. */
static void open_monitor(struct zmq_wire *wire, const char *endpoint)
{
    char name[64];

    if (strncmp(endpoint, "inproc://", 9) == 0)
        return;
    snprintf(name, sizeof(name), "inproc://gateway-monitor-%p", (void *)wire);
    CHECK(zmq_socket_monitor(zsock_resolve(wire->dealer), name,
                             ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | HANDSHAKE_REFUSED) == 0);
    wire->monitor = zsock_new(ZMQ_PAIR);
    CHECK(wire->monitor != NULL);
    set_option(wire->monitor, ZMQ_LINGER, 0);
    CHECK(zmq_connect(zsock_resolve(wire->monitor), name) == 0);
}

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
    CHECK(zmq_setsockopt(zsock_resolve(wire->dealer), ZMQ_MAXMSGSIZE, &bytes_max, sizeof(bytes_max)) == 0);
}

static void destroy(struct issuer_wire *self)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;

    if (wire->monitor != NULL)
        zmq_socket_monitor(zsock_resolve(wire->dealer), NULL, 0);
    zsock_destroy(&wire->monitor);
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
    const struct zmq_wire *wire = (const struct zmq_wire *)self;

    return wire->monitor == NULL ? -1 : fd_of(wire->monitor);
}

/* ---- frames ---- */

static void wake(struct issuer_wire *self)
{
    ((struct zmq_wire *)self)->look = true;
}

static bool send_bytes(struct issuer_wire *self, const void *data, size_t size)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;

    wire->look = true;
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

    wire->look = wire->look && take_part(wire);
    if (!wire->look)
        return false;
    message->one_part = !zmq_msg_more(&wire->message);
    while (zmq_msg_more(&wire->message) && take_part(wire))
        continue;
    message->data = zmq_msg_data(&wire->message);
    message->size = zmq_msg_size(&wire->message);
    return true;
}

/* ---- connection ---- */

/* The next event's number, or -1. An event is two parts: number and value, then the endpoint. */
static int next_monitor_event(struct zmq_wire *wire)
{
    zmq_msg_t part;
    uint16_t event = 0;
    bool first = true;
    bool more = true;

    while (more) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, zsock_resolve(wire->monitor), ZMQ_DONTWAIT) < 0)
            return -1;
        if (first && zmq_msg_size(&part) >= sizeof(event))
            memcpy(&event, zmq_msg_data(&part), sizeof(event));
        first = false;
        more = zmq_msg_more(&part) != 0;
        zmq_msg_close(&part);
    }
    return event;
}

static void complain(struct zmq_wire *wire)
{
    if (!wire->complained)
        log_warn("gateway", "the issuer's port refuses the handshake, trying again and again: cluster/secret_file must "
                            "hold one secret for all roles, or none");
    wire->complained = true;
}

static unsigned check(struct issuer_wire *self)
{
    struct zmq_wire *wire = (struct zmq_wire *)self;
    unsigned news = 0;

    if (wire->monitor == NULL)
        return 0;
    for (int event = next_monitor_event(wire); event >= 0; event = next_monitor_event(wire)) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            news |= WIRE_MADE;
            wire->made = true;
            wire->complained = false;
        } else if (event == ZMQ_EVENT_DISCONNECTED && wire->made) {
            news |= WIRE_LOST;
            wire->made = false;
        } else {
            complain(wire);
        }
    }
    if ((news & WIRE_LOST) != 0)
        wire->look = true;
    return news;
}

/* ZeroMQ connects again by itself. */
static void tick(struct issuer_wire *self, int64_t now_ms)
{
    (void)self;
    (void)now_ms;
}

static bool doze(struct issuer_wire *self)
{
    (void)self;
    return true;
}

static void rise(struct issuer_wire *self)
{
    (void)self;
}

struct issuer_wire *issuer_wire_zmq_create(const char *endpoint, struct error *error)
{
    static const struct issuer_wire_kind kind = {destroy, fd,    monitor_fd, wake, send_bytes,
                                                 receive, check, tick,       doze, rise};
    struct zmq_wire *wire = calloc(1, sizeof(*wire));

    CHECK(wire != NULL);
    wire->head.kind = &kind;
    zmq_msg_init(&wire->message);
    open_dealer(wire);
    open_monitor(wire, endpoint);
    if (zmq_connect(zsock_resolve(wire->dealer), endpoint) == 0)
        return &wire->head;
    error_set(error, "cannot connect to %s: %s", endpoint, zmq_strerror(zmq_errno()));
    destroy(&wire->head);
    return NULL;
}
