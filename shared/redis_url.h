/*
 * An address of Redis as providers hand it out, in parts. Pure.
 *
 *   redis://[[USER][:PASSWORD]@]HOST[:PORT][/DATABASE]     rediss:// for TLS
 *   unix://PATH
 *
 * USER and PASSWORD may be percent-encoded; all up to the last @ belongs to them, since some providers' passwords
 * contain / as they are. An IPv6 address stands in brackets.
 */
#ifndef COUPOND_REDIS_URL_H
#define COUPOND_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

#define REDIS_URL_TEXT_MAX 256

struct redis_url {
    bool tls;
    char path[108]; /* of a UNIX socket; empty: host and port */
    char host[REDIS_URL_TEXT_MAX];
    uint16_t port;
    char user[REDIS_URL_TEXT_MAX];     /* empty: none */
    char password[REDIS_URL_TEXT_MAX]; /* empty: none */
    uint32_t database;
};

/* -1 and an error that does not quote the text, which may be a password. */
int redis_url_parse(struct redis_url *url, const char *text, struct error *error);
/* The text for messages, with *** in place of user and password, or of the whole text when it cannot be parsed. */
#define REDIS_URL_SHOWN_MAX (2 * REDIS_URL_TEXT_MAX)
void redis_url_show(const char *text, char shown[REDIS_URL_SHOWN_MAX]);

#endif
