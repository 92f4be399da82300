#include "shared/wire/door_watch.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <zmq.h>

#include "shared/clock.h"
#include "shared/error.h"
#include "shared/telemetry/log.h"
#include "shared/wire/monitor.h"

#define LOG_INTERVAL_US INT64_C(60000000)
#define ENDPOINT_MAX    320
#define PEER_MAX        72
#define PEERS_KEPT      64 /* slots, by the lowest bits of their descriptors */

#define REFUSALS (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define EVENTS                                                                                                         \
    (ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |        \
     REFUSALS)

struct peer {
    int fd; /* 0: unused */
    char text[PEER_MAX];
};

struct door_watch {
    struct door_watch *next;
    zsock_t *socket; /* borrowed */
    zsock_t *monitor;
    char endpoint[ENDPOINT_MAX];
    struct peer peers[PEERS_KEPT]; /* accepted, as of the events read so far */
    bool refusing;                 /* the next disconnect event belongs to a refused peer */
    int64_t log_after_us;
    uint64_t unlogged;
};

/* ZeroMQ's thread writes this and waits only while a reader copies one entry. */
static struct {
    pthread_mutex_t lock;
    struct peer last[PEERS_KEPT];
    char refused[PEER_MAX]; /* the last peer refused by ZAP */
} peers = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Protects the monitors' sockets, too. */
static struct {
    pthread_mutex_t lock;
    struct door_watch *list;
    struct door_watch_counts counts;
} doors = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t poll_once = PTHREAD_ONCE_INIT;
static int poll_fd; /* an epoll of all monitors */

/* --- who is there --- */

static void describe_peer(int fd, const struct sockaddr *address, char text[PEER_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";
    struct ucred who;
    socklen_t size = sizeof who;
    snprintf(text, PEER_MAX, "unknown");
    if (address == NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.pid != 0) {
        snprintf(text, PEER_MAX, "pid:%d", (int)who.pid);
    } else if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, PEER_MAX, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, PEER_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
}

void door_watch_note_peer(int fd, const struct sockaddr *address)
{
    struct peer peer = {.fd = fd};
    describe_peer(fd, address, peer.text);
    pthread_mutex_lock(&peers.lock);
    peers.last[(unsigned)fd % PEERS_KEPT] = peer;
    pthread_mutex_unlock(&peers.lock);
}

void door_watch_note_refused(const char *address)
{
    pthread_mutex_lock(&peers.lock);
    snprintf(peers.refused, sizeof peers.refused, "%s", address);
    pthread_mutex_unlock(&peers.lock);
}

/* --- news; under the lock of the doors --- */

/* Keeps a peer's address before its descriptor is reused. */
static void keep_peer(struct door_watch *watch, int fd)
{
    pthread_mutex_lock(&peers.lock);
    watch->peers[(unsigned)fd % PEERS_KEPT] = peers.last[(unsigned)fd % PEERS_KEPT];
    pthread_mutex_unlock(&peers.lock);
}

static void log_refused(struct door_watch *watch, const char *peer)
{
    int64_t now_us = clock_mono_us();
    watch->unlogged++;
    if (now_us < watch->log_after_us)
        return;
    log_warn("issuer",
             "refused a peer at %s: it has another secret than this role, or one of the two has none; "
             "cluster/secret_file must hold the same secret for all roles peer=%s refused_since_last_line=%" PRIu64,
             watch->endpoint, peer, watch->unlogged);
    watch->log_after_us = now_us + LOG_INTERVAL_US;
    watch->unlogged = 0;
}

/* libzmq's events do not name the peer, but the disconnect event that follows has its descriptor. */
static void on_disconnected(struct door_watch *watch, int fd)
{
    const struct peer *peer = &watch->peers[(unsigned)fd % PEERS_KEPT];
    if (watch->refusing)
        log_refused(watch, peer->fd == fd ? peer->text : "unknown");
    watch->refusing = false;
}

/* Logged at once, because the connection may stay open for a while. */
static void on_refused_by_key(struct door_watch *watch)
{
    char peer[PEER_MAX];
    pthread_mutex_lock(&peers.lock);
    memcpy(peer, peers.refused, sizeof peer);
    pthread_mutex_unlock(&peers.lock);
    log_refused(watch, peer);
}

static void on_event(struct door_watch *watch, const struct monitor_event *event)
{
    doors.counts.refused += (event->number & REFUSALS) != 0;
    doors.counts.unfinished += event->number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if (event->number == ZMQ_EVENT_ACCEPTED)
        keep_peer(watch, (int)event->value);
    else if (event->number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        watch->refusing = true;
    else if (event->number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        on_refused_by_key(watch);
    else if (event->number == ZMQ_EVENT_DISCONNECTED)
        on_disconnected(watch, (int)event->value);
}

static void read_all(struct door_watch *watch)
{
    struct monitor_event event;
    while (monitor_next(watch->monitor, &event))
        on_event(watch, &event);
}

static void open_poll(void)
{
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(poll_fd >= 0);
}

int door_watch_fd(void)
{
    pthread_once(&poll_once, open_poll);
    return poll_fd;
}

void door_watch_read(void)
{
    pthread_mutex_lock(&doors.lock);
    for (struct door_watch *watch = doors.list; watch != NULL; watch = watch->next)
        read_all(watch);
    pthread_mutex_unlock(&doors.lock);
}

struct door_watch_counts door_watch_counts(void)
{
    pthread_mutex_lock(&doors.lock);
    struct door_watch_counts counts = doors.counts;
    pthread_mutex_unlock(&doors.lock);
    return counts;
}

/* --- life --- */

struct door_watch *door_watch_open(zsock_t *socket, const char *endpoint)
{
    struct door_watch *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->socket = socket;
    snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
    self->monitor = monitor_open(socket, EVENTS);
    return self;
}

/* libzmq reports the listening descriptor from within the call that binds. */
int door_watch_begin(struct door_watch *watch)
{
    struct monitor_event event = {0};
    struct epoll_event what = {.events = EPOLLIN};
    bool received = monitor_next(watch->monitor, &event);
    CHECK(epoll_ctl(door_watch_fd(), EPOLL_CTL_ADD, monitor_fd(watch->monitor), &what) == 0);
    pthread_mutex_lock(&doors.lock);
    watch->next = doors.list;
    doors.list = watch;
    read_all(watch); /* the descriptor is edge-triggered */
    pthread_mutex_unlock(&doors.lock);
    return received ? (int)event.value : -1;
}

void door_watch_close(struct door_watch **watch)
{
    struct door_watch *self = *watch;
    if (self == NULL)
        return;
    monitor_end(self->socket);
    pthread_mutex_lock(&doors.lock);
    for (struct door_watch **link = &doors.list; *link != NULL; link = &(*link)->next) {
        if (*link != self)
            continue;
        read_all(self);
        epoll_ctl(door_watch_fd(), EPOLL_CTL_DEL, monitor_fd(self->monitor), NULL);
        *link = self->next;
        break;
    }
    pthread_mutex_unlock(&doors.lock);
    zsock_destroy(&self->monitor);
    free(self);
    *watch = NULL;
}
