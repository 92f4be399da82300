/*
 * One HTTP connection: bytes in, requests handed to dispatch/dispatch.h in order, answers out in the same order, one
 * write a turn. Owned by its gateway thread.
 *
 *   OPEN ──last request taken, refused, or peer's end──► LAST ──all answered and written──► CLOSED
 *                                                         │                                   ▲
 *                                                         └──refused──► LINGERING ──peer's end┘
 *
 * Reading goes on while requests are in flight; what comes in beyond the bounds waits in the kernel. A request whose
 * answer may be large is held until all before it is answered and written, and those behind it wait, so that no more
 * than one such answer is kept for a reader.
 */
#ifndef COUPOND_CONNECTION_H
#define COUPOND_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gateway/connection/exchange.h"
#include "gateway/connection/timer_wheel.h"
#include "gateway/connection/write_watch.h"
#include "gateway/http/buffer.h"
#include "gateway/http/request.h"

struct gateway_loop;

#define CONNECTION_PIPELINE_MAX 64 /* requests of one connection that are not yet answered */

enum connection_state {
    CONNECTION_OPEN,      /* takes requests */
    CONNECTION_LAST,      /* takes none any more; closed when all is answered and written */
    CONNECTION_LINGERING, /* all is written; what the peer still sends is thrown away, so that it reads the answer */
    CONNECTION_CLOSED,
};

struct connection {
    uv_tcp_t tcp; /* first: a handle is its connection */
    struct gateway_loop *loop;
    enum connection_state state;
    /* in */
    struct http_request request;
    struct request_note *note; /* of the request at hand, while it is dispatched and no exchange has it; NULL: none */
    struct buffer in;          /* from the first byte of the request that is not whole or has to wait */
    bool stalled;              /* `in` may hold whole requests that have to wait */
    bool read_paused;          /* `in` is full */
    bool peer_ended;           /* it has closed its side */
    bool refused;              /* the rest of the input means nothing */
    size_t lingered;           /* bytes thrown away */
    /* exchanges in the order of their requests */
    struct exchange *queue_head;
    struct exchange *queue_tail;
    unsigned queue_length;
    struct exchange *held; /* the last one, while it waits to be alone; nothing is taken behind it */
    /* out */
    struct buffer out;     /* answers, not yet handed to the kernel */
    struct buffer writing; /* with the kernel while it does not take more */
    size_t unread;         /* what of them is counted in the loop's unread_bytes */
    bool write_pending;
    uv_write_t write;
    /* time */
    struct timer_node timer;
    uint64_t input_ms;        /* the first byte of the request at hand, or the last that came or went */
    struct write_watch watch; /* of `writing` */
    /* lists of the loop */
    bool dirty;
    struct connection *dirty_next;
    struct connection *previous;
    struct connection *next; /* also the free list */
};

/* Takes over a descriptor that was accepted; answers 503 and closes it when there are too many, or memory is exhausted.
 * Scarce memory alone refuses none: health checks are new connections, and a request that is whole keeps nothing. */
void connection_accept(struct gateway_loop *loop, int fd);

/* Tells a client that there is no room for it, as far as that goes without waiting, and closes. What it may have sent
 * is read after that (closed with it unread, the connection would be reset, and the answer lost), so that its Origin is
 * not known. */
void connection_turn_away(struct connection *connection);

/* Puts it on the loop's list of connections to look after in this turn. */
void connection_mark_dirty(struct connection *connection);

/* Puts an exchange at the end of the queue. */
void connection_enqueue(struct connection *connection, struct exchange *exchange);
/* True when nothing before this exchange (NULL: before the request at hand) is unanswered or unwritten. */
bool connection_is_clear(const struct connection *connection, const struct exchange *exchange);
/* The exchange, the last of the queue, goes to dispatch_held() when the connection is clear before it. */
void connection_hold(struct connection *connection, struct exchange *exchange);
/* Where the answer to this exchange goes (NULL: to a request that never got one, with an empty queue). */
struct buffer *connection_answer_buffer(struct connection *connection, struct exchange *exchange);
/* The answer is written there; hands out those that now have their turn. */
void connection_answered(struct connection *connection, struct exchange *exchange);
/* True when this answer is the connection's last, so that it says "Connection: close". */
bool connection_ends_with(const struct connection *connection, const struct exchange *exchange);

/* Parses what had to wait. */
void connection_resume(struct connection *connection);
/* Writes; closes when that was the last. */
void connection_flush(struct connection *connection);
/* Its next answer is its last; one that asks for nothing closes when it has been idle for a second. */
void connection_drain(struct connection *connection);
/* Drops it with all that belongs to it. */
void connection_close(struct connection *connection);
/* The timer's node fired: answers 408, closes, or waits on. */
void connection_on_timer(struct timer_node *node, void *arg);

#endif
