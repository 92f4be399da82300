#include "tests/unit/gateway/identity/token_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct key_set *keys;
struct token_checker *checker;
struct grant_rules rules;
struct principal principal;
int64_t expires_at_s;

int token_fixture_set_up(void **state)
{
    (void)state;
    keys = key_set_of_all();
    checker = calloc(1, sizeof *checker);
    rules = (struct grant_rules){.leeway_s = 30, .members = claim_members_of("sub", "roles", "segments")};
    return 0;
}

int token_fixture_tear_down(void **state)
{
    (void)state;
    token_checker_deinit(checker);
    free(checker);
    key_set_destroy(&keys);
    return 0;
}

/* --- helpers --- */

const char *check_bytes(struct span token)
{
    memset(&principal, 0xa5, sizeof principal); /* exposes the use of members that were not set */
    return identity_reason_name(token_check(checker, keys, &rules, token, NOW, &principal, &expires_at_s));
}

const char *check(const char *token)
{
    /* a copy of exactly its length, so that AddressSanitizer sees each byte too many */
    size_t length = strlen(token);
    char *copy = malloc(length);
    memcpy(copy, token, length);
    const char *reason = check_bytes((struct span){copy, length});
    free(copy);
    return reason;
}

const char *check_claims(const char *payload)
{
    return check(usual_token(HS, payload));
}

void assert_id(const char *id)
{
    assert_int_equal(principal.id_length, strlen(id));
    assert_memory_equal(principal.id, id, strlen(id));
}
