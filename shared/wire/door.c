#include "shared/wire/door.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/endpoint.h"
#include "shared/error.h"
#include "shared/files.h"
#include "shared/limits.h"
#include "shared/wire/door_watch.h"

#define ENDPOINT_MAX 320
#define DOORS_MAX    (PARTITIONS_MAX + 2) /* of an issuer: a ROUTER per partition, events, acknowledgements */

static _Atomic int
    listeners[DOORS_MAX]; /* 0: free; ZeroMQ's I/O thread reads them, relaxed: the values are independent */
static _Atomic uint64_t refused;
static _Atomic int spare; /* closed to disconnect a peer when no descriptor is left; 0: none */

/* --- accepting --- */

static bool is_door(int fd)
{
    for (size_t i = 0; i < DOORS_MAX; i++) {
        if (atomic_load_explicit(&listeners[i], memory_order_relaxed) == fd)
            return true;
    }
    return false;
}

static int plain_accept(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}

static int hang_up(int fd)
{
    if (fd >= 0) {
        atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed); /* before its peer can notice */
        close(fd);
    }
    errno = ECONNABORTED;
    return -1;
}

/* Accepts and disconnects the peer: if it stayed in the socket's queue, libzmq would poll for it in a busy loop. */
static int accept_bounded(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    int fd = plain_accept(listener, address, size, flags);
    if (fd >= 0 && files_are_scarce_above(fd))
        return hang_up(fd);
    if (fd >= 0)
        door_watch_note_peer(fd, address);
    if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
        return fd;
    int given_up = atomic_exchange(&spare, 0);
    if (given_up > 0)
        close(given_up);
    fd = hang_up(plain_accept(listener, address, size, flags | SOCK_NONBLOCK));
    given_up = files_open_spare();
    atomic_store(&spare, given_up > 0 ? given_up : 0);
    errno = ECONNABORTED;
    return fd;
}

/* Overrides the C library's for everything linked to the program. */
int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return is_door(fd) ? accept_bounded(fd, address, size, flags) : plain_accept(fd, address, size, flags);
}

uint64_t doors_refused(void)
{
    return atomic_load_explicit(&refused, memory_order_relaxed);
}

/* --- life --- */

static void put_in_place(int before, int after)
{
    for (size_t i = 0; i < DOORS_MAX; i++) {
        int expected = before;
        if (atomic_compare_exchange_strong(&listeners[i], &expected, after))
            return;
    }
    CHECK(before != 0); /* more doors than an issuer has */
}

static void open_spare(void)
{
    int fd = files_open_spare(), none = 0;
    if (fd > 0 && !atomic_compare_exchange_strong(&spare, &none, fd))
        close(fd);
}

/* libzmq listens on addresses and interfaces and does not resolve names. Our connectors use IPv4, so localhost means
 * 127.0.0.1 for them, too. Returns `endpoint`, or `out` with the resolved endpoint. */
static const char *resolve_localhost(const char *endpoint, char out[ENDPOINT_MAX])
{
    static const char local[] = "localhost:";
    const char *address = endpoint_address(endpoint);
    if (endpoint_transport(endpoint) != ENDPOINT_TCP || strncasecmp(address, local, sizeof local - 1) != 0)
        return endpoint;
    snprintf(out, ENDPOINT_MAX, "tcp://127.0.0.1:%s", address + sizeof local - 1);
    return out;
}

int door_open(struct door *door, zsock_t *socket, const char *endpoint)
{
    char resolved[ENDPOINT_MAX];
    endpoint = resolve_localhost(endpoint, resolved);
    *door = (struct door){.listener = -1};
    if (endpoint_transport(endpoint) == ENDPOINT_INPROC)
        return zsock_bind(socket, "%s", endpoint) < 0 ? -1 : 0;
    open_spare();
    door->watch = door_watch_open(socket, endpoint);
    if (zsock_bind(socket, "%s", endpoint) < 0) {
        int why = errno;
        door_close(door);
        errno = why;
        return -1;
    }
    door->listener = door_watch_begin(door->watch);
    if (door->listener > 0)
        put_in_place(0, door->listener);
    return 0;
}

void door_close(struct door *door)
{
    if (door->listener > 0)
        put_in_place(door->listener, 0);
    door->listener = 0;
    door_watch_close(&door->watch);
}
