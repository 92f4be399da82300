#include "gateway/connection/pool.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_loop.h"
#include "shared/error.h"

static void link_open(struct connection *c)
{
    struct gateway_loop *loop = c->loop;

    c->next = loop->open;
    if (loop->open != NULL)
        loop->open->previous = c;
    loop->open = c;
    metrics_set(loop->metrics, METRIC_GATEWAY_CONNECTIONS, 0, ++loop->connections);
}

struct connection *connection_pool_take(struct gateway_loop *loop)
{
    struct connection *c = loop->free;
    struct buffer in;
    struct buffer out;

    if (c == NULL) {
        c = calloc(1, sizeof(*c));
        CHECK(c != NULL);
    } else {
        loop->free = c->next;
        in = c->in;
        out = c->out;
        memset(c, 0, sizeof(*c));
        c->in = in;
        c->out = out;
    }
    c->loop = loop;
    link_open(c);
    return c;
}

void connection_pool_unlink(struct connection *c)
{
    struct gateway_loop *loop = c->loop;

    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        loop->open = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    metrics_set(loop->metrics, METRIC_GATEWAY_CONNECTIONS, 0, --loop->connections);
}

void connection_pool_give(struct connection *c)
{
    buffer_clear(&c->in, CONNECTION_BUFFER_KEEP);
    buffer_clear(&c->out, CONNECTION_BUFFER_KEEP);
    buffer_deinit(&c->writing);
    c->next = c->loop->free;
    c->loop->free = c;
}

void connection_pool_deinit(struct gateway_loop *loop)
{
    while (loop->free != NULL) {
        struct connection *c = loop->free;
        loop->free = c->next;
        buffer_deinit(&c->in);
        buffer_deinit(&c->out);
        free(c);
    }
}
