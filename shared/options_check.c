/*
 * What one row alone cannot tell: secrets from files, options that default to others, and values that must go together.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/address.h"
#include "shared/frame.h"
#include "shared/log.h"
#include "shared/options_internal.h"
#include "shared/web_origin.h"

#define SYNC_INTERVAL_MS_MAX 60000

/* Secrets. */

static int read_secret(const char *path, const char *option, char secret[OPTION_STRING_MAX], struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(error, "%s: cannot open %s: %s; %s_file names it", option, path, strerror(errno), option);
    char text[OPTION_STRING_MAX + 2]; /* room for a trailing \r\n */
    size_t length = fread(text, 1, sizeof(text), file);
    bool failed = ferror(file) != 0;
    int reason = errno;
    fclose(file);
    if (failed)
        return error_set(error, "%s: cannot read %s: %s", option, path, strerror(reason));
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length == 0 || length >= OPTION_STRING_MAX)
        return error_set(error, "%s: %s must hold 1 to %d bytes", option, path, OPTION_STRING_MAX - 1);
    if (memchr(text, '\0', length) != NULL || memchr(text, '\n', length) != NULL)
        return error_set(error, "%s: %s must hold one line of text", option, path);
    memcpy(secret, text, length);
    secret[length] = '\0';
    return 0;
}

/* Reads the file where one is named, and forgets the name, so that completing twice is harmless. */
static int take_secret(char *path, const char *option, char secret[OPTION_STRING_MAX], struct error *error)
{
    if (path[0] == '\0')
        return 0;
    if (secret[0] != '\0')
        return error_set(error, "%s and %s_file are both set; set one of them", option, option);
    if (read_secret(path, option, secret, error) != 0)
        return -1;
    path[0] = '\0';
    return 0;
}

static int take_secrets(struct options *options, struct error *error)
{
    if (take_secret(options->gateway_admin_token_file, "gateway/admin_token", options->gateway_admin_token, error) != 0)
        return -1;
    if (take_secret(options->gateway_redis_password_file, "gateway/redis_password", options->gateway_redis_password,
                    error) != 0)
        return -1;
    return take_secret(options->store_password_file, "store/password", options->store_password, error);
}

/* Values. */

static int check_one_of(const char *option, const char *value, const char *const *names, struct error *error)
{
    char list[128] = "";
    for (const char *const *name = names; *name != NULL; name++) {
        if (strcmp(value, *name) == 0)
            return 0;
        size_t length = strlen(list);
        snprintf(list + length, sizeof(list) - length, "%s%s", length > 0 ? ", " : "", *name);
    }
    return error_set(error, "%s: \"%s\" is none of: %s", option, value, list);
}

static int check_names(const struct options *options, struct error *error)
{
    static const char *const types[] = {"sqlite", "mysql", NULL};
    static const char *const tls[] = {"off", "preferred", "required", "verify", NULL};
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    static const char *const formats[] = {"text", "logfmt", "json", NULL};
    if (check_one_of("store/type", options->store_type, types, error) != 0)
        return -1;
    if (check_one_of("store/tls", options->store_tls, tls, error) != 0)
        return -1;
    if (check_one_of("log/level", options->log_level, levels, error) != 0)
        return -1;
    return check_one_of("log/format", options->log_format, formats, error);
}

/* What may stand in an Authorization header behind "Bearer ". */
static int check_token(const struct options *options, struct error *error)
{
    for (const char *c = options->gateway_admin_token; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return error_set(error,
                             "gateway/admin_token: only printable ASCII without blanks can be sent as a bearer token");
    }
    return 0;
}

static int check_origins(const struct options *options, struct error *error)
{
    const char *origin = NULL;
    size_t length = 0;
    const char *fault = web_origins_fault(options->gateway_cors_origins, &origin, &length);
    if (fault == NULL)
        return 0;
    return error_set(error, "gateway/cors_origins: \"%.*s\" must %s", (int)length, origin, fault);
}

/* The interval in ms, SYNC_ALWAYS, SYNC_OS, or -2. */
static int64_t parse_sync(const char *sync)
{
    if (strcmp(sync, "always") == 0)
        return SYNC_ALWAYS;
    if (strcmp(sync, "os") == 0)
        return SYNC_OS;
    size_t digits = strspn(sync, "0123456789");
    if (digits == 0 || digits > 6 || sync[digits] != '\0')
        return -2;
    int64_t interval = strtoll(sync, NULL, 10);
    return interval >= 1 && interval <= SYNC_INTERVAL_MS_MAX ? interval : -2;
}

int64_t options_sync_interval_ms(const struct options *options)
{
    int64_t interval = parse_sync(options->issuer_sync);
    CHECK(interval >= SYNC_OS);
    return interval;
}

static int check_together(const struct options *options, struct error *error)
{
    if (parse_sync(options->issuer_sync) < SYNC_OS)
        return error_set(error, "issuer/sync: \"%s\" is neither always nor os nor 1 to %d milliseconds",
                         options->issuer_sync, SYNC_INTERVAL_MS_MAX);
    if (options->issuer_require_store && !options->issuer_check_store)
        return error_set(error, "issuer/require_store is 1, but issuer/check_store is 0: nothing would be compared");
    if (options->persister_retry_min_ms > options->persister_retry_max_ms)
        return error_set(error, "persister/retry_min_ms: %lld is above persister/retry_max_ms, %lld",
                         (long long)options->persister_retry_min_ms, (long long)options->persister_retry_max_ms);
    return 0;
}

/* Addresses. */

static int check_address(const char *option, const char *address, struct error *error)
{
    char host[OPTION_STRING_MAX];
    uint16_t port;
    if (address[0] == '\0')
        return 0;
    if (!address_split(address, host, sizeof(host), &port) || port == 0)
        return error_set(error, "%s: \"%s\" is no HOST:PORT with a port from 1 to 65535", option, address);
    return 0;
}

/* HOST:+N becomes HOST:PORT, N above the port of gateway/http, so that gateways of one machine need no more said. */
static int settle_operator_port(struct options *options, struct error *error)
{
    char *address = options->gateway_operator_http;
    char *plus = strstr(address, ":+");
    char host[OPTION_STRING_MAX];
    uint16_t port = 0;
    if (plus == NULL || !address_split(options->gateway_http, host, sizeof(host), &port))
        return 0; /* check_addresses() looks at what is there */
    size_t digits = strspn(plus + 2, "0123456789");
    long above = digits >= 1 && digits <= 5 && plus[2 + digits] == '\0' ? strtol(plus + 2, NULL, 10) : -1;
    if (above < 1)
        return error_set(error, "gateway/operator_http: \"%s\" is neither HOST:PORT nor HOST:+N", address);
    if (port + above > 65535)
        return error_set(error, "gateway/operator_http: %ld above gateway/http's port, %u, is no port; name one", above,
                         port);
    snprintf(plus, OPTION_STRING_MAX - (size_t)(plus - address), ":%ld", port + above);
    return 0;
}

static int check_redis(const char *url, struct error *error)
{
    char host[OPTION_STRING_MAX];
    uint16_t port = 0;
    bool is_tcp = strncmp(url, "redis://", 8) == 0 && strchr(url, '@') == NULL &&
                  address_split(url + 8, host, sizeof(host), &port) && port != 0;
    bool is_path = strncmp(url, "unix://", 7) == 0 && url[7] != '\0' && strlen(url + 7) <= 107;
    if (url[0] == '\0' || is_tcp || is_path)
        return 0;
    /* Never the address itself: it may hold a password. */
    return error_set(error, "gateway/redis: this is neither redis://HOST:PORT nor unix://PATH of at most 107 bytes; a "
                            "password goes into gateway/redis_password_file");
}

static int check_addresses(const struct options *options, struct error *error)
{
    if (check_address("gateway/http", options->gateway_http, error) != 0)
        return -1;
    if (check_address("gateway/operator_http", options->gateway_operator_http, error) != 0)
        return -1;
    if (check_redis(options->gateway_redis, error) != 0)
        return -1;
    if (check_address("issuer/http", options->issuer_http, error) != 0)
        return -1;
    return check_address("persister/http", options->persister_http, error);
}

/* Endpoints. */

enum transport {
    TRANSPORT_NONE = 0,
    TRANSPORT_TCP = 1 << 0,
    TRANSPORT_IPC = 1 << 1,
    TRANSPORT_INPROC = 1 << 2,
    TRANSPORT_SHM = 1 << 3,
    TRANSPORT_ZEROMQ = TRANSPORT_TCP | TRANSPORT_IPC | TRANSPORT_INPROC,
    TRANSPORT_ANY = TRANSPORT_ZEROMQ | TRANSPORT_SHM,
};

struct endpoint {
    const char *option;
    const char *text;
    enum transport transport;
    char host[OPTION_STRING_MAX];
    uint16_t port;
    uint16_t count; /* how many it stands for: one, or one a partition */
    bool numbered;  /* one a partition */
    enum transport allowed;
};

static const char *transports_text(enum transport allowed)
{
    if (allowed == TRANSPORT_SHM)
        return "shm://PATH";
    return allowed == TRANSPORT_ZEROMQ ? "tcp://HOST:PORT, ipc://PATH or inproc://NAME"
                                       : "tcp://HOST:PORT, ipc://PATH, shm://PATH or inproc://NAME";
}

static enum transport transport_of(const char *text)
{
    if (strncmp(text, "tcp://", 6) == 0)
        return TRANSPORT_TCP;
    if (strncmp(text, "ipc://", 6) == 0 && text[6] != '\0')
        return TRANSPORT_IPC;
    if (strncmp(text, "shm://", 6) == 0 && text[6] != '\0')
        return TRANSPORT_SHM;
    if (strncmp(text, "inproc://", 9) == 0 && text[9] != '\0')
        return TRANSPORT_INPROC;
    return TRANSPORT_NONE;
}

static int check_endpoint(struct endpoint *endpoint, struct error *error)
{
    char last[OPTION_STRING_MAX];
    endpoint->transport = transport_of(endpoint->text);
    if ((endpoint->transport & endpoint->allowed) == 0)
        return error_set(error, "%s: \"%s\" is no endpoint; expected %s", endpoint->option, endpoint->text,
                         transports_text(endpoint->allowed));
    if (endpoint->transport == TRANSPORT_TCP &&
        (!address_split(endpoint->text + 6, endpoint->host, sizeof(endpoint->host), &endpoint->port) ||
         endpoint->port == 0))
        return error_set(error, "%s: \"%s\" is no tcp://HOST:PORT with a port from 1 to 65535", endpoint->option,
                         endpoint->text);
    if (endpoint->transport == TRANSPORT_TCP && endpoint->port + endpoint->count - 1 > 65535)
        return error_set(error,
                         "%s: port %u and the %u after it for the other partitions pass 65535; choose a lower one",
                         endpoint->option, endpoint->port, endpoint->count - 1u);
    if (!endpoint_of_partition(endpoint->text, (uint16_t)(endpoint->count - 1), last, sizeof(last)))
        return error_set(error, "%s: \"%s\" is too long", endpoint->option, endpoint->text);
    if ((endpoint->transport & (TRANSPORT_IPC | TRANSPORT_SHM)) != 0 && strlen(last) - 6 > 107)
        return error_set(error, "%s: the path of %s is longer than the 107 bytes of a UNIX socket", endpoint->option,
                         last);
    return 0;
}

/* Every address of this machine: a place to listen, not one to connect to. */
static bool is_wildcard(const char *host)
{
    return strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static bool hosts_overlap(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || is_wildcard(a) || is_wildcard(b);
}

static void path_of(const struct endpoint *endpoint, uint16_t number, char path[OPTION_STRING_MAX + 8])
{
    const char *text = endpoint->text + 6;
    if (endpoint->numbered)
        snprintf(path, OPTION_STRING_MAX + 8, "%s-%u", text, number);
    else
        snprintf(path, OPTION_STRING_MAX + 8, "%s", text);
}

static bool paths_overlap(const struct endpoint *a, const struct endpoint *b)
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

/* Of endpoints that stand for one each, or one a partition, in whatever transport. */
static bool endpoints_overlap(const struct endpoint *a, const struct endpoint *b)
{
    const enum transport with_path = TRANSPORT_IPC | TRANSPORT_SHM;
    if ((a->transport & with_path) != 0 && (b->transport & with_path) != 0)
        return paths_overlap(a, b);
    if (a->transport != b->transport)
        return false;
    if (a->transport == TRANSPORT_TCP)
        return hosts_overlap(a->host, b->host) && a->port < b->port + b->count && b->port < a->port + a->count;
    return strcmp(a->text, b->text) == 0;
}

static int check_overlap(const struct endpoint *a, const struct endpoint *b, struct error *error)
{
    if (!endpoints_overlap(a, b))
        return 0;
    if (a->transport != TRANSPORT_TCP)
        return error_set(error, "%s and %s are the same endpoint, %s", a->option, b->option, b->text);
    return error_set(error, "%s takes ports %u to %u, %s ports %u to %u: they overlap; move one of them", a->option,
                     a->port, a->port + a->count - 1u, b->option, b->port, b->port + b->count - 1u);
}

static int check_endpoint_list(struct endpoint *endpoints, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (endpoints[i].text[0] != '\0' && check_endpoint(&endpoints[i], error) != 0)
            return -1;
    }
    return 0;
}

static int check_endpoints(const struct options *options, struct error *error)
{
    uint16_t partitions = (uint16_t)options->issuer_partitions;
    struct endpoint bound[] = {
        {.option = "issuer/requests",
         .text = options->issuer_requests,
         .count = partitions,
         .numbered = true,
         .allowed = TRANSPORT_ZEROMQ},
        {.option = "issuer/events", .text = options->issuer_events, .count = 1, .allowed = TRANSPORT_ZEROMQ},
        {.option = "issuer/acks", .text = options->issuer_acks, .count = 1, .allowed = TRANSPORT_ZEROMQ},
        {.option = "issuer/local_requests",
         .text = options->issuer_local_requests,
         .count = partitions,
         .numbered = true,
         .allowed = TRANSPORT_SHM},
    };
    struct endpoint connected[] = {
        {.option = "gateway/requests",
         .text = options->gateway_requests,
         .count = partitions,
         .numbered = true,
         .allowed = TRANSPORT_ANY},
        {.option = "persister/events", .text = options->persister_events, .count = 1, .allowed = TRANSPORT_ZEROMQ},
        {.option = "persister/acks", .text = options->persister_acks, .count = 1, .allowed = TRANSPORT_ZEROMQ},
    };
    const size_t bound_count = sizeof(bound) / sizeof(bound[0]);
    if (check_endpoint_list(bound, bound_count, error) != 0 ||
        check_endpoint_list(connected, sizeof(connected) / sizeof(connected[0]), error) != 0)
        return -1;
    for (size_t i = 0; i < bound_count; i++) {
        for (size_t j = i + 1; j < bound_count; j++) {
            if (check_overlap(&bound[i], &bound[j], error) != 0)
                return -1;
        }
    }
    return 0;
}

static void default_to(char *value, const char *other)
{
    if (value[0] == '\0')
        memcpy(value, other, OPTION_STRING_MAX);
}

/* One that is told in place is no harm; what a file holds is not even opened. */
static void leave_secret(char *path)
{
    path[0] = '\0';
}

void options_leave_secrets(struct options *options, const char *role)
{
    bool asks_store = strcmp(role, "issuer") == 0 || strcmp(role, "persister") == 0 || strcmp(role, "verify") == 0;
    bool serves = strcmp(role, "gateway") == 0;
    if (strcmp(role, "dev") == 0)
        return;
    if (!asks_store)
        leave_secret(options->store_password_file);
    if (!serves) {
        leave_secret(options->gateway_admin_token_file);
        leave_secret(options->gateway_redis_password_file);
    }
}

int options_complete(struct options *options, struct error *error)
{
    default_to(options->gateway_requests, options->issuer_local_requests);
    default_to(options->gateway_requests, options->issuer_requests);
    default_to(options->persister_events, options->issuer_events);
    default_to(options->persister_acks, options->issuer_acks);
    if (take_secrets(options, error) != 0 || check_token(options, error) != 0 || check_origins(options, error) != 0)
        return -1;
    if (check_names(options, error) != 0 || check_together(options, error) != 0)
        return -1;
    if (settle_operator_port(options, error) != 0 || check_addresses(options, error) != 0)
        return -1;
    return check_endpoints(options, error);
}

/* What each role connects to. */

static int check_reachable(const char *option, const char *text, struct error *error)
{
    char host[OPTION_STRING_MAX];
    uint16_t port;
    if (transport_of(text) != TRANSPORT_TCP || !address_split(text + 6, host, sizeof(host), &port) ||
        !is_wildcard(host))
        return 0;
    return error_set(error,
                     "%s: set it to the issuer's address; %s is where the issuer listens, on every address it has",
                     option, text);
}

int options_check_role(const struct options *options, const char *role, struct error *error)
{
    bool all = strcmp(role, "dev") == 0;
    if ((all || strcmp(role, "gateway") == 0) &&
        check_reachable("gateway/requests", options->gateway_requests, error) != 0)
        return -1;
    if (!all && strcmp(role, "persister") != 0)
        return 0;
    if (check_reachable("persister/events", options->persister_events, error) != 0)
        return -1;
    return check_reachable("persister/acks", options->persister_acks, error);
}
