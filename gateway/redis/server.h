/*
 * The Redis that the options name: where it is, what it has to be told first, and whom TLS trusts. Constant once it is
 * made; its connections borrow it.
 */
#ifndef COUPOND_REDIS_SERVER_H
#define COUPOND_REDIS_SERVER_H

#include "gateway/redis/greeting.h"
#include "gateway/redis/tls.h"
#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/redis_url.h"

struct redis_server {
    struct redis_url url;            /* with the password, from wherever it came */
    char shown[REDIS_URL_SHOWN_MAX]; /* the same for messages, without */
    struct redis_greeting greeting;
    struct redis_tls_context *tls; /* NULL: not asked for, or not to be had */
};

/* Before the first is made: whether the files that its options name can be used. */
int redis_server_check(const struct options *options, struct error *error);
/* Of completed options with gateway/redis. It must not move afterwards. */
void redis_server_init(struct redis_server *server, const struct options *options);
void redis_server_deinit(struct redis_server *server);

#endif
