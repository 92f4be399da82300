#include "gateway/rehearsal/rehearsal.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/process/child.h"
#include "shared/telemetry/log.h"
#include "shared/worker.h"

extern char **environ;

#define OUTPUT_BYTES_MAX (64u << 10)
#define LIMIT_MS         600000
#define GRACE_MS         3000 /* to archive the copy */
#define ARGUMENTS_MAX    24

enum { EXIT_DONE = 0, EXIT_LACKING = 1 };

enum state { STATE_NONE, STATE_RUNNING, STATE_DONE, STATE_FAILED };

struct rehearsal {
    /* shared: under the mutex */
    pthread_mutex_t mutex;
    enum state state;
    bool asked; /* the thread is to start one */
    bool stopping;
    struct rehearsal_request request;
    char token[TOKEN_BYTES_MAX + 1];
    int64_t started_us;
    int64_t ended_us;
    char line[CHILD_LINE_MAX]; /* the progress, or why it has failed */
    char *report;              /* JSON; NULL: none */
    /* shared */
    struct child child;
    struct worker worker;
    /* owned by the thread */
    const struct options *options;
};

bool rehearsal_url_format(const char *http, char *out, size_t size)
{
    char host[256];
    uint16_t port = 0;
    size_t length = strcspn(http, ",");
    char first[300];
    if (length >= sizeof first)
        return false;
    memcpy(first, http, length);
    first[length] = '\0';
    if (!endpoint_split(first, host, sizeof host, &port))
        return false;
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0)
        strcpy(host, "127.0.0.1");
    else if (strcmp(host, "::") == 0)
        strcpy(host, "::1");
    bool v6 = strchr(host, ':') != NULL;
    return snprintf(out, size, "http://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port) < (int)size;
}

/* --- the thread --- */

static void on_line(void *arg, const char *line)
{
    static const char prefix[] = "coupond rehearse: ";
    struct rehearsal *self = arg;
    size_t skip = strncmp(line, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    pthread_mutex_lock(&self->mutex);
    snprintf(self->line, sizeof self->line, "%s", line + skip);
    pthread_mutex_unlock(&self->mutex);
}

/* The command line, with the texts of its numbers. */
struct command {
    const char *arguments[ARGUMENTS_MAX];
    unsigned count;
    char url[320];
    char users[24];
    char connections[24];
    char quantity[24];
    char members[2 * OPTION_STRING_MAX + 2];
};

static void add(struct command *command, const char *name, const char *value)
{
    CHECK(command->count + 3 <= ARGUMENTS_MAX);
    command->arguments[command->count++] = name;
    if (value != NULL)
        command->arguments[command->count++] = value;
}

static void add_number(struct command *command, const char *name, uint64_t number, char text[24])
{
    if (number == 0)
        return;
    snprintf(text, 24, "%" PRIu64, number);
    add(command, name, text);
}

/* The issuer's port may be on another machine; then it does not answer, and its figures stay unknown. */
static void add_members(struct command *command, const struct options *options)
{
    const char *own = options->gateway_operator_http, *issuer = options->issuer_http;
    snprintf(command->members, sizeof command->members, "%s%s%s", own, own[0] != '\0' && issuer[0] != '\0' ? "," : "",
             issuer);
    if (command->members[0] != '\0')
        add(command, "--metrics", command->members);
}

/* The token comes through the standard input: other users of the machine can read arguments. */
static void build(struct command *command, const struct rehearsal *self)
{
    const struct rehearsal_request *request = &self->request;
    *command = (struct command){.count = 0};
    CHECK(rehearsal_url_format(self->options->gateway_http, command->url, sizeof command->url));
    add(command, "coupond", "rehearse");
    add(command, "--json", NULL);
    add(command, "--url", command->url);
    add(command, "--coupon", request->coupon_id);
    add(command, "--token-file", "-");
    add_number(command, "--users", request->users, command->users);
    add_number(command, "--connections", request->connections, command->connections);
    add_number(command, "--quantity", request->quantity, command->quantity);
    add_members(command, self->options);
}

/* The report as one line; NULL when the child has not given one. */
static char *take_report(const struct child_end *end)
{
    if (end->fate != CHILD_EXITED || (end->status != EXIT_DONE && end->status != EXIT_LACKING))
        return NULL;
    json_t *report = json_loadb(end->output, end->output_length, JSON_REJECT_DUPLICATES, NULL);
    char *text = json_is_object(report) ? json_dumps(report, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(report);
    return text;
}

static void publish(struct rehearsal *self, char *report, const char *reason)
{
    char coupon_id[COUPON_ID_MAX + 1], line[CHILD_LINE_MAX]; /* the next request may begin before they are logged */
    pthread_mutex_lock(&self->mutex);
    sodium_memzero(self->token, sizeof self->token);
    self->state = report != NULL ? STATE_DONE : STATE_FAILED;
    self->ended_us = clock_wall_us();
    self->report = report;
    if (report != NULL)
        self->line[0] = '\0';
    else if (reason != NULL)
        snprintf(self->line, sizeof self->line, "%s", reason);
    memcpy(coupon_id, self->request.coupon_id, sizeof coupon_id);
    memcpy(line, self->line, sizeof line);
    pthread_mutex_unlock(&self->mutex);
    if (report != NULL)
        log_info("gateway", "rehearsal ended coupon=%s", coupon_id);
    else
        log_warn("gateway", "rehearsal failed coupon=%s: %s", coupon_id, line);
}

static void run_child(struct rehearsal *self)
{
    struct command command;
    build(&command, self);
    const struct child_config config = {
        .arguments = command.arguments,
        .environment = environ,
        .input = self->token,
        .output_max = OUTPUT_BYTES_MAX,
        .limit_ms = LIMIT_MS,
        .grace_ms = GRACE_MS,
        .on_line = on_line,
        .arg = self,
    };
    struct child_end end;
    struct error error = {""};
    int status = child_run(&self->child, &config, &end, &error);
    if (status != 0) {
        publish(self, NULL, error.text);
        return;
    }
    char *report = take_report(&end);
    publish(self, report, end.fate != CHILD_EXITED ? child_fate_text(end.fate) : NULL);
    child_end_deinit(&end);
}

/* The worker's duty cycle. */
static int64_t do_work(void *arg)
{
    struct rehearsal *self = arg;
    pthread_mutex_lock(&self->mutex);
    bool asked = self->asked;
    self->asked = false;
    pthread_mutex_unlock(&self->mutex);
    if (asked)
        run_child(self);
    return WORKER_UNTIL_WOKEN;
}

/* --- life --- */

struct rehearsal *rehearsal_create(const struct options *options, struct error *error)
{
    if (options->gateway_rehearsal_users_max == 0)
        return NULL;
    struct rehearsal *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->options = options;
    pthread_mutex_init(&self->mutex, NULL);
    if (child_init(&self->child, error) != 0)
        goto fail;
    if (worker_start(&self->worker, do_work, self, error) == 0)
        return self;
    child_deinit(&self->child);
fail:
    pthread_mutex_destroy(&self->mutex);
    free(self);
    return NULL;
}

void rehearsal_stop(struct rehearsal *rehearsal)
{
    if (rehearsal == NULL || rehearsal->stopping)
        return;
    pthread_mutex_lock(&rehearsal->mutex);
    rehearsal->stopping = true;
    pthread_mutex_unlock(&rehearsal->mutex);
    child_stop(&rehearsal->child);
    worker_stop(&rehearsal->worker);
}

void rehearsal_destroy(struct rehearsal **rehearsal)
{
    struct rehearsal *self = *rehearsal;
    if (self == NULL)
        return;
    rehearsal_stop(self);
    child_deinit(&self->child);
    pthread_mutex_destroy(&self->mutex);
    free(self->report);
    free(self);
    *rehearsal = NULL;
}

/* --- on a gateway thread --- */

/* Under the mutex. */
static void note(struct rehearsal *self, const struct rehearsal_request *request, struct span token)
{
    size_t length = token.length < sizeof self->token ? token.length : 0;
    self->state = STATE_RUNNING;
    self->asked = true;
    self->request = *request;
    if (length > 0)
        memcpy(self->token, token.at, length);
    self->token[length] = '\0';
    self->started_us = clock_wall_us();
    self->ended_us = 0;
    self->line[0] = '\0';
    free(self->report);
    self->report = NULL;
}

bool rehearsal_start(struct rehearsal *rehearsal, const struct rehearsal_request *request, struct span token)
{
    pthread_mutex_lock(&rehearsal->mutex);
    bool starts = rehearsal->state != STATE_RUNNING && !rehearsal->stopping;
    if (starts) {
        note(rehearsal, request, token);
        worker_wake(&rehearsal->worker); /* under the mutex: not after the stop */
    }
    pthread_mutex_unlock(&rehearsal->mutex);
    return starts;
}

static void append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_text(struct buffer *out, const char *name, const char *text)
{
    append(out, name);
    if (text[0] != '\0')
        json_string_append(out, text, strlen(text));
    else
        append(out, "null");
}

static void append_time(struct buffer *out, const char *name, int64_t us)
{
    char time[RFC3339_MAX + 1] = "";
    if (us != 0)
        time[rfc3339_format(us, time)] = '\0';
    append_text(out, name, time);
}

static void append_users_max(struct buffer *out, const struct rehearsal *self)
{
    char digits[20];
    append(out, ",\"users_max\":");
    buffer_append(
        out, digits,
        decimal_format(digits, self->options == NULL ? 0 : (uint64_t)self->options->gateway_rehearsal_users_max));
}

void rehearsal_json_append(struct rehearsal *rehearsal, struct buffer *out)
{
    static const char *const states[] = {"none", "running", "done", "failed"};
    static struct rehearsal none = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rehearsal *self = rehearsal != NULL ? rehearsal : &none;
    pthread_mutex_lock(&self->mutex);
    append_text(out, "{\"state\":", states[self->state]);
    append_users_max(out, self);
    append_text(out, ",\"coupon_id\":", self->request.coupon_id);
    append_time(out, ",\"started_at\":", self->started_us);
    append_time(out, ",\"ended_at\":", self->ended_us);
    append_text(out, ",\"progress\":", self->state == STATE_RUNNING ? self->line : "");
    append_text(out, ",\"error\":", self->state == STATE_FAILED ? self->line : "");
    append(out, ",\"report\":");
    append(out, self->report != NULL ? self->report : "null");
    append(out, "}");
    pthread_mutex_unlock(&self->mutex);
}
