#include "shared/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/endpoint.h"
#include "shared/mask.h"

#define ENTRY_MAX (MEMBER_NAME_MAX + MEMBERS_HOST_MAX + 16)

static uint64_t hash_of(const char *name)
{
    uint64_t hash = XXH64(name, strlen(name), 0);
    return hash == 0 ? 1 : hash;
}

/* Cuts ":+N" off. */
static bool take_offset(char *host, uint16_t *offset)
{
    char *plus = strstr(host, ":+");
    *offset = 0;
    if (plus == NULL)
        return true;
    size_t digits = strspn(plus + 2, "0123456789");
    long number = digits >= 1 && digits <= 5 && plus[2 + digits] == '\0' ? strtol(plus + 2, NULL, 10) : 0;
    *plus = '\0';
    *offset = (uint16_t)number;
    return number >= 1 && number <= MEMBERS_OFFSET_MAX;
}

/* A name or an address, an IPv6 address in brackets. */
static bool take_host(const char *text, char host[MEMBERS_HOST_MAX + 1])
{
    size_t length = strlen(text);
    bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    text += bracketed;
    length -= bracketed ? 2 : 0;
    if (length == 0 || length > MEMBERS_HOST_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ':' ? !bracketed : !member_name_valid(&text[i], 1))
            return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    return true;
}

static int add(struct members *members, char *entry, struct error *error)
{
    struct members_one one = {.name = ""};
    char *equals = strchr(entry, '=');
    char host[ENTRY_MAX], shown[MASKED_MAX];
    mask_secrets(entry, shown);
    if (equals == NULL || !member_name_valid(entry, (size_t)(equals - entry)))
        return error_set(error, "\"%s\" is not NAME=HOST or NAME=HOST:+N; a name has 1 to %d of A-Z a-z 0-9 - _ .",
                         shown, MEMBER_NAME_MAX);
    snprintf(host, sizeof host, "%s", equals + 1);
    if (!take_offset(host, &one.offset) || !take_host(host, one.host))
        return error_set(error, "\"%s\": what follows = is not HOST or HOST:+N, with N from 1 to %d", shown,
                         MEMBERS_OFFSET_MAX);
    *equals = '\0';
    memcpy(one.name, entry, strlen(entry) + 1); /* a valid name fits */
    one.hash = hash_of(one.name);
    if (members_find_hash(members, one.hash) != MEMBER_NONE)
        return error_set(error, "\"%s\" is there twice", one.name);
    if (members->count == MEMBERS_MAX)
        return error_set(error, "\"%s\" is one more than %d, the maximum", one.name, MEMBERS_MAX);
    members->all[members->count++] = one;
    return 0;
}

int members_parse(const char *text, struct members *members, struct error *error)
{
    *members = (struct members){0};
    while (*text != '\0') {
        char entry[ENTRY_MAX];
        text += strspn(text, " ");
        size_t length = strcspn(text, ","), used = length;
        while (used > 0 && text[used - 1] == ' ')
            used--;
        if (used >= sizeof entry)
            return error_set(error, "an entry of more than %d bytes is too long", ENTRY_MAX - 1);
        memcpy(entry, text, used);
        entry[used] = '\0';
        if (add(members, entry, error) != 0)
            return -1;
        text += length + (text[length] == ',');
    }
    return 0;
}

uint8_t members_find(const struct members *members, const char *name)
{
    return members_find_hash(members, hash_of(name));
}

uint8_t members_find_hash(const struct members *members, uint64_t hash)
{
    for (uint8_t i = 0; i < members->count; i++) {
        if (members->all[i].hash == hash)
            return i;
    }
    return MEMBER_NONE;
}

uint64_t members_hash(const struct members *members, uint8_t member)
{
    return member < members->count ? members->all[member].hash : 0;
}

static bool endpoint_at(const char *base, const char *host, uint16_t offset, char *out, size_t size)
{
    char own[MEMBERS_HOST_MAX + 1];
    uint16_t port = 0;
    if (endpoint_transport(base) != ENDPOINT_TCP || !endpoint_split(endpoint_address(base), own, sizeof own, &port) ||
        port + offset > UINT16_MAX)
        return false;
    host = host == NULL ? own : host;
    bool ipv6 = strchr(host, ':') != NULL;
    int length =
        snprintf(out, size, "tcp://%s%s%s:%u", ipv6 ? "[" : "", host, ipv6 ? "]" : "", (unsigned)port + offset);
    return length > 0 && (size_t)length < size;
}

bool members_endpoint(const struct members *members, uint8_t member, const char *base, char *out, size_t size)
{
    return endpoint_at(base, members->all[member].host, members->all[member].offset, out, size);
}

bool members_own_endpoint(const struct members *members, uint8_t member, const char *base, char *out, size_t size)
{
    return endpoint_at(base, NULL, members->all[member].offset, out, size);
}
