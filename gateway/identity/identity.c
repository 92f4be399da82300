#include "gateway/identity/identity.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/identity/admin_token.h"
#include "gateway/identity/reload.h"
#include "gateway/identity/token.h"
#include "gateway/identity/token_cache.h"

struct identity {
    const struct options *options;
    struct admin_token admin;
    struct grant_rules rules;
    struct credentials_board board;
    struct reload *reload;
};

struct identity_thread {
    struct identity *identity;
    struct metrics *metrics;
    struct credentials *credentials; /* held; NULL: none were published yet */
    struct token_checker checker;
    struct token_cache *cache;
};

/* --- the process --- */

static struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void set_rules(struct grant_rules *rules, const struct options *options)
{
    rules->issuer = span_of(options->gateway_token_issuer);
    rules->audience = span_of(options->gateway_token_audience);
    rules->leeway_s = options->gateway_token_leeway_s;
    rules->members = claim_members_of(options->gateway_token_user_claim, options->gateway_token_roles_claim,
                                      options->gateway_token_segments_claim);
}

int identity_create(const struct options *options, struct identity **identity, struct error *error)
{
    *identity = NULL;
    if (strcmp(options->gateway_identity, "on") != 0)
        return 0;
    struct identity *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->options = options;
    admin_token_init(&self->admin, options->gateway_admin_token);
    set_rules(&self->rules, options);
    credentials_board_init(&self->board);
    self->reload = reload_create(options, &self->board, error);
    if (self->reload == NULL) {
        identity_destroy(&self);
        return -1;
    }
    *identity = self;
    return 0;
}

void identity_destroy(struct identity **identity)
{
    struct identity *self = *identity;
    if (self == NULL)
        return;
    reload_destroy(&self->reload);
    credentials_board_deinit(&self->board);
    free(self);
    *identity = NULL;
}

bool identity_ready(void *identity, char why[READY_WHY_MAX])
{
    struct identity *self = identity;
    return reload_ready(self->reload, why);
}

/* --- a thread --- */

struct identity_thread *identity_thread_create(struct identity *identity, struct metrics *metrics)
{
    if (identity == NULL)
        return NULL;
    struct identity_thread *thread = calloc(1, sizeof *thread);
    CHECK(thread != NULL);
    thread->identity = identity;
    thread->metrics = metrics;
    thread->cache =
        token_cache_create((unsigned)identity->options->gateway_token_cache / TOKEN_CACHE_WAYS * TOKEN_CACHE_WAYS);
    return thread;
}

void identity_thread_destroy(struct identity_thread **thread)
{
    struct identity_thread *self = *thread;
    if (self == NULL)
        return;
    token_checker_deinit(&self->checker);
    token_cache_destroy(&self->cache);
    credentials_release(&self->credentials);
    free(self);
    *thread = NULL;
}

/* --- a check --- */

/* What follows "Bearer "; SPAN_NONE for other schemes. */
static struct span bearer_of(struct span authorization)
{
    static const struct span scheme = {"Bearer ", 7};
    if (authorization.at == NULL || authorization.length <= scheme.length ||
        strncasecmp(authorization.at, scheme.at, scheme.length) != 0)
        return SPAN_NONE;
    return span_trim((struct span){authorization.at + scheme.length, authorization.length - scheme.length});
}

/* An API key or a token. */
static enum metric_identity check_key_or_token(struct identity_thread *thread, struct span bearer, int64_t now_s,
                                               struct principal *principal, int64_t *expires_at_s)
{
    const struct credentials *credentials = thread->credentials;
    if (api_key_is_like(bearer)) {
        bool known = credentials != NULL && credentials->api_keys != NULL &&
                     api_keys_find(credentials->api_keys, bearer, principal);
        return known ? METRIC_IDENTITY_OK : METRIC_IDENTITY_UNKNOWN_API_KEY;
    }
    enum metric_identity reason = token_check(&thread->checker, credentials == NULL ? NULL : credentials->keys,
                                              &thread->identity->rules, bearer, now_s, principal, expires_at_s);
    if (reason == METRIC_IDENTITY_UNKNOWN_KEY)
        reload_want_keys(thread->identity->reload);
    return reason;
}

/* gateway/admin_token may have any form, so it is tried for what nothing else accepts. */
static bool is_admin(const struct identity *identity, struct span authorization, struct principal *principal)
{
    if (!identity->admin.required || admin_token_check(&identity->admin, authorization) != ADMIN_ALLOWED)
        return false;
    principal_set(principal, PRINCIPAL_ADMIN_ID, sizeof PRINCIPAL_ADMIN_ID - 1, ROLE_ADMIN);
    return true;
}

static int64_t until_s(const struct identity *identity, int64_t expires_at_s)
{
    return expires_at_s == IDENTITY_NEVER ? IDENTITY_NEVER : expires_at_s + identity->rules.leeway_s;
}

static enum metric_identity check(struct identity_thread *thread, struct span authorization, int64_t now_s,
                                  struct principal *principal, int64_t *expires_at_s)
{
    struct identity *identity = thread->identity;
    struct span bearer = bearer_of(authorization);
    if (bearer.length == 0)
        return METRIC_IDENTITY_NO_TOKEN;
    if (bearer.length > TOKEN_BYTES_MAX)
        return METRIC_IDENTITY_OVERSIZED;
    if (credentials_board_update(&identity->board, &thread->credentials))
        token_checker_deinit(&thread->checker); /* it belongs to the keys from before */
    uint64_t generation = 1 + (thread->credentials == NULL ? 0 : thread->credentials->generation);
    struct token_hash hash = token_cache_hash(thread->cache, bearer);
    if (token_cache_find(thread->cache, hash, generation, now_s, principal, expires_at_s)) {
        metrics_add(thread->metrics, METRIC_GATEWAY_IDENTITY_CACHED, 0, 1);
        return METRIC_IDENTITY_OK;
    }
    *expires_at_s = IDENTITY_NEVER;
    enum metric_identity reason = check_key_or_token(thread, bearer, now_s, principal, expires_at_s);
    if (reason != METRIC_IDENTITY_OK && is_admin(identity, authorization, principal)) {
        *expires_at_s = IDENTITY_NEVER;
        reason = METRIC_IDENTITY_OK;
    }
    if (reason == METRIC_IDENTITY_OK)
        token_cache_put(thread->cache, hash, generation, until_s(identity, *expires_at_s), principal, *expires_at_s);
    return reason;
}

enum metric_identity identity_check(struct identity_thread *thread, struct span authorization, int64_t now_s,
                                    struct principal *principal, int64_t *expires_at_s)
{
    enum metric_identity reason = check(thread, authorization, now_s, principal, expires_at_s);
    if (reason != METRIC_IDENTITY_OK)
        principal_clear(principal);
    metrics_add(thread->metrics, METRIC_GATEWAY_IDENTITY_CHECKS, reason, 1);
    return reason;
}
