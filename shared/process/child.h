/*
 * Runs a command of this program as a child process: its standard input is given, its standard output is collected up
 * to a bound, and each line of its standard error is handed over. The thread that calls child_run() waits for the end.
 * The child ends with its parent, and it never sees a file descriptor of it.
 */
#ifndef COUPOND_CHILD_H
#define COUPOND_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define CHILD_LINE_MAX 256 /* bytes of a line of standard error, with the NUL; longer ones are cut */

struct child_config {
    const char *const *arguments;                 /* "coupond", the command and its arguments, NULL */
    char *const *environment;                     /* NULL-terminated; PARENT_OF_COUPOND is added */
    const char *input;                            /* NULL: none */
    size_t output_max;                            /* bytes */
    int64_t limit_ms;                             /* of the child's life */
    int64_t grace_ms;                             /* between SIGTERM and SIGKILL */
    int nice;                                     /* added to the priority of this process */
    void (*on_line)(void *arg, const char *line); /* printable text; on the waiting thread; NULL: nobody listens */
    void *arg;
};

enum child_fate {
    CHILD_EXITED,  /* with `status` */
    CHILD_KILLED,  /* by signal `status`, not by us */
    CHILD_LATE,    /* ended because of its time limit */
    CHILD_WORDY,   /* ended because its output exceeds the bound */
    CHILD_STOPPED, /* ended because of child_stop() */
};

struct child_end {
    enum child_fate fate;
    int status;
    char line[CHILD_LINE_MAX]; /* the last one of standard error */
    char *output;              /* NUL-terminated; freed by child_end_deinit() */
    size_t output_length;
};

/* One child after the other. */
struct child {
    int stop_fd; /* an eventfd */
};

/* -1 and `error` when no descriptor is left. */
int child_init(struct child *child, struct error *error);
void child_deinit(struct child *child);

/* Runs a child to its end. -1 and `error` when it cannot be started. The caller deinitializes `end` after 0. */
int child_run(struct child *child, const struct child_config *config, struct child_end *end, struct error *error);
void child_end_deinit(struct child_end *end);
/* What happened to the child, in words, when it has not simply exited. */
const char *child_fate_text(enum child_fate fate);

/* On any thread: ends the child that runs, and every later one at once. */
void child_stop(struct child *child);

/* In main(), before any thread exists: when this process was started by child_run(), it ends with its parent, and the
 * kernel sacrifices it first when memory runs out. */
void child_follow_parent(void);

#endif
