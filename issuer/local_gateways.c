#include "issuer/local_gateways.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/telemetry/log.h"
#include "shared/wire/shm_link.h"

#define EVENTS_MAX  64
#define ACCEPTS_MAX 16 /* per call, so that a flood of connections cannot delay the turn */
#define HAS_SENT    (-1)

struct local_gateways {
    uint16_t partition;
    struct metrics *metrics;
    char *path;
    int listener;                                /* -1: disabled */
    int spare;                                   /* closed to refuse a gateway when no descriptor is left */
    bool complained;                             /* since the last gateway was accepted */
    int poll;                                    /* an epoll of the listener and of each gateway's socket */
    struct shm_link links[LOCAL_GATEWAYS_MAX];   /* the first `count` are open */
    bool answered[LOCAL_GATEWAYS_MAX];           /* since the last local_gateways_wake() */
    int64_t silent_since_us[LOCAL_GATEWAYS_MAX]; /* since it connected; HAS_SENT */
    size_t count;
    size_t silent;
    size_t next; /* round-robin position */
    bool silent_logged;
    bool shut; /* the listener is not polled: the limit of silent gateways is reached */
    int64_t now_us;
};

/* --- life --- */

static void watch(const struct local_gateways *gateways, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(gateways->poll, EPOLL_CTL_ADD, fd, &event) == 0);
}

struct local_gateways *local_gateways_create(const char *path, uint16_t partition, struct metrics *metrics,
                                             struct error *error)
{
    struct local_gateways *gateways = calloc(1, sizeof *gateways);
    CHECK(gateways != NULL);
    gateways->partition = partition;
    gateways->metrics = metrics;
    gateways->path = strdup(path);
    gateways->poll = epoll_create1(EPOLL_CLOEXEC);
    gateways->listener = -1;
    gateways->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(gateways->path != NULL);
    CHECK(gateways->poll >= 0);
    if (path[0] == '\0')
        return gateways;
    gateways->listener = shm_listen(path, error);
    if (gateways->listener < 0)
        local_gateways_destroy(&gateways);
    else
        watch(gateways, gateways->listener);
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
    close(self->spare);
    close(self->poll);
    free(self->path);
    free(self);
    *gateways = NULL;
}

int local_gateways_fd(const struct local_gateways *gateways)
{
    return gateways->listener < 0 ? -1 : gateways->poll;
}

/* --- connections --- */

static void set_count(const struct local_gateways *gateways)
{
    metrics_set(gateways->metrics, METRIC_ISSUER_LOCAL_GATEWAYS, 0, (int64_t)gateways->count);
}

static bool is_broken(const struct shm_link *link)
{
    return link->in.broken || link->out.broken;
}

/* Any number of processes may connect and stay silent, so only one of them is logged. */
static void log_disconnect(struct local_gateways *gateways, size_t which, const char *why)
{
    if (gateways->silent_since_us[which] == HAS_SENT || is_broken(&gateways->links[which])) {
        log_info("issuer", "disconnected a local gateway: %s partition=%u", why, gateways->partition);
    } else if (!gateways->silent_logged) {
        gateways->silent_logged = true;
        log_warn("issuer", "disconnected a local process that sent no data (logged once): %s partition=%u", why,
                 gateways->partition);
    }
}

static void disconnect(struct local_gateways *gateways, size_t which, const char *why)
{
    log_disconnect(gateways, which, why);
    shm_link_close(&gateways->links[which]);
    gateways->silent -= gateways->silent_since_us[which] != HAS_SENT;
    gateways->count--;
    gateways->links[which] = gateways->links[gateways->count];
    gateways->silent_since_us[which] = gateways->silent_since_us[gateways->count];
    set_count(gateways);
    gateways->next = 0;
}

static void disconnect_broken(struct local_gateways *gateways)
{
    for (size_t i = gateways->count; i-- > 0;) {
        if (is_broken(&gateways->links[i]))
            disconnect(gateways, i, "it wrote invalid data into the shared memory");
    }
}

/* A wake-up, or the end of the connection: frames that a gateway sent before it went are decided first. */
static void read_wakes(struct local_gateways *gateways, int socket)
{
    size_t i = 0;
    while (i < gateways->count && gateways->links[i].socket != socket)
        i++;
    if (i < gateways->count && !shm_link_read_wakes(&gateways->links[i]) && shm_ring_next(&gateways->links[i].in) == 0)
        disconnect(gateways, i, "its connection is closed");
}

/* Accepts and closes: a listener with a pending connection would stay readable for ever. */
static void refuse(struct local_gateways *gateways, const char *why)
{
    close(gateways->spare);
    shm_refuse(gateways->listener);
    gateways->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!gateways->complained)
        log_warn("issuer", "refused a local gateway, further ones are not logged: %s partition=%u", why,
                 gateways->partition);
    gateways->complained = true;
}

static void add(struct local_gateways *gateways, const struct shm_link *link)
{
    gateways->links[gateways->count] = *link;
    gateways->silent_since_us[gateways->count] = gateways->now_us;
    gateways->count++;
    gateways->silent++;
    set_count(gateways);
    gateways->complained = false;
    watch(gateways, link->socket);
}

/* False when no connection is pending. */
static bool accept_one(struct local_gateways *gateways)
{
    struct error error = {""};
    struct shm_link link;
    int result = shm_accept(gateways->listener, &link, &error);
    if (result > 0)
        add(gateways, &link);
    else if (result < 0)
        refuse(gateways, error.text);
    return result > 0;
}

/* Pending connections get their turn once others have sent a frame or are disconnected. */
static void set_shut(struct local_gateways *gateways, bool shut)
{
    if (gateways->shut == shut)
        return;
    struct epoll_event event = {.events = shut ? 0 : EPOLLIN, .data.fd = gateways->listener};
    CHECK(epoll_ctl(gateways->poll, EPOLL_CTL_MOD, gateways->listener, &event) == 0);
    gateways->shut = shut;
}

static void accept_some(struct local_gateways *gateways)
{
    unsigned accepted = 0;
    while (accepted < ACCEPTS_MAX && gateways->count < LOCAL_GATEWAYS_MAX &&
           gateways->silent < LOCAL_GATEWAYS_SILENT_MAX && accept_one(gateways))
        accepted++;
    if (gateways->silent == LOCAL_GATEWAYS_SILENT_MAX)
        set_shut(gateways, true);
    else if (gateways->count == LOCAL_GATEWAYS_MAX)
        refuse(gateways, "the maximum number of gateways is connected");
}

void local_gateways_poll(struct local_gateways *gateways)
{
    struct epoll_event events[EVENTS_MAX];
    int count = gateways->listener < 0 ? 0 : epoll_wait(gateways->poll, events, EVENTS_MAX, 0);
    bool comes = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == gateways->listener)
            comes = true;
        else
            read_wakes(gateways, events[i].data.fd);
    }
    disconnect_broken(gateways);
    if (comes)
        accept_some(gateways);
}

void local_gateways_tick(struct local_gateways *gateways, int64_t now_us)
{
    gateways->now_us = now_us;
    for (size_t i = gateways->count; gateways->silent > 0 && i-- > 0;) {
        if (gateways->silent_since_us[i] != HAS_SENT &&
            now_us - gateways->silent_since_us[i] >= LOCAL_GATEWAYS_SILENT_US)
            disconnect(gateways, i, "no frame within two seconds");
    }
    if (gateways->silent < LOCAL_GATEWAYS_SILENT_MAX && gateways->listener >= 0)
        set_shut(gateways, false);
}

static void note_first_frame(struct local_gateways *gateways, size_t which)
{
    if (gateways->silent_since_us[which] == HAS_SENT)
        return;
    gateways->silent_since_us[which] = HAS_SENT;
    gateways->silent--;
    log_info("issuer", "connected to a local gateway partition=%u gateways=%zu", gateways->partition,
             gateways->count - gateways->silent);
}

/* --- frames --- */

bool local_gateways_any(const struct local_gateways *gateways)
{
    return gateways->count > 0;
}

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
        note_first_frame(gateways, which);
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
            shm_link_wake(&gateways->links[i]);
        gateways->answered[i] = false;
    }
    disconnect_broken(gateways);
}

/* --- sleep --- */

bool local_gateways_begin_sleep(struct local_gateways *gateways)
{
    bool may = true;
    for (size_t i = 0; i < gateways->count; i++)
        may &= shm_ring_begin_sleep(&gateways->links[i].in) && !is_broken(&gateways->links[i]);
    return may;
}

void local_gateways_end_sleep(struct local_gateways *gateways)
{
    for (size_t i = 0; i < gateways->count; i++)
        shm_ring_end_sleep(&gateways->links[i].in);
}
