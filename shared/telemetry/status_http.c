#include "shared/telemetry/status_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/listen.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/log_line.h"
#include "shared/telemetry/metrics.h"
#include "shared/telemetry/pulse.h"

#define CONNECTIONS_MAX      512 /* more than a flood of idle connections reaches within TIMEOUT_S */
#define FILES_SHARE          8   /* at most this fraction of the descriptors; the rest is for the role */
#define CONNECTION_BYTES_MAX 32768
#define TIMEOUT_S            2
#define BACKLOG              64
#define STATUS_BYTES_MAX     8192 /* six bytes for each byte of detail and address, plus the rest */

struct status_http {
    struct MHD_Daemon *daemons[LISTEN_ADDRESSES_MAX]; /* one per address */
    unsigned daemons_count;
    struct status_http_config config;
};

/* --- on the daemon's thread --- */

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type, char *body,
                               size_t length, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(length, body, mode);
    if (response == NULL) {
        if (mode == MHD_RESPMEM_MUST_FREE)
            free(body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    char line[160];
    int length = snprintf(line, sizeof line, "%s\n", text);
    return respond(connection, status, "text/plain; charset=utf-8", line, (size_t)length, MHD_RESPMEM_MUST_COPY);
}

static bool is_ready(const struct status_http *status, char why[READY_WHY_MAX])
{
    return status->config.ready == NULL || status->config.ready(status->config.arg, why);
}

static enum MHD_Result respond_metrics(struct MHD_Connection *connection, const struct status_http *status)
{
    char why[READY_WHY_MAX] = "";
    metrics_set_ready(is_ready(status, why));
    size_t length;
    char *text = metrics_render(&length);
    return respond(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, length,
                   MHD_RESPMEM_MUST_FREE);
}

/* Omits a member with an empty value. */
static size_t put_member(char *out, size_t size, const char *name, const char *value)
{
    if (value[0] == '\0')
        return 0;
    size_t length = (size_t)snprintf(out, size, ",\"%s\":", name);
    return length + log_line_quote(out + length, size - length, value);
}

static enum MHD_Result respond_status(struct MHD_Connection *connection, bool good, const char *word,
                                      const char *detail, const char *http)
{
    char body[STATUS_BYTES_MAX];
    size_t length = (size_t)snprintf(body, sizeof body, "{\"status\":\"%s%s\"", good ? "" : "not ", word);
    length += put_member(body + length, sizeof body - length, "detail", detail);
    length += put_member(body + length, sizeof body - length, "http", http == NULL ? "" : http);
    length += (size_t)snprintf(body + length, sizeof body - length, "}");
    return respond(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "application/json", body, length,
                   MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result respond_live(struct MHD_Connection *connection)
{
    char why[128] = "";
    bool live = pulse_all_beat(STATUS_LIVE_LIMIT_US, why);
    return respond_status(connection, live, "live", why, NULL);
}

static enum MHD_Result respond_ready(struct MHD_Connection *connection, const struct status_http *status)
{
    char why[READY_WHY_MAX] = "";
    bool ready = is_ready(status, why);
    why[sizeof why - 1] = '\0';
    return respond_status(connection, ready, "ready", why, status->config.http);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *body, size_t *body_size, void **state)
{
    (void)version, (void)body, (void)body_size, (void)state;
    bool is_metrics = strcmp(path, "/metrics") == 0;
    bool is_live = strcmp(path, "/livez") == 0;
    bool asks_ready = strcmp(path, "/readyz") == 0;
    if (!is_metrics && !is_live && !asks_ready)
        return respond_text(connection, MHD_HTTP_NOT_FOUND, "not found; this port serves /metrics, /livez and /readyz");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are allowed");
    if (is_metrics)
        return respond_metrics(connection, arg);
    return is_live ? respond_live(connection) : respond_ready(connection, arg);
}

static void on_trouble(void *arg, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void on_trouble(void *arg, const char *format, va_list arguments)
{
    (void)arg;
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_debug("status", "%s", text);
}

/* --- on the caller's thread --- */

static unsigned connections_max(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur / FILES_SHARE >= CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return files.rlim_cur < FILES_SHARE ? 1 : (unsigned)(files.rlim_cur / FILES_SHARE);
}

static struct MHD_Daemon *start_daemon(int fd, struct status_http *status)
{
    return MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, status,
                            MHD_OPTION_EXTERNAL_LOGGER, on_trouble, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, connections_max(), MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES_MAX,
                            MHD_OPTION_END);
}

static int start_daemons(struct status_http *status, struct listen_sockets *sockets, struct error *error)
{
    for (unsigned i = 0; i < sockets->addresses; i++) {
        int fd = sockets->fds[i][0];
        struct MHD_Daemon *daemon = listen(fd, BACKLOG) == 0 ? start_daemon(fd, status) : NULL;
        if (daemon == NULL) {
            for (unsigned left = i; left < sockets->addresses; left++)
                close(sockets->fds[left][0]);
            return error_set(error, "%s: cannot start the thread that serves %s", status->config.option,
                             status->config.address);
        }
        status->daemons[status->daemons_count++] = daemon;
    }
    return 0;
}

int status_http_open(const struct status_http_config *config, struct status_http **status, struct error *error)
{
    *status = NULL;
    if (config->address[0] == '\0')
        return 0;
    struct listen_sockets sockets;
    if (listen_bind(&sockets, config->option, config->address, 1, error) != 0)
        return -1;
    struct status_http *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->config = *config;
    if (start_daemons(self, &sockets, error) != 0) {
        status_http_close(&self);
        return -1;
    }
    log_info("status", "serving option=%s addresses=%s", config->option, sockets.text);
    *status = self;
    return 0;
}

void status_http_close(struct status_http **status)
{
    if (*status == NULL)
        return;
    for (unsigned i = 0; i < (*status)->daemons_count; i++)
        MHD_stop_daemon((*status)->daemons[i]); /* closes its listening socket */
    free(*status);
    *status = NULL;
}
