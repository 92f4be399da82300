#include "gateway/connection/pool.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

static void link_open(struct connection *c)
{
    struct connections *all = c->all;
    c->next = all->open;
    if (all->open != NULL)
        all->open->previous = c;
    all->open = c;
    metrics_set(all->metrics, METRIC_GATEWAY_CONNECTIONS, 0, ++all->count);
}

struct connection *connection_pool_take(struct connections *connections)
{
    struct connection *c = connections->free;
    if (c == NULL) {
        c = calloc(1, sizeof *c);
        CHECK(c != NULL);
    } else {
        struct buffer in = c->in, out = c->out;
        connections->free = c->next;
        memset(c, 0, sizeof *c);
        c->in = in;
        c->out = out;
    }
    c->all = connections;
    link_open(c);
    return c;
}

static void unlink_open(struct connection *c)
{
    struct connections *all = c->all;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        all->open = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    metrics_set(all->metrics, METRIC_GATEWAY_CONNECTIONS, 0, --all->count);
}

static void unmark_dirty(struct connection *c)
{
    struct connection **at = &c->all->dirty;
    while (c->dirty && *at != c)
        at = &(*at)->dirty_next;
    if (c->dirty)
        *at = c->dirty_next;
    c->dirty = false;
}

/* libuv has released the handle. */
static void on_closed(uv_handle_t *handle)
{
    struct connection *c = (struct connection *)handle;
    unmark_dirty(c);
    buffer_clear(&c->in, CONNECTION_BUFFER_KEEP);
    buffer_clear(&c->out, CONNECTION_BUFFER_KEEP);
    buffer_deinit(&c->writing);
    c->next = c->all->free;
    c->all->free = c;
}

void connection_pool_close(struct connection *c)
{
    if (c->state == CONNECTION_CLOSED)
        return;
    connection_enter(c, CONNECTION_CLOSED);
    connection_unwatch(c);
    c->held = NULL;
    connection_count_unread(c);
    while (c->queue_head != NULL)
        exchange_release(c->all->exchanges, connection_dequeue(c));
    timer_wheel_remove(&c->timer);
    unlink_open(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void connection_pool_close_all(struct connections *connections)
{
    while (connections->open != NULL)
        connection_pool_close(connections->open);
}

void connection_pool_deinit(struct connections *connections)
{
    while (connections->free != NULL) {
        struct connection *c = connections->free;
        connections->free = c->next;
        buffer_deinit(&c->in);
        buffer_deinit(&c->out);
        free(c);
    }
}
