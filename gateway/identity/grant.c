#include "gateway/identity/grant.h"

#include <stdio.h>

#include "shared/coupon.h"

#define TIME_S_MAX       (TIME_US_MAX / 1000000) /* a later exp is no time: often one in milliseconds */
#define SEGMENT_MAX      UINT8_MAX
#define INTEGER_TEXT_MAX 21

/* --- texts --- */

/* The texts of a claim: those of a list, or the words of a text. */
struct texts {
    const struct claims *claims;
    const struct claim *claim;
    unsigned next;    /* of a list */
    struct span rest; /* of a text */
};

static struct texts texts_of(const struct claims *claims, enum claim_name name)
{
    const struct claim *claim = &claims->values[name];
    return (struct texts){claims, claim, 0, claim->kind == CLAIM_TEXT ? span_trim(claim->text) : SPAN_NONE};
}

static bool next_text(struct texts *texts, struct span *text)
{
    if (texts->claim->kind == CLAIM_LIST) {
        if (texts->next == texts->claim->count)
            return false;
        *text = texts->claims->texts[texts->claim->first + texts->next++];
        return true;
    }
    if (texts->rest.length == 0)
        return false;
    const char *space = memchr(texts->rest.at, ' ', texts->rest.length);
    *text = (struct span){texts->rest.at, space == NULL ? texts->rest.length : (size_t)(space - texts->rest.at)};
    texts->rest = span_trim((struct span){text->at + text->length, texts->rest.length - text->length});
    return true;
}

static bool is_texts(const struct claim *claim)
{
    return claim->kind == CLAIM_TEXT || claim->kind == CLAIM_LIST;
}

/* --- time --- */

static bool is_time(const struct claim *claim)
{
    return claim->kind == CLAIM_INTEGER && claim->integer >= 0 && claim->integer <= TIME_S_MAX;
}

static enum metric_identity judge_times(const struct claims *claims, int64_t now_s, int64_t leeway_s,
                                        int64_t *expires_at_s)
{
    const struct claim *expires = &claims->values[CLAIM_EXPIRES];
    if (expires->kind == CLAIM_ABSENT)
        return METRIC_IDENTITY_NO_EXPIRY;
    if (!is_time(expires))
        return METRIC_IDENTITY_BAD_TIME;
    for (enum claim_name name = CLAIM_NOT_BEFORE; name <= CLAIM_ISSUED_AT; name++) {
        const struct claim *begin = &claims->values[name];
        if (begin->kind != CLAIM_ABSENT && !is_time(begin))
            return METRIC_IDENTITY_BAD_TIME;
        if (begin->kind != CLAIM_ABSENT && begin->integer > now_s + leeway_s)
            return METRIC_IDENTITY_NOT_YET_VALID;
    }
    *expires_at_s = expires->integer;
    return expires->integer + leeway_s > now_s ? METRIC_IDENTITY_OK : METRIC_IDENTITY_EXPIRED;
}

/* --- source and destination --- */

static bool is_from(const struct claim *issuer, struct span trusted)
{
    return trusted.length == 0 || (issuer->kind == CLAIM_TEXT && span_equals(issuer->text, trusted));
}

static bool is_for(const struct claims *claims, struct span audience)
{
    const struct claim *claim = &claims->values[CLAIM_AUDIENCE];
    if (audience.length == 0 || (claim->kind == CLAIM_TEXT && span_equals(claim->text, audience)))
        return true;
    for (unsigned i = 0; claim->kind == CLAIM_LIST && i < claim->count; i++) {
        if (span_equals(claims->texts[claim->first + i], audience))
            return true;
    }
    return false;
}

/* --- the principal --- */

static bool begins_with(struct span text, struct span beginning)
{
    return text.length >= beginning.length && memcmp(text.at, beginning.at, beginning.length) == 0;
}

/* "key:…" are API keys, "erased:…" stands for users whose id was erased, and "rehearsal:…" are the crowds of
 * rehearsals, which act with the operator's credentials. */
static bool is_free(struct span id)
{
    return user_id_valid(id.at, id.length) && !begins_with(id, SPAN_LITERAL("key:")) &&
           !begins_with(id, SPAN_LITERAL("erased:")) && !begins_with(id, SPAN_LITERAL(REHEARSAL_USER_PREFIX));
}

static bool take_user(const struct claim *user, struct principal *principal)
{
    char digits[INTEGER_TEXT_MAX];
    struct span id = user->text;
    if (user->kind == CLAIM_INTEGER && user->integer >= 0)
        id = (struct span){digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)user->integer)};
    else if (user->kind != CLAIM_TEXT)
        return false;
    if (!is_free(id))
        return false;
    principal_set(principal, id.at, id.length, 0);
    return true;
}

uint8_t grant_role_find(struct span name)
{
    static const struct {
        struct span name;
        enum role role;
    } roles[] = {
        {{"user", 4}, ROLE_USER},     {{"seller", 6}, ROLE_SELLER}, {{"service", 7}, ROLE_SERVICE},
        {{"viewer", 6}, ROLE_VIEWER}, {{"admin", 5}, ROLE_ADMIN},
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (span_equals(name, roles[i].name))
            return (uint8_t)roles[i].role;
    }
    return 0;
}

/* Names of other systems' roles are ignored. */
static bool take_roles(const struct claims *claims, struct principal *principal)
{
    struct texts texts = texts_of(claims, CLAIM_ROLES);
    struct span name;
    if (texts.claim->kind == CLAIM_ABSENT) {
        principal->roles = ROLE_USER;
        return true;
    }
    while (is_texts(texts.claim) && next_text(&texts, &name))
        principal->roles |= grant_role_find(name);
    return principal->roles != 0;
}

static bool take_segments(const struct claims *claims, struct principal *principal)
{
    struct texts texts = texts_of(claims, CLAIM_SEGMENTS);
    struct span name;
    if (texts.claim->kind == CLAIM_ABSENT)
        return true;
    if (!is_texts(texts.claim))
        return false;
    while (next_text(&texts, &name)) {
        size_t length = principal->segments_length;
        if (name.length == 0 || name.length > SEGMENT_MAX || length + 1 + name.length > PRINCIPAL_SEGMENTS_BYTES_MAX)
            return false;
        principal->segments[length] = (char)(uint8_t)name.length;
        memcpy(principal->segments + length + 1, name.at, name.length);
        principal->segments_length = (uint16_t)(length + 1 + name.length);
    }
    return true;
}

enum metric_identity grant_judge(const struct claims *claims, const struct grant_rules *rules, int64_t now_s,
                                 struct principal *principal, int64_t *expires_at_s)
{
    enum metric_identity reason = judge_times(claims, now_s, rules->leeway_s, expires_at_s);
    if (reason != METRIC_IDENTITY_OK)
        return reason;
    if (!is_from(&claims->values[CLAIM_ISSUER], rules->issuer))
        return METRIC_IDENTITY_WRONG_ISSUER;
    if (!is_for(claims, rules->audience))
        return METRIC_IDENTITY_WRONG_AUDIENCE;
    if (!take_user(&claims->values[CLAIM_USER], principal))
        return METRIC_IDENTITY_BAD_SUBJECT;
    if (!take_roles(claims, principal))
        return METRIC_IDENTITY_BAD_ROLE;
    return take_segments(claims, principal) ? METRIC_IDENTITY_OK : METRIC_IDENTITY_BAD_SEGMENT;
}
