/*
 * A start that takes long is told to end: SIGTERM and SIGINT are blocked on every thread until the role waits for them
 * (coupond/role.h), so whoever starts it looks whether one is there already. What cannot look, since it hangs in a
 * library, runs on a thread that is left behind; the process then ends without waiting for it.
 */
#ifndef COUPOND_STOP_H
#define COUPOND_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* SIGTERM or SIGINT waits to be taken. On any thread; cheap enough for every turn of a loop, not for every record. */
bool stop_requested(void);

/* Sleeps, or less when the process is told to end: then false. */
bool stop_sleep(int64_t ms);

/*
 * Runs work(arg) on a thread of its own, and beats a pulse meanwhile. True when it has ended. False when the process
 * was told to end before: the thread goes on by itself with `arg`, which it frees by `release`.
 */
bool stop_run(void (*work)(void *arg), void (*release)(void *arg), void *arg);

/* A thread is left behind: nothing that it may use can be taken down, so the process has to end by _exit(). */
void stop_abandon(void);
bool stop_abandoned(void);

#endif
