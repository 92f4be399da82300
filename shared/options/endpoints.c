/*
 * Checks of endpoints: each by itself, and against the other endpoints and addresses that the same role listens on.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/endpoint.h"
#include "shared/mask.h"
#include "shared/options/rows.h"

#define PORTS_MAX 32 /* "ports 7100 to 7163" */

/* --- values --- */

struct named_endpoint {
    const char *option;
    const char *text;
    enum endpoint_transport transport;
    char host[OPTION_STRING_MAX];
    uint16_t port;
    uint16_t count; /* endpoints that it stands for: one, or one per partition */
    bool numbered;  /* one per partition */
    enum endpoint_transport allowed;
};

static const char *transports_text(enum endpoint_transport allowed)
{
    if (allowed == ENDPOINT_SHM)
        return "shm://PATH";
    return allowed == ENDPOINT_ZEROMQ ? "tcp://HOST:PORT, ipc://PATH or inproc://NAME"
                                      : "tcp://HOST:PORT, ipc://PATH, shm://PATH or inproc://NAME";
}

static enum endpoint_transport transport_of(const char *text)
{
    const char *behind = strstr(text, "://");
    if (behind != NULL && is_copied_address(behind + 3))
        return ENDPOINT_NONE;
    return endpoint_transport(text);
}

static int check_endpoint(struct named_endpoint *endpoint, struct error *error)
{
    static const struct option_row row = {.kind = OPTION_KIND_ENDPOINT};
    char last[OPTION_STRING_MAX], shown[OPTION_SHOWN_MAX];
    option_show(&row, endpoint->text, shown);
    endpoint->transport = transport_of(endpoint->text);
    if ((endpoint->transport & endpoint->allowed) == 0)
        return error_set(error, "%s: \"%s\" is not an endpoint; expected %s", endpoint->option, shown,
                         transports_text(endpoint->allowed));
    if (endpoint->transport == ENDPOINT_TCP &&
        (!endpoint_split(endpoint_address(endpoint->text), endpoint->host, sizeof endpoint->host, &endpoint->port) ||
         endpoint->port == 0))
        return error_set(error, "%s: \"%s\" is not tcp://HOST:PORT with a port from 1 to 65535", endpoint->option,
                         shown);
    if (endpoint->transport == ENDPOINT_TCP && endpoint->port + endpoint->count - 1 > 65535)
        return error_set(error,
                         "%s: port %u and the next %u for the other partitions exceed 65535; choose a lower port",
                         endpoint->option, endpoint->port, endpoint->count - 1u);
    if (!endpoint_of_partition(endpoint->text, (uint16_t)(endpoint->count - 1), last, sizeof last))
        return error_set(error, "%s: \"%s\" is too long", endpoint->option, shown);
    if ((endpoint->transport & (ENDPOINT_IPC | ENDPOINT_SHM)) != 0 && strlen(endpoint_address(last)) > 107)
        return error_set(error, "%s: the path of %s is longer than the 107 bytes of a UNIX socket", endpoint->option,
                         last);
    return 0;
}

/* --- overlaps --- */

/* Every address of this machine: valid to listen on, not to connect to. */
static bool is_wildcard(const char *host)
{
    return strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* As door_open() resolves it. */
static const char *address_of_host(const char *host)
{
    return strcasecmp(host, "localhost") == 0 ? "127.0.0.1" : host;
}

static bool hosts_overlap(const char *a, const char *b)
{
    return strcasecmp(address_of_host(a), address_of_host(b)) == 0 || is_wildcard(a) || is_wildcard(b);
}

static void path_of(const struct named_endpoint *endpoint, uint16_t number, char path[OPTION_STRING_MAX + 8])
{
    const char *text = endpoint_address(endpoint->text);
    if (endpoint->numbered)
        snprintf(path, OPTION_STRING_MAX + 8, "%s-%u", text, number);
    else
        snprintf(path, OPTION_STRING_MAX + 8, "%s", text);
}

static bool paths_overlap(const struct named_endpoint *a, const struct named_endpoint *b)
{
    char of_a[OPTION_STRING_MAX + 8], of_b[OPTION_STRING_MAX + 8];
    for (uint16_t i = 0; i < a->count; i++) {
        path_of(a, i, of_a);
        for (uint16_t j = 0; j < b->count; j++) {
            path_of(b, j, of_b);
            if (strcmp(of_a, of_b) == 0)
                return true;
        }
    }
    return false;
}

/* True when two endpoints, or their ranges of partitions, overlap. ipc and shm share the paths. */
static bool endpoints_overlap(const struct named_endpoint *a, const struct named_endpoint *b)
{
    const enum endpoint_transport with_path = ENDPOINT_IPC | ENDPOINT_SHM;
    if ((a->transport & with_path) != 0 && (b->transport & with_path) != 0)
        return paths_overlap(a, b);
    if (a->transport != b->transport || a->transport == ENDPOINT_NONE)
        return false;
    if (a->transport == ENDPOINT_TCP)
        return hosts_overlap(a->host, b->host) && a->port < b->port + b->count && b->port < a->port + a->count;
    return strcmp(a->text, b->text) == 0;
}

static void format_ports(const struct named_endpoint *endpoint, char out[PORTS_MAX])
{
    if (endpoint->count == 1)
        snprintf(out, PORTS_MAX, "port %u", endpoint->port);
    else
        snprintf(out, PORTS_MAX, "ports %u to %u", endpoint->port, endpoint->port + endpoint->count - 1u);
}

static int check_overlap(const struct named_endpoint *a, const struct named_endpoint *b, struct error *error)
{
    if (!endpoints_overlap(a, b))
        return 0;
    if (a->transport != ENDPOINT_TCP)
        return error_set(error, "%s and %s are the same endpoint, %s", a->option, b->option, b->text);
    char of_a[PORTS_MAX], of_b[PORTS_MAX];
    format_ports(a, of_a);
    format_ports(b, of_b);
    return error_set(error, "%s takes %s, %s %s: they overlap; move one of them", a->option, of_a, b->option, of_b);
}

static int check_overlaps(const struct named_endpoint *endpoints, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (check_overlap(&endpoints[i], &endpoints[j], error) != 0)
                return -1;
        }
    }
    return 0;
}

/* --- all of them --- */

/* Of a listening address, which is empty or valid. */
static struct named_endpoint endpoint_of_address(const char *option, const char *address)
{
    struct named_endpoint endpoint = {.option = option, .text = address, .count = 1};
    if (endpoint_split(address, endpoint.host, sizeof endpoint.host, &endpoint.port))
        endpoint.transport = ENDPOINT_TCP;
    return endpoint;
}

static int check_endpoint_list(struct named_endpoint *endpoints, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (endpoints[i].text[0] != '\0' && check_endpoint(&endpoints[i], error) != 0)
            return -1;
    }
    return 0;
}

/* Roles may run on different machines, so only addresses of the same role must differ. */
static int check_gateway(const struct options *options, struct error *error)
{
    struct named_endpoint connected = {.option = "gateway/requests",
                                       .text = options->gateway_requests,
                                       .count = (uint16_t)options->issuer_partitions,
                                       .numbered = true,
                                       .allowed = ENDPOINT_ANY};
    const struct named_endpoint bound[] = {
        endpoint_of_address("gateway/http", options->gateway_http),
        endpoint_of_address("gateway/operator_http", options->gateway_operator_http),
    };
    if (check_endpoint(&connected, error) != 0)
        return -1;
    return check_overlaps(bound, sizeof bound / sizeof bound[0], error);
}

static int check_issuer(const struct options *options, struct error *error)
{
    uint16_t partitions = (uint16_t)options->issuer_partitions;
    struct named_endpoint bound[] = {
        {.option = "issuer/requests",
         .text = options->issuer_requests,
         .count = partitions,
         .numbered = true,
         .allowed = ENDPOINT_ZEROMQ},
        {.option = "issuer/events", .text = options->issuer_events, .count = 1, .allowed = ENDPOINT_ZEROMQ},
        {.option = "issuer/acks", .text = options->issuer_acks, .count = 1, .allowed = ENDPOINT_ZEROMQ},
        {.option = "issuer/local_requests",
         .text = options->issuer_local_requests,
         .count = partitions,
         .numbered = true,
         .allowed = ENDPOINT_SHM},
        endpoint_of_address("issuer/http", options->issuer_http),
    };
    const size_t count = sizeof bound / sizeof bound[0];
    if (check_endpoint_list(bound, count - 1, error) != 0)
        return -1;
    return check_overlaps(bound, count, error);
}

static int check_persister(const struct options *options, struct error *error)
{
    struct named_endpoint connected[] = {
        {.option = "persister/events", .text = options->persister_events, .count = 1, .allowed = ENDPOINT_ZEROMQ},
        {.option = "persister/acks", .text = options->persister_acks, .count = 1, .allowed = ENDPOINT_ZEROMQ},
    };
    return check_endpoint_list(connected, sizeof connected / sizeof connected[0], error);
}

int option_check_endpoints(const struct options *options, struct error *error)
{
    if (check_issuer(options, error) != 0 || check_gateway(options, error) != 0)
        return -1;
    return check_persister(options, error);
}

int option_check_reachable(const char *option, const char *text, struct error *error)
{
    char host[OPTION_STRING_MAX];
    uint16_t port;
    if (transport_of(text) != ENDPOINT_TCP || !endpoint_split(endpoint_address(text), host, sizeof host, &port) ||
        !is_wildcard(host))
        return 0;
    return error_set(error, "%s: set it to the issuer's address; %s is a wildcard, on which the issuer can only listen",
                     option, text);
}
