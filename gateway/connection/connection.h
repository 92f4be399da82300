/*
 * One HTTP connection: bytes in (input.h), requests handed up in order, answers out in the same order, one write a turn
 * (output.h). Here is what it holds, and the queue of its exchanges. Owned by its gateway thread.
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

#include "gateway/connection/connections.h"
#include "gateway/connection/exchange.h"
#include "gateway/connection/timer_wheel.h"
#include "gateway/connection/write_watch.h"
#include "gateway/http/buffer.h"
#include "gateway/http/request.h"

#define CONNECTION_PIPELINE_MAX 64 /* requests of one connection that are not yet answered */
/* Room in bytes that a connection with nothing to do keeps in each buffer. */
#define CONNECTION_BUFFER_KEEP 4096

enum connection_state {
    CONNECTION_OPEN,      /* takes requests */
    CONNECTION_LAST,      /* takes none any more; closed when all is answered and written */
    CONNECTION_LINGERING, /* all is written; what the peer still sends is thrown away, so that it reads the answer */
    CONNECTION_CLOSED,
    CONNECTION_STATES,
};

struct connection {
    uv_tcp_t tcp; /* first: a handle is its connection */
    struct connections *all;
    enum connection_state state; /* set by connection_enter() alone */
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
    size_t unread;         /* what of them is counted in unread_bytes of all */
    bool write_pending;
    uv_write_t write;
    /* time */
    struct timer_node timer;
    uint64_t input_ms;        /* the first byte of the request at hand, or the last that came or went */
    struct write_watch watch; /* of `writing` */
    /* lists of all */
    bool dirty;
    struct connection *dirty_next;
    struct connection *previous;
    struct connection *next; /* also the free list */
};

/* Goes to a later state; one that cannot follow the present one stops the process. The same again is fine. */
void connection_enter(struct connection *connection, enum connection_state state);

uint64_t connection_now_ms(const struct connection *connection);

/* Puts it on the list of those to look after in this turn. */
void connection_mark_dirty(struct connection *connection);

/* Bytes of answers that the kernel has not taken. */
size_t connection_unwritten(const struct connection *connection);
/* What it keeps for its reader counts against the bound of all. */
void connection_count_unread(struct connection *connection);
/* True when it may take another request now. */
bool connection_can_take(const struct connection *connection);

/* Puts an exchange at the end of the queue. */
void connection_enqueue(struct connection *connection, struct exchange *exchange);
/* Takes out the first one. */
struct exchange *connection_dequeue(struct connection *connection);
/* True when nothing before this exchange (NULL: before the request at hand) is unanswered or unwritten. */
bool connection_is_clear(const struct connection *connection, const struct exchange *exchange);
/* The exchange, the last of the queue, has its turn (events.on_turn) when the connection is clear before it. */
void connection_hold(struct connection *connection, struct exchange *exchange);
bool connection_held_has_its_turn(const struct connection *connection);
/* Where the answer to this exchange goes (NULL: to a request that never got one, with an empty queue). */
struct buffer *connection_answer_buffer(struct connection *connection, struct exchange *exchange);
/* The answer is written there; hands out those that now have their turn. */
void connection_answered(struct connection *connection, struct exchange *exchange);
/* True when this answer is the connection's last, so that it says "Connection: close". */
bool connection_ends_with(const struct connection *connection, const struct exchange *exchange);

#endif
