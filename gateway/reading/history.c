#include "gateway/reading/history.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/error.h"

static void append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_text(struct buffer *out, const char *name, const char *text, size_t length)
{
    append(out, name);
    if (length > 0)
        json_string_append(out, text, length);
    else
        append(out, "null");
}

static void append_time(struct buffer *out, int64_t us)
{
    char time[RFC3339_MAX];
    append(out, ",\"changed_at\":\"");
    buffer_append(out, time, rfc3339_format(us, time));
    append(out, "\"");
}

/* Earlier versions wrote an empty text, or no segments, where a coupon has null. True when something was replaced. */
static bool replace_empty(json_t *policy)
{
    static const char *const names[] = {"description", "owner", "segments"};
    bool replaced = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(policy, names[i]);
        if ((json_is_string(value) && json_string_length(value) == 0) ||
            (json_is_array(value) && json_array_size(value) == 0)) {
            json_object_set_new(policy, names[i], json_null());
            replaced = true;
        }
    }
    return replaced;
}

/* The members of an object, as they are stored unless they have an earlier form. */
static void append_members(struct buffer *out, json_t *policy, const char *text, size_t length)
{
    append(out, ",");
    if (!replace_empty(policy)) {
        buffer_append(out, text + 1, length - 1);
        return;
    }
    char *replaced = json_dumps(policy, JSON_COMPACT);
    CHECK(replaced != NULL);
    append(out, replaced + 1);
    free(replaced);
}

/* The policy is an object without the coupon's id. */
static void append_policy(struct buffer *out, const struct store_history_row *history)
{
    append(out, ",\"coupon\":{\"id\":");
    json_string_append(out, history->coupon_id, history->coupon_id_length);
    json_t *policy = json_loadb(history->policy, history->policy_length, JSON_REJECT_DUPLICATES, NULL);
    if (json_object_size(policy) > 0) /* a person may have changed what is in the database */
        append_members(out, policy, history->policy, history->policy_length);
    else
        append(out, "}");
    append(out, "}");
    json_decref(policy);
}

void reading_history_append(struct buffer *out, const struct store_history_row *history)
{
    char digits[20];
    append(out, out->length > 0 ? ",{\"version\":" : "{\"version\":");
    buffer_append(out, digits, decimal_format(digits, history->journal_seq));
    append_time(out, history->changed_at_us);
    append_text(out, ",\"actor\":", history->actor, history->actor_length);
    append_text(out, ",\"request_id\":", history->request_id, history->request_id_length);
    append_policy(out, history);
}
