#include "gateway/gateway.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/gateway_loop.h"
#include "gateway/http/head.h"
#include "gateway/identity/identity.h"
#include "gateway/limits/limits.h"
#include "gateway/policy/board.h"
#include "gateway/reading/readers.h"
#include "gateway/redis/server.h"
#include "gateway/rehearsal/rehearsal.h"
#include "gateway/reply/reply.h"
#include "gateway/service/readiness.h"
#include "gateway/tracing/exporter.h"
#include "shared/listen.h"
#include "shared/process/memory.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/status_http.h"

enum {
    THREADS_MAX = LISTEN_SOCKETS_MAX, /* limit of gateway/threads */
    SPARE_FILES = 128,                /* descriptors for everything except connections */
};

struct gateway {
    const struct options *options;
    uint16_t port;
    unsigned threads;
    unsigned connections_max; /* per thread */
    struct policy_board *board;
    struct limits *limits;     /* NULL: none is on */
    struct exporter *exporter; /* NULL: no request is traced */
    struct readiness readiness;
    struct readers *readers;     /* NULL: the store is not read */
    struct identity *identity;   /* NULL: identity is off */
    struct rehearsal *rehearsal; /* NULL: turned off */
    struct status_http *status;
    zactor_t *actors[THREADS_MAX];
};

/* Each connection needs a descriptor: raises the limit as far as allowed. Returns the number of connections per thread:
 * fewer than gateway/connections_max when the limit is too low, so that excess clients get an answer instead of an
 * error. */
static unsigned raise_file_limit(const struct options *options)
{
    rlim_t threads = (rlim_t)options->gateway_threads;
    rlim_t wanted = (rlim_t)options->gateway_connections_max * threads + SPARE_FILES;
    struct rlimit limit;
    rlim_t room = 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return (unsigned)options->gateway_connections_max;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == wanted)
        return (unsigned)options->gateway_connections_max;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > SPARE_FILES)
        room = (limit.rlim_cur - SPARE_FILES) / threads;
    log_warn("gateway",
             "the limit of open files is too low for gateway/connections_max; raise ulimit -n "
             "limit=%llu wanted=%llu connections_of_a_thread=%llu",
             (unsigned long long)limit.rlim_cur, (unsigned long long)wanted, (unsigned long long)room);
    return room > 0 ? (unsigned)room : 1;
}

/* Gives the thread one socket of each address. */
static int start_thread(struct gateway *gateway, const struct listen_sockets *sockets, struct error *error)
{
    struct gateway_loop_args args = {
        .options = gateway->options,
        .listeners = sockets->addresses,
        .connections_max = gateway->connections_max,
        .board = gateway->board,
        .readiness = &gateway->readiness,
        .limits = gateway->limits,
        .exporter = gateway->exporter,
        .readers = gateway->readers,
        .identity = gateway->identity,
        .rehearsal = gateway->rehearsal,
        .thread = gateway->threads,
        .subscribes = gateway->threads == 0,
    };
    zactor_t *actor = NULL;
    for (unsigned a = 0; a < sockets->addresses; a++)
        args.listen_fds[a] = sockets->fds[a][gateway->threads];
    actor = zactor_new(gateway_loop_actor, &args);
    CHECK(actor != NULL);
    gateway->actors[gateway->threads++] = actor;
    if (!args.failed)
        return 0;
    return error_set(error, "%s", args.error.text);
}

static void warn_of_open_doors(const struct options *options, bool loopback)
{
    if (loopback)
        return;
    if (options->gateway_admin_token[0] == '\0')
        log_warn("gateway",
                 "any client that reaches %s can create and change coupons and list issues; set gateway/admin_token",
                 options->gateway_http);
    if (options->gateway_public_metrics)
        log_warn("gateway", "any client that reaches %s can read /metrics; set gateway/public_metrics to 0",
                 options->gateway_http);
}

#define OPEN_TO_ALL "any client that can reach the gateway can act as any user: set gateway/identity to on"

/* Metric, readiness and log tell of a gateway that other machines reach and that asks nobody who they are. */
static void judge_identity(struct gateway *gateway, bool loopback)
{
    bool open = gateway->identity == NULL && !loopback;
    metrics_set(metrics_create("gateway", -1), METRIC_GATEWAY_UNAUTHENTICATED, 0, open);
    readiness_include(&gateway->readiness, gateway->identity == NULL ? NULL : identity_ready, gateway->identity);
    if (!open)
        return;
    readiness_advise(&gateway->readiness, OPEN_TO_ALL);
    log_warn("gateway", OPEN_TO_ALL " http=%s", gateway->options->gateway_http);
}

static int open_status(struct gateway *gateway, struct error *error)
{
    const struct status_http_config config = {.option = "gateway/operator_http",
                                              .address = gateway->options->gateway_operator_http,
                                              .http = gateway->options->gateway_http,
                                              .ready = gateway_ready,
                                              .arg = gateway};
    return status_http_open(&config, &gateway->status, error);
}

static int open_readers(struct gateway *gateway, struct error *error)
{
    const struct options *options = gateway->options;
    gateway->readers = readers_create(options, (unsigned)options->gateway_threads, error);
    return gateway->readers != NULL || options->gateway_store_threads == 0 ? 0 : -1;
}

/* What runs on threads of its own, beside the loops. */
static int open_threads(struct gateway *gateway, bool loopback, struct error *error)
{
    if (identity_create(gateway->options, &gateway->identity, error) != 0)
        return -1;
    judge_identity(gateway, loopback);
    if (exporter_create(gateway->options, &gateway->exporter, error) != 0)
        return -1;
    gateway->rehearsal = rehearsal_create(gateway->options, error);
    if (gateway->rehearsal == NULL && gateway->options->gateway_rehearsal_users_max > 0)
        return -1;
    return open_readers(gateway, error) != 0 || open_status(gateway, error) != 0 ? -1 : 0;
}

/* Closes the sockets of the threads that were not started. */
static void close_rest(const struct listen_sockets *sockets, unsigned started)
{
    for (unsigned a = 0; a < sockets->addresses; a++)
        for (unsigned i = started; i < sockets->count; i++)
            close(sockets->fds[a][i]);
}

int gateway_start(const struct options *options, struct gateway **gateway, struct error *error)
{
    memory_begin(NULL, (uint64_t)options->gateway_memory_mb_max << 20);
    return gateway_start_beside(options, NULL, NULL, gateway, error);
}

int gateway_start_beside(const struct options *options, bool (*others_ready)(void *others, char why[READY_WHY_MAX]),
                         void *others, struct gateway **gateway, struct error *error)
{
    unsigned count = (unsigned)options->gateway_threads;
    struct gateway *self = calloc(1, sizeof *self);
    CHECK(self != NULL && count >= 1 && count <= THREADS_MAX);
    self->options = options;
    struct listen_sockets sockets;
    if (redis_server_check(options, error) != 0 ||
        listen_bind(&sockets, "gateway/http", options->gateway_http, count, error) != 0) {
        free(self);
        return -1;
    }
    self->port = sockets.port;
    readiness_init(&self->readiness, count, (unsigned)options->issuer_partitions);
    readiness_include(&self->readiness, others_ready, others);
    self->readiness.beside = others_ready != NULL;
    signal(SIGPIPE, SIG_IGN); /* writing to a closed connection then returns an error */
    if (open_threads(self, sockets.loopback, error) != 0) {
        listen_close(&sockets);
        rehearsal_destroy(&self->rehearsal);
        readers_destroy(&self->readers);
        exporter_destroy(&self->exporter);
        identity_destroy(&self->identity);
        free(self);
        return -1;
    }
    self->connections_max = raise_file_limit(options);
    self->board = policy_board_create();
    self->limits = limits_create(options);
    http_head_init();
    reply_init();
    warn_of_open_doors(options, sockets.loopback);
    for (unsigned i = 0; i < count; i++) {
        if (start_thread(self, &sockets, error) != 0) {
            close_rest(&sockets, i + 1);
            gateway_stop(&self);
            return -1;
        }
    }
    log_info("gateway", "serving http=%s port=%u addresses=%s threads=%u partitions=%u", options->gateway_http,
             self->port, sockets.text, count, (unsigned)options->issuer_partitions);
    *gateway = self;
    return 0;
}

uint16_t gateway_port(const struct gateway *gateway)
{
    return gateway->port;
}

bool gateway_ready(void *arg, char why[READY_WHY_MAX])
{
    const struct gateway *gateway = arg;
    bool ready = readiness_read(&gateway->readiness, why);
    if (ready && why[0] == '\0' && *memory_scarce()) {
        char text[128];
        memory_describe(text);
        snprintf(why, READY_WHY_MAX, "memory is low, %srequests that arrive in pieces are refused: %.70s",
                 memory_exhausted() ? "new connections and " : "", text);
    }
    return ready;
}

void gateway_stop(struct gateway **gateway)
{
    struct gateway *self = *gateway;
    if (self == NULL)
        return;
    rehearsal_stop(self->rehearsal);
    readiness_drain(&self->readiness);
    for (unsigned i = 0; i < self->threads; i++) {
        zsock_set_sndtimeo(self->actors[i], 0); /* a thread that failed to start no longer reads its pipe */
        zstr_send(self->actors[i], "$TERM");    /* all threads drain at the same time */
    }
    for (unsigned i = 0; i < self->threads; i++)
        zactor_destroy(&self->actors[i]);
    status_http_close(&self->status);
    rehearsal_destroy(&self->rehearsal);
    readers_destroy(&self->readers);
    exporter_destroy(&self->exporter);
    identity_destroy(&self->identity);
    policy_board_destroy(&self->board);
    limits_destroy(&self->limits);
    free(self);
    *gateway = NULL;
}
