/*
 * The configured Redis server: its address, its opening commands and the CAs for TLS. Constant after its creation; its
 * connections borrow it.
 */
#ifndef COUPOND_REDIS_SERVER_H
#define COUPOND_REDIS_SERVER_H

#include "gateway/redis/greeting.h"
#include "gateway/redis/tls.h"
#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/redis_url.h"

struct redis_server {
    struct redis_url url;            /* includes the password, whatever its source */
    char shown[REDIS_URL_SHOWN_MAX]; /* the URL for messages, without the password */
    struct redis_greeting greeting;
    struct redis_tls_context *tls; /* NULL: not configured or not available */
};

/* Call before the first one is created: checks that the files named in its options are usable. */
int redis_server_check(const struct options *options, struct error *error);
/* Requires completed options with gateway/redis. The struct must not move afterwards. */
void redis_server_init(struct redis_server *server, const struct options *options);
void redis_server_deinit(struct redis_server *server);

#endif
