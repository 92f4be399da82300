/*
 * IP addresses and ranges of them, as in a list of proxies. An IPv4 address and the same one in IPv6 (::ffff:192.0.2.1)
 * are one value. Pure.
 */
#ifndef COUPOND_NET_ADDRESS_H
#define COUPOND_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_ADDRESS_TEXT_MAX 46 /* with a NUL */
#define NET_RANGES_MAX       64

struct net_address {
    uint8_t bytes[16]; /* IPv6 */
};

/* 192.0.2.0/24 or 2001:db8::/32; a single address has 128 bits. */
struct net_range {
    struct net_address first;
    unsigned bits; /* of the IPv6 form */
};

struct net_ranges {
    unsigned count;
    struct net_range ranges[NET_RANGES_MAX];
};

/* Parses an address without brackets, port and zone. */
bool net_address_parse(const char *text, size_t length, struct net_address *address);
/* False for a socket of another family than IPv4 and IPv6. */
bool net_address_of_socket(const struct sockaddr_storage *socket, struct net_address *address);
bool net_address_is_ipv4(const struct net_address *address);
/* Writes NUL-terminated text, IPv4 in its own form. */
void net_address_format(const struct net_address *address, char text[NET_ADDRESS_TEXT_MAX]);

/* Parses addresses and ranges, separated by commas. NULL, or the fault in words that follow "must"; `at` and `length`
 * receive the faulty member. The empty list is valid. */
const char *net_ranges_parse(const char *list, struct net_ranges *ranges, const char **at, size_t *length);
bool net_ranges_contain(const struct net_ranges *ranges, const struct net_address *address);

#endif
