#include "gateway/connection/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/connection/pool.h"
#include "gateway/dispatch/dispatch.h"
#include "gateway/gateway_loop.h"
#include "gateway/standstill.h"
#include "shared/error.h"
#include "shared/process/memory.h"

enum {
    OUT_HIGH = 64 * 1024,           /* unwritten answers from which on no more requests are taken */
    OUT_MAX = 16 * 1024 * 1024,     /* unwritten answers with which it is closed */
    LINGER_MS = 2000,               /* how long a refused peer may go on sending */
    LINGER_BYTES_MAX = 1024 * 1024, /* how much */
    DRAIN_IDLE_MS = 1000,           /* a client in the middle of its work asks again within that, and is answered */
};

static uint64_t now_ms(const struct connection *c)
{
    return uv_now(&c->loop->uv);
}

static size_t unwritten(const struct connection *c)
{
    return c->out.length + c->writing.length;
}

void connection_mark_dirty(struct connection *c)
{
    if (c->dirty || c->state == CONNECTION_CLOSED)
        return;
    c->dirty = true;
    c->dirty_next = c->loop->dirty;
    c->loop->dirty = c;
}

/* What it keeps for its reader counts against the loop's bound. */
static void count_unread(struct connection *c)
{
    size_t unread = c->state == CONNECTION_CLOSED ? 0 : unwritten(c);

    CHECK(c->loop->unread_bytes >= c->unread);
    c->loop->unread_bytes = c->loop->unread_bytes - c->unread + unread;
    c->unread = unread;
}

/* ---- time ---- */

/* When the connection must have moved on; UINT64_MAX while it waits for the issuer. */
static uint64_t deadline_of(const struct connection *c)
{
    const struct options *options = c->loop->options;

    if (c->state == CONNECTION_LINGERING)
        return c->input_ms + LINGER_MS;
    if (c->write_pending)
        return write_watch_due_ms(&c->watch, (uint64_t)options->gateway_header_timeout_ms);
    if (c->queue_length > 0)
        return UINT64_MAX;
    if (c->in.length > 0)
        return c->input_ms + (uint64_t)options->gateway_header_timeout_ms;
    return c->input_ms + (uint64_t)(c->loop->draining ? DRAIN_IDLE_MS : options->gateway_idle_timeout_ms);
}

/* Bytes with libuv or the kernel that the peer has not acknowledged: the kernel takes more only in large steps. */
static size_t untaken(const struct connection *c)
{
    int fd = -1;
    int unacknowledged = 0;

    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &unacknowledged) != 0)
        unacknowledged = 0;
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + (size_t)unacknowledged;
}

/* Moves the timer when the deadline has come nearer; a later one is found when the timer fires. */
static void arm(struct connection *c)
{
    uint64_t due = deadline_of(c);

    if (c->state != CONNECTION_CLOSED && (c->timer.previous == NULL || due < c->timer.due_ms))
        timer_wheel_put(&c->loop->wheel, &c->timer, due == UINT64_MAX ? now_ms(c) + 1000 : due);
}

static enum metric_timeout why_closed(const struct connection *c)
{
    return c->write_pending ? METRIC_TIMEOUT_READER : c->in.length > 0 ? METRIC_TIMEOUT_REQUEST : METRIC_TIMEOUT_IDLE;
}

void connection_on_timer(struct timer_node *node, void *arg)
{
    struct connection *c = (struct connection *)((char *)node - offsetof(struct connection, timer));

    (void)arg;
    if (c->write_pending)
        write_watch_see(&c->watch, untaken(c), now_ms(c));
    if (deadline_of(c) > now_ms(c)) {
        arm(c);
        return;
    }
    if (c->state != CONNECTION_LINGERING && !c->loop->draining)
        metrics_add(c->loop->metrics, METRIC_GATEWAY_TIMEOUTS, why_closed(c), 1);
    if (c->state == CONNECTION_OPEN && c->in.length > 0 && !c->write_pending) {
        c->input_ms = now_ms(c);
        http_request_find_origin(&c->request, c->in.data, c->in.length);
        dispatch_refusal(c, ERROR_REQUEST_TIMEOUT, NULL);
        arm(c);
    } else {
        connection_close(c);
    }
}

/* ---- the queue of exchanges ---- */

void connection_enqueue(struct connection *c, struct exchange *exchange)
{
    exchange->connection = c;
    exchange->queue_next = NULL;
    if (c->queue_tail != NULL)
        c->queue_tail->queue_next = exchange;
    else
        c->queue_head = exchange;
    c->queue_tail = exchange;
    c->queue_length++;
}

static struct exchange *dequeue(struct connection *c)
{
    struct exchange *exchange = c->queue_head;

    c->queue_head = exchange->queue_next;
    if (c->queue_head == NULL)
        c->queue_tail = NULL;
    c->queue_length--;
    return exchange;
}

bool connection_is_clear(const struct connection *c, const struct exchange *exchange)
{
    return c->queue_head == exchange && unwritten(c) == 0;
}

void connection_hold(struct connection *c, struct exchange *exchange)
{
    CHECK(c->held == NULL && c->queue_tail == exchange);
    c->held = exchange;
    connection_mark_dirty(c);
}

static bool held_has_its_turn(const struct connection *c)
{
    return c->held != NULL && connection_is_clear(c, c->held);
}

static void release_held(struct connection *c)
{
    struct exchange *exchange = c->held;

    if (!held_has_its_turn(c))
        return;
    c->held = NULL;
    dispatch_held(c->loop, exchange);
}

struct buffer *connection_answer_buffer(struct connection *c, struct exchange *exchange)
{
    CHECK(exchange != NULL || c->queue_length == 0);
    return exchange == NULL || exchange == c->queue_head ? &c->out : &exchange->answer;
}

void connection_answered(struct connection *c, struct exchange *exchange)
{
    connection_mark_dirty(c);
    if (exchange != NULL)
        exchange->answered = true;
    while (c->queue_head != NULL && c->queue_head->answered) {
        exchange = dequeue(c);
        buffer_append(&c->out, exchange->answer.data, exchange->answer.length);
        exchange_release(&c->loop->exchanges, exchange);
    }
    count_unread(c);
    if (c->queue_length == 0)
        c->input_ms = now_ms(c); /* from now on the next request is what we wait for */
}

bool connection_ends_with(const struct connection *c, const struct exchange *exchange)
{
    return c->state == CONNECTION_LAST && (exchange == NULL || exchange == c->queue_tail);
}

/* ---- in ---- */

static bool can_take(const struct connection *c)
{
    size_t high = gateway_loop_crowded(c->loop) ? 1 : OUT_HIGH;

    if (c->state != CONNECTION_OPEN || c->held != NULL)
        return false;
    if (c->queue_length == CONNECTION_PIPELINE_MAX || unwritten(c) >= high)
        return false;
    return c->queue_length == 0 || (!c->loop->draining && !exchanges_full(&c->loop->exchanges));
}

static void take_request(struct connection *c)
{
    if (!c->request.keep_alive || c->loop->draining)
        c->state = CONNECTION_LAST;
    dispatch_request(c, &c->request);
    http_request_reset(&c->request);
}

/* A client that waits for permission to send its body gets it when its turn has come. */
static void permit_body(struct connection *c)
{
    if (!c->request.continue_wanted || c->queue_length > 0)
        return;
    c->request.continue_wanted = false;
    reply_write_continue(&c->out);
    connection_mark_dirty(c);
}

/* Takes every whole request at `data`; *left becomes the length of the rest, which is returned. */
static char *parse(struct connection *c, char *data, size_t *left)
{
    while (*left > 0 && can_take(c)) {
        enum http_progress progress = http_request_feed(&c->request, &c->loop->limits, data, left);
        if (progress == HTTP_MORE) {
            permit_body(c);
            break;
        }
        if (progress == HTTP_REFUSED) {
            dispatch_refusal(c, error_code_of_http_status(c->request.status), c->request.reason);
            break;
        }
        data += c->request.size;
        *left -= c->request.size;
        take_request(c);
    }
    if (c->state != CONNECTION_OPEN)
        *left = 0; /* nothing of it will be read */
    c->stalled = *left > 0 && !can_take(c);
    return data;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *c = (struct connection *)handle;

    (void)suggested;
    *buffer = uv_buf_init(c->loop->read_buffer, READ_BYTES);
}

/* Stops reading while the buffer is full, and goes on when there is room again. */
static void govern_reading(struct connection *c)
{
    size_t high = c->loop->limits.head_bytes_max + c->loop->limits.body_bytes_max;
    bool full = c->in.length > high && !can_take(c) && c->state == CONNECTION_OPEN;

    if (full && !c->read_paused)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else if (!full && c->read_paused && !c->peer_ended)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    c->read_paused = full;
}

void connection_resume(struct connection *c)
{
    size_t left = c->in.length;
    char *rest = NULL;

    release_held(c);
    if (left == 0 || c->state != CONNECTION_OPEN)
        return;
    rest = parse(c, c->in.data, &left);
    if (rest != c->in.data && left > 0)
        memmove(c->in.data, rest, left);
    c->in.length = left;
    if (left == 0)
        buffer_clear(&c->in, CONNECTION_BUFFER_KEEP);
    govern_reading(c);
}

/* What is not whole yet is kept, unless there is no memory for that. */
static void keep_input(struct connection *c, const char *data, size_t size)
{
    if (size == 0 || c->state != CONNECTION_OPEN)
        return;
    gateway_loop_keep(c->loop, size);
    if (*memory_scarce())
        dispatch_refusal(c, ERROR_OVERLOADED, NULL);
    else
        buffer_append(&c->in, data, size);
}

static void take_input(struct connection *c, char *data, size_t size)
{
    if (c->in.length == 0) {
        c->input_ms = now_ms(c);
        data = parse(c, data, &size);
        keep_input(c, data, size);
        govern_reading(c);
    } else {
        keep_input(c, data, size);
        connection_resume(c);
    }
    arm(c);
}

/* The peer will send no more; what it asked for before is still answered. */
static void on_peer_end(struct connection *c, ssize_t status)
{
    if (status != UV_EOF || c->state == CONNECTION_LINGERING) {
        connection_close(c);
        return;
    }
    uv_read_stop((uv_stream_t *)&c->tcp);
    c->peer_ended = true;
    c->refused = false;
    connection_mark_dirty(c);
}

/* After the peer's end, and with every whole request taken, the rest is a piece that will never be whole. */
static void drop_torn_request(struct connection *c)
{
    if (!c->peer_ended || c->state != CONNECTION_OPEN || c->stalled)
        return;
    c->state = CONNECTION_LAST;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct connection *c = (struct connection *)stream;

    if (size < 0 || standstill_look_once(c->loop)) {
        on_peer_end(c, size);
    } else if (c->state == CONNECTION_OPEN) {
        take_input(c, buffer->base, (size_t)size);
    } else if (c->state == CONNECTION_LAST || c->state == CONNECTION_LINGERING) {
        c->lingered += (size_t)size;
        if (c->lingered > LINGER_BYTES_MAX)
            connection_close(c);
    }
}

/* ---- out ---- */

static void on_written(uv_write_t *write, int status)
{
    struct connection *c = (struct connection *)write->data;

    c->write_pending = false;
    buffer_clear(&c->writing, CONNECTION_BUFFER_KEEP);
    if (status != 0)
        connection_close(c);
    else
        connection_mark_dirty(c);
}

/* What the kernel does not take at once goes to libuv, from a buffer that stays as it is until then. */
static bool write_rest(struct connection *c)
{
    struct buffer empty = c->writing;
    uv_buf_t rest;

    c->writing = c->out;
    c->out = empty;
    rest = uv_buf_init(c->writing.data, (unsigned)c->writing.length);
    c->write.data = c;
    c->write_pending = uv_write(&c->write, (uv_stream_t *)&c->tcp, &rest, 1, on_written) == 0;
    write_watch_begin(&c->watch, untaken(c), now_ms(c));
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

/* Everything is answered and written. A peer that was refused may still be sending: closing now would reset the
 * connection and with it the answer on its way. */
static void finish(struct connection *c)
{
    int fd = -1;

    if (!c->refused || uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        connection_close(c);
        return;
    }
    c->state = CONNECTION_LINGERING;
    c->input_ms = now_ms(c);
}

void connection_flush(struct connection *c)
{
    if (c->state == CONNECTION_CLOSED || c->state == CONNECTION_LINGERING)
        return;
    drop_torn_request(c);
    if (c->state == CONNECTION_LAST)
        buffer_clear(&c->in, CONNECTION_BUFFER_KEEP); /* nothing of it will be read */
    if (c->out.length > 0 && !c->write_pending && !write_out(c)) {
        connection_close(c);
        return;
    }
    if (unwritten(c) > OUT_MAX) {
        connection_close(c);
        return;
    }
    count_unread(c);
    if (c->state == CONNECTION_LAST && c->queue_length == 0 && unwritten(c) == 0)
        finish(c);
    else if (held_has_its_turn(c) || (c->stalled && can_take(c)))
        connection_mark_dirty(c); /* the next turn parses on */
    arm(c);
}

/* ---- life ---- */

static void unmark_dirty(struct connection *c)
{
    struct connection **at = &c->loop->dirty;

    while (c->dirty && *at != c)
        at = &(*at)->dirty_next;
    if (c->dirty)
        *at = c->dirty_next;
    c->dirty = false;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = (struct connection *)handle;

    unmark_dirty(c);
    connection_pool_give(c);
}

void connection_close(struct connection *c)
{
    if (c->state == CONNECTION_CLOSED)
        return;
    c->state = CONNECTION_CLOSED;
    c->held = NULL;
    count_unread(c);
    while (c->queue_head != NULL)
        exchange_release(&c->loop->exchanges, dequeue(c));
    timer_wheel_remove(&c->timer);
    connection_pool_unlink(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void connection_accept(struct gateway_loop *loop, int fd)
{
    bool refused = loop->connections >= loop->connections_max || memory_exhausted();
    struct connection *c = connection_pool_take(loop);

    gateway_loop_keep(loop, sizeof(*c));
    CHECK(uv_tcp_init(&loop->uv, &c->tcp) == 0);
    c->input_ms = now_ms(c);
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        connection_close(c);
        return;
    }
    metrics_add(loop->metrics, refused ? METRIC_GATEWAY_REFUSED : METRIC_GATEWAY_ACCEPTED, 0, 1);
    uv_tcp_nodelay(&c->tcp, 1);
    if (refused)
        connection_turn_away(c);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        connection_close(c);
    else
        arm(c);
}

void connection_drain(struct connection *c)
{
    if (c->state != CONNECTION_OPEN)
        return;
    if (c->queue_length > 0 && !c->queue_tail->answered)
        c->state = CONNECTION_LAST;
    arm(c);
    connection_mark_dirty(c);
}
