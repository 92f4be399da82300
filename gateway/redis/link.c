#include "gateway/redis/link.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "shared/endpoint.h"
#include "shared/error.h"

enum {
    UNSENT_MAX = 256 * 1024,
    WORDS_MAX = 8,
    KEEP_BYTES = 16 * 1024,
};

void redis_link_init(struct redis_link *link, uv_loop_t *uv, const struct redis_url *url,
                     struct redis_tls_context *tls_context, const struct redis_link_events *events, void *arg)
{
    *link = (struct redis_link){.uv = uv, .url = url, .tls_context = tls_context, .events = events, .arg = arg};
    link->reader = redis_reader_create();
}

void redis_link_deinit(struct redis_link *link)
{
    redis_reader_destroy(&link->reader);
    redis_tls_destroy(&link->tls);
    buffer_deinit(&link->out);
    buffer_deinit(&link->sealed);
    buffer_deinit(&link->writing);
}

/* --- down --- */

static void on_closed(uv_handle_t *handle)
{
    struct redis_link *link = handle->data;
    link->state = REDIS_LINK_DOWN;
    link->write_pending = false;
    buffer_clear(&link->out, KEEP_BYTES);
    buffer_clear(&link->sealed, KEEP_BYTES);
    buffer_clear(&link->writing, KEEP_BYTES);
    redis_reader_reset(link->reader);
    redis_tls_destroy(&link->tls);
}

void redis_link_close(struct redis_link *link)
{
    enum redis_link_state before = link->state;
    if (before == REDIS_LINK_DOWN || before == REDIS_LINK_CLOSING)
        return;
    link->state = REDIS_LINK_CLOSING;
    if (before == REDIS_LINK_RESOLVING)
        uv_cancel((uv_req_t *)&link->resolving); /* if it is too late to cancel, CLOSING waits for its end */
    else if (!uv_is_closing(&link->handle.any))
        uv_close(&link->handle.any, on_closed);
}

static void fail(struct redis_link *link, enum metric_redis_error why)
{
    link->trouble = why == METRIC_REDIS_TLS && link->tls != NULL ? redis_tls_trouble(link->tls) : NULL;
    redis_link_close(link);
    link->events->on_down(link->arg, why);
}

/* --- up --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct redis_link *link = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(link->input, sizeof link->input);
}

/* Takes decrypted bytes of replies. */
static void take_bytes(struct redis_link *link, const char *bytes, size_t size)
{
    const struct redis_reply *reply = NULL;
    bool failed = !redis_reader_feed(link->reader, bytes, size);
    while (!failed && link->state == REDIS_LINK_UP && (reply = redis_reader_next(link->reader, &failed)) != NULL)
        link->events->on_reply(link->arg, reply);
    if (failed && link->state == REDIS_LINK_UP)
        fail(link, METRIC_REDIS_GARBAGE);
}

static void come_up(struct redis_link *link)
{
    link->state = REDIS_LINK_UP;
    link->events->on_up(link->arg);
}

/* On failure, sends the TLS alert before closing, so that the server learns the reason. */
static void shake(struct redis_link *link)
{
    enum redis_tls_state state = redis_tls_shake(link->tls);
    redis_link_flush(link);
    if (link->state != REDIS_LINK_HANDSHAKING)
        return;
    if (state == REDIS_TLS_FAILED)
        fail(link, METRIC_REDIS_TLS);
    else if (state == REDIS_TLS_READY)
        come_up(link);
}

static void take_sealed_bytes(struct redis_link *link, const char *bytes, size_t size)
{
    char plain[4096];
    ssize_t length = 0;
    redis_tls_feed(link->tls, bytes, size);
    if (link->state == REDIS_LINK_HANDSHAKING)
        shake(link);
    while (link->state == REDIS_LINK_UP && (length = redis_tls_read(link->tls, plain, sizeof plain)) > 0)
        take_bytes(link, plain, (size_t)length);
    if (link->state == REDIS_LINK_UP && length < 0)
        fail(link, METRIC_REDIS_TLS);
    redis_link_flush(link); /* TLS may have bytes of its own to send */
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct redis_link *link = stream->data;
    if (size < 0)
        fail(link, METRIC_REDIS_CONNECTION);
    else if (link->tls != NULL)
        take_sealed_bytes(link, buffer->base, (size_t)size);
    else
        take_bytes(link, buffer->base, (size_t)size);
}

static void on_connected(uv_connect_t *connecting, int status)
{
    struct redis_link *link = connecting->data;
    if (link->state != REDIS_LINK_CONNECTING)
        return;
    if (status != 0 || uv_read_start(&link->handle.stream, on_alloc, on_read) != 0) {
        fail(link, METRIC_REDIS_CONNECTION);
    } else if (!link->url->tls) {
        come_up(link);
    } else if (link->tls_context == NULL) {
        fail(link, METRIC_REDIS_TLS);
    } else {
        link->tls = redis_tls_create(link->tls_context, link->url->host);
        link->state = REDIS_LINK_HANDSHAKING;
        shake(link);
    }
}

static void connect_tcp(struct redis_link *link, const struct sockaddr *address)
{
    CHECK(uv_tcp_init(link->uv, &link->handle.tcp) == 0);
    link->handle.any.data = link;
    link->state = REDIS_LINK_CONNECTING;
    uv_tcp_nodelay(&link->handle.tcp, 1);
    if (uv_tcp_connect(&link->connecting, &link->handle.tcp, address, on_connected) != 0)
        fail(link, METRIC_REDIS_CONNECTION);
}

static void connect_unix(struct redis_link *link, const char *path)
{
    CHECK(uv_pipe_init(link->uv, &link->handle.pipe, 0) == 0);
    link->handle.any.data = link;
    link->state = REDIS_LINK_CONNECTING;
    uv_pipe_connect(&link->connecting, &link->handle.pipe, path, on_connected);
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found)
{
    struct redis_link *link = resolving->data;
    bool wanted = link->state == REDIS_LINK_RESOLVING;
    link->state = REDIS_LINK_DOWN;
    if (wanted && status == 0)
        connect_tcp(link, found->ai_addr);
    else if (wanted)
        link->events->on_down(link->arg, METRIC_REDIS_CONNECTION);
    uv_freeaddrinfo(found);
}

static void resolve(struct redis_link *link)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[8];
    snprintf(port, sizeof port, "%u", link->url->port);
    link->state = REDIS_LINK_RESOLVING;
    link->resolving.data = link;
    if (uv_getaddrinfo(link->uv, &link->resolving, on_resolved, link->url->host, port, &hints) != 0) {
        link->state = REDIS_LINK_DOWN;
        link->events->on_down(link->arg, METRIC_REDIS_CONNECTION);
    }
}

void redis_link_connect(struct redis_link *link)
{
    const struct redis_url *url = link->url;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    CHECK(link->state == REDIS_LINK_DOWN);
    link->connecting.data = link;
    if (url->path[0] != '\0')
        connect_unix(link, url->path);
    else if (uv_ip4_addr(url->host, url->port, &v4) == 0)
        connect_tcp(link, (const struct sockaddr *)&v4);
    else if (uv_ip6_addr(url->host, url->port, &v6) == 0)
        connect_tcp(link, (const struct sockaddr *)&v6);
    else
        resolve(link);
}

/* --- out --- */

bool redis_link_command(struct redis_link *link, int count, const struct span *words)
{
    const char *texts[WORDS_MAX];
    size_t lengths[WORDS_MAX];
    char *command = NULL;
    int length = 0;
    CHECK(count <= WORDS_MAX);
    if (link->state != REDIS_LINK_UP || link->out.length + link->writing.length > UNSENT_MAX)
        return false;
    for (int i = 0; i < count; i++) {
        texts[i] = words[i].at;
        lengths[i] = words[i].length;
    }
    length = redisFormatCommandArgv(&command, count, texts, lengths);
    CHECK(length > 0);
    buffer_append(&link->out, command, (size_t)length);
    redisFreeCommand(command);
    return true;
}

static bool may_write(const struct redis_link *link)
{
    return link->state == REDIS_LINK_UP || link->state == REDIS_LINK_HANDSHAKING;
}

static void on_written(uv_write_t *write, int status)
{
    struct redis_link *link = write->data;
    link->write_pending = false;
    buffer_clear(&link->writing, KEEP_BYTES);
    if (!may_write(link))
        return;
    if (status != 0)
        fail(link, METRIC_REDIS_CONNECTION);
    else
        redis_link_flush(link);
}

/* Passes to libuv what the kernel does not accept at once, in a buffer that stays unchanged meanwhile. */
static void write_rest(struct redis_link *link, struct buffer *out)
{
    struct buffer empty = link->writing;
    link->writing = *out;
    *out = empty;
    uv_buf_t rest = uv_buf_init(link->writing.data, (unsigned)link->writing.length);
    link->write.data = link;
    link->write_pending = uv_write(&link->write, &link->handle.stream, &rest, 1, on_written) == 0;
    if (!link->write_pending)
        fail(link, METRIC_REDIS_CONNECTION);
}

/* Encrypts commands once TLS is ready; before, only handshake bytes are sent. */
static bool seal(struct redis_link *link)
{
    if (link->out.length > 0 && !redis_tls_write(link->tls, link->out.data, link->out.length))
        return false;
    buffer_clear(&link->out, KEEP_BYTES);
    redis_tls_take(link->tls, &link->sealed);
    return true;
}

void redis_link_flush(struct redis_link *link)
{
    struct buffer *out = link->tls != NULL ? &link->sealed : &link->out;
    int written = 0;
    if (!may_write(link) || link->write_pending)
        return;
    if (link->tls != NULL && !seal(link)) {
        fail(link, METRIC_REDIS_TLS);
        return;
    }
    if (out->length == 0)
        return;
    uv_buf_t bytes = uv_buf_init(out->data, (unsigned)out->length);
    written = uv_try_write(&link->handle.stream, &bytes, 1);
    if (written < 0 && written != UV_EAGAIN) {
        fail(link, METRIC_REDIS_CONNECTION);
        return;
    }
    if (written > 0)
        buffer_consume(out, (size_t)written);
    if (out->length > 0)
        write_rest(link, out);
    else
        buffer_clear(out, KEEP_BYTES);
}
