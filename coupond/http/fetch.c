#include "coupond/http/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"

#define CHOICE_TIMEOUT_US 1000000

/* Waits for `events` until `deadline_us`; false with errno ETIMEDOUT after that. */
static bool wait_for(int fd, short events, int64_t deadline_us)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_us = deadline_us - clock_mono_us();
        int ready = left_us > 0 ? poll(&pollfd, 1, (int)(left_us / 1000 + 1)) : 0;
        if (ready > 0)
            return true;
        if (ready == 0)
            errno = ETIMEDOUT;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* Waits for the end of a started connect and returns its errno. */
static int connect_result(int fd, int64_t deadline_us)
{
    int result = 0;
    socklen_t size = sizeof result;
    if (!wait_for(fd, POLLOUT, deadline_us) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) != 0)
        return errno;
    return result;
}

/* Returns a connected socket, or -1 with errno. */
static int connect_within(const struct http_server *target, int64_t deadline_us)
{
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = connect(fd, (const struct sockaddr *)&target->address, target->address_length) == 0 ? 0 : errno;
    if (result == EINPROGRESS)
        result = connect_result(fd, deadline_us);
    if (result == 0)
        return fd;
    close(fd);
    errno = result;
    return -1;
}

static void take_address(struct http_server *target, const struct addrinfo *address)
{
    memcpy(&target->address, address->ai_addr, address->ai_addrlen);
    target->address_length = address->ai_addrlen;
}

/* The first address that accepts connections (localhost may be both ::1 and 127.0.0.1); otherwise the first one. */
static void choose_address(struct http_server *target, const struct addrinfo *found)
{
    for (const struct addrinfo *address = found; found->ai_next != NULL && address != NULL;
         address = address->ai_next) {
        take_address(target, address);
        int fd = connect_within(target, clock_mono_us() + CHOICE_TIMEOUT_US);
        if (fd < 0)
            continue;
        close(fd);
        return;
    }
    take_address(target, found);
}

int http_server_resolve(struct http_server *target, const struct http_url *url, struct error *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(url->host, url->port, &hints, &found);
    if (status != 0)
        return error_set(error, "%s: %s; check --url", url->host, gai_strerror(status));
    memset(target, 0, sizeof *target);
    choose_address(target, found);
    freeaddrinfo(found);
    bool v6 = strchr(url->host, ':') != NULL;
    snprintf(target->authority, sizeof target->authority, "%s%s%s:%s", v6 ? "[" : "", url->host, v6 ? "]" : "",
             url->port);
    return 0;
}

static bool send_all(int fd, const char *data, size_t length, int64_t deadline_us)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0 && !wait_for(fd, POLLOUT, deadline_us))
            return false;
        data += sent > 0 ? sent : 0;
        length -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool receive_response(int fd, struct http_response *response, int64_t deadline_us)
{
    char data[4096];
    while (response->state == HTTP_RESPONSE_MORE) {
        if (!wait_for(fd, POLLIN, deadline_us))
            return false;
        ssize_t received = recv(fd, data, sizeof data, 0);
        if (received < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (received == 0)
            http_response_end(response);
        if (received > 0)
            http_response_feed(response, data, (size_t)received);
    }
    errno = EPROTO;
    return response->state == HTTP_RESPONSE_DONE;
}

static int fetch(const struct http_server *target, const char *method, const char *path, const char *token,
                 const char *body, uint64_t timeout_ms, struct http_response *response, struct error *error)
{
    char request[8192];
    int64_t deadline_us = clock_mono_us() + (int64_t)timeout_ms * 1000;
    int length = snprintf(request, sizeof request,
                          "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nCache-Control: no-cache\r\n%s%s%s",
                          method, path, target->authority, token[0] != '\0' ? "Authorization: Bearer " : "", token,
                          token[0] != '\0' ? "\r\n" : "");
    size_t used = (size_t)length;
    if (body != NULL)
        length = snprintf(request + used, sizeof request - used,
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        length = snprintf(request + used, sizeof request - used, "\r\n");
    used += (size_t)length;
    CHECK(used < sizeof request);
    int fd = connect_within(target, deadline_us);
    bool answered = fd >= 0 && send_all(fd, request, used, deadline_us) && receive_response(fd, response, deadline_us);
    int failure = errno;
    if (fd < 0)
        error_set(error, "cannot connect to http://%s: %s; is the server running there?", target->authority,
                  strerror(failure));
    else if (!answered)
        error_set(error, "%s http://%s%s got an invalid HTTP response: %s", method, target->authority, path,
                  strerror(failure));
    if (fd >= 0)
        close(fd);
    errno = failure;
    return answered ? 0 : -1;
}

int http_fetch(const struct http_server *target, const char *method, const char *path, const char *token,
               const char *body, uint64_t timeout_ms, struct http_response *response, struct error *error)
{
    http_response_init(response);
    return fetch(target, method, path, token, body, timeout_ms, response, error);
}

int http_fetch_into(const struct http_server *target, const char *path, uint64_t timeout_ms,
                    struct http_response *response, struct error *error)
{
    return fetch(target, "GET", path, "", NULL, timeout_ms, response, error);
}
