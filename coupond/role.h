/*
 * What the long-running commands (gateway, issuer, persister, dev) share: reading their configuration, the process'
 * surroundings (signals, limits, czmq), waiting for the end. All on the main thread.
 */
#ifndef COUPOND_ROLE_H
#define COUPOND_ROLE_H

#include "coupond/arguments.h"
#include "coupond/help.h"
#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

#define ROLE_GO_ON (-1)

/* What the --help of every role says. */
#define ROLE_ABOUT(does)                                                                                               \
    does                                                                                                               \
        " until SIGTERM or SIGINT. Options come from FILE, COUPOND_<SECTION>_<NAME> in the environment and --set, in " \
        "that rising order; coupond --help-config prints them all."

/* Reads the command line and the configuration of the role that `help` is of; `own` as in arguments_parse(). ROLE_GO_ON
 * when it shall run; otherwise (--help, --check-config, an error) it has printed what there is to say and returns the
 * exit status. */
int role_configure(const struct help *help, int argc, char **argv, const struct argument *own, struct options *options);

/* Says "coupond ROLE: …" on standard error and returns `status`. */
int role_fail(const char *role, const struct error *error, int status);

/* Makes the folder that `option` names, and its parents. -1 and an error that says which option to change. */
int role_make_folder(const char *option, const char *folder, struct error *error);

/*
 * Before any thread starts: SIGTERM and SIGINT wait for role_wait() on every thread, SIGPIPE is ignored, the limit of
 * open files is raised, the log's level and format are set, czmq is up with bounds and without its own signal handlers,
 * and the service manager hears of us (shared/telemetry/notify.h).
 */
void role_begin(const struct options *options);
/* Its start has failed: the exit status. Told to end meanwhile, it ends in good order, and says where it stood. */
int role_start_failed(const char *role, const struct error *error);
/* SIGTERM and SIGINT end the process at once again, with status 128 and the signal's number, in a container as well:
 * for what may be killed at any moment. */
void role_let_signals_end(void);

/* Tells the service manager that the role is ready, and returns at the first SIGTERM or SIGINT, which it logs. More of
 * them change nothing; SIGQUIT ends the process at once. Meanwhile `ready` is asked, on a thread of its own, how the
 * role is, as by /readyz. */
void role_wait(const char *role, bool (*ready)(void *arg, char why[READY_WHY_MAX]), void *arg);
/* After all sockets are closed, but for those of a thread that is left behind (shared/process/stop.h); logs the end.
 * Returns the exit status 0. */
int role_end(const char *role);

#endif
