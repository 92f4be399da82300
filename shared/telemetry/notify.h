/*
 * What the service manager is told (systemd's sd_notify): when the role is ready, when it stops, how it is, that its
 * threads go round, and that a long start or stop gets on. Without NOTIFY_SOCKET in the environment nothing is started
 * and all of it does nothing.
 *
 * A thread of its own sends WATCHDOG=1 only while every pulse (telemetry/pulse.h) beats, so a thread that hangs ends
 * the pings, and the manager the process. A manager that does not read holds up nobody but that thread. While the role
 * starts or stops it sends EXTEND_TIMEOUT_USEC as long as any pulse beats.
 */
#ifndef COUPOND_NOTIFY_H
#define COUPOND_NOTIFY_H

#include <stdbool.h>

#include "shared/limits.h"

/* As shared/telemetry/status_http.h's: whether the role is ready, and what is to be said in any case. On the notifying
 * thread. */
typedef bool (*notify_ready_fn)(void *arg, char why[READY_WHY_MAX]);

/* Starts the thread where there is somebody to tell. Main thread, before the role starts. */
void notify_begin(void);
/* READY=1; from now on `ready` is asked for the STATUS line, until notify_stopping(). */
void notify_ready(notify_ready_fn ready, void *arg);
/* STOPPING=1. `ready` is not asked any more when this returns. */
void notify_stopping(void);
/* The thread ends when it has sent what it is sending. */
void notify_end(void);

/* On any thread, while the role starts or stops: the STATUS line. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
