#include "gateway/connection/input.h"

#include <string.h>

#include "gateway/connection/deadline.h"
#include "gateway/connection/pool.h"
#include "gateway/reply/reply.h"
#include "shared/process/memory.h"

#define LINGER_BYTES_MAX ((size_t)1024 * 1024) /* how much a refused peer may keep sending */

/* --- requests --- */

static void take_request(struct connection *c)
{
    const struct connection_events *events = &c->all->events;
    if (!c->request.keep_alive || c->all->draining)
        connection_enter(c, CONNECTION_LAST);
    events->on_request(events->arg, c, &c->request);
    http_request_reset(&c->request);
}

static void refuse(struct connection *c, enum error_code code, const char *reason)
{
    const struct connection_events *events = &c->all->events;
    events->on_refusal(events->arg, c, code, reason);
}

/* Sends "100 Continue" when all earlier requests are answered. */
static void permit_body(struct connection *c)
{
    if (!c->request.continue_wanted || c->queue_length > 0)
        return;
    c->request.continue_wanted = false;
    reply_write_continue(&c->out);
    connection_mark_dirty(c);
}

/* Takes every complete request at `data`; returns the rest and sets *left to its length. */
static char *parse(struct connection *c, char *data, size_t *left)
{
    while (*left > 0 && connection_can_take(c)) {
        enum http_progress progress = http_request_feed(&c->request, &c->all->limits, data, left);
        if (progress == HTTP_MORE) {
            permit_body(c);
            break;
        }
        if (progress == HTTP_REFUSED) {
            refuse(c, error_code_of_http_status(c->request.status), c->request.reason);
            break;
        }
        data += c->request.size;
        *left -= c->request.size;
        take_request(c);
    }
    if (c->state != CONNECTION_OPEN)
        *left = 0; /* the rest is not processed */
    c->stalled = *left > 0 && !connection_can_take(c);
    return data;
}

/* --- reading --- */

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *c = (struct connection *)handle;
    (void)suggested;
    *buffer = uv_buf_init(c->all->read_buffer, CONNECTIONS_READ_BYTES);
}

int connection_input_start(struct connection *c)
{
    return uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0 ? 0 : -1;
}

/* Stops reading while the buffer is full, and resumes when there is room. */
static void govern_reading(struct connection *c)
{
    size_t high = c->all->limits.head_bytes_max + c->all->limits.body_bytes_max;
    bool full = c->in.length > high && !connection_can_take(c) && c->state == CONNECTION_OPEN;
    if (full && !c->read_paused)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else if (!full && c->read_paused && !c->peer_ended)
        connection_input_start(c);
    c->read_paused = full;
}

static void release_held(struct connection *c)
{
    const struct connection_events *events = &c->all->events;
    struct exchange *exchange = c->held;
    if (!connection_held_has_its_turn(c))
        return;
    c->held = NULL;
    events->on_turn(events->arg, exchange);
}

void connection_input_resume(struct connection *c)
{
    size_t left = c->in.length;
    release_held(c);
    if (left == 0 || c->state != CONNECTION_OPEN)
        return;
    char *rest = parse(c, c->in.data, &left);
    if (rest != c->in.data && left > 0)
        memmove(c->in.data, rest, left);
    c->in.length = left;
    if (left == 0)
        buffer_clear(&c->in, CONNECTION_BUFFER_KEEP);
    govern_reading(c);
}

/* Stores incomplete input, unless memory is scarce. */
static void keep_input(struct connection *c, const char *data, size_t size)
{
    if (size == 0 || c->state != CONNECTION_OPEN)
        return;
    connections_keep(c->all, size);
    if (*memory_scarce())
        refuse(c, ERROR_OVERLOADED, NULL);
    else
        buffer_append(&c->in, data, size);
}

static void take_input(struct connection *c, char *data, size_t size)
{
    if (c->in.length == 0) {
        c->input_ms = connection_now_ms(c);
        data = parse(c, data, &size);
        keep_input(c, data, size);
        govern_reading(c);
    } else {
        keep_input(c, data, size);
        connection_input_resume(c);
    }
    connection_deadline_arm(c);
}

/* The peer sends no more; its earlier requests are still answered. A watcher has left: it would not read an end. */
static void on_peer_end(struct connection *c, ssize_t status)
{
    if (status != UV_EOF || c->state == CONNECTION_LINGERING || c->watched != NULL) {
        connection_pool_close(c);
        return;
    }
    uv_read_stop((uv_stream_t *)&c->tcp);
    c->peer_ended = true;
    c->refused = false;
    connection_mark_dirty(c);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *c = (struct connection *)stream;
    const struct connection_events *events = &c->all->events;
    if (size < 0 || events->stood_still(events->arg)) {
        on_peer_end(c, size);
    } else if (c->state == CONNECTION_OPEN) {
        take_input(c, buffer->base, (size_t)size);
    } else if (c->state == CONNECTION_LAST || c->state == CONNECTION_LINGERING) {
        c->lingered += (size_t)size;
        if (c->lingered > LINGER_BYTES_MAX)
            connection_pool_close(c);
    }
}
