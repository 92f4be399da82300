#include "coupond/top/members.h"

#include <stdio.h>
#include <string.h>

#include "shared/endpoint.h"
#include "shared/mask.h"

static void set_name(char name[TOP_NAME_MAX], const struct http_url *url)
{
    bool v6 = strchr(url->host, ':') != NULL;
    snprintf(name, TOP_NAME_MAX, "%s%s%s:%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "", url->port, url->prefix);
}

static int refuse_member(const char *text, struct error *error)
{
    char shown[MASKED_MAX];
    mask_secrets(text, shown);
    return error_set(error, "%.200s: it must look like http://HOST:PORT (https is not supported)", shown);
}

int top_members_add(struct top_members *members, const char *text, int expected, struct error *error)
{
    char whole[TOP_NAME_MAX + 128];
    if (members->count == TOP_MEMBERS_MAX)
        return error_set(error, "at most %d members can be watched", TOP_MEMBERS_MAX);
    int length = snprintf(whole, sizeof whole, "%s%s", strstr(text, "://") != NULL ? "" : "http://", text);
    struct http_url url;
    if (length >= (int)sizeof whole || !http_url_parse(&url, whole))
        return refuse_member(text, error);
    members->list[members->count].url = url;
    members->list[members->count].expected = expected;
    set_name(members->list[members->count].name, &url);
    members->count++;
    return 0;
}

/* Turns a listening address into one to connect to. */
static int add_address(struct top_members *members, const char *address, int role, struct error *error)
{
    char host[OPTION_STRING_MAX], url[OPTION_STRING_MAX + 32];
    if (address[0] == '\0')
        return 0;
    uint16_t port;
    if (!endpoint_split(address, host, sizeof host, &port))
        return error_set(error, "%s/http: \"%s\" is not HOST:PORT", top_role_names[role], address);
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "*") == 0)
        strcpy(host, "127.0.0.1");
    else if (strcmp(host, "::") == 0)
        strcpy(host, "::1");
    bool v6 = strchr(host, ':') != NULL;
    snprintf(url, sizeof url, "http://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
    return top_members_add(members, url, role, error);
}

int top_members_of_options(struct top_members *members, const struct options *options, struct error *error)
{
    const char *gateway =
        options->gateway_operator_http[0] != '\0' ? options->gateway_operator_http : options->gateway_http;
    if (add_address(members, gateway, TOP_GATEWAY, error) != 0 ||
        add_address(members, options->issuer_http, TOP_ISSUER, error) != 0)
        return -1;
    return add_address(members, options->persister_http, TOP_PERSISTER, error);
}
