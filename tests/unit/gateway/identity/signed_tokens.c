#include "tests/unit/gateway/identity/signed_tokens.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/identity/token.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct signing_key *signing_keys[KEY_ALGORITHM_COUNT];
static char text[32768];

int signed_tokens_set_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++)
        signing_keys[i] = signing_key_create((enum key_algorithm)i, key_algorithm_name((enum key_algorithm)i));
    return 0;
}

int signed_tokens_tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++)
        signing_key_destroy(&signing_keys[i]);
    return 0;
}

const char *jwk_set_of(const struct signing_key *const *keys, bool with_private)
{
    json_t *list = json_array();
    for (; *keys != NULL; keys++)
        json_array_append_new(list, signing_key_write(*keys, with_private));
    json_t *set = json_pack("{s:o}", "keys", list);
    CHECK(json_dumpb(set, text, sizeof text, 0) < sizeof text);
    text[json_dumpb(set, NULL, 0, 0)] = '\0';
    json_decref(set);
    return text;
}

struct key_set *key_set_of_all(void)
{
    const struct signing_key *keys[KEY_ALGORITHM_COUNT + 1] = {NULL};
    struct error error = {""};
    memcpy(keys, signing_keys, sizeof signing_keys);
    const char *set = jwk_set_of(keys, true);
    struct key_set *result = key_set_parse((struct span){set, strlen(set)}, KEY_SET_FILE, &error);
    CHECK(result != NULL);
    return result;
}

static char *put(char *at, const void *bytes, size_t length)
{
    size_t room = (size_t)(text + sizeof text - at);
    sodium_bin2base64(at, room, bytes, length, BASE64URL);
    return at + strlen(at);
}

const char *token_of_bytes(const struct signing_key *key, struct span head, struct span payload)
{
    unsigned char signature[SIGNATURE_BYTES_MAX];
    char *at = put(text, head.at, head.length);
    *at++ = '.';
    at = put(at, payload.at, payload.length);
    size_t length = signing_key_sign(key, (struct span){text, (size_t)(at - text)}, signature);
    *at++ = '.';
    put(at, signature, length);
    return text;
}

const char *token_of(const struct signing_key *key, const char *head, const char *payload)
{
    return token_of_bytes(key, (struct span){head, strlen(head)}, (struct span){payload, strlen(payload)});
}

const char *usual_token(const struct signing_key *key, const char *payload)
{
    char head[256];
    snprintf(head, sizeof head, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
             key_algorithm_name(signing_key_algorithm(key)), signing_key_id(key));
    return token_of(key, head, payload);
}
