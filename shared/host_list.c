#include "shared/host_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/endpoint.h"

static bool is_plain_ipv6(const char *entry)
{
    const char *colon = strchr(entry, ':');
    return entry[0] != '[' && colon != NULL && strchr(colon + 1, ':') != NULL;
}

/* Without a port: the host as it is, or an address in brackets. */
static bool take_host(const char *entry, struct host_list_one *one)
{
    size_t length = strlen(entry);
    bool bracketed = entry[0] == '[', closed = length > 0 && entry[length - 1] == ']';
    if (bracketed != closed || (bracketed && length < 3))
        return false;
    length -= bracketed ? 2 : 0;
    memcpy(one->host, entry + bracketed, length);
    one->host[length] = '\0';
    return true;
}

static bool take_entry(const char *entry, struct host_list_one *one)
{
    size_t length = strlen(entry);
    bool closed = length > 0 && entry[length - 1] == ']';
    if (strchr(entry, ':') == NULL || closed || is_plain_ipv6(entry))
        return take_host(entry, one);
    return endpoint_split(entry, one->host, sizeof one->host, &one->port) && one->port != 0;
}

static int refuse_url(const char *text, const char *fault, struct error *error)
{
    unsigned number = 1;
    for (const char *c = text; c < fault; c++)
        number += *c == ',';
    return error_set(
        error,
        "entry %u: expected only a host name or address, with or without :PORT; put the rest of a URL into "
        "store/user, store/password, store/port and store/database",
        number);
}

static int add(struct host_list *list, const char *entry, bool only, uint16_t port, struct error *error)
{
    if (list->count == HOST_LIST_MAX)
        return error_set(error, "\"%s\" is one more than %d, the maximum", entry, HOST_LIST_MAX);
    struct host_list_one *one = &list->all[list->count++];
    one->port = port;
    if (entry[0] == '\0' && !only)
        return error_set(error, "entry %u is empty", list->count);
    if (!take_entry(entry, one))
        return error_set(error, "\"%s\" is neither HOST nor HOST:PORT, with a port from 1 to 65535", entry);
    return 0;
}

int host_list_parse(const char *text, uint16_t port, struct host_list *list, struct error *error)
{
    const char *fault = strpbrk(text, "/@?");
    bool only = strchr(text, ',') == NULL;
    *list = (struct host_list){0};
    if (fault != NULL)
        return refuse_url(text, fault, error);
    for (bool more = true; more;) {
        char entry[HOST_LIST_HOST_MAX + 1];
        text += strspn(text, " ");
        size_t length = strcspn(text, ","), used = length;
        while (used > 0 && text[used - 1] == ' ')
            used--;
        if (used >= sizeof entry)
            return error_set(error, "\"%.32s…\" is too long", text);
        memcpy(entry, text, used);
        entry[used] = '\0';
        if (add(list, entry, only, port, error) != 0)
            return -1;
        more = text[length] == ',';
        text += length + more;
    }
    return 0;
}

void host_list_show(const struct host_list_one *one, char out[HOST_LIST_TEXT_MAX])
{
    bool ipv6 = strchr(one->host, ':') != NULL;
    snprintf(out, HOST_LIST_TEXT_MAX, "%s%s%s:%u", ipv6 ? "[" : "", one->host, ipv6 ? "]" : "", one->port);
}
