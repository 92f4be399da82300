#include "gateway/connection/output.h"

#include <sys/socket.h>

#include "gateway/connection/deadline.h"
#include "gateway/connection/pool.h"
#include "gateway/connection/watcher.h"

#define OUT_MAX ((size_t)16 * 1024 * 1024) /* unwritten bytes at which the connection is closed */

static void on_written(uv_write_t *write, int status)
{
    struct connection *c = write->data;
    c->write_pending = false;
    buffer_clear(&c->writing, CONNECTION_BUFFER_KEEP);
    if (status != 0)
        connection_pool_close(c);
    else
        connection_mark_dirty(c);
}

/* Passes to libuv what the kernel does not accept at once, in a buffer that stays unchanged meanwhile. */
static bool write_rest(struct connection *c)
{
    struct buffer empty = c->writing;
    c->writing = c->out;
    c->out = empty;
    uv_buf_t rest = uv_buf_init(c->writing.data, (unsigned)c->writing.length);
    c->write.data = c;
    c->write_pending = uv_write(&c->write, (uv_stream_t *)&c->tcp, &rest, 1, on_written) == 0;
    connection_deadline_begin_write(c);
    return c->write_pending;
}

static bool write_out(struct connection *c)
{
    uv_buf_t bytes = uv_buf_init(c->out.data, (unsigned)c->out.length);
    int written = uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
    if (written < 0 && written != UV_EAGAIN)
        return false;
    if (written == (int)c->out.length) {
        buffer_clear(&c->out, CONNECTION_BUFFER_KEEP);
        return true;
    }
    if (written > 0)
        buffer_consume(&c->out, (size_t)written);
    return write_rest(c);
}

/* When the peer has closed its side and every complete request is taken, the rest is an incomplete request. */
static void drop_torn_request(struct connection *c)
{
    if (c->peer_ended && c->state == CONNECTION_OPEN && !c->stalled)
        connection_enter(c, CONNECTION_LAST);
}

/* Ends a connection whose answers are all written. A refused peer may still be sending: closing at once would reset the
 * connection and lose the answer in flight. */
static void finish(struct connection *c)
{
    int fd = -1;
    if (!c->refused || uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        connection_pool_close(c);
        return;
    }
    connection_enter(c, CONNECTION_LINGERING);
    c->input_ms = connection_now_ms(c);
}

void connection_output_flush(struct connection *c)
{
    if (c->state == CONNECTION_CLOSED || c->state == CONNECTION_LINGERING)
        return;
    drop_torn_request(c);
    if (c->state == CONNECTION_LAST)
        buffer_clear(&c->in, CONNECTION_BUFFER_KEEP); /* the rest is not processed */
    if (c->out.length > 0 && !c->write_pending && !write_out(c)) {
        connection_pool_close(c);
        return;
    }
    if (connection_unwritten(c) > OUT_MAX) {
        connection_pool_close(c);
        return;
    }
    connection_count_unread(c);
    connection_settle_parts(c);
    if (c->watched != NULL)
        connection_watcher_shrink(c);
    else if (c->state == CONNECTION_LAST && c->queue_length == 0 && connection_unwritten(c) == 0)
        finish(c);
    else if (connection_held_has_its_turn(c) || (c->stalled && connection_can_take(c)))
        connection_mark_dirty(c); /* parsing continues in the next turn */
    connection_deadline_arm(c);
}
