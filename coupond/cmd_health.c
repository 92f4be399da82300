/*
 * `coupond health ROLE`: queries the readiness of a role on this machine, at the address in its own options, and prints
 * the reason when it is not ready. For health checks in containers without another HTTP client.
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
#include "shared/endpoint.h"
#include "shared/mask.h"

#define TIMEOUT_MS 2000

static const struct help_option health_options[] = {
    {"--live", NULL, "queries /livez instead: whether the process works at all"},
    HELP_CONFIG,
    HELP_SET,
    HELP_HELP,
    HELP_END,
};

const struct help help_health = {
    .name = "health",
    .summary = "checks whether a running role is ready: gateway|issuer|persister",
    .words = "gateway|issuer|persister",
    .about = "Queries the role's /readyz, at the address in the role's own options, and prints the reason when it is "
             "not ready. An address of all interfaces means this machine.",
    .options = health_options,
    .exit_status = "0 ready, 1 not ready or no answer within two seconds, 2 invalid arguments",
};

/* The option with the role's address; NULL for an unknown role. */
static const char *address_of(const struct options *options, const char *role)
{
    if (strcmp(role, "gateway") == 0)
        return options->gateway_operator_http[0] != '\0' ? options->gateway_operator_http : options->gateway_http;
    if (strcmp(role, "issuer") == 0)
        return options->issuer_http;
    return strcmp(role, "persister") == 0 ? options->persister_http : NULL;
}

/* Turns the role's listening address into one to connect to. */
static int find_url(const char *role, const char *address, struct http_url *url, struct error *error)
{
    char host[256];
    if (address[0] == '\0')
        return error_set(error, "%s/http is empty, so the role serves no health checks", role);
    uint16_t port;
    if (!endpoint_split(address, host, sizeof host, &port))
        return error_set(error, "%s/http: \"%s\" is not HOST:PORT", role, address);
    bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0;
    const char *reached = any ? "127.0.0.1" : strcmp(host, "::") == 0 ? "::1" : host;
    memset(url, 0, sizeof *url);
    snprintf(url->host, sizeof url->host, "%s", reached);
    snprintf(url->port, sizeof url->port, "%u", port);
    return 0;
}

/* Prints "ROLE: ready" with the answer's detail, as one line of printable characters. */
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
    if (http_server_resolve(&target, url, error) != 0)
        return error_set(error, "%s/http: unknown host name %s", role, url->host);
    struct http_response response;
    if (http_fetch(&target, "GET", path, "", NULL, TIMEOUT_MS, &response, error) != 0)
        return -1;
    print_answer(role, live, &response);
    return response.status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_health(int argc, char **argv)
{
    struct arguments arguments;
    struct error error = {""};
    bool live = false;
    const struct argument own[] = {{.name = "--live", .flag = &live}, {.name = NULL}};
    if (arguments_parse(&arguments, argc, argv, own, 1, &error) != 0)
        return role_fail("health", &error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, &help_health);
        return EXIT_SUCCESS;
    }
    struct options options;
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
    struct http_url url;
    if (find_url(role, address, &url, &error) != 0)
        return role_fail("health", &error, EXIT_USAGE);
    int status = ask(role, live, &url, &error);
    return status >= 0 ? status : role_fail("health", &error, EXIT_FAILURE);
}
