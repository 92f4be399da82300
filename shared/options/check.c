/*
 * Checks across options: secrets from files, options whose defaults are other options, and values that must match.
 * options/endpoints.c checks endpoints, and options/identity.c keys and tokens.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/endpoint.h"
#include "shared/host_list.h"
#include "shared/mask.h"
#include "shared/members.h"
#include "shared/net_address.h"
#include "shared/options/options.h"
#include "shared/options/rows.h"
#include "shared/redis_url.h"
#include "shared/utf8.h"
#include "shared/web_origin.h"

/* --- secrets --- */

/* `file_row` is the row of NAME_file. */
static int read_secret(const struct option_row *file_row, const char *path, const char *option,
                       char secret[OPTION_STRING_MAX], struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        char shown[OPTION_SHOWN_MAX];
        int reason = errno;
        option_show(file_row, path, shown);
        return error_set(error, "%s: cannot open %s: %s; %s_file names this file", option, shown, strerror(reason),
                         option);
    }
    char text[OPTION_STRING_MAX + 5]; /* room for a byte order mark and a trailing \r\n */
    size_t length = utf8_drop_mark(text, fread(text, 1, sizeof text, file));
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

/* Reads the file if one is named, and clears the name, so that completing twice is harmless. */
static int take_secret(struct options *options, const struct option_row *file_row, const struct option_row *row,
                       struct error *error)
{
    char *path = (char *)options + file_row->offset;
    char *secret = (char *)options + row->offset;
    char option[64];
    if (path[0] == '\0')
        return 0;
    snprintf(option, sizeof option, "%s/%s", row->section, row->name);
    if (secret[0] != '\0')
        return error_set(error, "%s and %s_file are both set; set one of them", option, option);
    if (read_secret(file_row, path, option, secret, error) != 0)
        return -1;
    path[0] = '\0';
    return 0;
}

/* The SECRET of a SECRET_FILE; NULL for cluster/secret_file, which wire/peer.c reads. */
static const struct option_row *secret_of(const struct option_row *file_row)
{
    char name[64];
    if (file_row->kind != OPTION_KIND_SECRET_FILE)
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file_row->name) - strlen("_file")), file_row->name);
    int index = option_find(file_row->section, name);
    return index >= 0 ? &option_rows[index] : NULL;
}

static int take_secrets(struct options *options, struct error *error)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *secret = secret_of(&option_rows[i]);
        if (secret != NULL && take_secret(options, &option_rows[i], secret, error) != 0)
            return -1;
    }
    return 0;
}

/* --- values --- */

/* Characters that may follow "Bearer " in an Authorization header. */
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
    char text[OPTION_STRING_MAX], masked[MASKED_MAX];
    const char *origin = NULL;
    size_t length = 0;
    const char *fault = web_origins_fault(options->gateway_cors_origins, &origin, &length);
    if (fault == NULL)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)length, origin);
    mask_secrets(text, masked);
    return error_set(error, "gateway/cors_origins: \"%s\" must %s", masked, fault);
}

static int check_proxies(const struct options *options, struct error *error)
{
    char text[OPTION_STRING_MAX], masked[MASKED_MAX];
    struct net_ranges ranges;
    const char *proxy = NULL;
    size_t length = 0;
    const char *fault = net_ranges_parse(options->gateway_trusted_proxies, &ranges, &proxy, &length);
    if (fault == NULL)
        return 0;
    snprintf(text, sizeof text, "%.*s", (int)length, proxy);
    mask_secrets(text, masked);
    return error_set(error, "gateway/trusted_proxies: \"%s\" must %s", masked, fault);
}

static bool is_visible(const char *text, bool blanks)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c > '~' || *c < ' ' || (*c == ' ' && !blanks))
            return false;
    }
    return true;
}

/* Host and path. Users, passwords and queries are refused, since messages show a URL: traces_header is for secrets. */
static bool is_collector(const char *url)
{
    const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : "";
    return is_visible(url, false) && strcspn(host, "/:") > 0 && strpbrk(url, "?#@") == NULL;
}

static int check_collector(const struct options *options, struct error *error)
{
    const char *url = options->gateway_traces_url, *header = options->gateway_traces_header;
    size_t name = strcspn(header, ": ");
    if (url[0] != '\0' && !is_collector(url))
        return option_refuse("gateway", "traces_url", url, "not http://HOST:PORT/PATH or https://HOST/PATH", error);
    if (header[0] == '\0' || (name > 0 && header[name] == ':' && is_visible(header, true)))
        return 0;
    return error_set(error, "gateway/traces_header: expected a header such as Authorization: Bearer TOKEN");
}

int64_t options_request_timeout_ms(const struct options *options)
{
    int64_t timeout_ms = options->gateway_issuer_timeout_ms, hold_ms = options->gateway_hold_ms;
    return options->cluster_members[0] != '\0' && hold_ms > timeout_ms ? hold_ms : timeout_ms;
}

int64_t options_sync_interval_ms(const struct options *options)
{
    if (strcmp(options->issuer_sync, "always") == 0)
        return SYNC_ALWAYS;
    if (strcmp(options->issuer_sync, "os") == 0)
        return SYNC_OS;
    return strtoll(options->issuer_sync, NULL, 10); /* a number, as the option's kind was checked */
}

static int check_members(const struct options *options, struct error *error)
{
    struct members members;
    const char *name = options->issuer_member;
    if (members_parse(options->cluster_members, &members, error) != 0)
        return error_prefix(error, "cluster/members");
    if (name[0] != '\0' && members_find(&members, name) == MEMBER_NONE)
        return option_refuse("issuer", "member", name, "not a name in cluster/members", error);
    if (members.count > 0 && options->issuer_local_requests[0] != '\0')
        return error_set(error, "issuer/local_requests: gateways cannot share memory with an issuer that has "
                                "cluster/members, since another one may decide; leave it empty");
    for (uint8_t i = 0; i < members.count; i++) {
        const char *const bases[] = {options->issuer_requests, options->issuer_events, options->issuer_acks};
        char endpoint[OPTION_STRING_MAX + 64];
        for (size_t j = 0; j < sizeof bases / sizeof *bases; j++) {
            if (!members_endpoint(&members, i, bases[j], endpoint, sizeof endpoint))
                return error_set(error,
                                 "cluster/members: \"%s\" has no port above that of %s; issuer/requests, issuer/events "
                                 "and issuer/acks have to be tcp://HOST:PORT",
                                 members.all[i].name, bases[j]);
        }
    }
    if (options->issuer_standby_timeout_ms >= options->issuer_takeover_ms)
        return error_set(error, "issuer/standby_timeout_ms: %lld is not below issuer/takeover_ms, %lld",
                         (long long)options->issuer_standby_timeout_ms, (long long)options->issuer_takeover_ms);
    return 0;
}

static int check_together(const struct options *options, struct error *error)
{
    if (options->issuer_require_store && !options->issuer_check_store)
        return error_set(error, "issuer/require_store is 1, but issuer/check_store is 0: nothing would be compared");
    if (options->persister_retry_min_ms > options->persister_retry_max_ms)
        return error_set(error, "persister/retry_min_ms: %lld is above persister/retry_max_ms, %lld",
                         (long long)options->persister_retry_min_ms, (long long)options->persister_retry_max_ms);
    return check_members(options, error);
}

/* --- addresses --- */

static int check_address(const struct option_row *row, const char *address, struct error *error)
{
    char host[OPTION_STRING_MAX];
    uint16_t port;
    if (address[0] == '\0' || (endpoint_split(address, host, sizeof host, &port) && port != 0))
        return 0;
    return option_refuse(row->section, row->name, address, "not HOST:PORT with a port from 1 to 65535", error);
}

/*
 * Replaces HOST:+N by HOST:PORT, with N above the port of gateway/http: gateways on one machine then need no setting.
 */
static int settle_operator_port(struct options *options, struct error *error)
{
    char *address = options->gateway_operator_http;
    char *plus = strstr(address, ":+");
    char host[OPTION_STRING_MAX];
    uint16_t port = 0;
    if (plus == NULL || !endpoint_split(options->gateway_http, host, sizeof host, &port))
        return 0; /* check_addresses() checks it */
    size_t digits = strspn(plus + 2, "0123456789");
    long above = digits >= 1 && digits <= 5 && plus[2 + digits] == '\0' ? strtol(plus + 2, NULL, 10) : -1;
    if (above < 1)
        return option_refuse("gateway", "operator_http", address, "neither HOST:PORT nor HOST:+N", error);
    if (port + above > 65535)
        return error_set(error,
                         "gateway/operator_http: %ld above the port %u of gateway/http is not a valid port; set a port",
                         above, port);
    snprintf(plus, OPTION_STRING_MAX - (size_t)(plus - address), ":%ld", port + above);
    return 0;
}

/* 32 hexadecimal digits, not all of them 0. */
static int check_store_id(const char *id, struct error *error)
{
    if (id[0] == '\0' || (strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32 && strspn(id, "0") < 32))
        return 0;
    return option_refuse("issuer", "store_id", id,
                         "not 32 lower-case hexadecimal digits, as in the column store_id of "
                         "the table schema_version",
                         error);
}

/* A password in the URL and gateway/redis_password exclude each other. */
static int check_redis(const struct options *options, struct error *error)
{
    if (options->gateway_redis[0] == '\0')
        return 0;
    struct redis_url url;
    if (redis_url_parse(&url, options->gateway_redis, error) != 0) {
        struct error reason = *error;
        return error_set(error,
                         "gateway/redis: %s; a password can also be put into the file gateway/redis_password_file",
                         reason.text);
    }
    if (url.password[0] != '\0' && options->gateway_redis_password[0] != '\0')
        return error_set(error,
                         "gateway/redis has a password, and gateway/redis_password or gateway/redis_password_file "
                         "is set as well; keep one of them");
    if (options->gateway_redis_tls_ca[0] != '\0' && !url.tls)
        return error_set(error, "gateway/redis_tls_ca is set, but gateway/redis does not begin with rediss://");
    return 0;
}

/* Messages that name the store would print a whole address, with its password. */
static int check_store_host(const struct options *options, struct error *error)
{
    if (is_copied_address(options->store_user) || is_copied_address(options->store_database))
        return error_set(error, "store/user and store/database: expected a name; the value looks like a URL");
    struct host_list hosts;
    if (host_list_parse(options->store_host, (uint16_t)options->store_port, &hosts, error) == 0)
        return 0;
    return error_prefix(error, "store/host");
}

/* A whole address may contain a password and would be logged as a file name. */
static int check_path(const struct option_row *row, const char *path, struct error *error)
{
    if (!is_copied_address(path))
        return 0;
    return error_set(error, "%s/%s: expected the path of a file or folder; the value looks like a URL%s", row->section,
                     row->name,
                     strcmp(row->section, "store") == 0
                         ? "; for a database server set store/type to mysql, and store/host, store/user and so on"
                         : "");
}

static int check_paths(const struct options *options, struct error *error)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (row->kind == OPTION_KIND_PATH && check_path(row, (const char *)options + row->offset, error) != 0)
            return -1;
    }
    return 0;
}

static int check_addresses(const struct options *options, struct error *error)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (row->kind == OPTION_KIND_ADDRESS && check_address(row, (const char *)options + row->offset, error) != 0)
            return -1;
    }
    if (check_store_id(options->issuer_store_id, error) != 0 || check_redis(options, error) != 0)
        return -1;
    return check_store_host(options, error);
}

/* --- completion --- */

static void default_to(char *value, const char *other)
{
    if (value[0] == '\0')
        memcpy(value, other, OPTION_STRING_MAX);
}

/* A secret given directly stays; files are not even opened. */
void options_leave_secrets(struct options *options, const char *role)
{
    bool serves = strcmp(role, "gateway") == 0;
    bool asks_store = strcmp(role, "issuer") == 0 || strcmp(role, "persister") == 0 || strcmp(role, "verify") == 0 ||
                      (serves && options->gateway_store_threads > 0);
    if (strcmp(role, "dev") == 0)
        return;
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        bool used = strcmp(row->section, "store") == 0 ? asks_store : serves;
        if (secret_of(row) != NULL && !used)
            *((char *)options + row->offset) = '\0';
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
    if (check_collector(options, error) != 0 || check_proxies(options, error) != 0 ||
        check_together(options, error) != 0 || check_paths(options, error) != 0)
        return -1;
    if (settle_operator_port(options, error) != 0 || check_addresses(options, error) != 0)
        return -1;
    return option_check_endpoints(options, error);
}

/* --- roles --- */

static int check_readable(const char *option, const char *path, struct error *error)
{
    if (path[0] == '\0' || access(path, R_OK) == 0)
        return 0;
    return error_set(error, "%s: cannot read %s: %s", option, path, strerror(errno));
}

static int check_own_member(const struct options *options, struct error *error)
{
    if ((options->cluster_members[0] == '\0') == (options->issuer_member[0] == '\0'))
        return 0;
    return error_set(error, options->issuer_member[0] == '\0'
                                ? "cluster/members is set, but issuer/member is not: which of them is this issuer?"
                                : "issuer/member is set, but cluster/members is empty");
}

int options_check_role(const struct options *options, const char *role, struct error *error)
{
    bool all = strcmp(role, "dev") == 0;
    if ((all || strcmp(role, "issuer") == 0) && check_own_member(options, error) != 0)
        return -1;
    if ((all || strcmp(role, "gateway") == 0) &&
        (option_check_identity(options, error) != 0 ||
         (options->cluster_members[0] == '\0' &&
          option_check_reachable("gateway/requests", options->gateway_requests, error) != 0) ||
         check_readable("gateway/traces_ca", options->gateway_traces_ca, error) != 0 ||
         check_readable("gateway/redis_tls_ca", options->gateway_redis_tls_ca, error) != 0 ||
         check_readable("gateway/jwk_set_ca", options->gateway_jwk_set_ca, error) != 0 ||
         (options->gateway_store_threads > 0 && check_readable("store/tls_ca", options->store_tls_ca, error) != 0)))
        return -1;
    if (!all && strcmp(role, "persister") != 0)
        return 0;
    bool alone = options->cluster_members[0] == '\0'; /* otherwise a persister connects to the members' hosts */
    if (alone && (option_check_reachable("persister/events", options->persister_events, error) != 0 ||
                  option_check_reachable("persister/acks", options->persister_acks, error) != 0))
        return -1;
    return check_readable("store/tls_ca", options->store_tls_ca, error);
}
