/*
 * `coupond health ROLE`: asks a running role of this machine how it is, at the address that its own options give, and
 * says what is missing. For the health checks of containers, which hold no other HTTP client.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/http/fetch.h"
#include "coupond/role.h"
#include "shared/address.h"
#include "shared/mask.h"

#define TIMEOUT_MS 2000

static const struct help_option health_options[] = {
    {"--live", NULL, "asks /livez instead: whether it runs at all"}, HELP_CONFIG, HELP_SET, HELP_HELP, HELP_END,
};

const struct help help_health = {
    .name = "health",
    .summary = "asks a running role whether it is ready: gateway|issuer|persister",
    .words = "gateway|issuer|persister",
    .about = "Asks the role's /readyz, found by the same options that the role was started with, and prints what is "
             "missing. An address of all interfaces means this machine.",
    .options = health_options,
    .exit_status = "0 ready, 1 not ready, or no answer within two seconds, 2 asked wrongly",
};

/* The option with the role's address; NULL when `role` is none. */
static const char *address_of(const struct options *options, const char *role)
{
    if (strcmp(role, "gateway") == 0)
        return options->gateway_operator_http[0] != '\0' ? options->gateway_operator_http : options->gateway_http;
    if (strcmp(role, "issuer") == 0)
        return options->issuer_http;
    return strcmp(role, "persister") == 0 ? options->persister_http : NULL;
}

/* Where this machine reaches a role that listens there. */
static int find_url(const char *role, const char *address, struct http_url *url, struct error *error)
{
    char host[256];
    uint16_t port;
    if (address[0] == '\0')
        return error_set(error, "%s/http is empty: it tells nobody how it is", role);
    if (!address_split(address, host, sizeof host, &port))
        return error_set(error, "%s/http: \"%s\" is no HOST:PORT", role, address);
    bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0;
    const char *reached = any ? "127.0.0.1" : strcmp(host, "::") == 0 ? "::1" : host;
    memset(url, 0, sizeof *url);
    snprintf(url->host, sizeof url->host, "%s", reached);
    snprintf(url->port, sizeof url->port, "%u", port);
    return 0;
}

/* Prints "ROLE: ready", with the detail that came along, as one line of plain characters. */
static void print_answer(const char *role, bool live, const struct http_response *response)
{
    json_t *body = json_loadb(response->body, response->body_length, 0, NULL);
    const char *status = json_string_value(json_object_get(body, "status"));
    const char *detail = json_string_value(json_object_get(body, "detail"));
    if (status == NULL)
        status = response->status == 200 ? "answers" : live ? "not live" : "not ready";
    printf("%s: %s", role, status);
    for (const char *c = detail != NULL ? detail : ""; *c != '\0'; c++)
        printf("%s%c", c == detail ? ": " : "", *c < ' ' || *c == 0x7f ? '?' : *c);
    putchar('\n');
    json_decref(body);
}

static int ask(const char *role, bool live, const struct http_url *url, struct error *error)
{
    const char *path = live ? "/livez" : "/readyz";
    struct http_server target;
    struct http_response response;
    if (http_server_resolve(&target, url, error) != 0)
        return error_set(error, "%s/http: %s is the name of no machine", role, url->host);
    if (http_fetch(&target, "GET", path, "", NULL, TIMEOUT_MS, &response, error) != 0)
        return -1;
    print_answer(role, live, &response);
    return response.status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_health(int argc, char **argv)
{
    struct options options;
    struct arguments arguments;
    struct error error = {""};
    struct http_url url;
    bool live = false;
    const struct argument own[] = {{"--live", NULL, &live}, {NULL, NULL, NULL}};
    if (arguments_parse(&arguments, argc, argv, own, 1, &error) != 0)
        return role_fail("health", &error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, &help_health);
        return EXIT_SUCCESS;
    }
    if (arguments_load(&arguments, "health", &options, &error) != 0)
        return role_fail("health", &error, EXIT_USAGE);
    const char *role = arguments.positionals_count == 1 ? arguments.positionals[0] : "";
    const char *address = address_of(&options, role);
    if (address == NULL) {
        char shown[MASKED_MAX];
        mask_secrets(role, shown);
        error_set(&error, "expected gateway, issuer or persister, not \"%.64s\"", shown);
        return role_fail("health", &error, EXIT_USAGE);
    }
    if (find_url(role, address, &url, &error) != 0)
        return role_fail("health", &error, EXIT_USAGE);
    int status = ask(role, live, &url, &error);
    return status >= 0 ? status : role_fail("health", &error, EXIT_FAILURE);
}
