/*
 * Members of one partition in one thread, with real journals, a SQLite store, and ZeroMQ between them. A step runs each
 * one's loop once.
 */
#ifndef COUPOND_TEST_MEMBER_FIXTURE_H
#define COUPOND_TEST_MEMBER_FIXTURE_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "issuer/member/member.h"
#include "shared/options/options.h"

#define NODES 3

struct node {
    struct options options;
    char dir[160];
    struct journal *journal; /* NULL: it does not run */
    struct ledger *ledger;
    struct details *details;
    struct member *member;
    uint64_t incarnation; /* of its last start */
    zsock_t *router;
    bool stands_still; /* its loop does not run */
    bool cut_off;      /* what others send is dropped */
};

extern struct node nodes[NODES];

/* cmocka's setup and teardown: three members that do not run, and an empty store. */
int member_fixture_setup(void **state);
int member_fixture_teardown(void **state);

/* Before a start: options of all members. */
void member_fixture_set(const char *assignment);
/* Starts a member as the issuer does; in the beginning node 0 first, since it makes the journal. */
void member_fixture_start(unsigned node);
/* Ends it like kill -9. */
void member_fixture_kill(unsigned node);
/* Runs the loops until `condition` holds of `node`; fails when it never does. */
void member_fixture_until(bool (*condition)(unsigned node), unsigned node, const char *what);
/* Runs the loops for this many milliseconds. */
void member_fixture_run(int ms);

bool member_fixture_owns(unsigned node);
/* The owner has a named standby, and that has everything. */
bool member_fixture_is_safe(unsigned node);
/* Everything that was written is confirmed. */
bool member_fixture_is_released(unsigned node);
bool member_fixture_has_diverged(unsigned node);

/* Of an owner: writes a turn with a coupon, or with the next issues of it. */
void member_fixture_write_coupon(unsigned node);
void member_fixture_write_issues(unsigned node, unsigned count);
void member_fixture_write_issue(unsigned node);
uint64_t member_fixture_end(unsigned node);

#endif
