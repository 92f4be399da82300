#include "gateway/redis/server.h"

#include <stdio.h>

int redis_server_check(const struct options *options, struct error *error)
{
    struct redis_url url;
    struct redis_tls_context *tls = NULL;
    if (redis_url_parse(&url, options->gateway_redis, NULL) != 0 || !url.tls)
        return 0;
    tls = redis_tls_context_create(options->gateway_redis_tls_ca, error);
    if (tls == NULL)
        return -1;
    redis_tls_context_destroy(&tls);
    return 0;
}

void redis_server_init(struct redis_server *server, const struct options *options)
{
    *server = (struct redis_server){.tls = NULL};
    CHECK(redis_url_parse(&server->url, options->gateway_redis, NULL) == 0); /* the option was checked before */
    if (options->gateway_redis_password[0] != '\0')
        snprintf(server->url.password, sizeof server->url.password, "%s", options->gateway_redis_password);
    redis_url_show(options->gateway_redis, server->shown);
    redis_greeting_init(&server->greeting, &server->url);
    if (server->url.tls)
        server->tls = redis_tls_context_create(options->gateway_redis_tls_ca, NULL);
}

void redis_server_deinit(struct redis_server *server)
{
    redis_tls_context_destroy(&server->tls);
}
