#include "shared/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct scheme {
    const char *text;
    enum endpoint_transport transport;
} schemes[] = {
    {"tcp://", ENDPOINT_TCP},
    {"ipc://", ENDPOINT_IPC},
    {"inproc://", ENDPOINT_INPROC},
    {"shm://", ENDPOINT_SHM},
};

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* NULL: no known scheme. */
static const struct scheme *scheme_of(const char *endpoint)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (begins_with(endpoint, schemes[i].text))
            return &schemes[i];
    }
    return NULL;
}

enum endpoint_transport endpoint_transport(const char *endpoint)
{
    const struct scheme *scheme = scheme_of(endpoint);
    return scheme == NULL || endpoint[strlen(scheme->text)] == '\0' ? ENDPOINT_NONE : scheme->transport;
}

const char *endpoint_address(const char *endpoint)
{
    const struct scheme *scheme = scheme_of(endpoint);
    return scheme == NULL ? endpoint : endpoint + strlen(scheme->text);
}

bool endpoint_split(const char *address, char *host, size_t host_size, uint16_t *port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL)
        return false;
    const char *start = address;
    size_t length = (size_t)(colon - address);
    bool bracketed = length >= 2 && start[0] == '[' && start[length - 1] == ']';
    if (bracketed) {
        start++;
        length -= 2;
    } else if (memchr(start, ':', length) != NULL) {
        return false; /* an IPv6 address without brackets */
    }
    size_t digits = strspn(colon + 1, "0123456789");
    if (length == 0 || length >= host_size || digits == 0 || digits > 5 || colon[1 + digits] != '\0')
        return false;
    long number = strtol(colon + 1, NULL, 10);
    if (number > UINT16_MAX)
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    *port = (uint16_t)number;
    return true;
}

bool endpoint_is_ipv6(const char *endpoint)
{
    return endpoint_transport(endpoint) == ENDPOINT_TCP && endpoint_address(endpoint)[0] == '[';
}

bool endpoint_is_remote(const char *endpoint)
{
    const char *address = endpoint_address(endpoint);
    return endpoint_transport(endpoint) == ENDPOINT_TCP && !begins_with(address, "127.") &&
           !begins_with(address, "localhost:") && !begins_with(address, "[::1]:");
}

static bool tcp_of_partition(const char *base, uint16_t partition, char *out, size_t size)
{
    const char *colon = strrchr(base, ':');
    char *end;
    long port = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port < 1 || port + partition > 65535)
        return false;
    int length = snprintf(out, size, "%.*s:%ld", (int)(colon - base), base, port + partition);
    return length > 0 && (size_t)length < size;
}

bool endpoint_of_partition(const char *base, uint16_t partition, char *out, size_t size)
{
    enum endpoint_transport transport = endpoint_transport(base);
    if (transport == ENDPOINT_NONE)
        return false;
    if (transport == ENDPOINT_TCP)
        return tcp_of_partition(base, partition, out, size);
    int length = snprintf(out, size, "%s-%u", base, partition);
    return length > 0 && (size_t)length < size;
}
