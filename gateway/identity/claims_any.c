#include "gateway/identity/claims_any.h"

static struct span text_of(const json_t *value)
{
    return (struct span){json_string_value(value), json_string_length(value)};
}

static void keep_list(struct claims *claims, struct claim *claim, const json_t *list)
{
    size_t i;
    const json_t *value;
    claim->first = claims->texts_count;
    if (json_array_size(list) > CLAIM_LIST_TEXTS_MAX - claims->texts_count)
        return;
    json_array_foreach(list, i, value)
    {
        if (!json_is_string(value))
            return;
        claims->texts[claim->first + i] = text_of(value);
    }
    claim->kind = CLAIM_LIST;
    claim->count = (unsigned)json_array_size(list);
    claims->texts_count += claim->count;
}

static void keep(struct claims *claims, enum claim_name name, const json_t *value)
{
    struct claim *claim = &claims->values[name];
    if (value == NULL)
        return;
    claim->kind = CLAIM_OTHER;
    if (json_is_string(value)) {
        claim->kind = CLAIM_TEXT;
        claim->text = text_of(value);
    } else if (json_is_integer(value)) {
        claim->kind = CLAIM_INTEGER;
        claim->integer = json_integer_value(value);
    } else if (json_is_array(value)) {
        keep_list(claims, claim, value);
    }
}

enum claims_fault claims_read_any(struct claims *claims, struct span json, const struct claim_members *members)
{
    json_error_t fault;
    claims_clear(claims);
    json_t *root = json_loadb(json.at, json.length, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL)
        return json_error_code(&fault) == json_error_duplicate_key ? CLAIMS_DUPLICATE : CLAIMS_MALFORMED;
    if (!json_is_object(root)) {
        json_decref(root);
        return CLAIMS_MALFORMED;
    }
    for (unsigned i = 0; i < CLAIM_NAMES; i++)
        keep(claims, (enum claim_name)i, json_object_get(root, members->names[i].at));
    claims->root = root;
    return CLAIMS_READ;
}

void claims_deinit(struct claims *claims)
{
    json_decref(claims->root);
    claims->root = NULL;
}
