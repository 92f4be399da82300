#include "gateway/reply/verification_json.h"

#include <string.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"

static void append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_time(struct buffer *out, const char *name, int64_t us)
{
    char time[RFC3339_MAX];
    append(out, name);
    if (us != 0)
        json_string_append(out, time, rfc3339_format(us, time));
    else
        append(out, "null");
}

static void append_count(struct buffer *out, const char *name, uint64_t count, bool known)
{
    char digits[20];
    append(out, name);
    if (known)
        buffer_append(out, digits, decimal_format(digits, count));
    else
        append(out, "null");
}

static void append_text(struct buffer *out, const char *name, const char *text, size_t length)
{
    append(out, name);
    if (length > 0)
        json_string_append(out, text, length);
    else
        append(out, "null");
}

static void append_promise(struct buffer *out, const struct frame_promise *promise)
{
    append_text(out, "{\"name\":", promise->name, promise->name_length);
    append(out, promise->kept ? ",\"kept\":true" : ",\"kept\":false");
    append_count(out, ",\"violations\":", promise->violations, true);
    append_text(out, ",\"detail\":", promise->detail, promise->detail_length);
    append(out, "}");
}

static void append_promises(struct buffer *out, const struct frame_verification_reply *reply)
{
    append(out, ",\"promises\":[");
    for (unsigned i = 0; i < reply->promises_count; i++) {
        append(out, i > 0 ? "," : "");
        append_promise(out, &reply->promises[i]);
    }
    append(out, "]}");
}

void verification_json_append(struct buffer *out, const struct frame_verification_reply *reply)
{
    static const char *const states[] = {
        [VERIFICATION_NONE] = "none",
        [VERIFICATION_RUNNING] = "running",
        [VERIFICATION_DONE] = "done",
        [VERIFICATION_FAILED] = "failed",
    };
    bool done = reply->state == VERIFICATION_DONE, failed = reply->state == VERIFICATION_FAILED;
    append_text(out, "{\"state\":", states[reply->state], strlen(states[reply->state]));
    append_time(out, ",\"started_at\":", reply->started_at_us);
    append_time(out, ",\"ended_at\":", reply->ended_at_us);
    append(out, !done ? ",\"kept\":null" : reply->kept ? ",\"kept\":true" : ",\"kept\":false");
    append_text(out, ",\"progress\":", reply->text, failed ? 0 : reply->text_length);
    append_text(out, ",\"error\":", reply->text, failed ? reply->text_length : 0);
    append_count(out, ",\"issues\":", reply->issues, done);
    append_count(out, ",\"in_store\":", reply->in_store, done);
    append_count(out, ",\"lag\":", reply->lag, done);
    append_count(out, ",\"dead_letters\":", reply->dead_letters, done);
    append_promises(out, reply);
}
