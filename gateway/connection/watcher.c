#include "gateway/connection/watcher.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "gateway/connection/input.h"
#include "gateway/connection/pool.h"
#include "shared/error.h"

/* Of unread events in the kernel, which doubles it for its own needs: enough for a second or two. */
#define SEND_BYTES (4 * 1024)

static void limit_kernel(struct connection *c, unsigned lost_ms)
{
    const int bytes = SEND_BYTES;
    int fd = -1;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost_ms, sizeof lost_ms);
}

void connection_watcher_begin(struct connection *c, struct live_watched *watched, uint32_t index, unsigned lost_ms)
{
    CHECK(c->state == CONNECTION_LAST && c->watched == NULL && !c->peer_ended);
    c->watched = watched;
    c->watcher_index = index;
    limit_kernel(c, lost_ms);
    if (c->read_paused)
        connection_input_start(c); /* to see the peer's end */
    c->read_paused = false;
}

bool connection_watcher_send(struct connection *c, const char *text, size_t length)
{
    uv_buf_t bytes = uv_buf_init((char *)text, (unsigned)length);
    if (connection_unwritten(c) > 0)
        return false;
    int written = uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
    if (written == (int)length)
        return true;
    if (written < 0 && written != UV_EAGAIN) {
        connection_pool_close(c);
        return true;
    }
    written = written < 0 ? 0 : written;
    buffer_append(&c->out, text + written, length - (size_t)written);
    connection_count_unread(c);
    connection_mark_dirty(c);
    return true;
}

void connection_watcher_end(struct connection *c, const char *text, size_t length)
{
    connection_unwatch(c);
    buffer_append(&c->out, text, length);
    connection_mark_dirty(c);
}

void connection_watcher_shrink(struct connection *c)
{
    if (connection_unwritten(c) > 0)
        return;
    buffer_deinit(&c->in);
    buffer_deinit(&c->out);
    buffer_deinit(&c->writing);
}
