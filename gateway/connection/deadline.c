#include "gateway/connection/deadline.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#define LINGER_MS     2000 /* how long a refused peer may keep sending */
#define DRAIN_IDLE_MS 1000 /* an active client sends its next request within this time and is answered */

/* How often a connection without a deadline is looked at. */
#define LOOK_MS         1000
#define LOOK_WATCHER_MS 20000

/* The time by which the connection must make progress; UINT64_MAX while it waits for the issuer, or is a watcher. */
static uint64_t deadline_of(const struct connection *c)
{
    const struct options *options = c->all->options;
    if (c->state == CONNECTION_LINGERING)
        return c->input_ms + LINGER_MS;
    if (c->write_pending)
        return write_watch_due_ms(&c->watch, (uint64_t)options->gateway_header_timeout_ms);
    if (c->queue_length > 0 || c->watched != NULL)
        return UINT64_MAX;
    if (c->in.length > 0)
        return c->input_ms + (uint64_t)options->gateway_header_timeout_ms;
    return c->input_ms + (uint64_t)(c->all->draining ? DRAIN_IDLE_MS : options->gateway_idle_timeout_ms);
}

/* Bytes in libuv or the kernel that the peer has not acknowledged: the kernel accepts more only in large steps. */
static size_t untaken(const struct connection *c)
{
    int fd = -1, unacknowledged = 0;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &unacknowledged) != 0)
        unacknowledged = 0;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + (size_t)unacknowledged;
}

void connection_deadline_begin_write(struct connection *c)
{
    write_watch_begin(&c->watch, untaken(c), connection_now_ms(c));
}

void connection_deadline_arm(struct connection *c)
{
    uint64_t due = deadline_of(c);
    uint64_t look_ms = c->watched != NULL ? LOOK_WATCHER_MS : LOOK_MS;
    if (c->state != CONNECTION_CLOSED && (c->timer.previous == NULL || due < c->timer.due_ms))
        timer_wheel_put(&c->all->wheel, &c->timer, due == UINT64_MAX ? connection_now_ms(c) + look_ms : due);
}

bool connection_deadline_passed(struct connection *c)
{
    if (c->write_pending)
        write_watch_see(&c->watch, untaken(c), connection_now_ms(c));
    if (deadline_of(c) <= connection_now_ms(c))
        return true;
    connection_deadline_arm(c);
    return false;
}
