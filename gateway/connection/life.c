#include "gateway/connection/life.h"

#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/connection/deadline.h"
#include "gateway/connection/input.h"
#include "gateway/connection/pool.h"
#include "shared/error.h"
#include "shared/process/memory.h"

/* Tells a client that there is no room, as far as that works without waiting, and closes. Reads the client's input
 * after the answer: closing a socket with unread input resets the connection, and the answer would be lost. */
static void turn_away(struct connection *c)
{
    const struct connection_events *events = &c->all->events;
    int fd = -1;
    events->on_turned_away(events->arg, c);
    uv_buf_t bytes = uv_buf_init(c->out.data, (unsigned)c->out.length);
    if (uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1) > 0 && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        (void)recv(fd, c->all->read_buffer, CONNECTIONS_READ_BYTES, MSG_DONTWAIT);
    connection_pool_close(c);
}

void connection_life_begin(struct connections *connections, int fd)
{
    bool refused = connections->count >= connections->count_max || memory_exhausted();
    struct connection *c = connection_pool_take(connections);
    connections_keep(connections, sizeof *c);
    CHECK(uv_tcp_init(connections->uv, &c->tcp) == 0);
    c->input_ms = connection_now_ms(c);
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        connection_pool_close(c);
        return;
    }
    metrics_add(connections->metrics, refused ? METRIC_GATEWAY_REFUSED : METRIC_GATEWAY_ACCEPTED, 0, 1);
    uv_tcp_nodelay(&c->tcp, 1);
    if (refused)
        turn_away(c);
    else if (connection_input_start(c) != 0)
        connection_pool_close(c);
    else
        connection_deadline_arm(c);
}

static enum metric_timeout why_closed(const struct connection *c)
{
    return c->write_pending ? METRIC_TIMEOUT_READER : c->in.length > 0 ? METRIC_TIMEOUT_REQUEST : METRIC_TIMEOUT_IDLE;
}

void connection_life_on_timer(struct timer_node *node, void *arg)
{
    struct connection *c = (struct connection *)((char *)node - offsetof(struct connection, timer));
    const struct connection_events *events = &c->all->events;
    (void)arg;
    if (!connection_deadline_passed(c))
        return;
    if (c->state != CONNECTION_LINGERING && !c->all->draining)
        metrics_add(c->all->metrics, METRIC_GATEWAY_TIMEOUTS, why_closed(c), 1);
    if (c->state == CONNECTION_OPEN && c->in.length > 0 && !c->write_pending) {
        c->input_ms = connection_now_ms(c);
        http_request_find_origin(&c->request, c->in.data, c->in.length);
        events->on_refusal(events->arg, c, ERROR_REQUEST_TIMEOUT, NULL);
        connection_deadline_arm(c);
    } else {
        connection_pool_close(c);
    }
}

void connection_life_drain(struct connection *c)
{
    if (c->state != CONNECTION_OPEN)
        return;
    if (c->queue_length > 0 && !c->queue_tail->answered)
        connection_enter(c, CONNECTION_LAST);
    connection_deadline_arm(c);
    connection_mark_dirty(c);
}
