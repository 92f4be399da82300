#include "coupond/top/reader.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coupond/http/fetch.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/worker.h"

#define BODY_MAX   (4u << 20) /* per answer */
#define TIMEOUT_MS 3000       /* per answer */

struct top_reader {
    struct worker worker; /* runs as long as the process */
    /* shared */
    pthread_mutex_t lock;
    bool with_coupons;
    bool busy;
    bool fresh;
    struct top_reading reading; /* the newest, valid when `fresh` */
    /* owned by the reader's thread */
    struct http_url url;
    int notify_fd;
    struct http_server target;
    bool resolved;
    char http[300]; /* a gateway's address for clients, if it differs from that of its metrics */
    struct http_response response;
    struct top_reading work;
    char body[BODY_MAX];
};

/* --- the reader's thread --- */

static const char *reason_of(int failure)
{
    if (failure == ETIMEDOUT)
        return "no answer";
    return failure == EPROTO ? "not an HTTP answer, or too large" : strerror(failure);
}

static void set_reason(struct top_reader *reader, const char *reason)
{
    snprintf(reader->work.reason, sizeof reader->work.reason, "%s", reason);
}

/* Returns the status; 0 and a reason when there is no answer. */
static int get_from(struct top_reader *reader, const struct http_server *target, const char *path)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", reader->url.prefix, path);
    http_response_init_room(&reader->response, reader->body, sizeof reader->body);
    if (http_fetch_into(target, whole, TIMEOUT_MS, &reader->response, NULL) == 0)
        return reader->response.status;
    set_reason(reader, reason_of(errno));
    return 0;
}

static int get(struct top_reader *reader, const char *path)
{
    return get_from(reader, &reader->target, path);
}

static bool read_metrics(struct top_reader *reader)
{
    int status = get(reader, "/metrics");
    if (status == 0)
        return false;
    if (status == 200 &&
        top_sample_read(&reader->work.sample, clock_mono_us(), reader->body, reader->response.body_length))
        return true;
    set_reason(reader, status == 200   ? "not the metrics of coupond"
                       : status == 404 ? "no /metrics here; a gateway serves them on gateway/operator_http"
                                       : "/metrics is refused");
    return false;
}

/* Reads /readyz: the reason when the member is not ready, and the address for clients. */
static void read_details(struct top_reader *reader)
{
    size_t length = reader->response.body_length;
    json_t *body = json_loadb(reader->body, length, 0, NULL);
    const char *detail = json_string_value(json_object_get(body, "detail"));
    const char *http = json_string_value(json_object_get(body, "http"));
    size_t line = 0;
    while (line < length && reader->body[line] != '\n' && reader->body[line] != '\r')
        line++;
    if (detail != NULL)
        set_reason(reader, detail);
    else if (!reader->work.ready)
        snprintf(reader->work.reason, sizeof reader->work.reason, "%.*s", (int)(line < 1000 ? line : 1000),
                 reader->body);
    snprintf(reader->http, sizeof reader->http, "%s", http != NULL ? http : "");
    json_decref(body);
}

static void read_ready(struct top_reader *reader)
{
    int status = get(reader, "/readyz");
    reader->work.ready = status == 200;
    if (status != 0)
        read_details(reader);
}

/* Resolves the gateway's address for clients; when it listens on all addresses, uses the host of its metrics. */
static bool resolve_clients_port(const struct top_reader *reader, struct http_server *target)
{
    struct http_url url = reader->url;
    char host[sizeof url.host];
    if (reader->http[0] == '\0') {
        *target = reader->target;
        return true;
    }
    uint16_t port;
    if (!endpoint_split(reader->http, host, sizeof host, &port))
        return false;
    if (strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0 && strcmp(host, "*") != 0)
        memcpy(url.host, host, sizeof host);
    snprintf(url.port, sizeof url.port, "%u", port);
    return http_server_resolve(target, &url, NULL) == 0;
}

static void read_coupons(struct top_reader *reader)
{
    char path[64 + TOP_CURSOR_MAX], cursor[TOP_CURSOR_MAX] = "";
    struct top_coupons *coupons = &reader->work.coupons;
    coupons->count = 0;
    struct http_server target;
    if (!resolve_clients_port(reader, &target))
        return;
    for (unsigned pages = 0; pages * COUPON_LIST_MAX < TOP_COUPONS_MAX && (pages == 0 || cursor[0] != '\0'); pages++) {
        snprintf(path, sizeof path, "/v1/coupons?limit=%d%s%s", COUPON_LIST_MAX, cursor[0] != '\0' ? "&cursor=" : "",
                 cursor);
        if (get_from(reader, &target, path) != 200 ||
            !top_coupons_add_page(coupons, reader->body, reader->response.body_length, cursor))
            return;
    }
    top_coupons_complete(coupons, clock_mono_us());
    reader->work.listed = true;
}

static void read_member(struct top_reader *reader, bool with_coupons)
{
    struct top_reading *work = &reader->work;
    work->up = work->ready = work->listed = false;
    work->reason[0] = '\0';
    if (!reader->resolved && http_server_resolve(&reader->target, &reader->url, NULL) != 0) {
        set_reason(reader, "unknown host name");
        return;
    }
    work->up = reader->resolved = read_metrics(reader); /* a member that is gone may return with another address */
    if (!work->up)
        return;
    read_ready(reader);
    if (with_coupons && work->sample.roles[TOP_GATEWAY])
        read_coupons(reader);
}

static void publish(struct top_reader *reader)
{
    uint64_t one = 1;
    pthread_mutex_lock(&reader->lock);
    reader->reading = reader->work;
    reader->fresh = true;
    reader->busy = false;
    pthread_mutex_unlock(&reader->lock);
    CHECK(write(reader->notify_fd, &one, sizeof one) == sizeof one);
}

static int64_t work(void *arg)
{
    struct top_reader *reader = arg;
    pthread_mutex_lock(&reader->lock);
    bool asked = reader->busy, with_coupons = reader->with_coupons;
    pthread_mutex_unlock(&reader->lock);
    if (asked) {
        read_member(reader, with_coupons);
        publish(reader);
    }
    return WORKER_UNTIL_WOKEN;
}

/* --- the main thread --- */

struct top_reader *top_reader_start(const struct http_url *url, int notify_fd, struct error *error)
{
    struct top_reader *reader = calloc(1, sizeof *reader);
    CHECK(reader != NULL);
    CHECK(pthread_mutex_init(&reader->lock, NULL) == 0);
    reader->url = *url;
    reader->notify_fd = notify_fd;
    if (worker_start(&reader->worker, work, reader, error) != 0) {
        free(reader);
        return NULL;
    }
    return reader;
}

void top_reader_ask(struct top_reader *reader, bool coupons)
{
    pthread_mutex_lock(&reader->lock);
    bool asks = !reader->busy;
    if (asks) {
        reader->busy = true;
        reader->with_coupons = coupons;
    }
    pthread_mutex_unlock(&reader->lock);
    if (asks)
        worker_wake(&reader->worker);
}

bool top_reader_busy(struct top_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    bool busy = reader->busy;
    pthread_mutex_unlock(&reader->lock);
    return busy;
}

bool top_reader_take(struct top_reader *reader, struct top_reading *reading)
{
    pthread_mutex_lock(&reader->lock);
    bool fresh = reader->fresh;
    if (fresh)
        *reading = reader->reading;
    reader->fresh = false;
    pthread_mutex_unlock(&reader->lock);
    return fresh;
}
