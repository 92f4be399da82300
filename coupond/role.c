#include "coupond/role.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coupond/commands.h"
#include "shared/endpoint.h"
#include "shared/journal/dir.h"
#include "shared/limits.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"
#include "shared/wire/peer.h"

#define ZMQ_SOCKETS_MAX 65536
#define OPEN_FILES_MAX                                                                                                 \
    1048576 /* some systems have a hard limit of 2^30, for which libraries would allocate huge                         \
             * tables */

int role_fail(const char *role, const struct error *error, int status)
{
    fprintf(stderr, "coupond %s: %s\n", role, error->text);
    return status;
}

int role_make_folder(const char *option, const char *folder, struct error *error)
{
    struct error reason = {""};
    if (journal_dir_create(folder, &reason) == 0)
        return 0;
    return error_set(error, "%s: %s; name a folder that this user may write to", option, reason.text);
}

int role_configure(const struct help *help, int argc, char **argv, const struct argument *own, struct options *options)
{
    const char *role = help->name;
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, own, 0, &error) != 0)
        return role_fail(role, &error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, help);
        return EXIT_SUCCESS;
    }
    if (arguments_load(&arguments, role, options, &error) != 0 || options_check_role(options, role, &error) != 0 ||
        peer_read_secret(options, &error) != 0)
        return role_fail(role, &error, EXIT_USAGE);
    if (!arguments.check_config)
        return ROLE_GO_ON;
    puts("the configuration is valid");
    return 0;
}

static void signals_to_wait_for(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
}

/* Blocked signals are handled by role_wait(); threads inherit the mask. */
static void prepare_signals(void)
{
    sigset_t signals;
    signals_to_wait_for(&signals);
    CHECK(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
}

static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = limit.rlim_max < OPEN_FILES_MAX ? limit.rlim_max : OPEN_FILES_MAX;
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("main", "cannot raise the limit of open files: %s", strerror(errno));
}

/* IPv6 is enabled only if an address needs it: libzmq then uses a name's first address, and localhost becomes ::1. */
static bool wants_ipv6(const struct options *options)
{
    const char *const endpoints[] = {options->issuer_requests,  options->issuer_events,    options->issuer_acks,
                                     options->gateway_requests, options->persister_events, options->persister_acks};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (endpoint_is_ipv6(endpoints[i]))
            return true;
    }
    return strchr(options->cluster_members, '[') != NULL; /* around an IPv6 address */
}

/* A core dump would contain the secrets of the cluster and of the store, and the coupons' holders. */
static void forbid_cores(const struct options *options)
{
    if (!options->process_core_dumps && prctl(PR_SET_DUMPABLE, 0) != 0)
        log_warn("main", "cannot forbid core dumps: %s", strerror(errno));
}

static void prepare_czmq(const struct options *options)
{
    zsys_handler_set(NULL);
    CHECK(zsys_init() != NULL);
    zsys_set_max_sockets(ZMQ_SOCKETS_MAX);
    zsys_set_max_msgsz(FRAME_BYTES_MAX);
    zsys_set_linger(0);
    zsys_set_ipv6(wants_ipv6(options));
}

void role_begin(const struct options *options)
{
    enum log_level level;
    CHECK(log_level_parse(options->log_level, &level));
    log_set_level(level);
    enum log_format format;
    CHECK(log_format_parse(options->log_format, &format));
    log_set_format(format);
    prepare_signals();
    raise_open_files();
    forbid_cores(options);
    prepare_czmq(options);
    notify_begin();
}

int role_start_failed(const char *role, const struct error *error)
{
    if (!stop_requested())
        return role_fail(role, error, EXIT_FAILURE);
    notify_stopping();
    log_info(role, "stopping before it was ready: %s", error->text);
    return role_end(role);
}

static void end_by_signal(int signal_number)
{
    _exit(128 + signal_number);
}

void role_let_signals_end(void)
{
    /* Needs a handler: the default action does not end the first process of a container. */
    struct sigaction action = {.sa_handler = end_by_signal};
    CHECK(sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0);
    sigset_t signals;
    signals_to_wait_for(&signals);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &signals, NULL) == 0);
}

void role_wait(const char *role, bool (*ready)(void *arg, char why[READY_WHY_MAX]), void *arg)
{
    sigset_t signals;
    int received = 0;
    signals_to_wait_for(&signals);
    notify_ready(ready, arg);
    CHECK(sigwait(&signals, &received) == 0);
    notify_stopping();
    log_info(role, "stopping: %s", received == SIGTERM ? "SIGTERM" : "SIGINT");
}

int role_end(const char *role)
{
    if (!stop_abandoned())
        zsys_shutdown();
    log_info(role, "stopped");
    notify_end();
    return 0;
}
