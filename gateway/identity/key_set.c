#include "gateway/identity/key_set.h"

#include <stdlib.h>
#include <string.h>

struct key_set {
    unsigned count;
    struct key keys[KEY_SET_KEYS_MAX];
};

static json_t *load(struct span text, struct error *error)
{
    json_error_t fault;
    json_t *root =
        text.length > KEY_SET_BYTES_MAX ? NULL : json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES, &fault);
    if (text.length > KEY_SET_BYTES_MAX)
        error_set(error, "a JWK set has at most %d bytes", KEY_SET_BYTES_MAX);
    else if (root == NULL) /* jansson's own words quote the text, which may be secret */
        error_set(error, "the text is no JSON, or names a member twice: line %d, column %d", fault.line, fault.column);
    return root;
}

static bool is_taken(const struct key_set *set, const struct key *key)
{
    return key->id_length > 0 && key_set_find(set, (struct span){key->id, key->id_length}) >= 0;
}

/* Adds the JWK if tokens can be verified with it. */
static int add(struct key_set *set, const json_t *jwk, enum key_set_origin origin, struct error *error)
{
    struct key *key = &set->keys[set->count];
    enum key_reading reading = key_read(key, jwk, error);
    if (reading != KEY_READ)
        return reading == KEY_SKIPPED ? 0 : -1;
    int result = 0;
    if (is_taken(set, key))
        result = error_set(error, "another key has the same kid");
    else if (origin == KEY_SET_URL && key->algorithm == KEY_HS256)
        result = error_set(error, "a symmetric key must not be published; put it into gateway/jwk_set_file");
    if (result == 0)
        set->count++;
    else
        key_deinit(key);
    return result;
}

static int add_all(struct key_set *set, const json_t *keys, enum key_set_origin origin, struct error *error)
{
    size_t i;
    const json_t *jwk;
    if (!json_is_array(keys) || json_array_size(keys) > KEY_SET_KEYS_MAX)
        return error_set(error, "a JWK set is an object whose member `keys` is an array of up to %d keys",
                         KEY_SET_KEYS_MAX);
    json_array_foreach(keys, i, jwk)
    {
        if (add(set, jwk, origin, error) != 0)
            return error_prefix(error, "key %zu of %zu", i + 1, json_array_size(keys));
    }
    if (set->count == 0)
        return error_set(error, "no key of the JWK set can verify tokens (HS256, RS256, ES256 or EdDSA)");
    return 0;
}

struct key_set *key_set_parse(struct span text, enum key_set_origin origin, struct error *error)
{
    json_t *root = load(text, error);
    if (root == NULL)
        return NULL;
    struct key_set *set = calloc(1, sizeof *set);
    CHECK(set != NULL);
    if (add_all(set, json_object_get(root, "keys"), origin, error) != 0)
        key_set_destroy(&set);
    json_decref(root);
    return set;
}

void key_set_destroy(struct key_set **set)
{
    struct key_set *self = *set;
    if (self == NULL)
        return;
    for (unsigned i = 0; i < self->count; i++)
        key_deinit(&self->keys[i]);
    free(self);
    *set = NULL;
}

unsigned key_set_count(const struct key_set *set)
{
    return set->count;
}

const struct key *key_set_at(const struct key_set *set, unsigned index)
{
    CHECK(index < set->count);
    return &set->keys[index];
}

int key_set_find(const struct key_set *set, struct span id)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct key *key = &set->keys[i];
        if (key->id_length > 0 && span_equals(id, (struct span){key->id, key->id_length}))
            return (int)i;
    }
    return KEY_SET_NONE;
}

int key_set_find_only(const struct key_set *set, enum key_algorithm algorithm)
{
    int found = KEY_SET_NONE;
    for (unsigned i = 0; i < set->count; i++) {
        if (set->keys[i].algorithm == algorithm)
            found = found == KEY_SET_NONE ? (int)i : KEY_SET_SEVERAL;
    }
    return found;
}
