#include "gateway/gateway_loop.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "gateway/acceptor.h"
#include "gateway/connection/input.h"
#include "gateway/connection/life.h"
#include "gateway/connection/output.h"
#include "gateway/connection/pool.h"
#include "gateway/dispatch/dispatch.h"
#include "gateway/dispatch/eligibility.h"
#include "gateway/dispatch/readings.h"
#include "gateway/dispatch/traces.h"
#include "gateway/links.h"
#include "gateway/live/live.h"
#include "gateway/policy/life.h"
#include "gateway/reading/readers.h"
#include "gateway/service/service.h"
#include "gateway/standstill.h"
#include "shared/clock.h"
#include "shared/process/memory.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/pulse.h"

enum {
    TICK_MS = 25,      /* pings, time-outs, the Date field */
    ROUNDS_MAX = 4,    /* receives and sends per turn */
    TIMERS_MAX = 1024, /* per tick; bounds how long a burst of time-outs delays other work */
    HANDSHAKE_MS = 50, /* time for a TCP handshake in progress to complete */
};

struct gateway_loop {
    const struct options *options;
    struct metrics *metrics;
    struct pulse *pulse;
    zsock_t *pipe;
    unsigned thread; /* this thread's index */
    /* handles */
    uv_loop_t uv;
    struct acceptor acceptors[LISTEN_ADDRESSES_MAX];
    unsigned acceptors_count;
    uv_poll_t pipe_poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t again; /* active while work is left, so that the next poll does not wait */
    uv_timer_t tick;
    uv_async_t readings; /* woken by the threads that read the store */
    /* the objects that it drives */
    struct connections connections;
    struct service service;
    struct links *links;
    struct standstill standstill;
    /* shutdown */
    uint64_t refuse_at_ms; /* accepts new handshakes until then */
    uint64_t close_at_ms;  /* closes the listeners then */
    uint64_t drain_until_ms;
};

/* --- a turn --- */

static void resume_connections(struct gateway_loop *loop)
{
    for (struct connection *c = loop->connections.dirty; c != NULL; c = c->dirty_next)
        connection_input_resume(c);
}

/* Connections that become dirty meanwhile are processed in the next turn. */
static void flush_connections(struct gateway_loop *loop)
{
    struct connection *next = loop->connections.dirty;
    loop->connections.dirty = NULL;
    while (next != NULL) {
        struct connection *c = next;
        next = c->dirty_next;
        c->dirty = false;
        connection_output_flush(c);
    }
}

static void on_again(uv_idle_t *again)
{
    (void)again;
}

static void take_turn(struct gateway_loop *loop)
{
    bool more = true;
    for (int round = 0; more && round < ROUNDS_MAX; round++) {
        more = links_receive(loop->links);
        resume_connections(loop);
        more |= links_send(loop->links);
    }
    policies_flush(&loop->service);
    flush_connections(loop);
    traces_flush(&loop->service);
    if (more || loop->connections.dirty != NULL)
        uv_idle_start(&loop->again, on_again); /* the poll does not wait */
    else
        uv_idle_stop(&loop->again);
}

/* Reads the clock for the whole turn. True when the thread has stood still since the last check, so that pending input
 * must be discarded. */
static bool check_standstill(struct gateway_loop *loop)
{
    int64_t stood_us = standstill_check(&loop->standstill);
    /* Input read after this point is dated now, even if the thread stands still again meanwhile. */
    (void)service_now_us(&loop->service);
    if (stood_us == 0)
        return false;
    standstill_close_undated(&loop->connections, loop->acceptors, loop->acceptors_count, stood_us);
    return true;
}

/* An event of the connections: the same check, but once per poll. */
static bool stood_still(void *arg)
{
    struct gateway_loop *loop = arg;
    return !loop->standstill.checked && check_standstill(loop);
}

/* Runs after the poll: everything that was read is parsed. */
static void on_check(uv_check_t *check)
{
    struct gateway_loop *loop = check->data;
    stood_still(loop);
    links_end_sleep(loop->links);
    take_turn(loop);
}

/* Runs before the poll: processes the work of timers and writes. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct gateway_loop *loop = prepare->data;
    check_standstill(loop);
    take_turn(loop);
    if (!uv_is_active((uv_handle_t *)&loop->again) && !links_begin_sleep(loop->links))
        uv_idle_start(&loop->again, on_again);
    service_end_turn(&loop->service);
    standstill_end_turn(&loop->standstill);
}

/* --- drain and end --- */

static void drain(struct gateway_loop *loop)
{
    struct connection *next = NULL;
    if (loop->connections.draining)
        return;
    log_info("gateway", "draining connections=%u in_flight=%u", loop->connections.count,
             loop->service.exchanges.waiting_count);
    loop->connections.draining = true;
    loop->refuse_at_ms = uv_now(&loop->uv) + (uint64_t)loop->options->gateway_drain_delay_ms;
    loop->close_at_ms = loop->refuse_at_ms + HANDSHAKE_MS;
    loop->drain_until_ms = loop->refuse_at_ms + (uint64_t)loop->options->gateway_drain_timeout_ms;
    for (struct connection *c = loop->connections.open; c != NULL; c = next) {
        next = c->next;
        connection_life_drain(c);
    }
}

/* A client must not be reset after its handshake: listeners close when no handshake is in progress. Streams of events
 * end when new ones would no longer come here. */
static void shut_listeners(struct gateway_loop *loop)
{
    uint64_t now_ms = uv_now(&loop->uv);
    if (now_ms >= loop->refuse_at_ms)
        live_end(loop->service.live);
    for (unsigned i = 0; i < loop->acceptors_count; i++) {
        struct acceptor *acceptor = &loop->acceptors[i];
        if (acceptor->state == ACCEPTOR_OPEN && now_ms >= loop->refuse_at_ms)
            acceptor_refuse(acceptor);
        if (acceptor->state == ACCEPTOR_REFUSING && now_ms >= loop->close_at_ms)
            acceptor_finish(acceptor);
    }
}

static void read_pipe(struct gateway_loop *loop)
{
    char *message = NULL;
    while ((zsock_events(loop->pipe) & ZMQ_POLLIN) != 0) {
        message = zstr_recv(loop->pipe);
        if (message == NULL || strcmp(message, "$TERM") == 0)
            drain(loop);
        zstr_free(&message);
    }
}

static void on_pipe(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    read_pipe(poll->data);
}

static bool drained(const struct gateway_loop *loop)
{
    for (unsigned i = 0; i < loop->acceptors_count; i++) {
        if (loop->acceptors[i].state != ACCEPTOR_CLOSED)
            return false;
    }
    return loop->connections.count == 0 || uv_now(&loop->uv) >= loop->drain_until_ms;
}

/* --- the tick --- */

static void on_tick(uv_timer_t *tick)
{
    struct gateway_loop *loop = tick->data;
    if (memory_check(clock_mono_us(), MEMORY_CHECK_MS) && *memory_scarce())
        malloc_trim(0); /* returns the memory of closed connections to the system */
    reply_clock_set(&loop->service.clock, policies_time_us(loop->service.policies));
    links_tick(loop->links);
    dispatch_tick(&loop->service, loop->thread == 0);
    policies_tick(&loop->service);
    live_tick(loop->service.live);
    timer_wheel_advance(&loop->connections.wheel, uv_now(&loop->uv), TIMERS_MAX, connection_life_on_timer, NULL);
    links_report(loop->links, loop->thread);
    metrics_set(loop->metrics, METRIC_GATEWAY_IN_FLIGHT, 0, loop->service.exchanges.waiting_count);
    pulse_beat(loop->pulse);
    for (unsigned i = 0; i < loop->acceptors_count; i++)
        acceptor_tick(&loop->acceptors[i]);
    if (loop->connections.draining)
        shut_listeners(loop);
    if (drained(loop))
        uv_stop(&loop->uv);
}

/* --- setup --- */

static void on_connection(void *arg, int fd)
{
    struct gateway_loop *loop = arg;
    if (stood_still(loop))
        close(fd);
    else
        connection_life_begin(&loop->connections, fd);
}

static void on_readings(uv_async_t *async)
{
    struct gateway_loop *loop = async->data;
    readings_take(&loop->service);
}

/* On a reading thread. */
static void wake_for_readings(void *arg)
{
    uv_async_send(arg);
}

static void open_readings(struct gateway_loop *loop, struct readers *readers)
{
    CHECK(uv_async_init(&loop->uv, &loop->readings, on_readings) == 0);
    loop->readings.data = loop;
    loop->service.readers = readers;
    if (readers == NULL)
        return;
    loop->service.reading_port = readers_port(readers, loop->thread);
    reading_port_open(loop->service.reading_port, wake_for_readings, &loop->readings);
}

static void watch(struct gateway_loop *loop, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
    CHECK(uv_poll_init(&loop->uv, poll, fd) == 0);
    poll->data = loop;
    CHECK(uv_poll_start(poll, UV_READABLE, callback) == 0);
}

static void open_handles(struct gateway_loop *loop)
{
    CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0 && uv_prepare_start(&loop->prepare, on_prepare) == 0);
    CHECK(uv_check_init(&loop->uv, &loop->check) == 0 && uv_check_start(&loop->check, on_check) == 0);
    CHECK(uv_idle_init(&loop->uv, &loop->again) == 0);
    CHECK(uv_timer_init(&loop->uv, &loop->tick) == 0 && uv_timer_start(&loop->tick, on_tick, 0, TICK_MS) == 0);
    loop->prepare.data = loop;
    loop->check.data = loop;
    loop->tick.data = loop;
    watch(loop, &loop->pipe_poll, zsock_fd(loop->pipe), on_pipe);
}

/* Opens all of them; the loop closes them, even when one fails. */
static int open_acceptors(struct gateway_loop *loop, const struct gateway_loop_args *args, struct error *error)
{
    int result = 0;
    for (unsigned i = 0; i < args->listeners; i++) {
        struct acceptor *acceptor = &loop->acceptors[loop->acceptors_count++];
        acceptor->metrics = loop->metrics;
        if (acceptor_open(acceptor, &loop->uv, args->listen_fds[i], on_connection, loop) != 0)
            result =
                error_set(error, "gateway/http: cannot listen on %s: %s", loop->options->gateway_http, strerror(errno));
    }
    return result;
}

/* --- the connections' events --- */

static void on_request(void *arg, struct connection *connection, const struct http_request *request)
{
    struct gateway_loop *loop = arg;
    dispatch_request(&loop->service, connection, request);
}

static void on_refusal(void *arg, struct connection *connection, enum error_code code, const char *reason)
{
    struct gateway_loop *loop = arg;
    dispatch_refusal(&loop->service, connection, code, reason);
}

static void on_turn(void *arg, struct exchange *exchange)
{
    struct gateway_loop *loop = arg;
    dispatch_held(&loop->service, exchange);
}

static void on_turned_away(void *arg, struct connection *connection)
{
    struct gateway_loop *loop = arg;
    dispatch_turned_away(&loop->service, connection);
}

/* --- life --- */

static int loop_open(struct gateway_loop *loop, zsock_t *pipe, struct gateway_loop_args *args)
{
    const struct options *options = args->options;
    const struct connection_events events = {
        .on_request = on_request,
        .on_refusal = on_refusal,
        .on_turn = on_turn,
        .on_turned_away = on_turned_away,
        .stood_still = stood_still,
        .arg = loop,
    };
    loop->options = options;
    loop->thread = args->thread;
    loop->pipe = pipe;
    loop->metrics = args->metrics = metrics_create("gateway", -1);
    loop->pulse = pulse_create("gateway thread", -1);
    CHECK(uv_loop_init(&loop->uv) == 0);
    connections_init(&loop->connections, options, loop->metrics, &loop->uv, &loop->service.exchanges, &events);
    loop->connections.count_max = args->connections_max;
    service_init(&loop->service, options, loop->metrics, &loop->connections, args->readiness, args->identity);
    loop->service.policies = policies_create(&loop->service, args->board, args->subscribes);
    loop->service.live = live_create(&loop->service);
    loop->service.eligibility = eligibility_create(&loop->service);
    open_handles(loop);
    loop->service.limits = args->limits;
    loop->service.rehearsal = args->rehearsal;
    traces_begin(&loop->service, args->exporter);
    open_readings(loop, args->readers);
    if (links_open(&loop->uv, &loop->service, &loop->links, &args->error) == 0)
        return open_acceptors(loop, args, &args->error);
    for (unsigned i = 0; i < args->listeners; i++)
        close(args->listen_fds[i]);
    return -1;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void loop_close(struct gateway_loop *loop)
{
    connection_pool_close_all(&loop->connections);
    traces_end(&loop->service);
    if (loop->service.readers != NULL)
        reading_port_close(loop->service.reading_port);
    policies_end(loop->service.policies);
    for (unsigned i = 0; i < loop->acceptors_count; i++)
        acceptor_close(&loop->acceptors[i]);
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop->uv) == 0);
    links_close(&loop->links);
    metrics_set(loop->metrics, METRIC_GATEWAY_IN_FLIGHT, 0, 0);
    live_destroy(&loop->service.live);
    policies_destroy(&loop->service.policies);
    eligibility_destroy(&loop->service.eligibility);
    pulse_destroy(&loop->pulse);
    connection_pool_deinit(&loop->connections);
    service_deinit(&loop->service);
}

void gateway_loop_actor(zsock_t *pipe, void *args)
{
    struct gateway_loop_args *start = args;
    struct gateway_loop *loop = calloc(1, sizeof *loop);
    CHECK(loop != NULL);
    start->failed = loop_open(loop, pipe, start) != 0;
    bool failed = start->failed;
    zsock_signal(pipe, failed ? 1 : 0); /* from here on `start` belongs to its owner again */
    if (!failed) {
        read_pipe(loop); /* the signal may have consumed the descriptor's edge */
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    loop_close(loop);
    free(loop);
}
