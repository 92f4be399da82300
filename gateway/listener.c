#include "gateway/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/status_http.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

/* NULL and `error`, or what the name stands for, to be freed by freeaddrinfo(). */
static struct addrinfo *resolve(const char *text, struct error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    char service[8];
    uint16_t port = 0;
    int status = 0;

    if (!address_split(text, host, sizeof(host), &port)) {
        error_set(error, "gateway/http: %s is neither HOST:PORT nor [V6]:PORT", text);
        return NULL;
    }
    snprintf(service, sizeof(service), "%u", port);
    status = getaddrinfo(host, service, &hints, &found);
    if (status != 0) {
        error_set(error, "gateway/http: cannot resolve %s: %s", host, gai_strerror(status));
        return NULL;
    }
    return found;
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

/* All sockets on one address, its port set to the one that they got; -1 with errno, and none left open. */
static int bind_all(union address *where, socklen_t size, int *fds, unsigned count)
{
    unsigned bound = 0;
    int saved = 0;

    if (!is_free(where, size))
        return -1;
    for (; bound < count; bound++) {
        fds[bound] = bind_one(where, size, count > 1);
        if (fds[bound] < 0)
            goto fail;
        set_port(where, port_of(fds[bound]));
    }
    return 0;

fail:
    saved = errno;
    while (bound > 0)
        close(fds[--bound]);
    errno = saved;
    return -1;
}

/* On the first address of a name that this machine has. One whose port is in use is not passed over: whoever asked for
 * it would look for us in vain. */
static int bind_any(const struct addrinfo *found, union address *where, int *fds, unsigned count)
{
    int status = -1;

    for (const struct addrinfo *next = found; next != NULL && status != 0; next = next->ai_next) {
        memcpy(where, next->ai_addr, next->ai_addrlen);
        status = bind_all(where, next->ai_addrlen, fds, count);
        if (status != 0 && errno == EADDRINUSE)
            break;
    }
    return status;
}

int listener_bind(const char *address, int *fds, unsigned count, uint16_t *port, bool *loopback, struct error *error)
{
    struct addrinfo *found = resolve(address, error);
    union address where = {0};
    int status = -1;

    if (found == NULL)
        return -1;
    status = bind_any(found, &where, fds, count);
    if (status != 0)
        error_set(error, "gateway/http: cannot listen on %s: %s%s", address, strerror(errno),
                  errno == EADDRINUSE ? "; stop the program that has the port, or choose another" : "");
    freeaddrinfo(found);
    if (status != 0)
        return -1;
    *loopback = is_loopback(&where);
    *port = port_of(fds[0]);
    return 0;
}

void listener_refuse(int fd)
{
    enum { FLAGS_AT = 13, FLAG_SYN = 2 }; /* in TCP's header */
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog filter = {sizeof(steps) / sizeof(steps[0]), steps};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) != 0)
        log_debug("gateway", "cannot let the listening socket run dry: %s", strerror(errno));
}
