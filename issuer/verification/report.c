#include "issuer/verification/report.h"

#include <jansson.h>
#include <string.h>

size_t verification_text_copy(char *out, size_t room, const char *text)
{
    size_t length = strnlen(text, room + 1);
    if (length > room) {
        length = room;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(out, text, length);
    return length;
}

static bool read_count(const json_t *report, const char *name, uint64_t *count)
{
    const json_t *value = json_object_get(report, name);
    *count = json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value) : 0;
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool read_promise(const json_t *value, struct frame_promise *promise)
{
    const char *name = json_string_value(json_object_get(value, "name"));
    const char *detail = json_string_value(json_object_get(value, "detail"));
    const json_t *kept = json_object_get(value, "kept");
    size_t length = name != NULL ? strlen(name) : 0;
    if (name == NULL || !frame_promise_name_valid(name, length) || detail == NULL || !json_is_boolean(kept) ||
        !read_count(value, "violations", &promise->violations))
        return false;
    promise->kept = json_is_true(kept);
    promise->name_length = (uint8_t)length;
    memcpy(promise->name, name, length);
    promise->detail_length = (uint16_t)verification_text_copy(promise->detail, sizeof promise->detail, detail);
    return true;
}

/* All are kept if the result says so. */
static bool read_promises(const json_t *report, struct frame_verification_reply *reply)
{
    const json_t *promises = json_object_get(report, "promises");
    const char *result = json_string_value(json_object_get(report, "result"));
    size_t count = json_array_size(promises);
    bool kept = true;
    if (result == NULL || count == 0 || count > FRAME_PROMISES_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_promise(json_array_get(promises, i), &reply->promises[i]))
            return false;
        kept = kept && reply->promises[i].kept != 0;
    }
    reply->promises_count = (uint8_t)count;
    reply->kept = kept;
    return strcmp(result, kept ? "kept" : "broken") == 0;
}

bool verification_report_read(const char *text, size_t length, struct frame_verification_reply *reply)
{
    struct frame_verification_reply read = *reply;
    json_t *report = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    memset(read.promises, 0, sizeof read.promises);
    bool whole = json_is_object(report) && read_count(report, "issues", &read.issues) &&
                 read_count(report, "in_store", &read.in_store) && read_count(report, "lag", &read.lag) &&
                 read_count(report, "dead_letters", &read.dead_letters) && read_promises(report, &read);
    json_decref(report);
    if (whole)
        *reply = read;
    return whole;
}
