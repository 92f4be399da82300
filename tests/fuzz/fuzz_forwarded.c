/*
 * The header fields of proxies. Any head gives an address; a peer that is not trusted is its own client; and what a
 * trusted proxy appends, on the same line or its own, is the client's address, whatever the client wrote before it.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/limits/forwarded.h"

static struct net_ranges trusted;
static struct net_address proxy, client, stranger;

void fuzz_begin(void)
{
    const char *at = NULL;
    size_t length = 0;
    CHECK(net_ranges_parse("10.0.0.0/8,::1", &trusted, &at, &length) == NULL);
    CHECK(net_address_parse("10.0.0.1", 8, &proxy) && net_address_parse("192.0.2.1", 9, &client));
    CHECK(net_address_parse("203.0.113.5", 11, &stranger));
}

void fuzz_seeds(void)
{
    static const char *const texts[] = {
        "1.1.1.1, 10.0.0.2", "[::1]:80, ::1", "for=\"[2001:db8::1]:_x\";by=_a", "for=1.1.1.1;proto=http, for=10.0.0.3",
        "unknown,,\"",       "for=\"a\\\"b\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzz_seed(texts[i], strlen(texts[i]));
}

static bool equal(struct net_address a, struct net_address b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* A field value as a valid head can have it: no line ends, and no surrounding blanks that matter. */
static char *value_of(const uint8_t *data, size_t size)
{
    char *value = malloc(size + 1);
    CHECK(value != NULL);
    for (size_t i = 0; i < size; i++)
        value[i] = data[i] < ' ' && data[i] != '\t' ? ' ' : (char)data[i];
    value[size] = '\0';
    return value;
}

static struct net_address ask(enum forwarded_field field, struct net_address peer, const char *value, const char *more)
{
    size_t room = strlen(value) + strlen(more) + 64;
    char *head = malloc(room);
    CHECK(head != NULL);
    const char *name = field == FORWARDED_FORWARDED ? "Forwarded" : "X-Forwarded-For";
    int length = snprintf(head, room, "GET / HTTP/1.1\r\n%s: %s%s\r\n\r\n", name, value, more);
    struct net_address address = forwarded_client(&trusted, field, peer, (struct span){head, (size_t)length});
    free(head);
    return address;
}

void fuzz_one(const uint8_t *data, size_t size)
{
    char *value = value_of(data, size);
    for (enum forwarded_field field = FORWARDED_X_FORWARDED_FOR; field <= FORWARDED_FORWARDED; field++) {
        bool rfc = field == FORWARDED_FORWARDED;
        CHECK(equal(ask(field, stranger, value, ""), stranger));
        (void)ask(field, proxy, value, "");
        CHECK(equal(ask(field, proxy, value, rfc ? ",for=192.0.2.1" : ",192.0.2.1"), client));
        CHECK(equal(ask(field, proxy, value, rfc ? "\r\nForwarded: for=192.0.2.1" : "\r\nX-Forwarded-For: 192.0.2.1"),
                    client));
    }
    free(value);
}
