/*
 * The members that `coupond top` watches: the URLs of its command line, or the status addresses of a configuration.
 * Pure.
 */
#ifndef COUPOND_TOP_MEMBERS_H
#define COUPOND_TOP_MEMBERS_H

#include "coupond/arguments.h"
#include "coupond/bench/options.h"
#include "coupond/top/model.h"

struct top_members {
    unsigned count;
    struct {
        struct http_url url;
        char name[TOP_NAME_MAX]; /* HOST:PORT and the given path */
        int expected;            /* a role, or TOP_ROLE_ANY */
    } list[TOP_MEMBERS_MAX];
};

/* "http://HOST:PORT", or "HOST:PORT". -1 and `error` for anything else. */
int top_members_add(struct top_members *members, const char *text, int expected, struct error *error);
/* Adds gateway/operator_http, issuer/http and persister/http as this machine reaches them, except empty ones. -1 and
 * `error` for an invalid address. */
int top_members_of_options(struct top_members *members, const struct options *options, struct error *error);

#endif
