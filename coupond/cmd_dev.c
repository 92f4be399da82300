/*
 * `coupond dev`: issuer, persister and gateway in one process over inproc://, with the SQLite store and the journal in
 * one folder. All options apply; this file only changes defaults.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "coupond/samples.h"
#include "gateway/gateway.h"
#include "issuer/issuer.h"
#include "persister/persister.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/wire/peer.h"

#define REHEARSAL_USERS 20000 /* whoever runs everything on one machine may try it out */

struct roles {
    _Atomic bool started; /* all roles run, and the samples exist */
    struct issuer *issuer;
    struct persister *persister;
    struct gateway *gateway;
};

static const struct help_option dev_options[] = {
    {"--dir", "DIR", "folder of the store (coupond.db) and the journal, default ./var"},
    {"--http", "HOST:PORT", "HTTP address, default 127.0.0.1:8080"},
    HELP_CONFIG,
    HELP_SET,
    HELP_CHECK,
    HELP_HELP,
    HELP_END,
};

const struct help help_dev = {
    .name = "dev",
    .summary = "everything in one process, with an SQLite store and sample coupons",
    .about = "Runs all roles in one process until SIGTERM or SIGINT. Needs no server and no configuration.\n\n"
             "The first start creates the sample coupons A0001 (300), B0001 (2,000) and C0001 (100,000,000).",
    .options = dev_options,
};

static int set_path(char member[OPTION_STRING_MAX], const char *dir, const char *name, struct error *error)
{
    if (snprintf(member, OPTION_STRING_MAX, "%s/%s", dir, name) >= OPTION_STRING_MAX)
        return error_set(error, "--dir: the path is too long");
    return 0;
}

static int set_defaults(struct options *options, const char *dir, struct error *error)
{
    options_init(options);
    strcpy(options->issuer_requests, "inproc://coupond-requests");
    strcpy(options->issuer_events, "inproc://coupond-events");
    strcpy(options->issuer_acks, "inproc://coupond-acks");
    options->gateway_rehearsal_users_max = REHEARSAL_USERS;
    options->issuer_http[0] = '\0';
    options->persister_http[0] = '\0';
    if (arguments_check_path("--dir", dir, error) != 0)
        return -1;
    if (set_path(options->store_path, dir, "coupond.db", error) != 0)
        return -1;
    return set_path(options->issuer_journal_dir, dir, "journal", error);
}

static int set_http(struct options *options, const char *http, struct error *error)
{
    char assignment[OPTION_STRING_MAX + 16];
    if (http == NULL)
        return 0;
    snprintf(assignment, sizeof assignment, "gateway/http=%s", http);
    return options_set(options, assignment, error);
}

static int load(const struct arguments *arguments, struct options *options, const char *dir, const char *http,
                struct error *error)
{
    if (set_defaults(options, dir, error) != 0 || arguments_apply(arguments, options, error) != 0)
        return -1;
    if (set_http(options, http, error) != 0)
        return -1;
    if (options_complete(options, error) != 0)
        return -1;
    if (options_check_role(options, "dev", error) != 0)
        return -1;
    return peer_read_secret(options, error);
}

/* Returns ROLE_GO_ON, or the exit status. */
static int configure(int argc, char **argv, struct options *options, const char **dir)
{
    const char *http = NULL;
    const struct argument own[] = {{.name = "--dir", .value = dir}, {.name = "--http", .value = &http}, {.name = NULL}};
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, own, 0, &error) != 0)
        return role_fail("dev", &error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, &help_dev);
        return EXIT_SUCCESS;
    }
    if (*dir == NULL)
        *dir = "./var";
    if (load(&arguments, options, *dir, http, &error) != 0)
        return role_fail("dev", &error, EXIT_USAGE);
    if (!arguments.check_config)
        return ROLE_GO_ON;
    puts("the configuration is valid");
    return 0;
}

/* Turns a listening address into a URL for a browser on this machine. */
static void format_url(const char *address, char *url, size_t size)
{
    char host[OPTION_STRING_MAX];
    uint16_t port;
    CHECK(endpoint_split(address, host, sizeof host, &port));
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0)
        strcpy(host, "127.0.0.1");
    else if (strcmp(host, "::") == 0)
        strcpy(host, "::1");
    bool is_v6 = strchr(host, ':') != NULL;
    snprintf(url, size, "http://%s%s%s:%u", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

/* Picks a user without a coupon: in an existing system, alice already has one. */
static void make_user(bool created, char user[32])
{
    char time[RFC3339_MAX];
    rfc3339_format(clock_wall_us(), time);
    snprintf(user, 32, created ? "alice" : "alice-%.2s%.2s%.2s", time + 11, time + 14, time + 17);
}

static void print_metrics_url(const struct options *options)
{
    const char *operators = options->gateway_operator_http;
    char url[OPTION_STRING_MAX + 32];
    if (operators[0] == '\0' && !options->gateway_public_metrics)
        return;
    format_url(operators[0] != '\0' ? operators : options->gateway_http, url, sizeof url);
    printf("  metrics  %s/metrics\n", url);
}

static void print_requests_of_user(const char *url, bool created)
{
    char user[32];
    make_user(created, user);
    printf("\nTry it: request a coupon, look up your issue, look at the coupon.\n\n");
    printf("  curl -w '\\n' -X POST %s/v1/coupons/A0001/issues -H 'Content-Type: application/json' -d "
           "'{\"user_id\":\"%s\"}'\n",
           url, user);
    printf("  curl -w '\\n' %s/v1/coupons/A0001/issues/%s\n", url, user);
    printf("  curl -w '\\n' %s/v1/coupons/A0001\n\n", url);
}

static void print_requests_of_token(const char *url)
{
    printf("\nTry it with a user's token (coupond token --help): see who you are, request a coupon, look at it.\n\n");
    printf("  curl -w '\\n' %s/v1/me -H \"Authorization: Bearer $TOKEN\"\n", url);
    printf("  curl -w '\\n' -X POST %s/v1/coupons/A0001/issues -H \"Authorization: Bearer $TOKEN\"\n", url);
    printf("  curl -w '\\n' %s/v1/coupons/A0001\n\n", url);
}

static void print_welcome(const struct options *options, const char *dir, bool created)
{
    char url[OPTION_STRING_MAX + 32];
    format_url(options->gateway_http, url, sizeof url);
    printf("coupond " COUPOND_VERSION " is up. %s\n\n",
           created ? "It has three sample coupons: A0001, B0001, C0001." : "It has the coupons of earlier runs.");
    printf("  pages    %s/\n  API      %s/v1/coupons\n  health   %s/readyz\n", url, url, url);
    print_metrics_url(options);
    printf("  journal  %s\n", options->issuer_journal_dir);
    if (strcmp(options->store_type, "sqlite") == 0)
        printf("  store    %s\n", options->store_path);
    if (strcmp(options->gateway_identity, "on") == 0)
        print_requests_of_token(url);
    else
        print_requests_of_user(url, created);
    printf("Ctrl-C stops it. To start over, stop it and remove the folder %s.\n", dir);
    fflush(stdout);
}

/* Creates the folder of --dir before the journal in it, so that an error names --dir. */
static int make_folders(const struct options *options, const char *dir, struct error *error)
{
    if (role_make_folder("--dir", dir, error) != 0)
        return -1;
    return role_make_folder("issuer/journal_dir", options->issuer_journal_dir, error);
}

/* On any thread; called by the gateway, which starts first. An unavailable store does not affect readiness, since the
 * issuer decides without it. */
static bool others_ready(void *arg, char why[READY_WHY_MAX])
{
    const struct roles *roles = arg;
    if (!issuer_ready(roles->issuer, why))
        return false;
    bool started = atomic_load_explicit(&roles->started, memory_order_acquire); /* pairs with start() */
    if (!started)
        snprintf(why, 128, "starting: the issuer decides, store and sample coupons come next");
    else if (why[0] == '\0')
        persister_ready(roles->persister, why);
    return started;
}

/* Starts the gateway first, so that clients get the reason instead of a refused connection. */
static int start(struct roles *roles, const struct options *options, bool *created, struct error *error)
{
    roles->issuer = issuer_create(options);
    if (gateway_start_beside(options, others_ready, roles, &roles->gateway, error) != 0)
        return -1;
    if (issuer_open(roles->issuer, error) != 0)
        return -1;
    if (persister_start(options, &roles->persister, error) != 0)
        return -1;
    if (samples_create(options, created, error) != 0)
        return -1;
    atomic_store_explicit(&roles->started, true, memory_order_release); /* pairs with others_ready() */
    return 0;
}

static void stop(struct roles *roles)
{
    if (roles->gateway != NULL)
        gateway_stop(&roles->gateway);
    if (roles->issuer != NULL) /* before the persister, which then stores the remaining records */
        issuer_stop(&roles->issuer);
    if (roles->persister != NULL)
        persister_stop(&roles->persister);
}

/* On the notifying thread of role_wait(): reports the first role with a message. */
static bool is_ready(void *arg, char why[READY_WHY_MAX])
{
    const struct roles *roles = arg;
    return issuer_ready(roles->issuer, why) && why[0] == '\0' && persister_ready(roles->persister, why) &&
           why[0] == '\0' && gateway_ready(roles->gateway, why);
}

int cmd_dev(int argc, char **argv)
{
    struct options options;
    struct roles roles = {.started = false};
    struct error error = {""};
    const char *dir = NULL;
    bool created = false;
    int status = configure(argc, argv, &options, &dir);
    if (status != ROLE_GO_ON)
        return status;
    role_begin(&options);
    if (make_folders(&options, dir, &error) != 0 || start(&roles, &options, &created, &error) != 0) {
        stop(&roles);
        return role_start_failed("dev", &error);
    }
    print_welcome(&options, dir, created);
    role_wait("dev", is_ready, &roles);
    stop(&roles);
    return role_end("dev");
}
