/*
 * Notifies the service manager (systemd's sd_notify): role ready, role stopping, status line, watchdog, and progress of
 * a long start or stop. Without NOTIFY_SOCKET in the environment no thread starts and all functions do nothing.
 *
 * A separate thread sends WATCHDOG=1 only while every pulse (telemetry/pulse.h) beats, so a hanging thread stops the
 * pings and the manager restarts the process. A manager that does not read blocks only this thread. While the role
 * starts or stops, the thread sends EXTEND_TIMEOUT_USEC as long as any pulse beats.
 */
#ifndef COUPOND_NOTIFY_H
#define COUPOND_NOTIFY_H

#include <stdbool.h>

#include "shared/limits.h"

/* As in shared/telemetry/status_http.h: whether the role is ready, and a detail in either case. On the notifying
 * thread. */
typedef bool (*notify_ready_fn)(void *arg, char why[READY_WHY_MAX]);

/* Starts the thread if there is a service manager. Main thread, before the role starts. */
void notify_begin(void);
/* Sends READY=1; until notify_stopping(), `ready` supplies the STATUS line. */
void notify_ready(notify_ready_fn ready, void *arg);
/* Sends STOPPING=1. `ready` is not called after this returns. */
void notify_stopping(void);
/* Ends the thread after its last message; waits for that no longer than a second. */
void notify_end(void);

/* Any thread, while the role starts or stops: sets the STATUS line. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
