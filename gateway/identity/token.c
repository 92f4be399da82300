#include "gateway/identity/token.h"

#include <string.h>

#include "gateway/identity/base64url.h"
#include "gateway/identity/claims_read.h"

enum {
    SIGNATURE_MAX = KEY_RSA_MAX / 8,
    DECODED_MAX = BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX),
};

_Static_assert(DECODED_MAX / (sizeof "\"\"," - 1) <= CLAIM_LIST_TEXTS_MAX, "no payload has more texts in lists");

/* The three parts, still encoded, and what the signature signs: the first two with the dot between them. */
struct parts {
    struct span head;
    struct span payload;
    struct span signature;
    struct span message;
};

static bool split(struct span token, struct parts *parts)
{
    const char *end = token.at + token.length;
    const char *first = memchr(token.at, '.', token.length);
    const char *second = first == NULL ? NULL : memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
        return false;
    parts->head = (struct span){token.at, (size_t)(first - token.at)};
    parts->payload = (struct span){first + 1, (size_t)(second - first - 1)};
    parts->signature = (struct span){second + 1, (size_t)(end - second - 1)};
    parts->message = (struct span){token.at, (size_t)(second - token.at)};
    return true;
}

/* --- the head --- */

/* A text, or SPAN_NONE when the member is missing. False for anything else. */
static bool read_text(const json_t *head, const char *name, struct span *text)
{
    const json_t *value = json_object_get(head, name);
    *text = SPAN_NONE;
    if (value == NULL)
        return true;
    *text = (struct span){json_string_value(value), json_string_length(value)};
    return json_is_string(value);
}

/* Tokens of other kinds, such as logout tokens, are signed with the same keys (RFC 8725 §3.11). */
static bool is_type_of_access(struct span type)
{
    static const struct span media = {"application/", 12};
    if (type.length > media.length && span_equals_nocase((struct span){type.at, media.length}, media))
        type = (struct span){type.at + media.length, type.length - media.length};
    return type.at == NULL || span_equals_nocase(type, SPAN_LITERAL("JWT")) ||
           span_equals_nocase(type, SPAN_LITERAL("at+jwt"));
}

/* Without a kid the token's algorithm chooses, if one key alone has it. */
static enum metric_identity choose_key(const struct key_set *keys, struct span id, struct span algorithm, int *key)
{
    enum key_algorithm named = key_algorithm_find(algorithm);
    if (keys == NULL)
        return METRIC_IDENTITY_UNKNOWN_KEY;
    if (id.at == NULL && named == KEY_ALGORITHM_COUNT)
        return METRIC_IDENTITY_WRONG_ALGORITHM;
    *key = id.at != NULL ? key_set_find(keys, id) : key_set_find_only(keys, named);
    if (*key == KEY_SET_NONE)
        return id.at != NULL ? METRIC_IDENTITY_UNKNOWN_KEY : METRIC_IDENTITY_WRONG_ALGORITHM;
    if (*key < 0)
        return METRIC_IDENTITY_UNKNOWN_KEY;
    return key_set_at(keys, (unsigned)*key)->algorithm == named ? METRIC_IDENTITY_OK : METRIC_IDENTITY_WRONG_ALGORITHM;
}

static enum metric_identity judge_head(const json_t *head, const struct key_set *keys, int *key)
{
    struct span algorithm, type, id;
    if (!json_is_object(head) || !read_text(head, "alg", &algorithm) || !read_text(head, "typ", &type) ||
        !read_text(head, "kid", &id) || algorithm.at == NULL)
        return METRIC_IDENTITY_MALFORMED;
    if (json_object_get(head, "crit") != NULL)
        return METRIC_IDENTITY_CRITICAL_HEADER;
    if (!is_type_of_access(type))
        return METRIC_IDENTITY_WRONG_TYPE;
    return choose_key(keys, id, algorithm, key);
}

static enum metric_identity read_head(struct span text, const struct key_set *keys, int *key)
{
    char decoded[DECODED_MAX];
    size_t length = 0;
    json_error_t fault;
    if (!base64url_decode(text.at, text.length, decoded, sizeof decoded, &length))
        return METRIC_IDENTITY_MALFORMED;
    json_t *head = json_loadb(decoded, length, JSON_REJECT_DUPLICATES, &fault);
    if (head == NULL)
        return json_error_code(&fault) == json_error_duplicate_key ? METRIC_IDENTITY_DUPLICATE_CLAIM
                                                                   : METRIC_IDENTITY_MALFORMED;
    enum metric_identity reason = judge_head(head, keys, key);
    json_decref(head);
    return reason;
}

static bool find_head(const struct token_checker *checker, struct span text, int *key)
{
    for (unsigned i = 0; i < TOKEN_HEADS; i++) {
        const struct token_head *head = &checker->heads[i];
        if (head->length == 0 || !span_equals(text, (struct span){head->text, head->length}))
            continue;
        *key = head->key;
        return true;
    }
    return false;
}

static void keep_head(struct token_checker *checker, struct span text, int key)
{
    struct token_head *head = &checker->heads[checker->next_head];
    if (text.length > sizeof head->text)
        return;
    memcpy(head->text, text.at, text.length);
    head->length = text.length;
    head->key = key;
    checker->next_head = (checker->next_head + 1) % TOKEN_HEADS;
}

/* --- signature and claims --- */

static enum metric_identity check_signature(struct token_checker *checker, const struct key *key, int index,
                                            const struct parts *parts)
{
    char signature[SIGNATURE_MAX];
    size_t length = 0;
    if (!base64url_decode(parts->signature.at, parts->signature.length, signature, sizeof signature, &length))
        return METRIC_IDENTITY_MALFORMED;
    return verifier_check(&checker->verifiers[index], key, parts->message, (struct span){signature, length})
               ? METRIC_IDENTITY_OK
               : METRIC_IDENTITY_BAD_SIGNATURE;
}

static enum metric_identity judge_payload(struct span text, const struct grant_rules *rules, int64_t now_s,
                                          struct principal *principal, int64_t *expires_at_s)
{
    static const enum metric_identity faults[] = {
        [CLAIMS_MALFORMED] = METRIC_IDENTITY_MALFORMED, [CLAIMS_DUPLICATE] = METRIC_IDENTITY_DUPLICATE_CLAIM};
    char decoded[DECODED_MAX];
    size_t length = 0;
    struct claims claims;
    if (!base64url_decode(text.at, text.length, decoded, sizeof decoded, &length))
        return METRIC_IDENTITY_MALFORMED;
    enum claims_fault fault = claims_read(&claims, (struct span){decoded, length}, &rules->members);
    if (fault != CLAIMS_READ)
        return faults[fault];
    enum metric_identity reason = grant_judge(&claims, rules, now_s, principal, expires_at_s);
    claims_deinit(&claims);
    return reason;
}

enum metric_identity token_check(struct token_checker *checker, const struct key_set *keys,
                                 const struct grant_rules *rules, struct span token, int64_t now_s,
                                 struct principal *principal, int64_t *expires_at_s)
{
    struct parts parts;
    int key = KEY_SET_NONE;
    if (token.length > TOKEN_BYTES_MAX)
        return METRIC_IDENTITY_OVERSIZED;
    if (!split(token, &parts))
        return METRIC_IDENTITY_MALFORMED;
    bool kept = find_head(checker, parts.head, &key);
    enum metric_identity reason = kept ? METRIC_IDENTITY_OK : read_head(parts.head, keys, &key);
    if (reason == METRIC_IDENTITY_OK)
        reason = check_signature(checker, key_set_at(keys, (unsigned)key), key, &parts);
    if (reason != METRIC_IDENTITY_OK)
        return reason;
    if (!kept) /* with a valid signature: nobody else can displace the heads of an issuer */
        keep_head(checker, parts.head, key);
    return judge_payload(parts.payload, rules, now_s, principal, expires_at_s);
}

void token_checker_deinit(struct token_checker *checker)
{
    for (unsigned i = 0; i < KEY_SET_KEYS_MAX; i++)
        verifier_deinit(&checker->verifiers[i]);
    memset(checker->heads, 0, sizeof checker->heads);
}
