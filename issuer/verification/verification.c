#include "issuer/verification/verification.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/verification/report.h"
#include "shared/clock.h"
#include "shared/process/child.h"
#include "shared/telemetry/log.h"
#include "shared/worker.h"

#define OUTPUT_BYTES_MAX (256u << 10)
#define GRACE_MS         200 /* it only reads */
#define NICE             10

enum { EXIT_KEPT = 0, EXIT_BROKEN = 1 };

struct verification {
    /* shared: under the mutex */
    pthread_mutex_t mutex;
    struct frame_verification_reply last; /* without a tag */
    bool asked;                           /* the thread is to start one */
    char origin[ACTOR_MAX + REQUEST_ID_MAX + 32];
    /* shared */
    struct child child;
    struct worker worker;
    /* owned by the thread */
    const struct options *options;
    struct metrics *metrics;
};

/* --- the thread --- */

static void on_line(void *arg, const char *line)
{
    static const char prefix[] = "coupond verify: ";
    struct verification *self = arg;
    size_t skip = strncmp(line, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    pthread_mutex_lock(&self->mutex);
    self->last.text_length = (uint16_t)verification_text_copy(self->last.text, sizeof self->last.text, line + skip);
    pthread_mutex_unlock(&self->mutex);
}

static bool take_report(struct frame_verification_reply *result, const struct child_end *end)
{
    return end->fate == CHILD_EXITED && (end->status == EXIT_KEPT || end->status == EXIT_BROKEN) &&
           verification_report_read(end->output, end->output_length, result) &&
           result->kept == (end->status == EXIT_KEPT);
}

static void set_text(struct frame_verification_reply *result, const char *text)
{
    result->text_length = (uint16_t)verification_text_copy(result->text, sizeof result->text, text);
}

/* Of a child that has exited, the last line says why. */
static void judge(struct frame_verification_reply *result, const struct child_end *end)
{
    bool read = take_report(result, end);
    result->state = read ? VERIFICATION_DONE : VERIFICATION_FAILED;
    if (read)
        result->text_length = 0;
    else if (end->fate != CHILD_EXITED)
        set_text(result, child_fate_text(end->fate));
    else if (result->text_length == 0)
        set_text(result, "it has said nothing that can be read");
}

static void publish(struct verification *self, const struct frame_verification_reply *result)
{
    struct metrics *metrics = self->metrics;
    bool done = result->state == VERIFICATION_DONE;
    pthread_mutex_lock(&self->mutex);
    self->last = *result;
    pthread_mutex_unlock(&self->mutex);
    metrics_set(metrics, METRIC_ISSUER_VERIFICATION_ENDED, 0, result->ended_at_us);
    metrics_set(metrics, METRIC_ISSUER_VERIFICATION_FAILED, 0, !done);
    if (done)
        metrics_set(metrics, METRIC_ISSUER_VERIFICATION_BROKEN, 0, result->kept == 0);
    if (!done)
        log_warn("issuer", "verification failed: %.*s", (int)result->text_length, result->text);
    else if (result->kept == 0)
        log_error("issuer", "verification: promises are broken; run coupond verify for the details");
    else
        log_info("issuer", "verification: all promises are kept issues=%llu", (unsigned long long)result->issues);
}

static void run_child(struct verification *self)
{
    static const char *const arguments[] = {"coupond", "verify", "--json", "--summary", NULL};
    char **environment = options_environment(self->options);
    const struct child_config config = {
        .arguments = arguments,
        .environment = environment,
        .output_max = OUTPUT_BYTES_MAX,
        .limit_ms = self->options->issuer_verification_timeout_ms,
        .grace_ms = GRACE_MS,
        .nice = NICE,
        .on_line = on_line,
        .arg = self,
    };
    struct child_end end;
    struct error error = {""};
    int status = child_run(&self->child, &config, &end, &error);
    options_environment_free(&environment);
    struct frame_verification_reply result = self->last; /* only this thread writes it while one runs */
    result.ended_at_us = clock_wall_us();
    result.state = VERIFICATION_FAILED;
    if (status != 0) {
        set_text(&result, error.text);
    } else {
        judge(&result, &end);
        child_end_deinit(&end);
    }
    publish(self, &result);
}

/* The worker's duty cycle. */
static int64_t do_work(void *arg)
{
    struct verification *self = arg;
    pthread_mutex_lock(&self->mutex);
    bool asked = self->asked;
    self->asked = false;
    pthread_mutex_unlock(&self->mutex);
    if (asked) {
        log_info("issuer", "verification started%s", self->origin);
        run_child(self);
    }
    return WORKER_UNTIL_WOKEN;
}

/* --- life --- */

struct verification *verification_create(const struct options *options, struct metrics *metrics, struct error *error)
{
    struct verification *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->options = options;
    self->metrics = metrics;
    pthread_mutex_init(&self->mutex, NULL);
    if (child_init(&self->child, error) != 0) {
        free(self);
        return NULL;
    }
    if (worker_start(&self->worker, do_work, self, error) != 0) {
        child_deinit(&self->child);
        free(self);
        return NULL;
    }
    return self;
}

void verification_destroy(struct verification **verification)
{
    struct verification *self = *verification;
    if (self == NULL)
        return;
    child_stop(&self->child);
    worker_stop(&self->worker);
    child_deinit(&self->child);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *verification = NULL;
}

/* --- on a partition's thread --- */

static void note_origin(struct verification *self, const struct frame_verification_request *request)
{
    bool actor = request->actor_length > 0, id = request->request_id_length > 0;
    snprintf(self->origin, sizeof self->origin, "%s%.*s%s%.*s", actor ? " actor=" : "", (int)request->actor_length,
             request->actor, id ? " request_id=" : "", (int)request->request_id_length, request->request_id);
}

/* Under the mutex. */
static void start(struct verification *self, const struct frame_verification_request *request)
{
    self->last = (struct frame_verification_reply){.state = VERIFICATION_RUNNING, .started_at_us = clock_wall_us()};
    self->asked = true;
    note_origin(self, request);
}

void verification_answer(struct verification *verification, const struct frame_verification_request *request, bool late,
                         struct frame_verification_reply *reply)
{
    struct verification *self = verification;
    uint8_t verdict = VERIFICATION_TOLD;
    if (self == NULL) {
        *reply = (struct frame_verification_reply){.tag = request->tag, .verdict = VERIFICATION_LATE};
        return;
    }
    pthread_mutex_lock(&self->mutex);
    bool starts = request->op == VERIFICATION_START && !late && self->last.state != VERIFICATION_RUNNING;
    if (starts)
        start(self, request);
    *reply = self->last;
    pthread_mutex_unlock(&self->mutex);
    if (starts)
        worker_wake(&self->worker);
    if (request->op == VERIFICATION_START)
        verdict = late ? VERIFICATION_LATE : starts ? VERIFICATION_STARTED : VERIFICATION_BUSY;
    reply->tag = request->tag;
    reply->verdict = verdict;
}
