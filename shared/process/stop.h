/*
 * Ends a slow start: SIGTERM and SIGINT are blocked on every thread until the role waits for them (coupond/role.h), so
 * the thread that starts a role polls for them. A call that cannot poll, because it may hang in a library, runs on a
 * thread that is abandoned when the process is asked to stop.
 */
#ifndef COUPOND_STOP_H
#define COUPOND_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* True when SIGTERM or SIGINT is pending. Any thread; cheap enough for every turn of a loop, not for every record. */
bool stop_requested(void);

/* Sleeps. False, and earlier, when the process is asked to stop. */
bool stop_sleep(int64_t ms);

/* Runs work(arg) on its own thread and beats a pulse meanwhile. True when it has finished. False when the process is
 * asked to stop first: the thread goes on alone and frees `arg` with `release`. */
bool stop_run(void (*work)(void *arg), void (*release)(void *arg), void *arg);

/* Marks that a thread was abandoned: nothing that it may use can be torn down, so the process must end by _exit(). */
void stop_abandon(void);
bool stop_abandoned(void);

#endif
