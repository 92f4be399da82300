#include "coupond/http/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool copy_text(char *out, size_t size, const char *text, size_t length)
{
    if (length >= size)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

/* True for bytes that need no escapes in a request line or a Host field. */
static bool printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

static bool is_port(const char *text)
{
    char *end = NULL;
    unsigned long number = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : 0;
    return number >= 1 && number <= 65535 && *end == '\0';
}

static bool read_authority(struct http_url *url, const char *text, size_t length)
{
    const char *host = text, *end = text + length, *port = NULL;
    if (length > 0 && text[0] == '[') {
        const char *bracket = memchr(text, ']', length);
        if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':'))
            return false;
        host = text + 1;
        port = bracket + 1 < end ? bracket + 2 : NULL;
        end = bracket;
    } else {
        const char *colon = memchr(text, ':', length);
        port = colon != NULL ? colon + 1 : NULL;
        end = colon != NULL ? colon : end;
    }
    size_t port_length = port != NULL ? (size_t)(text + length - port) : 2;
    return end > host && copy_text(url->host, sizeof url->host, host, (size_t)(end - host)) &&
           copy_text(url->port, sizeof url->port, port != NULL ? port : "80", port_length) && is_port(url->port);
}

bool http_url_parse(struct http_url *url, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(text, "http://", 7) != 0 || !printable(text, length) || strpbrk(text, "?#@") != NULL)
        return false;
    const char *authority = text + 7;
    const char *path = strchr(authority, '/');
    if (path == NULL)
        path = text + length;
    size_t path_length = (size_t)(text + length - path);
    while (path_length > 0 && path[path_length - 1] == '/')
        path_length--;
    return read_authority(url, authority, (size_t)(path - authority)) &&
           copy_text(url->prefix, sizeof url->prefix, path, path_length);
}
