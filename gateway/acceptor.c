#include "gateway/acceptor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/connection/listener.h"
#include "shared/error.h"
#include "shared/files.h"

enum {
    BACKLOG = 4096,
    ACCEPTS_MAX = 64, /* bounds how long a burst of connections delays other work */
    PAUSE_MS = 100,
};

/* --- accepting --- */

static void pause_accepting(struct acceptor *acceptor)
{
    acceptor->paused = true;
    acceptor->paused_until_ms = uv_now(acceptor->poll.loop) + PAUSE_MS;
    uv_poll_stop(&acceptor->poll);
}

/* Frees the reserved descriptor for one client and hangs up. False when no client is waiting or it failed. */
static bool hang_up_on_one(struct acceptor *acceptor)
{
    int fd = -1;
    bool scarce = false;
    if (acceptor->spare >= 0)
        close(acceptor->spare);
    fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    scarce = fd < 0 && errno != EAGAIN;
    if (fd >= 0) {
        close(fd);
        metrics_add(acceptor->metrics, METRIC_GATEWAY_REFUSED, 0, 1);
    }
    acceptor->spare = files_open_spare();
    if (scarce)
        pause_accepting(acceptor);
    return fd >= 0;
}

/* False when no further client can be accepted now. */
static bool accept_one(struct acceptor *acceptor)
{
    int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        acceptor->take(acceptor->arg, fd);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE)
        return hang_up_on_one(acceptor);
    return errno == ECONNABORTED || errno == EINTR;
}

/* True when more clients may be waiting. */
static bool accept_some(struct acceptor *acceptor)
{
    int tried = 0;
    while (tried < ACCEPTS_MAX && accept_one(acceptor))
        tried++;
    return tried == ACCEPTS_MAX;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    accept_some(poll->data);
}

/* --- life --- */

static void listen_for_more(struct acceptor *acceptor)
{
    CHECK(uv_poll_start(&acceptor->poll, UV_READABLE, on_readable) == 0);
}

int acceptor_open(struct acceptor *acceptor, uv_loop_t *loop, int fd, acceptor_fn take, void *arg)
{
    acceptor->state = ACCEPTOR_OPEN;
    acceptor->fd = fd;
    acceptor->take = take;
    acceptor->arg = arg;
    acceptor->spare = files_open_spare();
    CHECK(uv_poll_init(loop, &acceptor->poll, fd) == 0);
    acceptor->poll.data = acceptor;
    if (listen(fd, BACKLOG) != 0)
        return -1;
    listen_for_more(acceptor);
    return 0;
}

void acceptor_tick(struct acceptor *acceptor)
{
    if (acceptor->state == ACCEPTOR_CLOSED || !acceptor->paused ||
        uv_now(acceptor->poll.loop) < acceptor->paused_until_ms)
        return;
    acceptor->paused = false;
    if (acceptor->spare < 0)
        acceptor->spare = files_open_spare();
    listen_for_more(acceptor);
}

void acceptor_refuse(struct acceptor *acceptor)
{
    acceptor->state = ACCEPTOR_REFUSING;
    listener_refuse(acceptor->fd);
}

unsigned acceptor_turn_away(struct acceptor *acceptor)
{
    unsigned count = 0;
    int fd = -1;
    while (acceptor->state != ACCEPTOR_CLOSED && count <= BACKLOG &&
           (fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        close(fd);
        count++;
    }
    return count;
}

void acceptor_finish(struct acceptor *acceptor)
{
    if (!accept_some(acceptor))
        acceptor_close(acceptor);
}

void acceptor_close(struct acceptor *acceptor)
{
    if (acceptor->state == ACCEPTOR_CLOSED)
        return;
    acceptor->state = ACCEPTOR_CLOSED;
    uv_close((uv_handle_t *)&acceptor->poll, NULL);
    close(acceptor->fd);
    if (acceptor->spare >= 0)
        close(acceptor->spare);
}
