#include "shared/redis_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_PORT   6379
#define DATABASE_MAX 1000000

/* --- pieces --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes [from, end) into `out`; false for a broken escape, a zero byte, or overflow. */
static bool decode(const char *from, const char *end, char out[REDIS_URL_TEXT_MAX])
{
    size_t length = 0;
    for (; from < end; from++) {
        char byte = *from;
        if (byte == '%') {
            if (end - from < 3 || hex_digit(from[1]) < 0 || hex_digit(from[2]) < 0)
                return false;
            byte = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
            from += 2;
        }
        if (byte == '\0' || length == REDIS_URL_TEXT_MAX - 1)
            return false;
        out[length++] = byte;
    }
    out[length] = '\0';
    return true;
}

/* Parses digits only, up to `max`. */
static bool read_number(const char *from, const char *end, uint32_t max, uint32_t *number)
{
    char digits[10];
    size_t length = (size_t)(end - from);
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, from, length);
    digits[length] = '\0';
    if (strspn(digits, "0123456789") != length)
        return false;
    *number = (uint32_t)strtoul(digits, NULL, 10);
    return *number <= max;
}

/* --- parts --- */

/* [USER][:PASSWORD] */
static int take_user(struct redis_url *url, const char *from, const char *end, struct error *error)
{
    const char *colon = memchr(from, ':', (size_t)(end - from));
    const char *user_end = colon != NULL ? colon : end;
    bool good = decode(from, user_end, url->user) && (colon == NULL || decode(colon + 1, end, url->password));
    return good ? 0
                : error_set(error, "user or password cannot be decoded: each %% needs two hexadecimal digits, "
                                   "write a literal %% as %%25");
}

/* HOST[:PORT] or [HOST][:PORT] with an IPv6 address */
static int take_host(struct redis_url *url, const char *from, const char *end, struct error *error)
{
    const char *host = from, *host_end = NULL, *rest = NULL;
    uint32_t port = REDIS_PORT;
    if (from < end && *from == '[') {
        host++;
        host_end = memchr(from, ']', (size_t)(end - from));
        rest = host_end != NULL ? host_end + 1 : NULL;
    } else {
        const char *colon = memchr(from, ':', (size_t)(end - from));
        host_end = rest = colon != NULL ? colon : end;
    }
    if (host_end == NULL || host_end == host || host_end - host >= REDIS_URL_TEXT_MAX)
        return error_set(error, "it names no host; put an IPv6 address in brackets");
    if (rest < end && (*rest != ':' || !read_number(rest + 1, end, UINT16_MAX, &port) || port == 0))
        return error_set(error, "its port is not a number from 1 to 65535; in a password, write : @ / ? # %% as %%3A "
                                "%%40 %%2F %%3F %%23 %%25");
    memcpy(url->host, host, (size_t)(host_end - host));
    url->host[host_end - host] = '\0';
    url->port = (uint16_t)port;
    return 0;
}

static int take_authority(struct redis_url *url, const char *text, struct error *error)
{
    const char *at = strrchr(text, '@');
    const char *host = at != NULL ? at + 1 : text;
    const char *end = host + strcspn(host, "/?#");
    if (at != NULL && take_user(url, text, at, error) != 0)
        return -1;
    if (take_host(url, host, end, error) != 0)
        return -1;
    const char *tail = end + (*end == '/');
    if (tail[0] == '\0')
        return 0;
    if (end[0] != '/' || !read_number(tail, tail + strlen(tail), DATABASE_MAX, &url->database))
        return error_set(error, "only /DATABASE, a number up to %d, may follow the host", DATABASE_MAX);
    return 0;
}

/* --- whole --- */

/* The part after scheme://, NULL when the text has another scheme. */
static const char *behind(const char *text, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncmp(text, scheme, length) == 0 ? text + length : NULL;
}

int redis_url_parse(struct redis_url *url, const char *text, struct error *error)
{
    *url = (struct redis_url){.port = 0};
    const char *path = behind(text, "unix://");
    const char *plain = behind(text, "redis://");
    const char *secure = behind(text, "rediss://");
    if (path != NULL) {
        if (path[0] == '\0' || strlen(path) >= sizeof url->path)
            return error_set(error, "the path of a UNIX socket has 1 to %zu bytes", sizeof url->path - 1);
        memcpy(url->path, path, strlen(path) + 1);
        return 0;
    }
    if (plain == NULL && secure == NULL)
        return error_set(error, "expected redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss://… or unix://PATH");
    url->tls = secure != NULL;
    return take_authority(url, url->tls ? secure : plain, error);
}

void redis_url_show(const char *text, char shown[REDIS_URL_SHOWN_MAX])
{
    struct redis_url url;
    if (redis_url_parse(&url, text, NULL) != 0) {
        snprintf(shown, REDIS_URL_SHOWN_MAX, "***");
        return;
    }
    if (url.path[0] != '\0') {
        snprintf(shown, REDIS_URL_SHOWN_MAX, "unix://%s", url.path);
        return;
    }
    bool is_v6 = strchr(url.host, ':') != NULL;
    bool has_user = url.user[0] != '\0' || url.password[0] != '\0';
    int used = snprintf(shown, REDIS_URL_SHOWN_MAX, "%s://%s%s%s%s:%u", url.tls ? "rediss" : "redis",
                        has_user ? "***@" : "", is_v6 ? "[" : "", url.host, is_v6 ? "]" : "", url.port);
    if (url.database != 0)
        snprintf(shown + used, REDIS_URL_SHOWN_MAX - (size_t)used, "/%u", url.database);
}
