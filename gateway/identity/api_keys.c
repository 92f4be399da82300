#include "gateway/identity/api_keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/identity/grant.h"
#include "shared/coupon.h"

enum { HASH_BYTES = 32, RANDOM_BYTES = 32 };

struct api_key {
    uint8_t roles;
    uint8_t id_length;
    char id[ACTOR_MAX]; /* "key:NAME" */
    unsigned char hash[HASH_BYTES];
};

struct api_keys {
    unsigned count;
    struct api_key rows[API_KEYS_MAX];
};

#define ID_PREFIX "key:"
_Static_assert(sizeof ID_PREFIX - 1 + API_KEY_NAME_MAX <= ACTOR_MAX, "the id of a key is an actor");
_Static_assert(sizeof API_KEY_PREFIX - 1 + (RANDOM_BYTES * 8 + 5) / 6 == API_KEY_LENGTH, "prefix and base64url");

static void hash_bytes(struct span key, unsigned char hash[HASH_BYTES])
{
    CHECK(crypto_generichash(hash, HASH_BYTES, (const unsigned char *)key.at, key.length, NULL, 0) == 0);
}

/* --- the file --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line; empty at its end. */
static struct span take_word(struct span *line)
{
    while (line->length > 0 && is_blank(line->at[0]))
        *line = (struct span){line->at + 1, line->length - 1};
    struct span word = {line->at, 0};
    while (word.length < line->length && !is_blank(word.at[word.length]))
        word.length++;
    *line = (struct span){line->at + word.length, line->length - word.length};
    return word;
}

bool api_key_name_valid(struct span name)
{
    return name.length <= API_KEY_NAME_MAX && user_id_valid(name.at, name.length) &&
           !span_equals(name, SPAN_LITERAL("admin"));
}

static bool read_hash(struct span text, unsigned char hash[HASH_BYTES])
{
    size_t length = 0;
    return text.length == API_KEY_HASH_LENGTH &&
           sodium_hex2bin(hash, HASH_BYTES, text.at, text.length, NULL, &length, NULL) == 0 && length == HASH_BYTES;
}

static bool is_taken(const struct api_keys *keys, const struct api_key *row)
{
    for (unsigned i = 0; i < keys->count; i++) {
        const struct api_key *other = &keys->rows[i];
        if (other->id_length == row->id_length && memcmp(other->id, row->id, row->id_length) == 0)
            return true;
    }
    return false;
}

static int add(struct api_keys *keys, struct span line, struct error *error)
{
    struct span name = take_word(&line), role = take_word(&line), hash = take_word(&line);
    struct api_key *row = &keys->rows[keys->count];
    if (keys->count == API_KEYS_MAX)
        return error_set(error, "there are more than %d keys", API_KEYS_MAX);
    if (!api_key_name_valid(name))
        return error_set(error, "the name must be 1 to %d of A-Z a-z 0-9 - _ . : @, and not admin", API_KEY_NAME_MAX);
    row->roles = grant_role_find(role);
    if (row->roles == 0)
        return error_set(error, "the role must be one of user, seller, service, viewer, admin");
    if (!read_hash(hash, row->hash) || take_word(&line).length > 0)
        return error_set(error, "the row must end with the %d hexadecimal digits that coupond keygen --api-key prints",
                         API_KEY_HASH_LENGTH);
    row->id_length = (uint8_t)(sizeof ID_PREFIX - 1 + name.length);
    memcpy(row->id, ID_PREFIX, sizeof ID_PREFIX - 1);
    memcpy(row->id + sizeof ID_PREFIX - 1, name.at, name.length);
    if (is_taken(keys, row))
        return error_set(error, "another key has the same name");
    keys->count++;
    return 0;
}

static int add_all(struct api_keys *keys, struct span text, struct error *error)
{
    for (unsigned number = 1; text.length > 0; number++) {
        const char *end = memchr(text.at, '\n', text.length);
        struct span line = {text.at, end == NULL ? text.length : (size_t)(end - text.at)};
        size_t taken = line.length + (end != NULL);
        text = (struct span){text.at + taken, text.length - taken};
        struct span rest = line, word = take_word(&rest);
        if (word.length > 0 && word.at[0] != '#' && add(keys, line, error) != 0)
            return error_prefix(error, "line %u", number);
    }
    return 0;
}

struct api_keys *api_keys_parse(struct span text, struct error *error)
{
    struct api_keys *keys = NULL;
    CHECK(sodium_init() >= 0);
    if (text.length > API_KEYS_BYTES_MAX) {
        error_set(error, "a file of API keys has at most %d bytes", API_KEYS_BYTES_MAX);
        return NULL;
    }
    keys = calloc(1, sizeof *keys);
    CHECK(keys != NULL);
    if (add_all(keys, text, error) != 0)
        api_keys_destroy(&keys);
    return keys;
}

void api_keys_destroy(struct api_keys **keys)
{
    free(*keys);
    *keys = NULL;
}

unsigned api_keys_count(const struct api_keys *keys)
{
    return keys->count;
}

/* --- keys --- */

bool api_key_is_like(struct span credentials)
{
    return credentials.length >= sizeof API_KEY_PREFIX - 1 &&
           memcmp(credentials.at, API_KEY_PREFIX, sizeof API_KEY_PREFIX - 1) == 0;
}

bool api_keys_find(const struct api_keys *keys, struct span credentials, struct principal *principal)
{
    unsigned char hash[HASH_BYTES];
    const struct api_key *found = NULL;
    if (credentials.length != API_KEY_LENGTH)
        return false;
    hash_bytes(credentials, hash);
    for (unsigned i = 0; i < keys->count; i++) {
        if (sodium_memcmp(hash, keys->rows[i].hash, sizeof hash) == 0)
            found = &keys->rows[i];
    }
    if (found != NULL)
        principal_set(principal, found->id, found->id_length, found->roles);
    return found != NULL;
}

void api_key_create(char key[API_KEY_LENGTH + 1])
{
    unsigned char random[RANDOM_BYTES];
    CHECK(sodium_init() >= 0);
    randombytes_buf(random, sizeof random);
    memcpy(key, API_KEY_PREFIX, sizeof API_KEY_PREFIX - 1);
    sodium_bin2base64(key + sizeof API_KEY_PREFIX - 1, API_KEY_LENGTH + 1 - (sizeof API_KEY_PREFIX - 1), random,
                      sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
}

void api_key_hash(struct span key, char hash[API_KEY_HASH_LENGTH + 1])
{
    unsigned char bytes[HASH_BYTES];
    hash_bytes(key, bytes);
    sodium_bin2hex(hash, API_KEY_HASH_LENGTH + 1, bytes, sizeof bytes);
}
