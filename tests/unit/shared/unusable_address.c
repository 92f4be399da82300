#include "tests/unit/shared/unusable_address.h"

#include <netdb.h>
#include <stddef.h>

bool unusable_address_first;

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    static const char documentation[] = "192.0.2.1"; /* RFC 5737: reserved for documentation */
    struct addrinfo *others = NULL;
    int status = __real_getaddrinfo(host, service, hints, &others);
    if (status != 0 || !unusable_address_first) {
        *found = others;
        return status;
    }
    status = __real_getaddrinfo(documentation, service, hints, found);
    if (status == 0)
        (*found)->ai_next = others; /* freeaddrinfo() follows the chain */
    else
        freeaddrinfo(others);
    return status;
}
