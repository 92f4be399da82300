/*
 * One connection to Redis on the gateway's loop. It never blocks: names are resolved beside the loop, what the kernel
 * does not take waits, within bounds. Who owns it says when to connect and when it has waited long enough. On the
 * gateway thread.
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
    /* It is not up any more, or did not come up. Not called for redis_link_close(). */
    void (*on_down)(void *arg, enum metric_redis_error why);
};

struct redis_link {
    uv_loop_t *uv;
    const struct redis_url *url;
    struct redis_tls_context *tls_context; /* NULL: no TLS can be had */
    struct redis_tls *tls;                 /* of this connection; NULL: plain */
    const char *trouble;                   /* with TLS, when it goes down for that; otherwise NULL */
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
    struct buffer sealed;  /* the same with TLS */
    struct buffer writing; /* with libuv while write_pending */
    struct redis_reader *reader;
    char input[16 * 1024];
};

/* All pointers are borrowed; `tls_context` is for an URL of rediss://. */
void redis_link_init(struct redis_link *link, uv_loop_t *uv, const struct redis_url *url,
                     struct redis_tls_context *tls_context, const struct redis_link_events *events, void *arg);
/* The loop has ended with all of its handles. */
void redis_link_deinit(struct redis_link *link);

/* When it is down. */
void redis_link_connect(struct redis_link *link);
/* Whatever its state. */
void redis_link_close(struct redis_link *link);

/* Puts a command behind the others, to be sent by the next flush. False when too much is waiting or it is not up. */
bool redis_link_command(struct redis_link *link, int count, const struct span *words);
void redis_link_flush(struct redis_link *link);

#endif
