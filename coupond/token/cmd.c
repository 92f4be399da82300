/* `coupond token`: creates keys, and signs tokens with them. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "coupond/token/options.h"
#include "coupond/token/signing_set.h"
#include "shared/clock.h"
#include "shared/limits.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

const struct help help_token = {
    .name = "token",
    .summary = "makes keys and tokens for tests and development",
    .about =
        "With --new-keys, creates a file with a new key as a JWK set, which only its owner may read. Start gateways "
        "with gateway/identity = on and gateway/jwk_set_file = FILE.\n\n"
        "With --keys, signs a token and prints it; clients send it as Authorization: Bearer TOKEN. With --public, "
        "prints the public parts of the keys instead, for gateways that must not sign tokens themselves.\n\n"
        "In production an identity provider signs tokens, and gateways read its public keys from "
        "gateway/jwk_set_url.",
    .options = token_help_options,
};

/* --- keys --- */

static int create_keys(const struct token_options *options, struct error *error)
{
    unsigned char random[9];
    char id[sodium_base64_ENCODED_LEN(sizeof random, BASE64URL)];
    CHECK(sodium_init() >= 0);
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(id, sizeof id, random, sizeof random, BASE64URL);
    struct signing_key *key = signing_key_create(options->algorithm, options->id != NULL ? options->id : id);
    int result = signing_set_create(options->new_keys, key, error);
    if (result == 0)
        printf("Created %s with an %s key, kid %s, readable by its owner. Tokens:\n"
               "coupond token --keys %s --user USER\n",
               options->new_keys, key_algorithm_name(options->algorithm), signing_key_id(key), options->new_keys);
    signing_key_destroy(&key);
    return result;
}

static int print_public(const struct token_options *options, struct error *error)
{
    json_t *set = signing_set_public(options->keys, error);
    if (set == NULL)
        return -1;
    json_dumpf(set, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(set);
    return 0;
}

/* --- tokens --- */

static json_t *array_of(const char *names)
{
    json_t *array = json_array();
    while (names != NULL) {
        size_t length = strcspn(names, ",");
        if (length > 0)
            json_array_append_new(array, json_stringn(names, length));
        names = names[length] == ',' ? names + length + 1 : NULL;
    }
    return array;
}

/* All claims but the user's. */
static json_t *claims_of(const struct token_options *options)
{
    json_int_t now_s = clock_wall_us() / 1000000;
    json_int_t until_s = now_s + options->expires_s;
    json_t *claims = json_pack("{s:s?, s:s?, s:I, s:I}", "iss", options->issuer, "aud", options->audience, "iat", now_s,
                               "exp", until_s);
    CHECK(claims != NULL);
    if (options->issuer == NULL)
        json_object_del(claims, "iss");
    if (options->audience == NULL)
        json_object_del(claims, "aud");
    if (options->roles != NULL)
        json_object_set_new(claims, "roles", array_of(options->roles));
    if (options->segments != NULL)
        json_object_set_new(claims, "segments", array_of(options->segments));
    return claims;
}

/* The JSON in base64url, which the caller frees. */
static char *encode(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    CHECK(text != NULL);
    size_t size = sodium_base64_encoded_len(strlen(text), BASE64URL);
    char *encoded = malloc(size);
    CHECK(encoded != NULL);
    sodium_bin2base64(encoded, size, (const unsigned char *)text, strlen(text), BASE64URL);
    free(text);
    return encoded;
}

static void print_token(const struct signing_key *key, const char *head, const json_t *claims)
{
    unsigned char signature[SIGNATURE_BYTES_MAX];
    char encoded[sodium_base64_ENCODED_LEN(SIGNATURE_BYTES_MAX, BASE64URL)];
    char *payload = encode(claims), *message = NULL;
    int length = asprintf(&message, "%s.%s", head, payload);
    CHECK(length > 0);
    size_t size = signing_key_sign(key, (struct span){message, (size_t)length}, signature);
    sodium_bin2base64(encoded, sizeof encoded, signature, size, BASE64URL);
    printf("%s.%s\n", message, encoded);
    free(message);
    free(payload);
}

static void print_tokens(const struct token_options *options, const struct signing_key *key)
{
    json_t *head_json = json_pack("{s:s, s:s}", "alg", key_algorithm_name(signing_key_algorithm(key)), "typ", "JWT");
    json_t *claims = claims_of(options);
    char user[USER_ID_MAX + 1];
    CHECK(head_json != NULL);
    if (signing_key_id(key)[0] != '\0')
        json_object_set_new(head_json, "kid", json_string(signing_key_id(key)));
    char *head = encode(head_json);
    for (uint32_t i = 0; i < options->count || i == 0; i++) {
        if (options->count > 0)
            snprintf(user, sizeof user, "%.*s-%u", (int)sizeof user - 12, options->user, i);
        json_object_set_new(claims, "sub", json_string(options->count > 0 ? user : options->user));
        print_token(key, head, claims);
    }
    free(head);
    json_decref(head_json);
    json_decref(claims);
}

static int sign(const struct token_options *options, struct error *error)
{
    struct signing_key *key = signing_set_read(options->keys, options->id, error);
    if (key == NULL)
        return -1;
    print_tokens(options, key);
    signing_key_destroy(&key);
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return 0;
    return error_set(error, "cannot write the tokens");
}

int cmd_token(int argc, char **argv)
{
    struct token_options options;
    struct error error = {""};
    if (token_options_parse(&options, argc, argv, &error) != 0)
        return role_fail("token", &error, EXIT_USAGE);
    if (options.help) {
        help_print(stdout, &help_token);
        return EXIT_SUCCESS;
    }
    int result = options.new_keys != NULL ? create_keys(&options, &error)
                 : options.print_public   ? print_public(&options, &error)
                                          : sign(&options, &error);
    return result == 0 ? EXIT_SUCCESS : role_fail("token", &error, EXIT_FAILURE);
}
