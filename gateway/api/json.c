#include "gateway/api/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "gateway/api/json_text.h"
#include "shared/wire/frame.h"

enum { FIELD_MAX = sizeof((struct api_error *)NULL)->field };

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

/* The field that an error is about. A number that is too large is about its member, in which it may be deep down. */
static const char *fault_field(struct span body, const json_error_t *fault, char field[FIELD_MAX])
{
    struct span name = SPAN_NONE;
    if (json_error_code(fault) == json_error_numeric_overflow && fault->position >= 0)
        name = json_text_name_at(body, (size_t)fault->position);
    if (name.length == 0)
        return "body";
    snprintf(field, FIELD_MAX, "%.*s", (int)(name.length < FIELD_MAX ? name.length : FIELD_MAX), name.at);
    return field;
}

json_t *api_json_load(struct span body, struct api_errors *errors)
{
    json_error_t fault;
    json_t *root =
        json_loadb(body.length == 0 ? "" : body.at, body.length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    char reason[sizeof errors->rows[0].reason];
    char field[FIELD_MAX];
    if (root == NULL) {
        snprintf(reason, sizeof reason, "%s, line %d, column %d", fault_words(&fault), fault.line, fault.column);
        api_errors_add(errors, fault_field(body, &fault, field), reason);
    } else if (!json_is_object(root)) {
        api_errors_add(errors, "body", "must be a JSON object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

static const char *expect(const char *at, const char *end, const char *text, size_t length)
{
    at = json_text_skip_space(at, end);
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
    return digits_are_id(*user_id) && at <= end && json_text_skip_space(at, end) == end;
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
        at = json_text_skip_space(at, end);
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
    return at <= end && json_text_skip_space(at, end) == end;
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
    json_t *root = api_json_load(body, errors);
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
    struct span usual;
    if (read_usual_issue(body, &usual)) {
        *user_id = usual;
        return true;
    }
    if (body.length == 0 && user_id->at == NULL)
        api_errors_add(errors, "user_id", "is missing");
    if (body.length == 0)
        return user_id->at != NULL;
    root = api_json_load(body, errors);
    if (root == NULL)
        return false;
    json_object_foreach(root, name, value) if (strcmp(name, "user_id") != 0) api_errors_add(errors, name, "is unknown");
    value = json_object_get(root, "user_id");
    if (value == NULL && user_id->at == NULL) {
        api_errors_add(errors, "user_id", "is missing");
    } else if (value != NULL && !take_user_id(value, body, copy, user_id)) {
        api_errors_add(errors, "user_id", USER_ID_RULE);
    }
    json_decref(root);
    return errors->count == 0;
}

static const char *read_reference(const json_t *value, char copy[REFERENCE_MAX], struct span *reference)
{
    if (!json_is_string(value) || !reference_valid(json_string_value(value), json_string_length(value)))
        return REFERENCE_RULE;
    memcpy(copy, json_string_value(value), json_string_length(value));
    *reference = (struct span){copy, json_string_length(value)};
    return NULL;
}

static const char *read_sequence(const json_t *value, uint32_t *sequence)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > UINT32_MAX)
        return SEQUENCE_RULE;
    *sequence = (uint32_t)json_integer_value(value);
    return NULL;
}

bool api_json_read_redemption(struct span body, struct span *reference, char copy[REFERENCE_MAX], uint32_t *sequence,
                              struct api_errors *errors)
{
    json_t *root = api_json_load(body, errors);
    const char *name = NULL;
    json_t *value = NULL;
    *reference = SPAN_NONE;
    *sequence = 0;
    if (root == NULL)
        return false;
    json_object_foreach(root, name, value)
    {
        const char *reason = "is unknown";
        if (strcmp(name, "reference") == 0)
            reason = read_reference(value, copy, reference);
        else if (strcmp(name, "sequence") == 0)
            reason = read_sequence(value, sequence);
        if (reason != NULL)
            api_errors_add(errors, name, reason);
    }
    if (json_object_get(root, "reference") == NULL)
        api_errors_add(errors, "reference", "is missing");
    json_decref(root);
    return errors->count == 0;
}

static const char *read_reason(const json_t *value, struct api_revocation *revocation)
{
    if (!json_is_string(value) || !reason_valid(json_string_value(value), json_string_length(value)))
        return REASON_RULE;
    revocation->reason_length = json_string_length(value);
    memcpy(revocation->reason, json_string_value(value), revocation->reason_length);
    return NULL;
}

static const char *read_flag(const json_t *value, enum change_flag flag, struct api_revocation *revocation)
{
    if (!json_is_boolean(value))
        return "must be true or false";
    if (json_is_true(value))
        revocation->flags |= (uint8_t)flag;
    return NULL;
}

bool api_json_read_revocation(struct span body, struct api_revocation *revocation, struct api_errors *errors)
{
    const char *name = NULL;
    json_t *value = NULL;
    revocation->reason_length = 0;
    revocation->flags = 0;
    if (body.length == 0)
        return true;
    json_t *root = api_json_load(body, errors);
    if (root == NULL)
        return false;
    json_object_foreach(root, name, value)
    {
        const char *reason = "is unknown";
        if (strcmp(name, "reason") == 0)
            reason = read_reason(value, revocation);
        else if (strcmp(name, "restock") == 0)
            reason = read_flag(value, CHANGE_RESTOCK, revocation);
        else if (strcmp(name, "again") == 0)
            reason = read_flag(value, CHANGE_AGAIN, revocation);
        if (reason != NULL)
            api_errors_add(errors, name, reason);
    }
    json_decref(root);
    return errors->count == 0;
}
