#include <sys/socket.h>

#include "gateway/connection/connection.h"
#include "gateway/dispatch/dispatch.h"
#include "gateway/gateway_loop.h"

void connection_turn_away(struct connection *c)
{
    const struct reply_style last = {.close = true, .origin_fields = dispatch_origin_fields(c->loop, &c->request)};
    uv_buf_t bytes;
    int fd = -1;

    reply_write_problem(&c->out, &c->loop->clock, last, ERROR_OVERLOADED, NULL);
    bytes = uv_buf_init(c->out.data, (unsigned)c->out.length);
    if (uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1) > 0 && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        (void)recv(fd, c->loop->read_buffer, sizeof(c->loop->read_buffer), MSG_DONTWAIT);
    connection_close(c);
}
