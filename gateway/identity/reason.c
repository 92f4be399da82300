#include "gateway/identity/reason.h"

static const char *const names[METRIC_IDENTITY_COUNT] = {
#define X(id, name) [METRIC_IDENTITY_##id] = name,
    METRIC_IDENTITY_TABLE(X)
#undef X
};

static const char *const details[METRIC_IDENTITY_COUNT] = {
    [METRIC_IDENTITY_OK] = "The credentials are valid.",
    [METRIC_IDENTITY_NO_TOKEN] = "This request needs an Authorization header with a bearer token.",
    [METRIC_IDENTITY_MALFORMED] =
        "The bearer token is no JWT: three parts in base64url without padding, the first two of them JSON objects.",
    [METRIC_IDENTITY_OVERSIZED] = "The bearer token is longer than 4096 bytes.",
    [METRIC_IDENTITY_WRONG_TYPE] = "The token's typ is neither JWT nor at+jwt.",
    [METRIC_IDENTITY_CRITICAL_HEADER] = "The token's header has crit, and this server knows no extension.",
    [METRIC_IDENTITY_DUPLICATE_CLAIM] = "The token names a member twice.",
    [METRIC_IDENTITY_UNKNOWN_KEY] =
        "No key has the token's kid; a token without kid needs the only key of its algorithm.",
    [METRIC_IDENTITY_WRONG_ALGORITHM] = "The token's alg is not that of its key.",
    [METRIC_IDENTITY_BAD_SIGNATURE] = "The token's signature is wrong.",
    [METRIC_IDENTITY_NO_EXPIRY] = "The token has no exp.",
    [METRIC_IDENTITY_BAD_TIME] =
        "The token's exp, nbf or iat is no integer of seconds since 1970, up to the year 9999.",
    [METRIC_IDENTITY_EXPIRED] = "The token has expired.",
    [METRIC_IDENTITY_NOT_YET_VALID] = "The token is not valid yet.",
    [METRIC_IDENTITY_WRONG_ISSUER] = "The token's iss is not the issuer that this server trusts.",
    [METRIC_IDENTITY_WRONG_AUDIENCE] = "The token's aud does not name this server.",
    [METRIC_IDENTITY_BAD_SUBJECT] =
        "The token's user is neither a valid user_id nor an integer from 0, or it is reserved.",
    [METRIC_IDENTITY_BAD_ROLE] = "The token's roles name none of user, seller, service, viewer, admin.",
    [METRIC_IDENTITY_BAD_SEGMENT] = "The token's segments are no strings of 1 to 255 bytes, or more than 512 bytes.",
    [METRIC_IDENTITY_UNKNOWN_API_KEY] = "The API key is unknown.",
};

const char *identity_reason_name(enum metric_identity reason)
{
    return names[reason];
}

const char *identity_reason_detail(enum metric_identity reason)
{
    return details[reason];
}
