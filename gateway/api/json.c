#include "gateway/api/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "shared/clock.h"
#include "shared/wire/frame.h"

/* One member of a coupon's body: its parser and where it is allowed. */
struct member {
    const char *name;
    const char *(*read)(const json_t *value, struct coupon *coupon); /* NULL, or the reason when the value is invalid */
    uint8_t field;                                                   /* enum coupon_field; 0: cannot be changed */
    bool in_create;
    bool required; /* when a coupon is created */
};

static const char *read_id(const json_t *value, struct coupon *coupon)
{
    if (!json_is_string(value) || !coupon_id_valid(json_string_value(value), json_string_length(value)))
        return "must be a string of 1 to 32 of A-Z a-z 0-9 - _ .";
    memcpy(coupon->id, json_string_value(value), json_string_length(value) + 1);
    return NULL;
}

static const char *read_title(const json_t *value, struct coupon *coupon)
{
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

static const char *read_quantity(const json_t *value, struct coupon *coupon)
{
    return read_number(value, QUANTITY_MAX, &coupon->quantity) ? NULL : "must be an integer from 1 to 4000000000";
}

static const char *read_per_user_limit(const json_t *value, struct coupon *coupon)
{
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

static const char *read_starts_at(const json_t *value, struct coupon *coupon)
{
    return read_time(value, &coupon->starts_at_us);
}

static const char *read_ends_at(const json_t *value, struct coupon *coupon)
{
    return read_time(value, &coupon->ends_at_us);
}

static const char *read_paused(const json_t *value, struct coupon *coupon)
{
    if (!json_is_boolean(value))
        return "must be true or false";
    coupon->paused = json_is_true(value);
    return NULL;
}

static const struct member members[] = {
    {"id", read_id, 0, true, false},
    {"title", read_title, COUPON_FIELD_TITLE, true, true},
    {"quantity", read_quantity, COUPON_FIELD_QUANTITY, true, true},
    {"per_user_limit", read_per_user_limit, 0, true, false},
    {"starts_at", read_starts_at, COUPON_FIELD_STARTS_AT, true, false},
    {"ends_at", read_ends_at, COUPON_FIELD_ENDS_AT, true, false},
    {"paused", read_paused, COUPON_FIELD_PAUSED, false, false},
};
enum { MEMBERS = sizeof members / sizeof members[0] };

/* jansson's error in words for users who do not know jansson. */
static const char *fault_words(const json_error_t *fault)
{
    switch (json_error_code(fault)) {
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "contains the character U+0000, which is not allowed";
    case json_error_numeric_overflow:
        return "contains a number that is too large";
    case json_error_duplicate_key:
        return "contains a member twice";
    case json_error_stack_overflow:
        return "is nested too deeply";
    case json_error_invalid_utf8:
        return "is not UTF-8";
    case json_error_premature_end_of_input:
        return "is not JSON: unexpected end";
    case json_error_end_of_input_expected:
        return "is not JSON: unexpected data after the end";
    default:
        return "is not JSON";
    }
}

/* Parses the body as an object, which the caller releases; NULL when it is not one. */
static json_t *load_object(struct span body, struct api_errors *errors)
{
    json_error_t fault;
    json_t *root =
        json_loadb(body.length == 0 ? "" : body.at, body.length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    char reason[sizeof errors->rows[0].reason];
    if (root == NULL) {
        snprintf(reason, sizeof reason, "%s, line %d, column %d", fault_words(&fault), fault.line, fault.column);
        api_errors_add(errors, "body", reason);
    } else if (!json_is_object(root)) {
        api_errors_add(errors, "body", "must be a JSON object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

static const struct member *find_member(const char *name, bool create)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (strcmp(members[i].name, name) == 0 && (create ? members[i].in_create : members[i].field != 0))
            return &members[i];
    return NULL;
}

/* Reads all members; returns the bits of those present, by table index. */
static unsigned read_members(json_t *root, bool create, struct coupon *coupon, struct api_errors *errors)
{
    unsigned seen = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(root, name, value)
    {
        const struct member *member = find_member(name, create);
        const char *unknown = !create && find_member(name, true) != NULL ? "cannot be changed" : "is unknown";
        const char *reason = member == NULL ? unknown : member->read(value, coupon);

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
}

static void coupon_blank(struct coupon *coupon)
{
    memset(coupon, 0, sizeof *coupon);
    coupon->per_user_limit = 1;
    coupon->starts_at_us = TIME_NONE;
    coupon->ends_at_us = TIME_NONE;
}

bool api_json_read_create(struct span body, struct coupon *coupon, struct api_errors *errors)
{
    json_t *root = load_object(body, errors);
    unsigned seen = 0;
    coupon_blank(coupon);
    if (root == NULL)
        return false;
    seen = read_members(root, true, coupon, errors);
    for (size_t i = 0; i < MEMBERS; i++)
        if (members[i].required && (seen & (1u << i)) == 0)
            api_errors_add(errors, members[i].name, "is missing");
    check_window(coupon, errors);
    json_decref(root);
    return errors->count == 0;
}

bool api_json_read_change(struct span body, struct coupon *coupon, uint8_t *fields, struct api_errors *errors)
{
    json_t *root = load_object(body, errors);
    unsigned seen = 0;
    coupon_blank(coupon);
    *fields = 0;
    if (root == NULL)
        return false;
    seen = read_members(root, false, coupon, errors);
    for (size_t i = 0; i < MEMBERS; i++)
        if ((seen & (1u << i)) != 0)
            *fields |= members[i].field;
    if (*fields == 0 && errors->count == 0)
        api_errors_add(errors, "body", "must contain a member to change");
    check_window(coupon, errors);
    json_decref(root);
    return errors->count == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static const char *expect(const char *at, const char *end, const char *text, size_t length)
{
    at = skip_space(at, end);
    return (size_t)(end - at) >= length && memcmp(at, text, length) == 0 ? at + length : end + 1;
}

/* True for the digits of a JSON integer that is a valid id: no leading zero, at most 2^63 - 1. */
static bool digits_are_id(struct span digits)
{
    static const char max[] = "9223372036854775807";
    const size_t max_length = sizeof max - 1;
    if (digits.length == 0 || digits.length > max_length || (digits.at[0] == '0' && digits.length > 1))
        return false;
    return digits.length < max_length || memcmp(digits.at, max, max_length) <= 0;
}

/* `begin` is the first digit. */
static bool read_usual_digits(const char *begin, const char *end, struct span *user_id)
{
    const char *at = begin;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    *user_id = (struct span){begin, (size_t)(at - begin)};
    at = expect(at, end, "}", 1);
    return digits_are_id(*user_id) && at <= end && skip_space(at, end) == end;
}

/*
 * Parses the form that nearly every body has: one member, visible ASCII without escapes. The result equals jansson's;
 * every other form is left to jansson.
 */
static bool read_usual_issue(struct span body, struct span *user_id)
{
    const char *end = body.at + body.length;
    const char *at = body.at;
    const char *begin = NULL;
    if (body.length == 0)
        return false;
    at = expect(at, end, "{", 1);
    if (at <= end)
        at = expect(at, end, "\"user_id\"", 9);
    if (at <= end)
        at = expect(at, end, ":", 1);
    if (at <= end)
        at = skip_space(at, end);
    if (at < end && *at >= '0' && *at <= '9')
        return read_usual_digits(at, end, user_id);
    if (at <= end)
        at = expect(at, end, "\"", 1);
    for (begin = at; at<end && * at> 0x20 && *at < 0x7f && *at != '"' && *at != '\\'; at++)
        continue;
    if (at >= end || *at != '"' || (size_t)(at - begin) > USER_ID_MAX)
        return false;
    *user_id = (struct span){begin, (size_t)(at - begin)};
    at = expect(at + 1, end, "}", 1);
    return at <= end && skip_space(at, end) == end;
}

/* Reads the id from the parsed tree. jansson turns -0, which is invalid, into 0. */
static bool take_user_id(const json_t *value, struct span body, char *copy, struct span *user_id)
{
    char digits[24];
    const char *text = digits;
    size_t length = 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0 && memchr(body.at, '-', body.length) == NULL) {
        length = (size_t)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_string(value) && json_string_length(value) <= USER_ID_MAX) {
        text = json_string_value(value);
        length = json_string_length(value);
    } else {
        return false;
    }
    memcpy(copy, text, length);
    *user_id = (struct span){copy, length};
    return true;
}

bool api_json_read_ensure(struct span body, struct span user_id, struct api_errors *errors)
{
    json_t *root = load_object(body, errors);
    char copy[USER_ID_MAX];
    struct span named = user_id;
    const char *name = NULL;
    json_t *value = NULL;
    if (root == NULL)
        return false;
    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "user_id") != 0)
            api_errors_add(errors, name, "is unknown");
        else if (!take_user_id(value, body, copy, &named) || !span_equals(named, user_id))
            api_errors_add(errors, name, "must be the same as in the path");
    }
    json_decref(root);
    return errors->count == 0;
}

bool api_json_read_issue(struct span body, struct span *user_id, char *copy, struct api_errors *errors)
{
    json_t *root = NULL;
    const char *name = NULL;
    json_t *value = NULL;
    if (read_usual_issue(body, user_id))
        return true;
    root = load_object(body, errors);
    if (root == NULL)
        return false;
    json_object_foreach(root, name, value) if (strcmp(name, "user_id") != 0) api_errors_add(errors, name, "is unknown");
    value = json_object_get(root, "user_id");
    if (value == NULL) {
        api_errors_add(errors, "user_id", "is missing");
    } else if (!take_user_id(value, body, copy, user_id)) {
        api_errors_add(errors, "user_id", USER_ID_RULE);
    }
    json_decref(root);
    return errors->count == 0;
}
