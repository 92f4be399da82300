#include "coupond/bench/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "coupond/bench/answer.h"
#include "coupond/bench/holdings.h"
#include "coupond/bench/request.h"
#include "shared/clock.h"

#define SWEEP_MS       50   /* interval of the time-out checks and reconnects */
#define CONNECTING_MAX 256u /* stays below the server's listen backlog */
#define NO_REQUEST     UINT64_MAX
#define LEAD_MIN_US    INT64_C(200000)
#define LEAD_MAX_US    INT64_C(5000000)
#define CONNECT_US     1000 /* enough where client and server share two cores */

enum connection_state { CLOSED, CONNECTING, IDLE, BUSY, CLOSING };

struct connection {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct bench_worker *worker;
    struct connection *next_idle;
    enum connection_state state;
    bool writing;     /* libuv uses `write` until on_written() */
    bool held;        /* the user had the coupon when the request was sent */
    uint64_t number;  /* of the request in flight */
    int64_t due_us;   /* intended send time */
    int64_t since_us; /* actual send time, or when connecting began */
    struct bench_request request;
    struct http_response response;
    char text[BENCH_REQUEST_MAX]; /* of the request */
};

struct bench_worker {
    struct bench_run *run;
    pthread_t thread;
    uv_loop_t loop;
    uv_timer_t sweep;
    uv_poll_t alarm;
    uv_prepare_t before_sleep;
    int alarm_fd;
    uint64_t next;  /* number of the next request to send */
    uint64_t armed; /* number of the request that the alarm is set for */
    uint64_t step;
    uint64_t busy;
    uint64_t connecting;
    uint64_t connections_count;
    struct connection *connections;
    struct connection *idle;
    bool stopping;
    char read_buffer[65536];
    struct bench_holdings holdings;
    struct bench_histogram latency[BENCH_OPERATION_COUNT];
    struct bench_histogram delay;
};

static void send_due(struct bench_worker *worker);

static void count_outcome(struct bench_worker *worker, enum bench_operation operation, enum bench_outcome outcome,
                          uint64_t times)
{
    atomic_fetch_add_explicit(&worker->run->outcomes[operation][outcome], times, memory_order_relaxed);
}

static int64_t timeout_us(const struct bench_worker *worker)
{
    return (int64_t)worker->run->options->timeout_ms * 1000;
}

static int64_t due_at(const struct bench_worker *worker, uint64_t number)
{
    return worker->run->start_us + bench_plan_due_us(&worker->run->options->plan, number);
}

/* --- connections --- */

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    connection->state = CLOSED;
}

static void close_connection(struct connection *connection)
{
    if (connection->state == CLOSED || connection->state == CLOSING)
        return;
    struct connection **link = &connection->worker->idle;
    while (connection->state == IDLE && *link != connection)
        link = &(*link)->next_idle;
    if (connection->state == IDLE)
        *link = connection->next_idle;
    if (connection->state == CONNECTING)
        connection->worker->connecting--;
    connection->state = CLOSING;
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

/* Ends the request in flight. */
static void finish_request(struct connection *connection, const struct bench_answer *answer)
{
    struct bench_worker *worker = connection->worker;
    struct bench_witness *witness = worker->run->witness;
    const struct bench_request *request = &connection->request;
    CHECK(connection->state == BUSY);
    worker->busy--;
    count_outcome(worker, request->operation, answer->outcome, 1);
    if (request->operation == BENCH_OPERATION_ISSUE)
        bench_witness_answer(witness, request->holding.user, connection->held, answer->outcome, answer->sequence);
    if (answer->broken != BENCH_PROMISE_COUNT)
        bench_witness_break(witness, answer->broken);
    if (answer->held && bench_mix_is_mixed(&worker->run->options->plan.mix))
        bench_holdings_put(&worker->holdings, &answer->holding, bench_plan_random(connection->number));
}

static void fail_connection(struct connection *connection, enum bench_outcome outcome)
{
    if (connection->state == BUSY) {
        struct bench_answer answer = bench_answer_missing(&connection->request, outcome);
        finish_request(connection, &answer);
    }
    close_connection(connection);
}

static void make_idle(struct connection *connection)
{
    connection->state = IDLE;
    connection->next_idle = connection->worker->idle;
    connection->worker->idle = connection;
}

/* Records the slowest answer since the last progress line, and all slow answers. */
static void note_latency(struct bench_run *run, int64_t due_us, int64_t now_us)
{
    uint64_t latency_us = (uint64_t)(now_us - due_us);
    uint64_t slowest_us = atomic_load_explicit(&run->slowest_us, memory_order_relaxed);
    while (latency_us > slowest_us &&
           !atomic_compare_exchange_weak_explicit(&run->slowest_us, &slowest_us, latency_us, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
    if (run->slow->limit_us == 0 || latency_us <= run->slow->limit_us)
        return;
    CHECK(pthread_mutex_lock(&run->slow_lock) == 0);
    bench_episodes_add(run->slow, due_us, now_us);
    CHECK(pthread_mutex_unlock(&run->slow_lock) == 0);
}

static void on_answer(struct connection *connection)
{
    struct bench_worker *worker = connection->worker;
    struct http_response *response = &connection->response;
    int64_t now_us = clock_mono_us();
    bench_histogram_add(&worker->latency[connection->request.operation], (uint64_t)(now_us - connection->due_us));
    note_latency(worker->run, connection->due_us, now_us);
    struct bench_answer answer = bench_answer_read(&connection->request, worker->run->options->coupon, response->status,
                                                   response->body, response->body_length);
    if (answer.outcome == BENCH_ISSUED)
        atomic_store_explicit(&worker->run->last_issued_us, now_us, memory_order_relaxed);
    finish_request(connection, &answer);
    make_idle(connection);
    if (!response->keep_alive || connection->writing)
        close_connection(connection); /* the next request must not reuse `write` while libuv uses it */
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct connection *connection = handle->data;
    *buffer = uv_buf_init(connection->worker->read_buffer, sizeof connection->worker->read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    if (length == 0 || connection->state == CLOSING)
        return;
    if (connection->state != BUSY) {
        close_connection(connection); /* the peer closed, or sent data without a request */
        return;
    }
    if (length > 0)
        http_response_feed(&connection->response, buffer->base, (size_t)length);
    else
        http_response_end(&connection->response);
    if (connection->response.state == HTTP_RESPONSE_DONE)
        on_answer(connection);
    else if (connection->response.state == HTTP_RESPONSE_BAD)
        fail_connection(connection, BENCH_CONNECTION_ERROR);
    send_due(connection->worker);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct connection *connection = request->data;
    if (connection->state != CONNECTING)
        return;
    if (status != 0 || uv_read_start((uv_stream_t *)&connection->tcp, on_allocate, on_read) != 0) {
        close_connection(connection);
        return;
    }
    connection->worker->connecting--;
    atomic_fetch_add_explicit(&connection->worker->run->connects, 1, memory_order_relaxed);
    make_idle(connection);
    send_due(connection->worker);
}

static void open_connection(struct connection *connection)
{
    struct bench_worker *worker = connection->worker;
    CHECK(uv_tcp_init(&worker->loop, &connection->tcp) == 0);
    connection->tcp.data = connection;
    connection->connect.data = connection;
    connection->state = CONNECTING;
    connection->since_us = clock_mono_us();
    worker->connecting++;
    if (uv_tcp_connect(&connection->connect, &connection->tcp, (const struct sockaddr *)&worker->run->target->address,
                       on_connected) != 0) {
        close_connection(connection);
        return;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
}

/* --- requests --- */

/* Chooses what request `number` is about. */
static void plan_request(struct connection *connection, uint64_t number)
{
    struct bench_worker *worker = connection->worker;
    const struct bench_plan *plan = &worker->run->options->plan;
    struct bench_request *request = &connection->request;
    connection->number = number;
    request->operation = bench_plan_operation(plan, number);
    request->reference = number + 1; /* never 0 */
    if (request->operation != BENCH_OPERATION_ISSUE &&
        bench_holdings_take(&worker->holdings, request->operation, bench_plan_repeats(plan, number),
                            bench_plan_random(number), &request->holding))
        return;
    request->operation = BENCH_OPERATION_ISSUE;
    request->holding = (struct bench_holding){.user = bench_plan_user(plan, number)};
    connection->held = bench_witness_holds(worker->run->witness, request->holding.user);
}

static void on_written(uv_write_t *request, int status)
{
    struct connection *connection = request->data;
    connection->writing = false;
    if (status != 0 && connection->state == BUSY)
        fail_connection(connection, BENCH_CONNECTION_ERROR);
}

/*
 * Writes the request, directly if the socket accepts all of it, which is nearly always the case. A write that is left
 * to libuv ends only with on_written(); with more than a thousand ready connections, the answer may be read before
 * that.
 */
static int write_all(struct connection *connection, size_t length)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    uv_buf_t buffer = uv_buf_init(connection->text, (unsigned)length);
    int written = uv_try_write(stream, &buffer, 1);
    if (written == (int)length || (written < 0 && written != UV_EAGAIN))
        return written < 0 ? written : 0;
    size_t done = written > 0 ? (size_t)written : 0;
    uv_buf_t rest = uv_buf_init(connection->text + done, (unsigned)(length - done));
    int result = uv_write(&connection->write, stream, &rest, 1, on_written);
    connection->writing = result == 0;
    return result;
}

static void send_request(struct connection *connection, uint64_t number, int64_t now_us)
{
    struct bench_worker *worker = connection->worker;
    struct bench_run *run = worker->run;
    connection->state = BUSY;
    plan_request(connection, number);
    connection->due_us = due_at(worker, number);
    connection->since_us = now_us;
    worker->busy++;
    bench_histogram_add(&worker->delay, (uint64_t)(now_us - connection->due_us));
    atomic_fetch_add_explicit(&run->sent, 1, memory_order_relaxed);
    http_response_init(&connection->response);
    connection->write.data = connection;
    size_t length = bench_request_write(&connection->request, run->options, run->target->authority, connection->text);
    if (write_all(connection, length) != 0)
        fail_connection(connection, BENCH_CONNECTION_ERROR);
}

/* Sets the alarm for the next request. Not needed when no connection is free: the next answer sends it. */
static void set_alarm(struct bench_worker *worker)
{
    if (worker->idle == NULL || worker->next >= worker->run->options->plan.requests || worker->armed == worker->next)
        return;
    worker->armed = worker->next;
    int64_t due_us = due_at(worker, worker->next);
    struct itimerspec when = {.it_value = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000}};
    CHECK(timerfd_settime(worker->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static void stop(struct bench_worker *worker)
{
    worker->stopping = true;
    for (uint64_t i = 0; i < worker->connections_count; i++)
        close_connection(&worker->connections[i]);
    uv_close((uv_handle_t *)&worker->sweep, NULL);
    uv_close((uv_handle_t *)&worker->alarm, NULL);
    uv_close((uv_handle_t *)&worker->before_sleep, NULL);
}

/* Sends every due request while there are free connections. */
static void send_due(struct bench_worker *worker)
{
    uint64_t requests = worker->run->options->plan.requests;
    int64_t now_us = clock_mono_us();
    while (!worker->stopping && worker->next < requests && worker->idle != NULL &&
           due_at(worker, worker->next) <= now_us) {
        struct connection *connection = worker->idle;
        worker->idle = connection->next_idle;
        send_request(connection, worker->next, now_us);
        worker->next += worker->step;
    }
    if (!worker->stopping && worker->next >= requests && worker->busy == 0)
        stop(worker);
}

/* The alarm is set only before the loop sleeps, because setting it costs more than a request; while answers arrive,
 * each of them checks for due requests. */
static void on_before_sleep(uv_prepare_t *before_sleep)
{
    struct bench_worker *worker = before_sleep->data;
    send_due(worker);
    if (!worker->stopping)
        set_alarm(worker);
}

static void on_alarm(uv_poll_t *alarm, int status, int events)
{
    (void)status, (void)events;
    struct bench_worker *worker = alarm->data;
    uint64_t expirations = 0;
    if (read(worker->alarm_fd, &expirations, sizeof expirations) < 0)
        CHECK(errno == EAGAIN || errno == EINTR);
    send_due(worker);
}

static void sweep_connection(struct connection *connection, int64_t now_us)
{
    bool late = now_us - connection->since_us > timeout_us(connection->worker);
    if (late && connection->state == BUSY)
        fail_connection(connection, BENCH_TIMED_OUT);
    if (late && connection->state == CONNECTING)
        close_connection(connection);
    if (connection->state == CLOSED && connection->worker->connecting < CONNECTING_MAX)
        open_connection(connection);
}

/* Gives up requests that could not be sent within the time-out after the last one was due. */
static void give_up(struct bench_worker *worker, int64_t now_us)
{
    uint64_t requests = worker->run->options->plan.requests;
    bool over = now_us >= due_at(worker, requests) + timeout_us(worker) || atomic_load(&worker->run->abandoned);
    if (worker->next >= requests || !over)
        return;
    count_outcome(worker, BENCH_OPERATION_ISSUE, BENCH_UNSENT, (requests - worker->next - 1) / worker->step + 1);
    worker->next = requests;
}

static void on_sweep(uv_timer_t *timer)
{
    struct bench_worker *worker = timer->data;
    int64_t now_us = clock_mono_us();
    give_up(worker, now_us);
    for (uint64_t i = 0; i < worker->connections_count; i++)
        sweep_connection(&worker->connections[i], now_us);
    send_due(worker);
}

/* --- life --- */

static void *run_thread(void *arg)
{
    struct bench_worker *worker = arg;
    on_sweep(&worker->sweep);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void init_loop(struct bench_worker *worker)
{
    CHECK(uv_loop_init(&worker->loop) == 0);
    CHECK(uv_timer_init(&worker->loop, &worker->sweep) == 0);
    CHECK(uv_poll_init(&worker->loop, &worker->alarm, worker->alarm_fd) == 0);
    worker->sweep.data = worker;
    CHECK(uv_prepare_init(&worker->loop, &worker->before_sleep) == 0);
    worker->alarm.data = worker;
    worker->before_sleep.data = worker;
    CHECK(uv_timer_start(&worker->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    CHECK(uv_poll_start(&worker->alarm, UV_READABLE, on_alarm) == 0);
    CHECK(uv_prepare_start(&worker->before_sleep, on_before_sleep) == 0);
}

/* This worker's share of the connections, distributed round-robin. */
static uint64_t share_of(const struct bench_options *options, uint64_t index)
{
    return options->connections / options->threads + (index < options->connections % options->threads ? 1 : 0);
}

int64_t bench_worker_lead_us(uint64_t connections)
{
    int64_t lead_us = LEAD_MIN_US + (int64_t)connections * CONNECT_US;
    return lead_us < LEAD_MAX_US ? lead_us : LEAD_MAX_US;
}

struct bench_worker *bench_worker_start(struct bench_run *run, uint64_t index, struct error *error)
{
    struct bench_worker *worker = calloc(1, sizeof *worker);
    struct connection *connections = calloc(share_of(run->options, index), sizeof *connections);
    int alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker == NULL || connections == NULL || alarm_fd < 0)
        goto fail;
    worker->run = run;
    worker->alarm_fd = alarm_fd;
    worker->next = index;
    worker->armed = NO_REQUEST;
    worker->step = run->options->threads;
    worker->connections = connections;
    worker->connections_count = share_of(run->options, index);
    bench_holdings_init(&worker->holdings);
    for (uint64_t i = 0; i < worker->connections_count; i++)
        connections[i].worker = worker;
    init_loop(worker);
    CHECK(pthread_create(&worker->thread, NULL, run_thread, worker) == 0);
    return worker;
fail:
    error_set(error, "cannot start a thread for %" PRIu64 " connections: %s", share_of(run->options, index),
              strerror(errno));
    if (alarm_fd >= 0)
        close(alarm_fd);
    free(connections);
    free(worker);
    return NULL;
}

bool bench_worker_ended(struct bench_worker *worker, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t nanoseconds = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    return pthread_timedjoin_np(worker->thread, NULL, &until) == 0;
}

void bench_worker_destroy(struct bench_worker **worker, struct bench_histogram latency[BENCH_OPERATION_COUNT],
                          struct bench_histogram *delay)
{
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++)
        bench_histogram_merge(&latency[i], &(*worker)->latency[i]);
    bench_histogram_merge(delay, &(*worker)->delay);
    CHECK(uv_loop_close(&(*worker)->loop) == 0);
    close((*worker)->alarm_fd);
    bench_holdings_deinit(&(*worker)->holdings);
    free((*worker)->connections);
    free(*worker);
    *worker = NULL;
}
