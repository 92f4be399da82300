#include "issuer/member/knock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/endpoint.h"
#include "shared/members.h"

#define PATIENCE_US INT64_C(1000000)

/* Returns the length of the address; 0: it has to be resolved. */
static socklen_t read_address(const char *endpoint, struct sockaddr_storage *address)
{
    char host[MEMBERS_HOST_MAX + 1];
    uint16_t port = 0;
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (!endpoint_split(endpoint_address(endpoint), host, sizeof host, &port))
        return 0;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return 0;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
}

void member_knock_end(struct member_knock *knock)
{
    if (knock->fd > 0)
        close(knock->fd);
    knock->fd = 0;
}

void member_knock_begin(struct member_knock *knock, const char *endpoint)
{
    struct sockaddr_storage address;
    socklen_t length = read_address(endpoint, &address);
    if (knock->fd > 0 || length == 0)
        return;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    int result = connect(fd, (struct sockaddr *)&address, length);
    if (result != 0 && errno == EINPROGRESS) {
        knock->fd = fd;
        knock->until_us = 0;
        return;
    }
    knock->refused = result != 0 && errno == ECONNREFUSED;
    close(fd);
}

static void look(struct member_knock *knock)
{
    struct pollfd poll_fd = {.fd = knock->fd, .events = POLLOUT};
    int reason = 0;
    socklen_t length = sizeof reason;
    if (poll(&poll_fd, 1, 0) <= 0)
        return;
    if (getsockopt(knock->fd, SOL_SOCKET, SO_ERROR, &reason, &length) == 0)
        knock->refused = reason == ECONNREFUSED;
    member_knock_end(knock);
}

bool member_knock_is_refused(struct member_knock *knock, int64_t now_us)
{
    if (knock->fd > 0)
        look(knock);
    if (knock->fd > 0 && knock->until_us == 0)
        knock->until_us = now_us + PATIENCE_US;
    if (knock->fd > 0 && now_us > knock->until_us)
        member_knock_end(knock);
    bool refused = knock->refused;
    knock->refused = false;
    return refused;
}
