#include "gateway/http/target.h"

#include "gateway/http/bytes.h"
#include "gateway/http/host.h"

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

bool http_percent_decode(struct span in, char *out, size_t size, size_t *length)
{
    size_t n = 0;
    for (size_t i = 0; i < in.length; i++) {
        char c = in.at[i];
        if (c == '%') {
            if (in.length - i < 3 || !http_byte_is(in.at[i + 1], HTTP_BYTE_HEX) ||
                !http_byte_is(in.at[i + 2], HTTP_BYTE_HEX))
                return false;
            c = (char)(hex_value(in.at[i + 1]) * 16 + hex_value(in.at[i + 2]));
            if ((unsigned char)c < 0x20 || c == 0x7f)
                return false;
            i += 2;
        }
        if (n == size)
            return false;
        out[n++] = c;
    }
    *length = n;
    return true;
}

/* Letters, digits, dots, hyphens, and the delimiters of addresses and ports: nginx allows no more here, although it
 * does in Host. */
static bool is_plain(struct span authority)
{
    for (size_t i = 0; i < authority.length; i++) {
        char letter = (char)(authority.at[i] | 0x20);
        if ((letter < 'a' || letter > 'z') && !http_byte_is(authority.at[i], HTTP_BYTE_DIGIT) &&
            strchr(".-:[]", authority.at[i]) == NULL)
            return false;
    }
    return http_host_valid(authority);
}

/* Removes "HOST:PORT" behind a scheme of `scheme` bytes. False when the host is invalid or no path follows. */
static bool drop_host(struct span *target, size_t scheme)
{
    const char *slash = memchr(target->at + scheme, '/', target->length - scheme);
    if (slash == NULL || !is_plain((struct span){target->at + scheme, (size_t)(slash - target->at) - scheme}))
        return false;
    target->length -= (size_t)(slash - target->at);
    target->at = slash;
    return true;
}

/* Reduces the absolute form to path and query. False when the target has neither form. */
static bool drop_authority(struct span *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    if (target->at[0] == '/')
        return true;
    for (size_t i = 0; i < 2; i++) {
        size_t scheme = strlen(schemes[i]);
        if (target->length > scheme && strncasecmp(target->at, schemes[i], scheme) == 0)
            return drop_host(target, scheme);
    }
    return false;
}

static bool hides_slash(struct span path)
{
    return memmem(path.at, path.length, "%2F", 3) != NULL || memmem(path.at, path.length, "%2f", 3) != NULL;
}

const char *http_target_parse(struct http_target *out, struct span target)
{
    const char *mark = NULL;
    if (target.length == 0 || !drop_authority(&target))
        return "the request target is neither a path nor an http URL";
    mark = memchr(target.at, '?', target.length);
    out->path = target;
    out->query = SPAN_NONE;
    if (mark != NULL) {
        out->path.length = (size_t)(mark - target.at);
        out->query = (struct span){mark + 1, target.length - out->path.length - 1};
    }
    if (memchr(out->path.at, '%', out->path.length) == NULL)
        return NULL;
    if (hides_slash(out->path) || out->path.length > sizeof out->decoded ||
        !http_percent_decode(out->path, out->decoded, sizeof out->decoded, &out->path.length))
        return "the path's percent-encoding is broken or contains a slash or a control character";
    out->path.at = out->decoded;
    return NULL;
}

bool http_query_next(struct span *query, struct span *name, struct span *value)
{
    const char *end = NULL;
    const char *equals = NULL;
    size_t length = 0;
    while (query->length > 0 && query->at[0] == '&') {
        query->at++;
        query->length--;
    }
    if (query->length == 0)
        return false;
    end = memchr(query->at, '&', query->length);
    length = end == NULL ? query->length : (size_t)(end - query->at);
    equals = memchr(query->at, '=', length);
    *name = (struct span){query->at, equals == NULL ? length : (size_t)(equals - query->at)};
    *value =
        equals == NULL ? (struct span){query->at + length, 0} : (struct span){equals + 1, length - name->length - 1};
    query->at += end == NULL ? length : length + 1;
    query->length -= end == NULL ? length : length + 1;
    return true;
}
