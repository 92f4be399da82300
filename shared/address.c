#include "shared/address.h"

#include <stdlib.h>
#include <string.h>

bool address_split(const char *address, char *host, size_t host_size, uint16_t *port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL)
        return false;
    const char *start = address;
    size_t length = (size_t)(colon - address);
    bool bracketed = length >= 2 && start[0] == '[' && start[length - 1] == ']';
    if (bracketed) {
        start++;
        length -= 2;
    } else if (memchr(start, ':', length) != NULL) {
        return false; /* an IPv6 address without brackets */
    }
    size_t digits = strspn(colon + 1, "0123456789");
    if (length == 0 || length >= host_size || digits == 0 || digits > 5 || colon[1 + digits] != '\0')
        return false;
    long number = strtol(colon + 1, NULL, 10);
    if (number > UINT16_MAX)
        return false;
    memcpy(host, start, length);
    host[length] = '\0';
    *port = (uint16_t)number;
    return true;
}
