#include "shared/net_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "shared/error.h"

enum { BITS = 128, IPV4_AT = 12, IPV4_BITS = 32 };

static const uint8_t ipv4_prefix[IPV4_AT] = {[10] = 0xff, [11] = 0xff};

static void set_ipv4(struct net_address *address, const void *four)
{
    memcpy(address->bytes, ipv4_prefix, sizeof ipv4_prefix);
    memcpy(address->bytes + IPV4_AT, four, 4);
}

bool net_address_parse(const char *text, size_t length, struct net_address *address)
{
    char copy[NET_ADDRESS_TEXT_MAX];
    struct in_addr four;
    if (length == 0 || length >= sizeof copy || memchr(text, '\0', length) != NULL)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (inet_pton(AF_INET, copy, &four) == 1) {
        set_ipv4(address, &four);
        return true;
    }
    return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

bool net_address_of_socket(const struct sockaddr_storage *socket, struct net_address *address)
{
    if (socket->ss_family == AF_INET)
        set_ipv4(address, &((const struct sockaddr_in *)socket)->sin_addr);
    else if (socket->ss_family == AF_INET6)
        memcpy(address->bytes, &((const struct sockaddr_in6 *)socket)->sin6_addr, sizeof address->bytes);
    else
        return false;
    return true;
}

bool net_address_is_ipv4(const struct net_address *address)
{
    return memcmp(address->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

void net_address_format(const struct net_address *address, char text[NET_ADDRESS_TEXT_MAX])
{
    bool four = net_address_is_ipv4(address);
    CHECK(inet_ntop(four ? AF_INET : AF_INET6, address->bytes + (four ? IPV4_AT : 0), text, NET_ADDRESS_TEXT_MAX) !=
          NULL);
}

/* --- ranges --- */

/* Plain digits up to `max`; -1 for anything else. */
static int read_bits(const char *text, size_t length, int max)
{
    int bits = 0;
    if (length == 0 || length > 3)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        bits = bits * 10 + text[i] - '0';
    }
    return bits <= max ? bits : -1;
}

/* The first `bits` bits are equal. */
static bool agree(const struct net_address *a, const struct net_address *b, unsigned bits)
{
    unsigned whole = bits / 8;
    uint8_t rest = (uint8_t)(0xff00 >> bits % 8);
    return memcmp(a->bytes, b->bytes, whole) == 0 && ((a->bytes[whole % 16] ^ b->bytes[whole % 16]) & rest) == 0;
}

static const char *read_range(const char *text, size_t length, struct net_range *range)
{
    static const struct net_address zero;
    const char *slash = memchr(text, '/', length);
    size_t of_address = slash == NULL ? length : (size_t)(slash - text);
    if (!net_address_parse(text, of_address, &range->first))
        return "be an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32";
    bool four = net_address_is_ipv4(&range->first) && memchr(text, ':', of_address) == NULL;
    int max = four ? IPV4_BITS : BITS;
    int bits = slash == NULL ? max : read_bits(slash + 1, length - of_address - 1, max);
    if (bits < 0)
        return four ? "have 0 to 32 bits behind the slash" : "have 0 to 128 bits behind the slash";
    range->bits = (unsigned)(BITS - max + bits);
    struct net_address rest = range->first;
    for (unsigned i = 0; i < range->bits; i++)
        rest.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    return agree(&rest, &zero, BITS) ? NULL : "be the first address of its range";
}

const char *net_ranges_parse(const char *list, struct net_ranges *ranges, const char **at, size_t *length)
{
    ranges->count = 0;
    if (*list == '\0')
        return NULL;
    for (;;) {
        const char *end = list + strcspn(list, ",");
        *at = list + strspn(list, " ");
        *length = *at < end ? (size_t)(end - *at) : 0;
        while (*length > 0 && (*at)[*length - 1] == ' ')
            --*length;
        if (ranges->count == NET_RANGES_MAX)
            return "be one of at most 64 ranges";
        const char *fault = read_range(*at, *length, &ranges->ranges[ranges->count++]);
        if (fault != NULL || *end == '\0')
            return fault;
        list = end + 1;
    }
}

bool net_ranges_contain(const struct net_ranges *ranges, const struct net_address *address)
{
    for (unsigned i = 0; i < ranges->count; i++) {
        if (agree(&ranges->ranges[i].first, address, ranges->ranges[i].bits))
            return true;
    }
    return false;
}
