#include "gateway/connection/connection.h"

#include <sys/socket.h>

#include "shared/error.h"

#define OUT_HIGH ((size_t)64 * 1024) /* unwritten bytes at which no more requests are accepted */

void connection_enter(struct connection *c, enum connection_state state)
{
    static const bool follows[CONNECTION_STATES][CONNECTION_STATES] = {
        [CONNECTION_OPEN] = {[CONNECTION_LAST] = true, [CONNECTION_CLOSED] = true},
        [CONNECTION_LAST] = {[CONNECTION_LINGERING] = true, [CONNECTION_CLOSED] = true},
        [CONNECTION_LINGERING] = {[CONNECTION_CLOSED] = true},
    };
    CHECK(c->state == state || follows[c->state][state]);
    c->state = state;
}

uint64_t connection_now_ms(const struct connection *c)
{
    return uv_now(c->all->uv);
}

struct net_address connection_peer(struct connection *c)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    int length = sizeof name;
    if (c->peer_known)
        return c->peer;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&name, &length) != 0 || !net_address_of_socket(&name, &c->peer))
        c->peer = (struct net_address){0};
    c->peer_known = true;
    return c->peer;
}

void connection_mark_dirty(struct connection *c)
{
    if (c->dirty || c->state == CONNECTION_CLOSED)
        return;
    c->dirty = true;
    c->dirty_next = c->all->dirty;
    c->all->dirty = c;
}

size_t connection_unwritten(const struct connection *c)
{
    return c->out.length + c->writing.length;
}

void connection_count_unread(struct connection *c)
{
    size_t unread = c->state == CONNECTION_CLOSED ? 0 : connection_unwritten(c);
    CHECK(c->all->unread_bytes >= c->unread);
    c->all->unread_bytes = c->all->unread_bytes - c->unread + unread;
    c->unread = unread;
}

bool connection_can_take(const struct connection *c)
{
    size_t high = connections_unread_limit_reached(c->all) ? 1 : OUT_HIGH;
    if (c->state != CONNECTION_OPEN || c->held != NULL || c->streams)
        return false;
    if (c->queue_length == CONNECTION_PIPELINE_MAX || connection_unwritten(c) >= high)
        return false;
    return c->queue_length == 0 || (!c->all->draining && !exchanges_full(c->all->exchanges));
}

/* --- the queue of exchanges --- */

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

struct exchange *connection_dequeue(struct connection *c)
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
    return c->queue_head == exchange && connection_unwritten(c) == 0;
}

void connection_hold(struct connection *c, struct exchange *exchange)
{
    CHECK(c->held == NULL && c->queue_tail == exchange);
    c->held = exchange;
    connection_mark_dirty(c);
}

void connection_hold_first(struct connection *c, struct exchange *exchange)
{
    CHECK(c->held == NULL && c->queue_head == exchange && c->streams);
    c->held = exchange;
    connection_mark_dirty(c);
}

bool connection_held_has_its_turn(const struct connection *c)
{
    return c->held != NULL && connection_is_clear(c, c->held);
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
        exchange = connection_dequeue(c);
        c->streams = false;
        buffer_append(&c->out, exchange->answer.data, exchange->answer.length);
        exchange_release(c->all->exchanges, exchange);
    }
    connection_count_unread(c);
    if (c->queue_length == 0)
        c->input_ms = connection_now_ms(c); /* the wait for the next request starts now */
}

bool connection_ends_with(const struct connection *c, const struct exchange *exchange)
{
    return c->state == CONNECTION_LAST && (exchange == NULL || exchange == c->queue_tail);
}

/* --- answers in parts --- */

/* The kernel closes the sockets of a process that dies in the same way. */
static void reset_at_close(struct connection *c, bool reset)
{
    const struct linger linger = {.l_onoff = reset, .l_linger = 0};
    int fd = -1;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    c->resets = reset;
}

void connection_begin_parts(struct connection *c)
{
    CHECK(c->streams);
    reset_at_close(c, true);
}

void connection_settle_parts(struct connection *c)
{
    if (c->resets && !c->streams && connection_unwritten(c) == 0)
        reset_at_close(c, false);
}

/* --- watchers --- */

void connection_unwatch(struct connection *c)
{
    if (c->watched == NULL)
        return;
    c->all->watchers.on_left(c->all->watchers.arg, c);
    c->watched = NULL;
}
