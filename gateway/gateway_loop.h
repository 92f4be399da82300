/*
 * One gateway thread: an event loop with its listening sockets, its connections, its exchanges and its links to the
 * partitions. Everything in the struct is owned by that thread.
 *
 * A turn of the loop: read what is readable and parse it, take the issuer's replies, send each partition one frame with
 * all requests that were found, write each connection once.
 *
 *   pipe in   "$TERM": drain, then end
 *   pipe out  a signal when it serves (zactor's), a signal when it has ended
 */
#ifndef COUPOND_GATEWAY_LOOP_H
#define COUPOND_GATEWAY_LOOP_H

#include <czmq.h>
#include <uv.h>

#include "gateway/acceptor.h"
#include "gateway/api/api.h"
#include "gateway/connection/connection.h"
#include "gateway/connection/exchange.h"
#include "gateway/connection/timer_wheel.h"
#include "gateway/http/request.h"
#include "gateway/link/issuer_link.h"
#include "gateway/readiness.h"
#include "gateway/reply/reply.h"
#include "shared/listen.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/pulse.h"

struct policies;
struct policy_board;

enum { READ_BYTES = 64 * 1024 };

/* What a thread is started with; borrowed until it has signalled. */
struct gateway_loop_args {
    const struct options *options;
    unsigned listeners;                   /* how many addresses it listens on */
    int listen_fds[LISTEN_ADDRESSES_MAX]; /* the thread closes them */
    unsigned connections_max;
    struct metrics *metrics;     /* set by the thread: its own, for others to read */
    struct policy_board *board;  /* of all threads; outlives them */
    struct readiness *readiness; /* the same */
    unsigned thread;             /* its place among those */
    bool hears;                  /* one of them hears what other gateways change */
    bool failed;                 /* set by the thread before its signal; `error` says why, and the thread ends */
    struct error error;
};

struct gateway_loop {
    const struct options *options;
    struct metrics *metrics;
    struct pulse *pulse;
    zsock_t *pipe;
    /* the loop's handles */
    uv_loop_t uv;
    struct acceptor acceptors[LISTEN_ADDRESSES_MAX];
    unsigned acceptors_count;
    uv_poll_t pipe_poll;
    uv_poll_t link_polls[PARTITIONS_MAX];
    uv_poll_t monitor_polls[PARTITIONS_MAX];
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t again; /* active while work is left for the next turn */
    uv_timer_t tick;
    /* requests */
    struct http_limits limits;
    struct api_rules rules;
    struct cors *cors; /* gateway/cors_origins; NULL: none */
    struct reply_clock clock;
    struct exchanges exchanges;
    struct issuer_link_events link_events;
    struct issuer_link *links[PARTITIONS_MAX];
    uint16_t partitions;
    struct readiness *readiness;
    unsigned thread; /* its place among those */
    struct policies *policies;
    struct buffer scratch; /* bodies in the making */
    /* connections */
    struct connection *open; /* all that are not closed */
    struct connection *free;
    struct connection *dirty; /* have something to read again or to write in this turn */
    unsigned connections;
    unsigned connections_max;
    size_t unread_bytes; /* answers that connections keep for their readers */
    size_t kept_bytes;   /* of connections and requests, since the last look at the memory */
    struct timer_wheel wheel;
    char read_buffer[READ_BYTES];
    /* time, read once a turn */
    int64_t turn_us;   /* 0: not read in this turn */
    int64_t looked_us; /* with the time that the machine slept; 0: not yet */
    bool looked;       /* since the last poll */
    /* the end */
    bool draining;         /* not ready any more; every answer is its connection's last */
    uint64_t refuse_at_ms; /* until then it goes on accepting */
    uint64_t close_at_ms;  /* when those that were connecting are here */
    uint64_t drain_until_ms;
};

/* The actor: a zactor_fn; `args` is a struct gateway_loop_args. */
void gateway_loop_actor(zsock_t *pipe, void *args);

/* True while readers leave gateway/unread_bytes_max unread: large answers are refused, and no connection is kept more
 * for than it has. */
bool gateway_loop_crowded(const struct gateway_loop *loop);

/* Bytes are to be kept for a connection, or for a request that is not whole: looks at the memory before these are too
 * many. */
void gateway_loop_keep(struct gateway_loop *loop, size_t size);

/* Microseconds of the monotone clock, the same for a whole turn. */
int64_t gateway_loop_now_us(struct gateway_loop *loop);

#endif
