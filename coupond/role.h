/*
 * Shared by the long-running commands (gateway, issuer, persister, dev): configuration, process setup (signals, limits,
 * czmq), and waiting for the end. Main thread only.
 */
#ifndef COUPOND_ROLE_H
#define COUPOND_ROLE_H

#include "coupond/arguments.h"
#include "coupond/help.h"
#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

#define ROLE_GO_ON (-1)

/* Common to the --help of all roles. */
#define ROLE_ABOUT(does)                                                                                               \
    does                                                                                                               \
        " until SIGTERM or SIGINT. Options come from FILE, COUPOND_<SECTION>_<NAME> in the environment and --set, in " \
        "this order: later sources override earlier ones. coupond --help-config lists all options."

/* Reads the command line and the configuration of the role that `help` describes; `own` as in arguments_parse().
 * Returns ROLE_GO_ON when it should run; otherwise (--help, --check-config, an error) prints the output or error and
 * returns the exit status. */
int role_configure(const struct help *help, int argc, char **argv, const struct argument *own, struct options *options);

/* Prints "coupond ROLE: …" on standard error and returns `status`. */
int role_fail(const char *role, const struct error *error, int status);

/* Creates the folder that `option` names, and its parents. -1 and an error that names the option to change. */
int role_make_folder(const char *option, const char *folder, struct error *error);

/*
 * Call before any thread starts: reserves SIGTERM and SIGINT for role_wait(), ignores SIGPIPE, raises the limit of open
 * files, configures the log, initializes czmq with limits and without its signal handlers, and contacts the service
 * manager (shared/telemetry/notify.h).
 */
void role_begin(const struct options *options);
/* Handles a failed start and returns the exit status. When a signal has meanwhile asked the role to stop, it ends
 * normally and logs how far it got. */
int role_start_failed(const char *role, const struct error *error);
/* From now on SIGTERM and SIGINT end the process at once, with status 128 plus the signal's number, also as the first
 * process of a container: for phases in which it may be killed at any moment. */
void role_let_signals_end(void);

/* Reports readiness to the service manager and returns at the first SIGTERM or SIGINT, which it logs. Further ones have
 * no effect; SIGQUIT ends the process at once. Meanwhile another thread calls `ready`, like /readyz, for the service
 * manager's status. */
void role_wait(const char *role, bool (*ready)(void *arg, char why[READY_WHY_MAX]), void *arg);
/* Call after all sockets are closed, except those of an abandoned thread (shared/process/stop.h); logs the end. Returns
 * the exit status 0. */
int role_end(const char *role);

#endif
