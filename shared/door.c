#include "shared/door.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "shared/error.h"
#include "shared/files.h"
#include "shared/log.h"

#define WARN_US     60000000 /* between two warnings of a door that opens and shuts in turn */
#define WAITING_MAX 4096     /* turned away at once */

/* --- life --- */

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The descriptor that a bound socket listens on, as its monitor has told; -1: nothing was told. */
static int take_listener(zsock_t *monitor)
{
    struct {
        uint16_t event;
        uint32_t value;
    } __attribute__((packed)) told = {0, 0};
    zmq_msg_t message;
    zmq_msg_init(&message);
    int fd = -1;
    if (zmq_msg_recv(&message, zsock_resolve(monitor), ZMQ_DONTWAIT) == (int)sizeof told) {
        memcpy(&told, zmq_msg_data(&message), sizeof told);
        fd = (int)told.value;
    }
    zmq_msg_close(&message);
    return fd;
}

/* libzmq tells of a listening socket from within the call that binds it. */
static int bind_and_watch(struct door *door, zsock_t *socket)
{
    void *handle = zsock_resolve(socket);
    char address[64];
    snprintf(address, sizeof address, "inproc://door-%p", (void *)door);
    CHECK(zmq_socket_monitor(handle, address, ZMQ_EVENT_LISTENING) == 0);
    zsock_t *monitor = zsock_new(ZMQ_PAIR);
    CHECK(monitor != NULL && zsock_connect(monitor, "%s", address) == 0);
    int result = zsock_bind(socket, "%s", door->endpoint);
    int why = errno;
    door->listener = take_listener(monitor);
    zmq_socket_monitor(handle, NULL, 0);
    zsock_destroy(&monitor);
    errno = why;
    return result < 0 ? -1 : 0;
}

int door_open(struct door *door, zsock_t *socket, const char *endpoint)
{
    *door = (struct door){.listener = -1, .spare = -1, .open = true};
    snprintf(door->endpoint, sizeof door->endpoint, "%s", endpoint);
    if (begins_with(endpoint, "inproc://"))
        return zsock_bind(socket, "%s", endpoint) < 0 ? -1 : 0;
    if (bind_and_watch(door, socket) != 0)
        return -1;
    /* libzmq polls before it accepts, and leaves the socket blocking; two threads accept here. */
    CHECK(door->listener < 0 || fcntl(door->listener, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    door->spare = files_open_spare();
    return 0;
}

/* --- shutting --- */

static bool drop_attempts(int listener, bool drop)
{
    enum { FLAGS_AT = 13, FLAG_SYN = 2 }; /* in TCP's header */
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};
    return setsockopt(listener, SOL_SOCKET, drop ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &filter, sizeof filter) == 0;
}

static bool rename_file(const struct door *door, bool away)
{
    const char *path = door->endpoint + strlen("ipc://");
    char other[sizeof door->endpoint + 8];
    snprintf(other, sizeof other, "%s.shut", path);
    return rename(away ? path : other, away ? other : path) == 0;
}

/* An abstract UNIX socket's name cannot be taken from it. */
static bool set_open(struct door *door, bool open)
{
    bool done = begins_with(door->endpoint, "ipc://") ? rename_file(door, !open) : drop_attempts(door->listener, !open);
    if (done)
        door->open = open;
    return done;
}

/* Those who are connected but not accepted: libzmq would spin for as long as it has no descriptor for them. */
static void turn_away_waiting(struct door *door)
{
    if (door->spare >= 0)
        close(door->spare);
    for (unsigned i = 0; i < WAITING_MAX; i++) {
        int fd = accept4(door->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            break;
        close(fd);
    }
    door->spare = files_open_spare();
}

static void shut(struct door *door, int64_t now_us)
{
    bool done = set_open(door, false);
    if (door->warned_us != 0 && now_us < door->warned_us + WARN_US)
        return;
    door->warned_us = now_us;
    door->warned = true;
    log_warn("issuer",
             "few descriptors are left: %s takes no more connections until there are%s; raise the limit of open files, "
             "or keep strangers away by cluster/secret_file",
             door->endpoint, done ? "" : " (it cannot: is it an abstract socket?)");
}

static void reopen(struct door *door)
{
    if (!set_open(door, true) || !door->warned)
        return;
    door->warned = false;
    log_info("issuer", "%s takes connections again", door->endpoint);
}

void door_tend(struct door *door, int64_t now_us)
{
    if (now_us < door->next_us || door->listener < 0)
        return;
    door->next_us = now_us + DOOR_TURN_MS * 1000;
    if (door->open && files_are_scarce())
        shut(door, now_us);
    else if (!door->open && files_are_plenty())
        reopen(door);
    if (!door->open)
        turn_away_waiting(door);
}

void door_close(struct door *door)
{
    if (door->listener < 0 || door->endpoint[0] == '\0')
        return;
    if (!door->open)
        set_open(door, true); /* libzmq removes the file by its name */
    if (door->spare >= 0)
        close(door->spare);
    door->listener = -1;
}
