#include "gateway/tracing/exporter.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/tracing/collector.h"
#include "gateway/tracing/otlp.h"
#include "gateway/tracing/queue.h"
#include "shared/clock.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/worker.h"

enum { QUEUE_MAX = 4096, BATCH_MAX = 256, ATTEMPTS_MAX = 5, INSTANCE_MAX = 37 };

#define SECOND_US      INT64_C(1000000)
#define GATHER_US      (SECOND_US / 5) /* between two requests */
#define RETRY_MAX_S    60
#define LOG_US         (60 * SECOND_US)
#define LAST_US        (SECOND_US / 2) /* for sending what is queued at the stop */
#define STOP_US        (3 * SECOND_US) /* libcurl looks once a second whether that has passed */
#define BATCH_KEEP     ((size_t)1 << 20)
#define RETRY_FIRST_US SECOND_US /* doubles */

struct exporter {
    const struct options *options;
    /* shared */
    struct trace_queue queue;
    _Atomic int64_t end_us; /* when a request in progress ends, because the process does; 0: it goes on */
    struct worker worker;
    /* owned by the exporter's thread */
    struct metrics *metrics;
    struct collector *collector;
    char instance[INSTANCE_MAX];
    struct buffer batch;
    unsigned batch_traces;
    unsigned attempts;
    int64_t next_us;
    int64_t logged_us; /* 0: not yet */
};

/* --- sending --- */

static void fill_batch(struct exporter *self)
{
    struct trace *trace = NULL;
    while (self->batch_traces < BATCH_MAX && (trace = trace_queue_take(&self->queue)) != NULL) {
        if (self->batch_traces == 0)
            otlp_begin(&self->batch, self->instance, COUPOND_VERSION);
        otlp_append(&self->batch, trace, self->batch_traces == 0);
        self->batch_traces++;
        trace_destroy(&trace);
    }
    if (self->batch_traces > 0)
        otlp_end(&self->batch);
}

static void end_batch(struct exporter *self, enum metric_trace result)
{
    metrics_add(self->metrics, METRIC_GATEWAY_TRACES, result, self->batch_traces);
    self->batch_traces = self->attempts = 0;
    buffer_clear(&self->batch, BATCH_KEEP);
}

/* Once a minute. */
static void complain(struct exporter *self, const struct collector_answer *answer, int64_t now_us)
{
    if (self->logged_us != 0 && now_us - self->logged_us < LOG_US)
        return;
    self->logged_us = now_us;
    log_warn("gateway", "the collector of gateway/traces_url does not take traces: %s traces=%u", answer->text,
             self->batch_traces);
}

static int64_t pause_us(const struct exporter *self, const struct collector_answer *answer)
{
    int64_t us = answer->retry_after_s > RETRY_MAX_S ? RETRY_MAX_S * SECOND_US : answer->retry_after_s * SECOND_US;
    if (us == 0)
        us = RETRY_FIRST_US << (self->attempts - 1);
    return us + (int64_t)randombytes_uniform((uint32_t)RETRY_FIRST_US);
}

static void send_batch(struct exporter *self)
{
    struct collector_answer answer;
    collector_post(self->collector, &self->batch, &answer);
    int64_t now_us = clock_mono_us();
    self->next_us = now_us + GATHER_US;
    if (answer.verdict != COLLECTOR_TAKEN || answer.rejected_spans != 0)
        complain(self, &answer, now_us);
    if (answer.verdict == COLLECTOR_TAKEN) {
        end_batch(self, METRIC_TRACE_EXPORTED);
        return;
    }
    if (answer.verdict == COLLECTOR_REFUSED) {
        end_batch(self, METRIC_TRACE_REFUSED);
        return;
    }
    self->attempts++;
    self->next_us = now_us + pause_us(self, &answer);
    if (self->attempts == ATTEMPTS_MAX)
        end_batch(self, METRIC_TRACE_UNREACHABLE);
}

/* Once more, as long as the collector takes what it gets. */
static void send_last(struct exporter *self)
{
    bool taken = true;
    while (taken) {
        if (self->batch_traces == 0)
            fill_batch(self);
        if (self->batch_traces == 0)
            return;
        send_batch(self);
        taken = self->batch_traces == 0;
    }
    end_batch(self, METRIC_TRACE_UNREACHABLE);
}

static int64_t do_work(void *arg)
{
    struct exporter *self = arg;
    if (atomic_load(&self->end_us) != 0) {
        send_last(self);
        return WORKER_UNTIL_WOKEN;
    }
    int64_t left_us = self->next_us - clock_mono_us();
    if (left_us > 0)
        return left_us;
    if (self->batch_traces == 0)
        fill_batch(self);
    if (self->batch_traces == 0)
        return WORKER_UNTIL_WOKEN;
    send_batch(self);
    return self->next_us - clock_mono_us();
}

/* --- life --- */

/* A random UUID (RFC 9562, version 4), as the semantic conventions ask for. */
static void make_instance(char instance[INSTANCE_MAX])
{
    unsigned char b[16];
    randombytes_buf(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    int length =
        snprintf(instance, INSTANCE_MAX, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    CHECK(length == INSTANCE_MAX - 1);
}

int exporter_create(const struct options *options, struct exporter **exporter, struct error *error)
{
    *exporter = NULL;
    if (options->gateway_traces_url[0] == '\0')
        return 0;
    struct exporter *self = calloc(1, sizeof *self);
    CHECK(self != NULL && sodium_init() >= 0);
    self->options = options;
    trace_queue_init(&self->queue, QUEUE_MAX);
    make_instance(self->instance);
    self->metrics = metrics_create("gateway", -1);
    self->collector = collector_create(options->gateway_traces_url, options->gateway_traces_ca,
                                       options->gateway_traces_header, &self->end_us);
    if (worker_start(&self->worker, do_work, self, error) != 0) {
        collector_destroy(&self->collector);
        trace_queue_deinit(&self->queue);
        free(self);
        return -1;
    }
    *exporter = self;
    return 0;
}

/* Name resolution may hang in spite of all time limits. */
void exporter_destroy(struct exporter **exporter)
{
    struct exporter *self = *exporter;
    *exporter = NULL;
    if (self == NULL)
        return;
    atomic_store(&self->end_us, clock_mono_us() + LAST_US);
    worker_wake(&self->worker);
    if (!worker_finish(&self->worker, STOP_US)) {
        stop_abandon();
        return;
    }
    buffer_deinit(&self->batch);
    collector_destroy(&self->collector);
    trace_queue_deinit(&self->queue);
    free(self);
}

/* --- ports --- */

/* On a gateway thread. */
static void queue_trace(void *arg, struct trace **trace)
{
    struct exporter *self = arg;
    if (trace_queue_put(&self->queue, trace))
        worker_wake(&self->worker);
}

struct trace_port *exporter_create_port(struct exporter *exporter, unsigned threads, struct metrics *metrics)
{
    const struct options *options = exporter->options;
    struct trace_port_config config = {
        .per_million = (uint32_t)options->gateway_traces_per_million,
        .interval_us = SECOND_US * threads / options->gateway_traces_rate,
        .metrics = metrics,
        .done = queue_trace,
        .arg = exporter,
    };
    return trace_port_create(&config);
}
