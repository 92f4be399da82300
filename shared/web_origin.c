#include "shared/web_origin.h"

#include <stdint.h>
#include <string.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool web_origin_next(const char **list, const char **origin, size_t *length)
{
    const char *begin = *list;
    const char *end = NULL;
    if (begin == NULL || *begin == '\0')
        return false;
    end = begin + strcspn(begin, ",");
    *list = *end == '\0' ? NULL : end + 1;
    if (*list != NULL && **list == '\0')
        *list = " "; /* a trailing comma is followed by an empty member */
    begin += strspn(begin, " ");
    if (begin > end)
        begin = end;
    while (end > begin && end[-1] == ' ')
        end--;
    *origin = begin;
    *length = (size_t)(end - begin);
    return true;
}

/* The length of "scheme://", or 0. */
static size_t scheme_size(const char *at, size_t length)
{
    size_t size = 0;
    while (size < length && (is_lower(at[size]) || (size > 0 && (is_digit(at[size]) || strchr("+-.", at[size])))))
        size++;
    return size > 0 && length - size > 3 && memcmp(at + size, "://", 3) == 0 ? size + 3 : 0;
}

/* The length of a name, an IPv4 address, or a bracketed IPv6 address; 0 when there is none. */
static size_t host_size(const char *at, size_t length)
{
    bool bracketed = length > 0 && at[0] == '[';
    size_t size = bracketed ? 1 : 0;
    while (size < length && (is_lower(at[size]) || is_digit(at[size]) || at[size] == '.' ||
                             (bracketed ? at[size] == ':' : strchr("-_", at[size]) != NULL)))
        size++;
    if (!bracketed)
        return size;
    return size > 1 && size < length && at[size] == ']' ? size + 1 : 0;
}

/* The port after the colon: 1 to 65535 in plain digits; 0 for anything else. */
static uint32_t read_port(const char *at, size_t length)
{
    uint32_t port = 0;
    if (length == 0 || length > 5 || at[0] == '0')
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(at[i]))
            return 0;
        port = port * 10 + (uint32_t)(at[i] - '0');
    }
    return port <= UINT16_MAX ? port : 0;
}

static bool is_default_port(const char *origin, size_t scheme, uint32_t port)
{
    return (port == 80 && scheme == 7 && memcmp(origin, "http", 4) == 0) ||
           (port == 443 && scheme == 8 && memcmp(origin, "https", 5) == 0);
}

static const char *fault_of(const char *at, size_t length)
{
    size_t scheme = scheme_size(at, length);
    size_t host = scheme == 0 ? 0 : host_size(at + scheme, length - scheme);
    size_t size = scheme + host;
    uint32_t port = 0;
    if (host == 0 || (size < length && at[size] != ':'))
        return "be scheme://host or scheme://host:port in lower case without a path, as browsers send it";
    if (size == length)
        return NULL;
    port = read_port(at + size + 1, length - size - 1);
    if (port == 0)
        return "have a port from 1 to 65535";
    return is_default_port(at, scheme, port) ? "not contain the default port of its scheme, which browsers omit" : NULL;
}

const char *web_origins_fault(const char *list, const char **at, size_t *length)
{
    const char *fault = NULL;
    size_t count = 0;
    bool any = false;
    while (fault == NULL && web_origin_next(&list, at, length)) {
        bool star = *length == 1 && **at == '*';
        count++;
        any |= star;
        fault = star ? NULL : fault_of(*at, *length);
        if (any && count > 1)
            fault = "not be combined with * in one list";
    }
    return fault;
}
