#include "gateway/api/me.h"

#include <string.h>

#include "gateway/api/permissions.h"
#include "gateway/reply/json.h"
#include "shared/clock.h"

static void append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static unsigned roles_of(const struct api_call *call, const struct api_rules *rules)
{
    if (rules->identity != NULL || call->principal.roles != 0)
        return call->principal.roles;
    return rules->admin.required ? ROLE_USER | ROLE_SERVICE : ROLE_ADMIN;
}

static void append_roles(struct buffer *out, unsigned roles)
{
    const char *before = "\"";
    for (unsigned bit = 0; role_name(bit) != NULL; bit++) {
        if ((roles & 1u << bit) == 0)
            continue;
        append(out, before);
        append(out, role_name(bit));
        append(out, "\"");
        before = ",\"";
    }
}

/* Each name is preceded by its length. */
static void append_segments(struct buffer *out, const struct principal *principal)
{
    for (size_t at = 0; at < principal->segments_length;) {
        size_t length = (unsigned char)principal->segments[at];
        append(out, at > 0 ? "," : "");
        json_string_append(out, principal->segments + at + 1, length);
        at += 1 + length;
    }
}

static void append_expiry(struct buffer *out, const struct api_call *call)
{
    char time[RFC3339_MAX];
    bool known = call->principal.id_length > 0 && call->expires_at_s < TIME_US_MAX / 1000000 && call->expires_at_s > 0;
    if (!known) {
        append(out, "null");
        return;
    }
    append(out, "\"");
    buffer_append(out, time, rfc3339_format(call->expires_at_s * 1000000, time));
    append(out, "\"");
}

void me_json_append(struct buffer *out, const struct api_call *call, const struct api_rules *rules)
{
    const struct principal *principal = &call->principal;
    append(out, "{\"id\":");
    if (principal->id_length > 0)
        json_string_append(out, principal->id, principal->id_length);
    else
        append(out, "null");
    append(out, ",\"roles\":[");
    append_roles(out, roles_of(call, rules));
    append(out, "],\"segments\":[");
    append_segments(out, principal);
    append(out, "],\"expires_at\":");
    append_expiry(out, call);
    append(out, rules->identity != NULL ? ",\"identity\":true}" : ",\"identity\":false}");
}
