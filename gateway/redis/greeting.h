/*
 * The commands that open a Redis connection, AUTH and SELECT as far as its URL needs them, and the reason when Redis
 * refuses one. Pure.
 */
#ifndef COUPOND_REDIS_GREETING_H
#define COUPOND_REDIS_GREETING_H

#include "gateway/http/span.h"
#include "gateway/redis/reader.h"
#include "shared/redis_url.h"

enum redis_greeting_step { REDIS_GREETING_AUTH, REDIS_GREETING_SELECT, REDIS_GREETING_END };

struct redis_greeting {
    unsigned count;
    struct {
        enum redis_greeting_step step;
        int count;
        struct span words[3];
    } commands[2];
    char database[12];
};

/* The words borrow from `url` and from the greeting itself. */
void redis_greeting_init(struct redis_greeting *greeting, const struct redis_url *url);

#define REDIS_REFUSAL_MAX 96
/* Explains why a step was refused; REDIS_GREETING_END stands for later commands. Repeats only the first word of the
 * error: the rest may quote the command, including the password. */
void redis_greeting_explain(enum redis_greeting_step step, const struct redis_value *error,
                            char refusal[REDIS_REFUSAL_MAX]);

#endif
