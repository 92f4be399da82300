#include "gateway/reading/history.h"

#include <jansson.h>
#include <string.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"

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

/* A person may have changed what is in the database. */
static bool is_object(const char *text, size_t length)
{
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    bool object = json_is_object(root) && length > 2;
    json_decref(root);
    return object;
}

/* The policy is an object without the coupon's id. */
static void append_policy(struct buffer *out, const struct store_history_row *history)
{
    append(out, ",\"coupon\":{\"id\":");
    json_string_append(out, history->coupon_id, history->coupon_id_length);
    if (is_object(history->policy, history->policy_length)) {
        append(out, ",");
        buffer_append(out, history->policy + 1, history->policy_length - 1);
    } else {
        append(out, "}");
    }
    append(out, "}");
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
