/*
 * One HTTP connection: reads bytes (input.h), passes requests up in order, and writes the answers in the same order,
 * with one write per turn (output.h). This header has its state and the queue of its exchanges. Owned by its gateway
 * thread.
 *
 *   OPEN ──last request taken, refused, or peer's end──► LAST ──all answered and written──► CLOSED
 *                                                         │                                   ▲
 *                                                         └──refused──► LINGERING ──peer's end┘
 *
 * The connection keeps reading while requests are in flight; input beyond the bounds stays in the kernel. A request
 * with a potentially large answer is held until all earlier ones are answered and written, and later requests wait for
 * it, so that at most one such answer is buffered per reader.
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
#include "shared/net_address.h"

#define CONNECTION_PIPELINE_MAX 64 /* unanswered requests per connection */
/* Bytes that an idle connection keeps in each buffer. */
#define CONNECTION_BUFFER_KEEP 4096

struct live_watched;

enum connection_state {
    CONNECTION_OPEN,      /* accepts requests */
    CONNECTION_LAST,      /* accepts no more requests; closed when all answers are written */
    CONNECTION_LINGERING, /* everything is written; discards further input, so that the peer can read the answer */
    CONNECTION_CLOSED,
    CONNECTION_STATES,
};

struct connection {
    uv_tcp_t tcp; /* must be first: a handle is cast to its connection */
    struct connections *all;
    enum connection_state state; /* set by connection_enter() only */
    /* in */
    struct http_request request;
    struct request_note *note; /* of the current request, until an exchange takes it over; NULL: none */
    struct buffer in;          /* starts with the first byte of the request that is incomplete or has to wait */
    bool stalled;              /* `in` may hold complete requests that have to wait */
    bool read_paused;          /* `in` is full */
    bool peer_ended;           /* the peer has closed its side */
    bool refused;              /* the remaining input is ignored */
    size_t lingered;           /* bytes discarded */
    /* exchanges, in request order */
    struct exchange *queue_head;
    struct exchange *queue_tail;
    unsigned queue_length;
    struct exchange *held; /* the last exchange, while it waits for the earlier ones; no request is read meanwhile */
    bool streams; /* the answer to the first exchange is or may become a stream; no request is read meanwhile */
    bool resets;  /* parts of it are written, and not yet all: closing resets the connection */
    /* output */
    struct buffer out;     /* answers not yet passed to the kernel */
    struct buffer writing; /* passed to libuv because the kernel's buffer is full */
    size_t unread;         /* the share of these bytes that is counted in connections.unread_bytes */
    bool write_pending;
    uv_write_t write;
    /* time */
    struct timer_node timer;
    uint64_t input_ms;        /* the first byte of the current request, or the latest byte received or sent */
    struct write_watch watch; /* watches `writing` */
    /* the peer, once asked for */
    bool peer_known;
    struct net_address peer;
    /* a watcher: the last answer is a stream of events, without an exchange (watcher.h) */
    struct live_watched *watched; /* whose events; NULL: this is no watcher */
    uint32_t watcher_index;       /* among its watchers */
    /* list links */
    bool dirty;
    struct connection *dirty_next;
    struct connection *previous;
    struct connection *next; /* also links the free list */
};

/* Changes the state; an invalid transition stops the process. Re-entering the current state has no effect. */
void connection_enter(struct connection *connection, enum connection_state state);

uint64_t connection_now_ms(const struct connection *connection);

/* The address of the other end; all zeros if it cannot be told. Asks the kernel once. */
struct net_address connection_peer(struct connection *connection);

/* Adds the connection to the list that this turn processes. */
void connection_mark_dirty(struct connection *connection);

/* Bytes of answers that the kernel has not accepted. */
size_t connection_unwritten(const struct connection *connection);
/* Updates this connection's share of connections.unread_bytes. */
void connection_count_unread(struct connection *connection);
/* True when it may accept another request now. */
bool connection_can_take(const struct connection *connection);

/* Appends an exchange to the queue. */
void connection_enqueue(struct connection *connection, struct exchange *exchange);
/* Removes the first exchange. */
struct exchange *connection_dequeue(struct connection *connection);
/* True when every answer before this exchange (NULL: before the current request) is written. */
bool connection_is_clear(const struct connection *connection, const struct exchange *exchange);
/* Holds the exchange, which is the last of the queue, until connection_is_clear(); then events.on_turn is called. */
void connection_hold(struct connection *connection, struct exchange *exchange);
/* Holds the first exchange, an answer in parts, until its parts so far are written. */
void connection_hold_first(struct connection *connection, struct exchange *exchange);
bool connection_held_has_its_turn(const struct connection *connection);
/* The buffer for this exchange's answer (NULL: for a request without an exchange; the queue must be empty). */
struct buffer *connection_answer_buffer(struct connection *connection, struct exchange *exchange);
/* Call when the answer has been written to that buffer; moves all answers that are next in order to the output. */
void connection_answered(struct connection *connection, struct exchange *exchange);
/* True when this is the connection's last answer, which carries "Connection: close". */
bool connection_ends_with(const struct connection *connection, const struct exchange *exchange);

/* The first part is about to be written. From here on, until the last one is, the peer gets a reset if the connection
 * closes or the process dies: in HTTP/1.0 its end would tell that the answer is whole. */
void connection_begin_parts(struct connection *connection);
/* A watcher becomes an ordinary connection after its last answer; others stay what they are. */
void connection_unwatch(struct connection *connection);
/* Call after writing: ends what connection_begin_parts() began when the answer has ended and all parts are written. */
void connection_settle_parts(struct connection *connection);

#endif
