/*
 * Whether a process that listened on a port is gone: a connection to it is refused by its machine. Nothing is sent.
 * Owned by one thread; never blocks.
 */
#ifndef COUPOND_MEMBER_KNOCK_H
#define COUPOND_MEMBER_KNOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: none goes on. */
struct member_knock {
    int fd; /* 0: none */
    bool refused;
    int64_t until_us; /* 0: not set yet */
};

/* Tries to connect to tcp://ADDRESS:PORT. Does nothing while an attempt goes on, or for a host that has to be resolved,
 * since that may take long. */
void member_knock_begin(struct member_knock *knock, const char *endpoint);
/* True once for each refusal. Ends the attempt when it has an outcome, or none within a second. */
bool member_knock_is_refused(struct member_knock *knock, int64_t now_us);
void member_knock_end(struct member_knock *knock);

#endif
