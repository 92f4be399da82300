#include "gateway/api/coupon_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "gateway/api/json.h"
#include "gateway/api/json_text.h"
#include "shared/clock.h"
#include "shared/wire/frame.h"

/* One member of a coupon's body: where it is allowed, and its parser, which gets the value and its bytes in the body,
 * and returns NULL, or the reason when the value is invalid. */
struct member {
    const char *name;
    const char *(*read)(const json_t *value, struct span raw, struct coupon *coupon);
    uint16_t field; /* enum coupon_field; 0: cannot be changed */
    bool in_create;
    bool required; /* when a coupon is created */
};

static const char *read_id(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    if (!json_is_string(value) || !coupon_id_valid(json_string_value(value), json_string_length(value)))
        return "must be a string of 1 to 32 of A-Z a-z 0-9 - _ .";
    memcpy(coupon->id, json_string_value(value), json_string_length(value) + 1);
    return NULL;
}

static const char *read_title(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    if (!json_is_string(value) || !title_settable(json_string_value(value), json_string_length(value)))
        return "must be a UTF-8 string of 1 to 512 bytes with a visible character and without control, line separator, "
               "direction or invisible characters";
    memcpy(coupon->title, json_string_value(value), json_string_length(value) + 1);
    return NULL;
}

static bool read_number(const json_t *value, uint32_t max, uint32_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > (json_int_t)max)
        return false;
    *out = (uint32_t)json_integer_value(value);
    return true;
}

static const char *read_quantity(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    if (json_is_null(value)) {
        coupon->quantity = QUANTITY_UNLIMITED;
        return NULL;
    }
    return read_number(value, QUANTITY_MAX, &coupon->quantity) ? NULL
                                                               : "must be an integer from 1 to 4000000000, or null";
}

static const char *read_per_user_limit(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    return read_number(value, PER_USER_LIMIT_MAX, &coupon->per_user_limit) ? NULL : "must be an integer from 1 to 1000";
}

static const char *read_time(const json_t *value, int64_t *us)
{
    *us = TIME_NONE;
    if (json_is_null(value))
        return NULL;
    if (!json_is_string(value) || !rfc3339_parse(json_string_value(value), json_string_length(value), us))
        return "must be an RFC 3339 time such as 2026-11-21T02:25:00Z, of the years 1970 to 9999, or null";
    return NULL;
}

static const char *read_starts_at(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    return read_time(value, &coupon->starts_at_us);
}

static const char *read_ends_at(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    return read_time(value, &coupon->ends_at_us);
}

static const char *read_paused(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    if (!json_is_boolean(value))
        return "must be true or false";
    coupon->paused = json_is_true(value);
    return NULL;
}

static const char *read_archived(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    if (!json_is_boolean(value))
        return "must be true or false";
    coupon->archived = json_is_true(value);
    return NULL;
}

static const char *read_redeem_until(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    return read_time(value, &coupon->redeem_until_us);
}

static const char *read_redeem_within(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    coupon->redeem_within_s = 0;
    if (json_is_null(value) || read_number(value, REDEEM_WITHIN_MAX, &coupon->redeem_within_s))
        return NULL;
    return "must be an integer from 1 to 3153600000 (seconds), or null";
}

/* --- texts --- */

static const char *read_text(const json_t *value, enum coupon_text text, struct coupon *coupon, const char *rule)
{
    const char *bytes = json_is_null(value) ? "" : json_string_value(value);
    size_t length = json_is_null(value) ? 0 : json_string_length(value);
    if (bytes == NULL || !coupon_text_valid(text, bytes, length))
        return rule;
    coupon_text_set(coupon, text, bytes, length);
    return NULL;
}

static const char *read_description(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    return read_text(
        value, COUPON_TEXT_DESCRIPTION, coupon,
        "must be a UTF-8 string of up to 2048 bytes without control characters except line feeds, or null");
}

static const char *read_owner(const json_t *value, struct span raw, struct coupon *coupon)
{
    (void)raw;
    bool valid = json_is_null(value) ||
                 (json_is_string(value) && user_id_valid(json_string_value(value), json_string_length(value)));
    return valid ? read_text(value, COUPON_TEXT_OWNER, coupon, "")
                 : "must be a string of 1 to 64 of A-Z a-z 0-9 - _ . : @, or null";
}

/* JSON that coupond carries keeps its bytes, so that no number changes; only spaces between its parts are left out. */
static const char *keep_json(struct span raw, enum coupon_text text, struct coupon *coupon, const char *rule)
{
    char compact[METADATA_MAX + 1];
    size_t length = json_text_compact(raw, compact, coupon_text_max(text));
    if (length == 0 || !coupon_text_valid(text, compact, length))
        return rule;
    coupon_text_set(coupon, text, compact, length);
    return NULL;
}

static const char *read_object(const json_t *value, struct span raw, enum coupon_text text, struct coupon *coupon,
                               const char *rule)
{
    if (json_is_null(value)) {
        coupon_text_set(coupon, text, "", 0);
        return NULL;
    }
    return json_is_object(value) ? keep_json(raw, text, coupon, rule) : rule;
}

static const char *read_benefit(const json_t *value, struct span raw, struct coupon *coupon)
{
    return read_object(value, raw, COUPON_TEXT_BENEFIT, coupon,
                       "must be an object of up to 1024 bytes without spaces, or null");
}

static const char *read_metadata(const json_t *value, struct span raw, struct coupon *coupon)
{
    return read_object(value, raw, COUPON_TEXT_METADATA, coupon,
                       "must be an object of up to 4096 bytes without spaces, or null");
}

static const char *read_segments(const json_t *value, struct span raw, struct coupon *coupon)
{
    static const char rule[] = "must be an array of strings of 1 to 64 of A-Z a-z 0-9 - _ . : @, up to 512 bytes in "
                               "all, or null";
    size_t i = 0;
    json_t *item = NULL;
    if (!json_is_null(value) && (!json_is_array(value) || json_array_size(value) == 0))
        return rule;
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item) || !user_id_valid(json_string_value(item), json_string_length(item)))
            return rule;
    }
    if (!json_is_null(value))
        return keep_json(raw, COUPON_TEXT_SEGMENTS, coupon, rule);
    coupon_text_set(coupon, COUPON_TEXT_SEGMENTS, "", 0);
    return NULL;
}

static const struct member members[] = {
    {"id", read_id, 0, true, false},
    {"title", read_title, COUPON_FIELD_TITLE, true, true},
    {"description", read_description, COUPON_FIELD_DESCRIPTION, true, false},
    {"quantity", read_quantity, COUPON_FIELD_QUANTITY, true, true},
    {"per_user_limit", read_per_user_limit, COUPON_FIELD_PER_USER_LIMIT, true, false},
    {"starts_at", read_starts_at, COUPON_FIELD_STARTS_AT, true, false},
    {"ends_at", read_ends_at, COUPON_FIELD_ENDS_AT, true, false},
    {"redeem_until", read_redeem_until, COUPON_FIELD_REDEEM_UNTIL, true, false},
    {"redeem_within_s", read_redeem_within, COUPON_FIELD_REDEEM_WITHIN, true, false},
    {"benefit", read_benefit, COUPON_FIELD_BENEFIT, true, false},
    {"metadata", read_metadata, COUPON_FIELD_METADATA, true, false},
    {"owner", read_owner, COUPON_FIELD_OWNER, true, false},
    {"segments", read_segments, COUPON_FIELD_SEGMENTS, true, false},
    {"paused", read_paused, COUPON_FIELD_PAUSED, true, false},
    {"archived", read_archived, COUPON_FIELD_ARCHIVED, false, false},
};
enum { MEMBERS = sizeof members / sizeof members[0] };

/* --- the body --- */

static const struct member *find_member(const char *name, bool create)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (strcmp(members[i].name, name) == 0 && (create ? members[i].in_create : members[i].field != 0))
            return &members[i];
    return NULL;
}

/* Reads all members; returns the bits of those present, by table index. */
static unsigned read_members(json_t *root, struct span body, bool create, struct coupon *coupon,
                             struct api_errors *errors)
{
    unsigned seen = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(root, name, value)
    {
        const struct member *member = find_member(name, create);
        const char *unknown = !create && find_member(name, true) != NULL ? "cannot be changed" : "is unknown";
        const char *reason = member == NULL ? unknown : member->read(value, json_text_member(body, name), coupon);

        if (member != NULL)
            seen |= 1u << (member - members);
        if (reason != NULL)
            api_errors_add(errors, name, reason);
    }
    return seen;
}

static void check_window(const struct coupon *coupon, struct api_errors *errors)
{
    if (coupon->starts_at_us != TIME_NONE && coupon->ends_at_us != TIME_NONE &&
        coupon->ends_at_us <= coupon->starts_at_us)
        api_errors_add(errors, "ends_at", "must be later than starts_at");
    if (coupon->redeem_until_us != TIME_NONE && coupon->redeem_within_s != 0)
        api_errors_add(errors, "redeem_within_s", "and redeem_until exclude each other");
}

static void coupon_blank(struct coupon *coupon)
{
    memset(coupon, 0, sizeof *coupon);
    coupon->per_user_limit = 1;
    coupon->starts_at_us = TIME_NONE;
    coupon->ends_at_us = TIME_NONE;
    coupon->redeem_until_us = TIME_NONE;
}

bool coupon_json_read_create(struct span body, struct coupon *coupon, struct api_errors *errors)
{
    json_t *root = api_json_load(body, errors);
    unsigned seen = 0;
    coupon_blank(coupon);
    if (root == NULL)
        return false;
    seen = read_members(root, body, true, coupon, errors);
    for (size_t i = 0; i < MEMBERS; i++)
        if (members[i].required && (seen & (1u << i)) == 0)
            api_errors_add(errors, members[i].name, "is missing");
    check_window(coupon, errors);
    json_decref(root);
    return errors->count == 0;
}

bool coupon_json_read_change(struct span body, struct coupon *coupon, uint16_t *fields, struct api_errors *errors)
{
    json_t *root = api_json_load(body, errors);
    unsigned seen = 0;
    coupon_blank(coupon);
    *fields = 0;
    if (root == NULL)
        return false;
    seen = read_members(root, body, false, coupon, errors);
    for (size_t i = 0; i < MEMBERS; i++)
        if ((seen & (1u << i)) != 0)
            *fields |= members[i].field;
    if (*fields == 0 && errors->count == 0)
        api_errors_add(errors, "body", "must contain a member to change");
    check_window(coupon, errors);
    json_decref(root);
    return errors->count == 0;
}
