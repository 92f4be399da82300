#include "shared/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/endpoint.h"

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } at;
    socklen_t size;
    bool both; /* an IPv6 address that also accepts IPv4 */
};

/* --- addresses --- */

static struct place place_v4(in_addr_t address, uint16_t port)
{
    struct place place = {.size = sizeof place.at.v4};
    place.at.v4 =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address), .sin_port = htons(port)};
    return place;
}

static struct place place_v6(struct in6_addr address, uint16_t port)
{
    struct place place = {.size = sizeof place.at.v6};
    place.at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = address, .sin6_port = htons(port)};
    return place;
}

static bool is_loopback(const struct place *place)
{
    if (place->at.any.sa_family == AF_INET)
        return (ntohl(place->at.v4.sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&place->at.v6.sin6_addr);
}

static void set_port(struct place *place, uint16_t port)
{
    if (place->at.any.sa_family == AF_INET)
        place->at.v4.sin_port = htons(port);
    else
        place->at.v6.sin6_port = htons(port);
}

static uint16_t port_of(int fd)
{
    struct place place = {.size = sizeof place.at};
    CHECK(getsockname(fd, &place.at.any, &place.size) == 0);
    return ntohs(place.at.any.sa_family == AF_INET ? place.at.v4.sin_port : place.at.v6.sin6_port);
}

static void append_text(struct listen_sockets *sockets, const struct place *place)
{
    char host[INET6_ADDRSTRLEN] = "";
    bool v4 = place->at.any.sa_family == AF_INET;
    size_t length = strlen(sockets->text);
    inet_ntop(place->at.any.sa_family,
              v4 ? (const void *)&place->at.v4.sin_addr : (const void *)&place->at.v6.sin6_addr, host, sizeof host);
    snprintf(sockets->text + length, sizeof sockets->text - length, v4 ? "%s%s:%u" : "%s[%s]:%u", length > 0 ? "," : "",
             host, sockets->port);
}

/* --- sockets --- */

/* A bound socket, or -1 with errno. */
static int bind_one(const struct place *place, bool shared)
{
    int fd = socket(place->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    int zero = 0;
    int saved = 0;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0) &&
        (!place->both || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) == 0) &&
        bind(fd, &place->at.any, place->size) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* True when nobody listens there. Only a socket without SO_REUSEPORT can tell, since it shares with no other. */
static bool is_free(const struct place *place)
{
    int fd = bind_one(place, false);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void close_first(const int *fds, unsigned count)
{
    int saved = errno;
    while (count > 0)
        close(fds[--count]);
    errno = saved;
}

/* Binds all sockets of one more address to one port; -1 with errno and no socket left open. */
static int bind_all(struct listen_sockets *sockets, struct place *place)
{
    int *fds = sockets->fds[sockets->addresses];
    if (!is_free(place))
        return -1;
    for (unsigned bound = 0; bound < sockets->count; bound++) {
        fds[bound] = bind_one(place, sockets->count > 1);
        if (fds[bound] < 0) {
            close_first(fds, bound);
            return -1;
        }
        set_port(place, port_of(fds[bound]));
    }
    sockets->port = port_of(fds[0]);
    sockets->loopback = is_loopback(place) && (sockets->addresses == 0 || sockets->loopback);
    sockets->addresses++;
    append_text(sockets, place);
    return 0;
}

/* True for an errno that means that the machine has no IPv6, or not this address. */
static bool has_no_such_address(int reason)
{
    return reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL || reason == EPROTONOSUPPORT;
}

static int bind_localhost(struct listen_sockets *sockets, uint16_t port)
{
    struct place v4 = place_v4(INADDR_LOOPBACK, port);
    struct place v6 = place_v6(in6addr_loopback, port);
    if (bind_all(sockets, &v4) != 0 && !has_no_such_address(errno))
        return -1;
    if (sockets->addresses > 0)
        set_port(&v6, sockets->port);
    if (bind_all(sockets, &v6) != 0 && (sockets->addresses == 0 || !has_no_such_address(errno)))
        return -1;
    return 0;
}

static int bind_everywhere(struct listen_sockets *sockets, uint16_t port)
{
    struct place v6 = place_v6(in6addr_any, port);
    struct place v4 = place_v4(INADDR_ANY, port);
    v6.both = true;
    if (bind_all(sockets, &v6) == 0)
        return 0;
    return has_no_such_address(errno) ? bind_all(sockets, &v4) : -1;
}

/* Binds to the first address of a name that this machine has. A port that is in use is an error: clients would look for
 * us at that address. */
static int bind_first(struct listen_sockets *sockets, const struct addrinfo *found)
{
    int status = -1;
    for (; found != NULL && status != 0; found = found->ai_next) {
        struct place place = {.size = found->ai_addrlen};
        memcpy(&place.at, found->ai_addr, found->ai_addrlen);
        status = bind_all(sockets, &place);
        if (status != 0 && errno == EADDRINUSE)
            break;
    }
    return status;
}

/* --- names --- */

/* The addresses of the name, to be freed by freeaddrinfo(), or NULL and `error`. */
static struct addrinfo *resolve(const char *option, const char *host, uint16_t port, struct error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    int status = 0;
    snprintf(service, sizeof service, "%u", port);
    status = getaddrinfo(host, service, &hints, &found);
    if (status == 0)
        return found;
    error_set(error, "%s: cannot resolve %s: %s", option, host, gai_strerror(status));
    return NULL;
}

static int fail(struct listen_sockets *sockets, const char *option, const char *address, struct error *error)
{
    int reason = errno;
    listen_close(sockets);
    return error_set(error, "%s: cannot listen on %s: %s%s", option, address, strerror(reason),
                     reason == EADDRINUSE ? "; stop the program that has the port, or choose another" : "");
}

int listen_bind(struct listen_sockets *sockets, const char *option, const char *address, unsigned count,
                struct error *error)
{
    struct addrinfo *found = NULL;
    char host[256];
    uint16_t port = 0;
    int status = -1;
    CHECK(count >= 1 && count <= LISTEN_SOCKETS_MAX);
    *sockets = (struct listen_sockets){.count = count};
    if (!endpoint_split(address, host, sizeof host, &port))
        return error_set(error, "%s: \"%s\" is neither HOST:PORT nor [V6]:PORT", option, address);
    if (strcasecmp(host, "localhost") == 0) {
        status = bind_localhost(sockets, port);
    } else if (strcmp(host, "*") == 0) {
        status = bind_everywhere(sockets, port);
    } else {
        found = resolve(option, host, port, error);
        if (found == NULL)
            return -1;
        status = bind_first(sockets, found);
        int reason = errno;
        freeaddrinfo(found);
        errno = reason;
    }
    return status == 0 ? 0 : fail(sockets, option, address, error);
}

void listen_close(struct listen_sockets *sockets)
{
    for (unsigned a = 0; a < sockets->addresses; a++)
        close_first(sockets->fds[a], sockets->count);
    sockets->addresses = 0;
}
