#include "issuer/local_gateways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/limits.h"
#include "shared/log.h"
#include "shared/shm_link.h"

#define EVENTS_MAX 64

struct local_gateways {
    uint16_t partition;
    char *path;
    int listener;                              /* -1: nobody can come */
    int poll;                                  /* an epoll of the listener, and of each gateway's socket and bell */
    struct shm_link links[LOCAL_GATEWAYS_MAX]; /* the first `count` are open */
    bool answered[LOCAL_GATEWAYS_MAX];         /* since the last local_gateways_wake() */
    size_t count;
    size_t next; /* whose turn it is */
};

/* --- life --- */

/* What a descriptor of the epoll is. */
enum watched { WATCHED_LISTENER, WATCHED_SOCKET, WATCHED_BELL };

static void watch(const struct local_gateways *gateways, int fd, enum watched what, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = what};
    CHECK(epoll_ctl(gateways->poll, EPOLL_CTL_ADD, fd, &event) == 0);
}

struct local_gateways *local_gateways_create(const char *path, uint16_t partition, struct error *error)
{
    struct local_gateways *gateways = calloc(1, sizeof *gateways);
    CHECK(gateways != NULL);
    gateways->partition = partition;
    gateways->path = strdup(path);
    gateways->poll = epoll_create1(EPOLL_CLOEXEC);
    gateways->listener = -1;
    CHECK(gateways->path != NULL);
    CHECK(gateways->poll >= 0);
    if (path[0] == '\0')
        return gateways;
    gateways->listener = shm_listen(path, error);
    if (gateways->listener < 0)
        local_gateways_destroy(&gateways);
    else
        watch(gateways, gateways->listener, WATCHED_LISTENER, EPOLLIN);
    return gateways;
}

void local_gateways_destroy(struct local_gateways **gateways)
{
    struct local_gateways *self = *gateways;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++)
        shm_link_close(&self->links[i]);
    if (self->listener >= 0) {
        close(self->listener);
        unlink(self->path);
    }
    close(self->poll);
    free(self->path);
    free(self);
    *gateways = NULL;
}

int local_gateways_fd(const struct local_gateways *gateways)
{
    return gateways->listener < 0 ? -1 : gateways->poll;
}

/* --- who comes and goes --- */

/* The bell is the gateway's too: closing our descriptor alone would leave it in the epoll. */
static void part_from(struct local_gateways *gateways, size_t which, const char *why)
{
    struct shm_link *link = &gateways->links[which];
    log_info("issuer", "parted from a gateway of this machine: %s partition=%u", why, gateways->partition);
    CHECK(epoll_ctl(gateways->poll, EPOLL_CTL_DEL, link->bell, NULL) == 0);
    CHECK(epoll_ctl(gateways->poll, EPOLL_CTL_DEL, link->socket, NULL) == 0);
    shm_link_close(link);
    gateways->links[which] = gateways->links[--gateways->count];
    gateways->next = 0;
}

static bool is_broken(const struct shm_link *link)
{
    return link->in.broken || link->out.broken;
}

/* Nothing is said on the socket after the greeting: what can be read is its end, or comes from no gateway. */
static bool has_gone(const struct shm_link *link)
{
    char byte;
    return recv(link->socket, &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* What a gateway has sent before it went is decided first. */
static void part_from_gone(struct local_gateways *gateways)
{
    for (size_t i = gateways->count; i-- > 0;) {
        struct shm_link *link = &gateways->links[i];
        if (!is_broken(link) && has_gone(link) && shm_ring_next(&link->in) == 0)
            part_from(gateways, i, "its connection is closed");
    }
}

static void part_from_broken(struct local_gateways *gateways)
{
    for (size_t i = gateways->count; i-- > 0;) {
        if (is_broken(&gateways->links[i]))
            part_from(gateways, i, "what it wrote into the shared memory cannot be");
    }
}

/* Edge-triggered, a bell need not be read: each ringing is news. */
static void welcome(struct local_gateways *gateways, const struct shm_link *link)
{
    gateways->links[gateways->count++] = *link;
    watch(gateways, link->socket, WATCHED_SOCKET, EPOLLIN | EPOLLRDHUP);
    watch(gateways, link->bell, WATCHED_BELL, EPOLLIN | EPOLLET);
    log_info("issuer", "joined to a gateway of this machine partition=%u gateways=%zu", gateways->partition,
             gateways->count);
}

static void accept_all(struct local_gateways *gateways)
{
    struct error error = {""};
    struct shm_link link;
    int result = 0;
    while ((result = shm_accept(gateways->listener, &link, &error)) > 0) {
        if (gateways->count < LOCAL_GATEWAYS_MAX) {
            welcome(gateways, &link);
            continue;
        }
        log_warn("issuer", "turned a gateway away: %d threads are joined already partition=%u", LOCAL_GATEWAYS_MAX,
                 gateways->partition);
        shm_link_close(&link);
    }
    if (result < 0)
        log_warn("issuer", "cannot join a gateway: %s partition=%u", error.text, gateways->partition);
}

void local_gateways_attend(struct local_gateways *gateways)
{
    struct epoll_event events[EVENTS_MAX];
    int count = gateways->listener < 0 ? 0 : epoll_wait(gateways->poll, events, EVENTS_MAX, 0);
    bool comes = false, goes = false;
    for (int i = 0; i < count; i++) {
        comes |= events[i].data.u32 == WATCHED_LISTENER;
        goes |= events[i].data.u32 == WATCHED_SOCKET;
    }
    if (goes)
        part_from_gone(gateways);
    part_from_broken(gateways);
    if (comes)
        accept_all(gateways);
}

/* --- frames --- */

bool local_gateways_take(struct local_gateways *gateways, zmq_msg_t *request, size_t *from)
{
    for (size_t tried = 0; tried < gateways->count; tried++) {
        size_t which = gateways->next;
        gateways->next = which + 1 < gateways->count ? which + 1 : 0;
        struct shm_ring *ring = &gateways->links[which].in;
        size_t size = shm_ring_next(ring);
        if (size == 0)
            continue;
        CHECK(zmq_msg_init_size(request, size) == 0);
        shm_ring_read(ring, zmq_msg_data(request), size);
        *from = which;
        return true;
    }
    return false;
}

bool local_gateways_answer(struct local_gateways *gateways, size_t to, const void *data, size_t size)
{
    gateways->answered[to] = true;
    return shm_link_send(&gateways->links[to], data, size);
}

void local_gateways_wake(struct local_gateways *gateways)
{
    for (size_t i = 0; i < gateways->count; i++) {
        if (gateways->answered[i])
            shm_link_ring(&gateways->links[i]);
        gateways->answered[i] = false;
    }
}

/* --- sleep --- */

bool local_gateways_doze(struct local_gateways *gateways)
{
    bool may = true;
    for (size_t i = 0; i < gateways->count; i++)
        may &= shm_ring_doze(&gateways->links[i].in) && !is_broken(&gateways->links[i]);
    return may;
}

void local_gateways_rise(struct local_gateways *gateways)
{
    for (size_t i = 0; i < gateways->count; i++)
        shm_ring_rise(&gateways->links[i].in);
}
