/*
 * One connection to Redis on the gateway's loop. Never blocks: names are resolved outside the loop's thread, and
 * unwritten bytes are queued within bounds. The owner decides when to connect and when to give up. On the gateway
 * thread.
 *
 *   DOWN ──connect──► RESOLVING ──► CONNECTING ──► HANDSHAKING ──► UP ──lost, or closed──► CLOSING ──► DOWN
 *                         │              │  └─without TLS─┼─────────▲                        ▲
 *                         └──────────────┴────────────────┴────────────failed────────────────┘
 */
#ifndef COUPOND_REDIS_LINK_H
#define COUPOND_REDIS_LINK_H

#include <stdbool.h>
#include <uv.h>

#include "gateway/http/buffer.h"
#include "gateway/redis/reader.h"
#include "gateway/redis/tls.h"
#include "shared/redis_url.h"
#include "shared/telemetry/metrics_table.h"

enum redis_link_state {
    REDIS_LINK_DOWN,
    REDIS_LINK_RESOLVING,
    REDIS_LINK_CONNECTING,
    REDIS_LINK_HANDSHAKING,
    REDIS_LINK_UP,
    REDIS_LINK_CLOSING,
};

struct redis_link_events {
    void (*on_up)(void *arg);
    void (*on_reply)(void *arg, const struct redis_reply *reply);
    /* The connection was lost or failed. Not called for redis_link_close(). */
    void (*on_down)(void *arg, enum metric_redis_error why);
};

struct redis_link {
    uv_loop_t *uv;
    const struct redis_url *url;
    struct redis_tls_context *tls_context; /* NULL: TLS is not available */
    struct redis_tls *tls;                 /* of this connection; NULL: plain */
    const char *trouble;                   /* the TLS error that ended the connection; otherwise NULL */
    const struct redis_link_events *events;
    void *arg;
    enum redis_link_state state;
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    uv_getaddrinfo_t resolving;
    uv_connect_t connecting;
    uv_write_t write;
    bool write_pending;
    struct buffer out;     /* plain */
    struct buffer sealed;  /* the same, encrypted */
    struct buffer writing; /* passed to libuv while write_pending */
    struct redis_reader *reader;
    char input[16 * 1024];
};

/* All pointers are borrowed; `tls_context` is needed for rediss:// URLs. */
void redis_link_init(struct redis_link *link, uv_loop_t *uv, const struct redis_url *url,
                     struct redis_tls_context *tls_context, const struct redis_link_events *events, void *arg);
/* Call when the loop and all its handles have ended. */
void redis_link_deinit(struct redis_link *link);

/* Call only when it is down. */
void redis_link_connect(struct redis_link *link);
/* In any state. */
void redis_link_close(struct redis_link *link);

/* Queues a command for the next flush. False when the queue is full or the link is not up. */
bool redis_link_command(struct redis_link *link, int count, const struct span *words);
void redis_link_flush(struct redis_link *link);

#endif
