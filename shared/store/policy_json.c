#include "shared/store/policy_json.h"

#include <stdio.h>

#include "shared/clock.h"

static void add_string(struct sql_text *out, const char *text, size_t length)
{
    sql_text_add(out, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char escaped[8] = {(char)c};
        if (c == '"' || c == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", c);
        else if (c < 0x20)
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
        sql_text_add(out, escaped);
    }
    sql_text_add(out, "\"");
}

static void add_name(struct sql_text *out, const char *name)
{
    sql_text_add(out, out->length > 1 ? ",\"" : "\"");
    sql_text_add(out, name);
    sql_text_add(out, "\":");
}

static void add_text(struct sql_text *out, const char *name, const struct store_coupon *coupon, enum coupon_text text)
{
    add_name(out, name);
    if (coupon->text_lengths[text] == 0)
        sql_text_add(out, "null");
    else
        add_string(out, coupon->texts[text], coupon->text_lengths[text]);
}

/* The text is JSON already. */
static void add_json(struct sql_text *out, const char *name, const struct store_coupon *coupon, enum coupon_text text)
{
    add_name(out, name);
    if (coupon->text_lengths[text] == 0)
        sql_text_add(out, "null");
    else
        sql_text_add_bytes(out, coupon->texts[text], coupon->text_lengths[text]);
}

static void add_number(struct sql_text *out, const char *name, uint64_t number, uint64_t none)
{
    add_name(out, name);
    if (number == none)
        sql_text_add(out, "null");
    else
        sql_text_number(out, number);
}

static void add_time(struct sql_text *out, const char *name, int64_t us)
{
    char text[RFC3339_MAX];
    add_name(out, name);
    if (us == TIME_NONE) {
        sql_text_add(out, "null");
        return;
    }
    size_t length = rfc3339_format(us, text);
    add_string(out, text, length);
}

static void add_boolean(struct sql_text *out, const char *name, bool value)
{
    add_name(out, name);
    sql_text_add(out, value ? "true" : "false");
}

void store_policy_json(struct sql_text *out, const struct store_coupon *coupon)
{
    sql_text_clear(out);
    sql_text_add(out, "{");
    add_text(out, "title", coupon, COUPON_TEXT_TITLE);
    add_text(out, "description", coupon, COUPON_TEXT_DESCRIPTION);
    add_json(out, "benefit", coupon, COUPON_TEXT_BENEFIT);
    add_json(out, "metadata", coupon, COUPON_TEXT_METADATA);
    add_number(out, "quantity", coupon->quantity, QUANTITY_UNLIMITED);
    add_number(out, "per_user_limit", coupon->per_user_limit, 0);
    add_time(out, "starts_at", coupon->starts_at_us);
    add_time(out, "ends_at", coupon->ends_at_us);
    add_time(out, "redeem_until", coupon->redeem_until_us);
    add_number(out, "redeem_within_s", coupon->redeem_within_s, 0);
    add_boolean(out, "paused", coupon->paused);
    add_boolean(out, "archived", coupon->archived);
    add_text(out, "owner", coupon, COUPON_TEXT_OWNER);
    add_json(out, "segments", coupon, COUPON_TEXT_SEGMENTS);
    sql_text_add(out, "}");
}
