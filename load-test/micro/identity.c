/* Identity: credentials that are new, by algorithm, and credentials that the cache has. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/token/signing_set.h"
#include "gateway/identity/api_keys.h"
#include "gateway/identity/identity.h"
#include "groups.h"
#include "scratch.h"
#include "shared/clock.h"
#include "shared/error.h"

#define BASE64URL     sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define BEARERS       256u /* different ones */
#define BEARER_MAX    768
#define CACHE_SMALL   8 /* entries: none of the bearers is found again */
#define CACHE_LARGE   65536
#define CHECKS_OF_RUN 1024u

struct bench {
    struct options options;
    struct identity *identity;
    struct identity_thread *thread;
    int64_t now_s;
    unsigned next;
    size_t lengths[BEARERS];
    char bearers[BEARERS][BEARER_MAX];
};

static size_t put(char *at, size_t room, const void *bytes, size_t length)
{
    sodium_bin2base64(at, room, bytes, length, BASE64URL);
    return strlen(at);
}

/* "Bearer TOKEN" of one user, with the claims of a usual identity provider. */
static void sign(struct bench *bench, const struct signing_key *key, unsigned user)
{
    char head[128], claims[512], *bearer = bench->bearers[user];
    unsigned char signature[SIGNATURE_BYTES_MAX];
    snprintf(head, sizeof head, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
             key_algorithm_name(signing_key_algorithm(key)), signing_key_id(key));
    snprintf(claims, sizeof claims,
             "{\"iss\":\"https://auth.shop.example\",\"sub\":\"u%010u\",\"aud\":\"coupond\",\"exp\":%lld,"
             "\"iat\":%lld,\"roles\":[\"user\"]}",
             user, (long long)bench->now_s + 3600, (long long)bench->now_s);
    size_t length = (size_t)snprintf(bearer, BEARER_MAX, "Bearer ");
    length += put(bearer + length, BEARER_MAX - length, head, strlen(head));
    bearer[length++] = '.';
    length += put(bearer + length, BEARER_MAX - length, claims, strlen(claims));
    size_t size = signing_key_sign(key, (struct span){bearer + 7, length - 7}, signature);
    bearer[length++] = '.';
    bench->lengths[user] = length + put(bearer + length, BEARER_MAX - length, signature, size);
}

static void check(void *arg)
{
    struct bench *bench = arg;
    for (unsigned i = 0; i < CHECKS_OF_RUN; i++) {
        unsigned at = bench->next++ % BEARERS;
        struct principal principal;
        int64_t expires_at_s = 0;
        CHECK(identity_check(bench->thread, (struct span){bench->bearers[at], bench->lengths[at]}, bench->now_s,
                             &principal, &expires_at_s) == METRIC_IDENTITY_OK);
    }
}

static void measure(struct micro *micro, struct bench *bench, int cache, struct metrics *metrics, const char *name)
{
    struct micro_work work = {.operations = CHECKS_OF_RUN, .run = check, .arg = bench};
    bench->options.gateway_token_cache = cache;
    bench->thread = identity_thread_create(bench->identity, metrics);
    check(bench);
    micro_measure(micro, &work, "%s, %zu bytes, %s", name, bench->lengths[0] - 7,
                  cache == CACHE_SMALL ? "new" : "in the cache");
    identity_thread_destroy(&bench->thread);
}

static void open_identity(struct bench *bench)
{
    struct error error;
    CHECK(identity_create(&bench->options, &bench->identity, &error) == 0);
}

static void measure_algorithm(struct micro *micro, struct bench *bench, enum key_algorithm algorithm,
                              struct metrics *metrics)
{
    struct error error;
    const char *name = key_algorithm_name(algorithm);
    struct signing_key *key = signing_key_create(algorithm, "2026-11");
    CHECK(signing_set_create(bench->options.gateway_jwk_set_file, key, &error) == 0);
    open_identity(bench);
    for (unsigned i = 0; i < BEARERS; i++)
        sign(bench, key, i);
    measure(micro, bench, CACHE_SMALL, metrics, name);
    if (algorithm == KEY_HS256)
        measure(micro, bench, CACHE_LARGE, metrics, name);
    signing_key_destroy(&key);
    identity_destroy(&bench->identity);
    CHECK(remove(bench->options.gateway_jwk_set_file) == 0);
}

static void measure_api_keys(struct micro *micro, struct bench *bench, struct metrics *metrics)
{
    FILE *file = fopen(bench->options.gateway_api_keys_file, "we");
    CHECK(file != NULL);
    for (unsigned i = 0; i < BEARERS; i++) {
        char key[API_KEY_LENGTH + 1], hash[API_KEY_HASH_LENGTH + 1];
        api_key_create(key);
        api_key_hash((struct span){key, API_KEY_LENGTH}, hash);
        fprintf(file, "key-%u service %s\n", i, hash);
        bench->lengths[i] = (size_t)snprintf(bench->bearers[i], BEARER_MAX, "Bearer %s", key);
    }
    CHECK(fclose(file) == 0);
    open_identity(bench);
    measure(micro, bench, CACHE_SMALL, metrics, "one of 256 API keys");
    measure(micro, bench, CACHE_LARGE, metrics, "one of 256 API keys");
    identity_destroy(&bench->identity);
    CHECK(remove(bench->options.gateway_api_keys_file) == 0);
}

void micro_identity(struct micro *micro)
{
    char folder[SCRATCH_PATH_MAX];
    struct bench *bench = calloc(1, sizeof *bench);
    struct metrics *metrics = metrics_create("gateway", -1);
    CHECK(bench != NULL);
    scratch_folder(micro, folder);
    options_init(&bench->options);
    bench->now_s = clock_wall_us() / 1000000;
    snprintf(bench->options.gateway_identity, sizeof bench->options.gateway_identity, "on");
    snprintf(bench->options.gateway_jwk_set_file, sizeof bench->options.gateway_jwk_set_file, "%.200s/keys", folder);
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++)
        measure_algorithm(micro, bench, (enum key_algorithm)i, metrics);
    bench->options.gateway_jwk_set_file[0] = '\0';
    snprintf(bench->options.gateway_api_keys_file, sizeof bench->options.gateway_api_keys_file, "%.200s/api_keys",
             folder);
    measure_api_keys(micro, bench, metrics);
    scratch_remove(folder);
    free(bench);
}
