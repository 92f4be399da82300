/*
 * Tokens. The first byte says what the rest is: a whole token, a header or claims that are signed here. What is
 * accepted names a valid user with roles, has not expired, and is accepted again; claims in their usual form are what
 * jansson reads; base64url is what libsodium decodes.
 */
#include "fuzz.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/token/signing_key.h"
#include "gateway/identity/base64url.h"
#include "gateway/identity/claims_any.h"
#include "gateway/identity/claims_usual.h"
#include "gateway/identity/token.h"
#include "shared/coupon.h"

#define NOW       INT64_C(1800000000)
#define LEEWAY    30
#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define HEAD      "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"a\"}"
#define JWK       "{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}"

enum part { PART_TOKEN, PART_HEAD, PART_CLAIMS, PARTS };

static struct grant_rules rules = {.leeway_s = LEEWAY};
static struct key_set *keys;
static struct signing_key *signing;
static struct token_checker checker;

void fuzz_begin(void)
{
    static const char set[] = "{\"keys\":[" JWK "]}";
    rules.members = claim_members_of("sub", "roles", "segments");
    struct error error;
    json_t *jwk = json_loads(JWK, 0, NULL);
    keys = key_set_parse((struct span){set, sizeof set - 1}, KEY_SET_FILE, &error);
    signing = signing_key_read(jwk, &error);
    CHECK(keys != NULL && signing != NULL);
    json_decref(jwk);
}

static void seed(enum part part, const char *text)
{
    char input[4096];
    size_t length = strlen(text);
    CHECK(length < sizeof input);
    input[0] = (char)part;
    memcpy(input + 1, text, length);
    fuzz_seed(input, length + 1);
}

void fuzz_seeds(void)
{
    seed(PART_TOKEN, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIiwiZXhwIjoxODAwMDAwNjAwfQ.AAAA");
    seed(PART_TOKEN, "eyJhbGciOiJub25lIn0.e30.");
    seed(PART_HEAD, HEAD);
    seed(PART_HEAD, "{\"alg\":\"none\",\"crit\":[\"exp\"]}");
    seed(PART_CLAIMS, "{\"sub\":\"alice\",\"exp\":1800000600}");
    seed(PART_CLAIMS, "{\"iss\":\"https://a\",\"sub\":7,\"aud\":[\"a\",\"b\"],\"exp\":1800000600,\"nbf\":0,\"iat\":1,"
                      "\"roles\":[\"seller\",\"x\"],\"segments\":\"vip new\",\"y\":{\"z\":[null,true,1e3]}}");
    seed(PART_CLAIMS, "{\"sub\":\"\\u0061\",\"exp\":1800000600,\"segments\":[\"\xea\xb0\x80\"]}");
}

/* --- invariants --- */

static bool same_claim(const struct claims *a, const struct claims *b, unsigned name)
{
    const struct claim *one = &a->values[name], *other = &b->values[name];
    if (one->kind != other->kind)
        return false;
    if (one->kind == CLAIM_TEXT)
        return span_equals(one->text, other->text);
    if (one->kind == CLAIM_INTEGER)
        return one->integer == other->integer;
    bool same = one->kind != CLAIM_LIST || one->count == other->count;
    for (unsigned i = 0; same && one->kind == CLAIM_LIST && i < one->count; i++)
        same = span_equals(a->texts[one->first + i], b->texts[other->first + i]);
    return same;
}

static void check_usual(struct span json)
{
    struct claims usual, any;
    claims_clear(&usual);
    if (!claims_read_usual(&usual, json, &rules.members))
        return;
    CHECK(claims_read_any(&any, json, &rules.members) == CLAIMS_READ);
    for (unsigned i = 0; i < CLAIM_NAMES; i++)
        CHECK(same_claim(&usual, &any, i));
    claims_deinit(&any);
}

/* libsodium 1.0.18 takes some bytes above 127 for characters. */
static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.at[i] > 127)
            return false;
    }
    return true;
}

static void check_base64url(struct span text)
{
    size_t length = 0, expected = 0, size = BASE64URL_DECODED_MAX(text.length);
    const char *end = NULL;
    char *mine = malloc(size), *theirs = malloc(size);
    bool valid = base64url_decode(text.at, text.length, mine, size, &length);
    bool right = is_ascii(text) && sodium_base642bin((unsigned char *)theirs, size, text.at, text.length, NULL,
                                                     &expected, &end, BASE64URL) == 0;
    CHECK(valid == (right && end == text.at + text.length));
    CHECK(!valid || (length == expected && memcmp(mine, theirs, length) == 0));
    free(mine);
    free(theirs);
}

static void check_principal(const struct principal *principal, int64_t expires_at_s)
{
    CHECK(user_id_valid(principal->id, principal->id_length) && principal->roles != 0);
    CHECK(!user_id_is_erased(principal->id, principal->id_length) && memcmp(principal->id, "key:", 4) != 0);
    CHECK(expires_at_s + LEEWAY > NOW && principal->segments_length <= PRINCIPAL_SEGMENTS_BYTES_MAX);
    size_t at = 0;
    while (at < principal->segments_length) {
        size_t length = (uint8_t)principal->segments[at];
        CHECK(length > 0);
        at += 1 + length;
    }
    CHECK(at == principal->segments_length);
}

static enum metric_identity check_token(struct span token)
{
    struct principal principal = {.id = "????"}, again = {.id = "????"};
    int64_t expires_at_s = 0;
    char *copy = fuzz_copy(token.at, token.length);
    struct span exact = {copy, token.length};
    enum metric_identity reason = token_check(&checker, keys, &rules, exact, NOW, &principal, &expires_at_s);
    CHECK(reason != METRIC_IDENTITY_NO_TOKEN && reason < METRIC_IDENTITY_COUNT &&
          identity_reason_name(reason) != NULL && identity_reason_detail(reason) != NULL);
    if (reason == METRIC_IDENTITY_OK)
        check_principal(&principal, expires_at_s);
    CHECK(token_check(&checker, keys, &rules, exact, NOW, &again, &expires_at_s) == reason);
    free(copy);
    return reason;
}

/* --- tokens that are signed here --- */

static size_t put(char *at, size_t room, const void *bytes, size_t length)
{
    sodium_bin2base64(at, room, bytes, length, BASE64URL);
    return strlen(at);
}

static void check_signed(struct span head, struct span claims)
{
    static char token[65536];
    unsigned char signature[SIGNATURE_BYTES_MAX];
    if (head.length + claims.length > sizeof token / 2)
        return;
    size_t length = put(token, sizeof token, head.at, head.length);
    token[length++] = '.';
    length += put(token + length, sizeof token - length, claims.at, claims.length);
    size_t size = signing_key_sign(signing, (struct span){token, length}, signature);
    token[length++] = '.';
    length += put(token + length, sizeof token - length, signature, size);
    enum metric_identity reason = check_token((struct span){token, length});
    CHECK(reason != METRIC_IDENTITY_BAD_SIGNATURE);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
    struct span rest = {copy, size > 0 ? size - 1 : 0};
    enum part part = (enum part)(size > 0 ? data[0] % PARTS : 0);
    if (part == PART_TOKEN) {
        check_base64url(rest);
        check_token(rest);
    } else if (part == PART_HEAD) {
        check_signed(rest, SPAN_LITERAL("{\"sub\":\"a\",\"exp\":1800000600}"));
    } else {
        check_usual(rest);
        check_signed(SPAN_LITERAL(HEAD), rest);
    }
    free(copy);
}
