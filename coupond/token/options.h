/*
 * The options of `coupond token`, parsed and checked. Pure.
 */
#ifndef COUPOND_TOKEN_OPTIONS_H
#define COUPOND_TOKEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/help.h"
#include "gateway/identity/key.h"

#define TOKEN_COUNT_MAX 10000000

struct token_options {
    bool help;
    const char *new_keys; /* NULL: create none */
    const char *keys;
    bool print_public;
    enum key_algorithm algorithm;
    const char *id; /* of the key; NULL: a random one, or the first */
    const char *user;
    const char *roles;    /* separated by commas; NULL: none */
    const char *segments; /* the same */
    int64_t expires_s;
    const char *issuer;   /* NULL: none */
    const char *audience; /* the same */
    uint32_t count;       /* 0: one token, of `user` */
};

extern const struct help_option token_help_options[];

/* -1 and `error` for what cannot be done. */
int token_options_parse(struct token_options *options, int argc, char **argv, struct error *error);

#endif
