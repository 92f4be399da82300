/* A listening socket that gives way when descriptors run out, and the descriptors that are held back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/door.h"
#include "shared/files.h"

#define FILES_MAX 128

/* --- helpers --- */

static struct sockaddr_storage address;
static socklen_t address_size;

static void use_ipc(char endpoint[80])
{
    struct sockaddr_un *local = (struct sockaddr_un *)&address;
    *local = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(local->sun_path, sizeof local->sun_path, "/tmp/coupond-door-%d", (int)getpid());
    snprintf(endpoint, 80, "ipc:///tmp/coupond-door-%d", (int)getpid());
    address_size = sizeof *local;
}

static void use_tcp(char endpoint[80])
{
    snprintf(endpoint, 80, "tcp://127.0.0.1:*");
}

/* After the bind, when the port is known. */
static void note_port(int listener)
{
    address_size = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_size), 0);
}

/* A connection, or -1. One that the kernel drops would be tried again for minutes. */
static int connect_once(void)
{
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_usec = 100000};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    if (connect(fd, (struct sockaddr *)&address, address_size) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool takes_connections(void)
{
    int fd = connect_once();
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Opens files until `left` more may be opened. */
static size_t use_up(int *fds, size_t left)
{
    size_t count = 0;
    for (int fd = files_open_spare(); fd >= 0; fd = files_open_spare())
        fds[count++] = fd;
    for (; left > 0 && count > 0; left--)
        close(fds[--count]);
    return count;
}

static bool takes_a_file(void)
{
    int fd = files_open_spare();
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void give_back(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* libzmq greets whom it has accepted. */
static void read_greeting(int fd)
{
    char greeting[10];
    assert_int_equal(recv(fd, greeting, sizeof greeting, MSG_WAITALL), sizeof greeting);
}

static bool still_stands(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0 || errno == EAGAIN;
}

static void check_door(struct door *door)
{
    int fds[FILES_MAX] = {0};
    int64_t now_us = 1;
    int friend = connect_once();
    assert_true(friend >= 0);
    read_greeting(friend);

    size_t count = use_up(fds, 8);
    assert_true(files_are_scarce());
    door_tend(door, now_us += DOOR_TURN_MS * 1000);
    assert_false(door->open);
    assert_false(takes_connections());
    assert_true(still_stands(friend));

    give_back(fds, count);
    assert_false(files_are_scarce());
    door_tend(door, now_us += DOOR_TURN_MS * 1000);
    assert_true(door->open);
    assert_true(takes_connections());
    assert_true(still_stands(friend));
    close(friend);
}

/* --- tests --- */

static void a_door_shuts_while_descriptors_are_scarce_and_opens_again(void **state)
{
    (void)state;
    void (*const use[])(char *) = {use_ipc, use_tcp};
    for (size_t i = 0; i < 2; i++) {
        struct door door;
        char endpoint[80];
        zsock_t *socket = zsock_new(ZMQ_PULL);
        use[i](endpoint);
        assert_int_equal(door_open(&door, socket, endpoint), 0);
        assert_true(door.listener >= 0);
        if (use[i] == use_tcp)
            note_port(door.listener);
        check_door(&door);
        door_close(&door);
        zsock_destroy(&socket);
    }
}

static void a_door_that_ends_shut_leaves_no_file(void **state)
{
    (void)state;
    struct door door;
    char endpoint[80], away[96];
    int fds[FILES_MAX] = {0};
    zsock_t *socket = zsock_new(ZMQ_PULL);
    use_ipc(endpoint);
    snprintf(away, sizeof away, "%s.shut", endpoint + 6);
    assert_int_equal(door_open(&door, socket, endpoint), 0);
    size_t count = use_up(fds, 8);
    door_tend(&door, 1);
    assert_int_equal(access(away, F_OK), 0);
    give_back(fds, count);
    door_close(&door);
    zsock_destroy(&socket);
    assert_int_equal(access(away, F_OK), -1);
}

static void descriptors_are_held_back_and_given_up_when_they_have_been_scarce_for_a_second(void **state)
{
    (void)state;
    struct files_held held = {.count = 0};
    int fds[FILES_MAX] = {0};
    files_hold(&held);
    assert_int_equal(held.count, FILES_MAX / 8);
    size_t count = use_up(fds, 0);
    assert_int_equal(fds[count - 1], FILES_MAX - FILES_MAX / 8 - 1);
    files_tend(&held, 1000000);
    assert_int_equal(held.count, FILES_MAX / 8);
    files_tend(&held, 2000000);
    assert_int_equal(held.count, 0);
    assert_true(files_are_scarce());
    assert_false(files_are_plenty());
    assert_true(takes_a_file());

    give_back(fds, count);
    files_tend(&held, 3000000);
    assert_int_equal(held.count, FILES_MAX / 8);
    files_release(&held);
}

static void no_descriptor_at_all_is_scarce(void **state)
{
    (void)state;
    int fds[FILES_MAX] = {0};
    size_t count = use_up(fds, 0);
    assert_true(files_are_scarce());
    assert_false(files_are_plenty());
    give_back(fds, count);
    assert_false(files_are_scarce());
    assert_true(files_are_plenty());
}

/* A single one that closes among many does not open a door. */
static void one_hole_is_not_plenty(void **state)
{
    (void)state;
    int fds[FILES_MAX] = {0};
    size_t count = use_up(fds, 8);
    close(fds[0]);
    assert_false(files_are_scarce());
    assert_false(files_are_plenty());
    give_back(fds + 1, count - 1);
}

static int limit_files(void **state)
{
    (void)state;
    const struct rlimit few = {FILES_MAX, FILES_MAX};
    return setrlimit(RLIMIT_NOFILE, &few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_door_shuts_while_descriptors_are_scarce_and_opens_again),
        cmocka_unit_test(a_door_that_ends_shut_leaves_no_file),
        cmocka_unit_test(descriptors_are_held_back_and_given_up_when_they_have_been_scarce_for_a_second),
        cmocka_unit_test(no_descriptor_at_all_is_scarce),
        cmocka_unit_test(one_hole_is_not_plenty),
    };
    return cmocka_run_group_tests(tests, limit_files, NULL);
}
