#include "gateway/limits/limits.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/limits/bucket_table.h"
#include "gateway/limits/forwarded.h"
#include "shared/error.h"

enum {
    SETS = 8192, /* 65,536 buckets in 512 KiB for each limit */
    LOG_SETS = 8,
    LOG_INTERVAL_US = 60 * 1000000,
    SECOND_US = 1000000,
    CLIENT_BYTES = 8, /* of an IPv6 address */
};

struct limits {
    uint8_t key[crypto_shorthash_KEYBYTES]; /* so that nobody can choose who shares a set with whom */
    struct net_ranges trusted;
    enum forwarded_field field;
    struct bucket_table *tables[METRIC_LIMIT_COUNT]; /* by enum metric_limit; NULL: off */
    struct bucket_table *logged;
};

static struct bucket_table *create_table(int64_t per_s, int64_t burst)
{
    return per_s == 0 ? NULL : bucket_table_create(SETS, SECOND_US / per_s, (uint32_t)burst);
}

struct limits *limits_create(const struct options *options)
{
    const char *at = NULL;
    size_t length = 0;
    if (options->gateway_user_rate == 0 && options->gateway_address_rate == 0)
        return NULL;
    struct limits *limits = calloc(1, sizeof *limits);
    CHECK(limits != NULL && sodium_init() >= 0);
    randombytes_buf(limits->key, sizeof limits->key);
    CHECK(net_ranges_parse(options->gateway_trusted_proxies, &limits->trusted, &at, &length) == NULL);
    limits->field =
        strcmp(options->gateway_proxy_header, "forwarded") == 0 ? FORWARDED_FORWARDED : FORWARDED_X_FORWARDED_FOR;
    limits->tables[METRIC_LIMIT_USER] = create_table(options->gateway_user_rate, options->gateway_user_burst);
    limits->tables[METRIC_LIMIT_ADDRESS] = create_table(options->gateway_address_rate, options->gateway_address_burst);
    limits->logged = bucket_table_create(LOG_SETS, LOG_INTERVAL_US, 1);
    return limits;
}

void limits_destroy(struct limits **limits)
{
    if (*limits == NULL)
        return;
    for (unsigned i = 0; i < METRIC_LIMIT_COUNT; i++)
        bucket_table_destroy(&(*limits)->tables[i]);
    bucket_table_destroy(&(*limits)->logged);
    free(*limits);
    *limits = NULL;
}

bool limits_count(const struct limits *limits, enum metric_limit kind)
{
    return limits->tables[kind] != NULL;
}

struct net_address limits_client(const struct limits *limits, struct net_address peer, struct span head)
{
    struct net_address client = forwarded_client(&limits->trusted, limits->field, peer, head);
    if (!net_address_is_ipv4(&client))
        memset(client.bytes + CLIENT_BYTES, 0, sizeof client.bytes - CLIENT_BYTES);
    return client;
}

static uint64_t hash_of(const struct limits *limits, const void *key, size_t length)
{
    uint64_t hash = 0;
    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "a hash is a number");
    crypto_shorthash((unsigned char *)&hash, key, length, limits->key);
    return hash;
}

static uint32_t take(struct limits *limits, enum metric_limit kind, struct span key, int64_t now_us, bool *evicted)
{
    int64_t wait_us = 0;
    if (limits->tables[kind] != NULL)
        wait_us = bucket_table_take(limits->tables[kind], hash_of(limits, key.at, key.length), now_us, evicted);
    return (uint32_t)((wait_us + SECOND_US - 1) / SECOND_US);
}

uint32_t limits_take_address(struct limits *limits, const struct net_address *client, int64_t now_us, bool *evicted)
{
    struct span key = {(const char *)client->bytes, sizeof client->bytes};
    return take(limits, METRIC_LIMIT_ADDRESS, key, now_us, evicted);
}

uint32_t limits_take_user(struct limits *limits, struct span user_id, int64_t now_us, bool *evicted)
{
    return take(limits, METRIC_LIMIT_USER, user_id, now_us, evicted);
}

bool limits_may_log(struct limits *limits, const struct net_address *client, int64_t now_us)
{
    bool evicted = false;
    return bucket_table_take(limits->logged, hash_of(limits, client->bytes, sizeof client->bytes), now_us, &evicted) ==
           0;
}

void limits_tick(struct limits *limits, struct metrics *metrics, int64_t now_us)
{
    for (unsigned kind = 0; kind < METRIC_LIMIT_COUNT; kind++) {
        if (limits->tables[kind] != NULL)
            metrics_set(metrics, METRIC_GATEWAY_LIMIT_KEYS, kind, bucket_table_sweep(limits->tables[kind], now_us));
    }
    (void)bucket_table_sweep(limits->logged, now_us);
}
