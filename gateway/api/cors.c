#include "gateway/api/cors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/web_origin.h"

#define EXPOSE "Access-Control-Expose-Headers: ETag, Location, Retry-After, X-As-Of, X-Request-Id\r\n"

enum { FIELDS_MAX = OPTION_STRING_MAX + 192, PREFLIGHT_MAX = 512 };

struct allowed {
    struct span origin; /* part of `fields` */
    char fields[FIELDS_MAX];
};

struct cors {
    bool any; /* "*" */
    size_t count;
    struct allowed allowed[];
};

static size_t count_origins(const char *origins)
{
    const char *origin = NULL;
    size_t length = 0;
    size_t count = 0;
    while (web_origin_next(&origins, &origin, &length))
        count++;
    return count;
}

/* Without Vary, a shared cache could serve one origin's answer to another. */
static void set_allowed(struct allowed *allowed, const char *origin, size_t length)
{
    static const char name[] = "Access-Control-Allow-Origin: ";
    int size = snprintf(allowed->fields, sizeof allowed->fields, "%s%.*s\r\nVary: Origin\r\n" EXPOSE, name, (int)length,
                        origin);
    CHECK(size > 0 && (size_t)size < sizeof allowed->fields);
    allowed->origin = (struct span){allowed->fields + sizeof name - 1, length};
}

struct cors *cors_create(const char *origins)
{
    size_t count = count_origins(origins);
    struct cors *cors = NULL;
    const char *origin = NULL;
    size_t length = 0;
    if (count == 0)
        return NULL;
    cors = calloc(1, sizeof *cors + count * sizeof cors->allowed[0]);
    CHECK(cors != NULL);
    while (web_origin_next(&origins, &origin, &length)) {
        cors->any |= length == 1 && *origin == '*';
        set_allowed(&cors->allowed[cors->count++], origin, length);
    }
    return cors;
}

void cors_destroy(struct cors **cors)
{
    free(*cors);
    *cors = NULL;
}

static const struct allowed *find(const struct cors *cors, struct span origin)
{
    for (size_t i = 0; i < cors->count; i++)
        if (span_equals(cors->allowed[i].origin, origin))
            return &cors->allowed[i];
    return NULL;
}

bool cors_allows(const struct cors *cors, struct span origin)
{
    return origin.length > 0 && (cors->any || find(cors, origin) != NULL);
}

const char *cors_fields(const struct cors *cors, struct span origin)
{
    static const char for_any[] = "Access-Control-Allow-Origin: *\r\n" EXPOSE;
    const struct allowed *allowed = NULL;
    if (cors->any)
        return for_any;
    allowed = find(cors, origin);
    return allowed != NULL ? allowed->fields : "Vary: Origin\r\n";
}

int cors_write_preflight(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const char *methods)
{
    char fields[PREFLIGHT_MAX];
    int length = snprintf(fields, sizeof fields,
                          "Access-Control-Allow-Methods: %s\r\n"
                          "Access-Control-Allow-Headers: Authorization, Cache-Control, Content-Type, If-Match, "
                          "If-None-Match, Idempotency-Key, Traceparent, X-Request-Id\r\n"
                          "Access-Control-Max-Age: 7200\r\n", /* the maximum that Chromium accepts */
                          methods);
    struct reply reply = {.status = 204, .fields = fields, .fields_length = (size_t)length};
    CHECK(length > 0 && (size_t)length < sizeof fields);
    reply_write(out, clock, style, &reply);
    return reply.status;
}
