#include "gateway/api/rehearsal_json.h"

#include <stddef.h>
#include <string.h>

#include "gateway/api/json.h"

static const struct {
    const char *name;
    uint64_t max;
    const char *rule;
    size_t offset;
} numbers[] = {
    {"users", REHEARSAL_USERS_MAX, "must be an integer from 1 to 10000000", offsetof(struct rehearsal_request, users)},
    {"connections", REHEARSAL_CONNECTIONS_MAX, "must be an integer from 1 to 20000",
     offsetof(struct rehearsal_request, connections)},
    {"quantity", QUANTITY_MAX, "must be an integer from 1 to 4000000000", offsetof(struct rehearsal_request, quantity)},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };
_Static_assert(REHEARSAL_CONNECTIONS_MAX == 20000, "the rule says so");

/* NULL, or what is wrong. */
static const char *take_number(size_t row, const json_t *value, struct rehearsal_request *request)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 1 || (uint64_t)number > numbers[row].max)
        return numbers[row].rule;
    memcpy((char *)request + numbers[row].offset, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
    return NULL;
}

static const char *take_coupon(const json_t *value, struct rehearsal_request *request)
{
    if (!json_is_string(value) || !coupon_id_valid(json_string_value(value), json_string_length(value)))
        return "must be 1 to 32 of A-Z a-z 0-9 - _ .";
    memcpy(request->coupon_id, json_string_value(value), json_string_length(value));
    return NULL;
}

static const char *take(const char *name, const json_t *value, struct rehearsal_request *request)
{
    if (strcmp(name, "coupon_id") == 0)
        return take_coupon(value, request);
    for (size_t row = 0; row < NUMBERS; row++) {
        if (strcmp(name, numbers[row].name) == 0)
            return take_number(row, value, request);
    }
    return "is unknown";
}

bool rehearsal_json_read(struct span body, struct rehearsal_request *request, struct api_errors *errors)
{
    json_t *root = api_json_load(body, errors);
    const char *name = NULL;
    json_t *value = NULL;
    *request = (struct rehearsal_request){.users = REHEARSAL_USERS_DEFAULT};
    if (root == NULL)
        return false;
    json_object_foreach(root, name, value)
    {
        const char *reason = take(name, value, request);
        if (reason != NULL)
            api_errors_add(errors, name, reason);
    }
    if (json_object_get(root, "coupon_id") == NULL)
        api_errors_add(errors, "coupon_id", "is missing");
    json_decref(root);
    return errors->count == 0;
}
