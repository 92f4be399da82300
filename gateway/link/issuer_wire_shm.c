/*
 * Shared memory with an issuer on the same machine (shm_link).
 *
 *   AWAY ──connected──► WAITING ──greeting received──► JOINED ──disconnected──► LEFT ──all received──► AWAY
 *     ▲──── disconnected ──┘
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/link/issuer_wire.h"
#include "shared/endpoint.h"
#include "shared/telemetry/log.h"
#include "shared/wire/shm_link.h"

#define RECONNECT_MS 50   /* when nothing listens on the socket */
#define REFUSED_MS   1000 /* when the handshake fails */

enum state {
    AWAY,    /* connects again at `retry_ms` */
    WAITING, /* connected; the greeting has not arrived yet */
    JOINED,
    LEFT, /* the issuer has disconnected; its last frames can still be received */
};

struct shm_wire {
    struct issuer_wire head;
    char *path;
    enum state state;
    int64_t retry_ms;
    bool complained; /* a failed handshake was logged since the last JOINED */
    int poll;        /* an epoll with the socket */
    int socket;      /* in WAITING */
    struct shm_link link;
    void *message; /* the last one received */
    size_t message_size;
};

static void watch(const struct shm_wire *wire, int socket)
{
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(wire->poll, EPOLL_CTL_ADD, socket, &event) == 0);
}

/* --- connection --- */

static void go_away(struct shm_wire *wire)
{
    if (wire->state == WAITING)
        close(wire->socket);
    shm_link_close(&wire->link);
    wire->state = AWAY;
}

static void complain(struct shm_wire *wire, const char *why)
{
    if (!wire->complained)
        log_warn("gateway", "the issuer at shm://%s does not complete the handshake; retrying: %s", wire->path, why);
    wire->complained = true;
}

static unsigned join(struct shm_wire *wire)
{
    struct error error = {""};
    int result = shm_greet(wire->socket, &wire->link, &error);
    if (result == 0)
        return 0;
    if (result < 0) {
        complain(wire, error.text);
        go_away(wire);
        wire->retry_ms += REFUSED_MS;
        return 0;
    }
    wire->complained = false;
    wire->state = JOINED;
    return WIRE_MADE;
}

static unsigned read_wakes(struct shm_wire *wire)
{
    if (shm_link_read_wakes(&wire->link))
        return 0;
    CHECK(epoll_ctl(wire->poll, EPOLL_CTL_DEL, wire->link.socket, NULL) == 0);
    wire->state = LEFT;
    return WIRE_LOST;
}

static unsigned check(struct issuer_wire *self)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    struct epoll_event event;
    if (epoll_wait(wire->poll, &event, 1, 0) <= 0)
        return 0;
    if (wire->state == WAITING)
        return join(wire);
    return wire->state == JOINED ? read_wakes(wire) : 0;
}

/* Disconnects an issuer that wrote an impossible position or length; check() then reports the loss like any other. */
static void give_up_broken(const struct shm_wire *wire)
{
    if (wire->state != JOINED || (!wire->link.in.broken && !wire->link.out.broken))
        return;
    log_warn("gateway", "the issuer at shm://%s wrote invalid data into the shared memory; reconnecting", wire->path);
    shutdown(wire->link.socket, SHUT_RDWR);
}

static void tick(struct issuer_wire *self, int64_t now_ms)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    give_up_broken(wire);
    if (wire->state != AWAY || now_ms < wire->retry_ms)
        return;
    wire->retry_ms = now_ms + RECONNECT_MS;
    wire->socket = shm_connect(wire->path);
    if (wire->socket < 0)
        return;
    wire->state = WAITING;
    watch(wire, wire->socket);
}

/* --- life --- */

static void destroy(struct issuer_wire *self)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    go_away(wire);
    close(wire->poll);
    free(wire->message);
    free(wire->path);
    free(wire);
}

static int fd(const struct issuer_wire *self)
{
    (void)self;
    return -1;
}

static int monitor_fd(const struct issuer_wire *self)
{
    return ((const struct shm_wire *)self)->poll;
}

/* --- frames --- */

static void wake(struct issuer_wire *self)
{
    (void)self;
}

static bool send_bytes(struct issuer_wire *self, const void *data, size_t size)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    if (wire->state != JOINED || !shm_link_send(&wire->link, data, size))
        return false;
    shm_link_wake(&wire->link);
    return true;
}

/* The buffer grows and never shrinks: the frames of a gateway have similar sizes. */
static void make_room(struct shm_wire *wire, size_t size)
{
    if (size <= wire->message_size)
        return;
    free(wire->message);
    wire->message = malloc(size);
    CHECK(wire->message != NULL);
    wire->message_size = size;
}

static bool receive(struct issuer_wire *self, struct wire_message *message)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    if (wire->state != JOINED && wire->state != LEFT)
        return false;
    size_t size = shm_ring_next(&wire->link.in);
    if (size == 0) {
        if (wire->state == LEFT)
            go_away(wire);
        return false;
    }
    make_room(wire, size);
    shm_ring_read(&wire->link.in, wire->message, size);
    *message = (struct wire_message){wire->message, size, true};
    return true;
}

static bool begin_sleep(struct issuer_wire *self)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    return wire->state != JOINED || shm_ring_begin_sleep(&wire->link.in);
}

static void end_sleep(struct issuer_wire *self)
{
    struct shm_wire *wire = (struct shm_wire *)self;
    if (wire->state == JOINED)
        shm_ring_end_sleep(&wire->link.in);
}

struct issuer_wire *issuer_wire_shm_create(const char *endpoint, struct error *error)
{
    static const struct issuer_wire_kind kind = {destroy, fd,    monitor_fd, wake,        send_bytes,
                                                 receive, check, tick,       begin_sleep, end_sleep};
    struct shm_wire *wire = calloc(1, sizeof *wire);
    CHECK(wire != NULL);
    (void)error; /* connecting begins later, in tick() */
    wire->head.kind = &kind;
    shm_link_init(&wire->link);
    wire->path = strdup(endpoint_address(endpoint));
    wire->poll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(wire->path != NULL);
    CHECK(wire->poll >= 0);
    return &wire->head;
}
