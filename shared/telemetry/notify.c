#include "shared/telemetry/notify.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "shared/error.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/pulse.h"
#include "shared/worker.h"

#define CHECK_US  INT64_C(5000000)  /* when the watchdog does not require shorter ones */
#define EXTEND_US INT64_C(60000000) /* extension granted to a start or stop that makes progress */

#define FINISH_US INT64_C(1000000) /* for the last message */

#define MESSAGE_MAX 1024

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING };

static struct {
    /* constant while the thread runs */
    bool active;
    struct worker worker;
    uint64_t watchdog_us; /* 0: no watchdog */
    /* under the mutex, which no thread holds while sending or logging, so that a blocked manager or log cannot block
     * the role */
    pthread_mutex_t mutex;
    enum phase phase;
    const char *news;                /* to be sent next; NULL: nothing */
    char status[READY_WHY_MAX + 16]; /* to be sent next; empty: nothing */
    notify_ready_fn ready;
    void *arg;
    /* owned by the notify thread */
    char sent[READY_WHY_MAX + 16]; /* the last status sent */
    uint64_t beats;
    bool silent;
} self = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* --- on the thread --- */

static void add(char message[MESSAGE_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char message[MESSAGE_MAX], const char *format, ...)
{
    size_t length = strlen(message);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message + length, MESSAGE_MAX - length, format, arguments);
    va_end(arguments);
}

/* With the mutex held. */
static void ask_role(void)
{
    char why[READY_WHY_MAX] = "";
    if (self.ready == NULL)
        return;
    bool ready = self.ready(self.arg, why);
    why[sizeof why - 1] = '\0';
    snprintf(self.status, sizeof self.status, "%s%s%s", ready ? "ready" : "not ready", why[0] != '\0' ? ": " : "", why);
}

/* With the mutex held: adds the role's messages. */
static void add_words(char message[MESSAGE_MAX])
{
    ask_role();
    if (self.news != NULL)
        add(message, "%s\n", self.news);
    if (self.status[0] != '\0' && strcmp(self.status, self.sent) != 0) {
        add(message, "STATUS=%s\n", self.status);
        memcpy(self.sent, self.status, sizeof self.sent);
    }
    self.news = NULL;
    self.status[0] = '\0';
}

static void add_extension(char message[MESSAGE_MAX])
{
    uint64_t beats = pulse_sum();
    if (beats != self.beats)
        add(message, "EXTEND_TIMEOUT_USEC=%lld\n", (long long)EXTEND_US);
    self.beats = beats;
}

/* Logs once that a thread hangs, and once that all threads respond again. */
static void add_ping(char message[MESSAGE_MAX])
{
    char why[128] = "";
    bool beats = pulse_all_beat((int64_t)self.watchdog_us / 2, why);
    if (beats)
        add(message, "WATCHDOG=1\n");
    if (beats == !self.silent)
        return;
    self.silent = !beats;
    if (beats)
        log_warn("main", "all threads respond again");
    else
        log_error("main", "no longer notifying the watchdog: %s", why);
}

/* Four checks per watchdog interval. */
static int64_t until_next_check_us(void)
{
    bool sooner = self.watchdog_us > 0 && (int64_t)self.watchdog_us / 4 < CHECK_US;
    return sooner ? (int64_t)self.watchdog_us / 4 : CHECK_US;
}

/* Collects what changed, and sends it. */
static int64_t send_changes(void *arg)
{
    (void)arg;
    char message[MESSAGE_MAX] = "";
    pthread_mutex_lock(&self.mutex);
    bool running = self.phase == PHASE_RUNNING;
    add_words(message);
    pthread_mutex_unlock(&self.mutex);
    if (!running)
        add_extension(message);
    if (self.watchdog_us > 0)
        add_ping(message);
    if (message[0] != '\0')
        sd_notify(0, message);
    return until_next_check_us();
}

/* --- on other threads --- */

void notify_begin(void)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    self.active = socket != NULL && socket[0] != '\0';
    if (!self.active)
        return;
    if (sd_watchdog_enabled(0, &self.watchdog_us) <= 0)
        self.watchdog_us = 0;
    struct error error;
    CHECK(worker_start(&self.worker, send_changes, NULL, &error) == 0);
}

static void change(enum phase phase, notify_ready_fn ready, void *arg, const char *news)
{
    if (!self.active)
        return;
    pthread_mutex_lock(&self.mutex);
    self.phase = phase;
    self.ready = ready;
    self.arg = arg;
    self.news = news;
    pthread_mutex_unlock(&self.mutex);
    worker_wake(&self.worker);
}

void notify_ready(notify_ready_fn ready, void *arg)
{
    change(PHASE_RUNNING, ready, arg, "READY=1");
}

void notify_stopping(void)
{
    change(PHASE_STOPPING, NULL, NULL, "STOPPING=1");
    notify_status("stopping");
}

void notify_end(void)
{
    worker_finish(&self.worker, FINISH_US); /* a manager that does not read may block it for ever */
    self.active = false;
}

void notify_status(const char *format, ...)
{
    if (!self.active)
        return;
    char status[sizeof self.status];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(status, sizeof status, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&self.mutex);
    memcpy(self.status, status, sizeof self.status);
    pthread_mutex_unlock(&self.mutex);
    worker_wake(&self.worker);
}
