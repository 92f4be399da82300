#include "gateway/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/status_http.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

static int resolve(const char *text, union address *address, socklen_t *size, struct error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    char service[8];
    uint16_t port = 0;
    int status = 0;

    if (!address_split(text, host, sizeof(host), &port))
        return error_set(error, "gateway/http: %s is neither HOST:PORT nor [V6]:PORT", text);
    snprintf(service, sizeof(service), "%u", port);
    status = getaddrinfo(host, service, &hints, &found);
    if (status != 0)
        return error_set(error, "gateway/http: cannot resolve %s: %s", host, gai_strerror(status));
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* A bound socket, or -1 with errno. */
static int bind_one(const union address *address, socklen_t size, bool shared)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    int saved = 0;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0) &&
        bind(fd, &address->any, size) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Whether nobody listens there. Only a socket without SO_REUSEPORT can tell: it shares with no other. */
static bool is_free(const union address *address, socklen_t size)
{
    int fd = bind_one(address, size, false);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static uint16_t port_of(int fd)
{
    union address address;
    socklen_t size = sizeof(address);

    CHECK(getsockname(fd, &address.any, &size) == 0);
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static void set_port(union address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else
        address->v6.sin6_port = htons(port);
}

int listener_bind(const char *address, int *fds, unsigned count, uint16_t *port, bool *loopback, struct error *error)
{
    union address where;
    socklen_t size = 0;
    unsigned bound = 0;

    if (resolve(address, &where, &size, error) != 0)
        return -1;
    *loopback = is_loopback(&where);
    if (!is_free(&where, size))
        goto fail;
    for (; bound < count; bound++) {
        fds[bound] = bind_one(&where, size, count > 1);
        if (fds[bound] < 0)
            goto fail;
        *port = port_of(fds[bound]);
        set_port(&where, *port);
    }
    return 0;

fail:
    error_set(error, "gateway/http: cannot listen on %s: %s%s", address, strerror(errno),
              errno == EADDRINUSE ? "; stop the program that has the port, or choose another" : "");
    while (bound > 0)
        close(fds[--bound]);
    return -1;
}
