/*
 * A listening ZeroMQ socket refuses peers when descriptors run out, and counts them, even when signals interrupt the
 * guard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/files.h"
#include "shared/wire/door.h"
#include "shared/wire/door_watch.h"
#include "shared/wire/guard.h"

#define FILES_MAX 128
#define CROWD     12

/* --- helpers --- */

static struct sockaddr_storage address;
static socklen_t address_size;

static char socket_path[64];

/* A closed door leaves its socket's file, which the next bind replaces. */
static int tear_down(void **state)
{
    (void)state;
    return unlink(socket_path);
}

static void use_ipc(char endpoint[80])
{
    struct sockaddr_un *local = (struct sockaddr_un *)&address;
    *local = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(local->sun_path, socket_path);
    snprintf(endpoint, 80, "ipc://%s", socket_path);
    address_size = sizeof *local;
}

static void use_tcp(char endpoint[80])
{
    snprintf(endpoint, 80, "tcp://127.0.0.1:*");
}

/* Called after the bind, when the port is known. */
static void note_port(int listener)
{
    address_size = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_size), 0);
}

/* A connection, or -1. A connection that the kernel drops would be retried for minutes. */
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

/* Opens files until only `left` more can be opened. */
static size_t use_up(int *fds, size_t left)
{
    size_t count = 0;
    for (int fd = files_open_spare(); fd >= 0; fd = files_open_spare())
        fds[count++] = fd;
    for (; left > 0 && count > 0; left--)
        close(fds[--count]);
    return count;
}

static void give_back(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* libzmq greets accepted peers; the others are disconnected. */
static bool is_greeted(int fd)
{
    char greeting[10];
    return recv(fd, greeting, sizeof greeting, MSG_WAITALL) == sizeof greeting;
}

static bool still_stands(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0 || errno == EAGAIN;
}

/* Waits until libzmq has closed its side of closed connections. */
static void wait_for_a_place(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        int fd = connect_once();
        bool greeted = fd >= 0 && is_greeted(fd);
        if (fd >= 0)
            close(fd);
        if (greeted)
            return;
        usleep(10000);
    }
    fail_msg("nobody is taken any more");
}

static void check_door(void)
{
    int fds[FILES_MAX] = {0}, crowd[CROWD] = {0};
    int friend = connect_once();
    assert_true(friend >= 0);
    assert_true(is_greeted(friend));

    size_t count = use_up(fds, FILES_MAX / 4 + 16), taken = 0;
    uint64_t before = doors_refused();
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = connect_once(); /* uses a descriptor of this process, too */
        taken += crowd[i] >= 0 && is_greeted(crowd[i]);
    }
    assert_in_range(taken, 1, 15);
    assert_int_equal(doors_refused() - before, CROWD - taken);
    assert_true(still_stands(friend));

    give_back(crowd, CROWD);
    give_back(fds, count);
    wait_for_a_place();
    assert_true(still_stands(friend));
    close(friend);
}

static void with_a_door(void (*use)(char *), void (*check)(void))
{
    char endpoint[80];
    zsock_t *socket = zsock_new(ZMQ_PULL);
    use(endpoint);
    struct door door;
    assert_int_equal(door_open(&door, socket, endpoint), 0);
    assert_true(door.listener > 0);
    if (use == use_tcp)
        note_port(door.listener);
    check();
    door_close(&door);
    zsock_destroy(&socket);
}

/* --- tests --- */

static void while_descriptors_are_scarce_who_connects_is_hung_up_on(void **state)
{
    (void)state;
    with_a_door(use_ipc, check_door);
    with_a_door(use_tcp, check_door);
}

/* Without the door, libzmq would end the process over ipc. */
static void check_without_descriptors(void)
{
    int fds[FILES_MAX] = {0};
    int waiting[2] = {socket(address.ss_family, SOCK_STREAM, 0), socket(address.ss_family, SOCK_STREAM, 0)};
    size_t count = 0;
    for (unsigned i = 0; i < 20; i++) { /* ZeroMQ's thread may still close sockets of an earlier test */
        count += use_up(fds + count, 0);
        usleep(10000);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(connect(waiting[i], (struct sockaddr *)&address, address_size), 0);
        assert_false(is_greeted(waiting[i]));
    }
    give_back(fds, count);
    give_back(waiting, 2);
    wait_for_a_place();
}

static void without_a_descriptor_who_connects_is_hung_up_on(void **state)
{
    (void)state;
    with_a_door(use_ipc, check_without_descriptors);
    with_a_door(use_tcp, check_without_descriptors);
}

static void localhost_is_the_loopback_address(void **state)
{
    zsock_t *socket = zsock_new(ZMQ_PULL);
    (void)state;
    struct door door;
    assert_int_equal(door_open(&door, socket, "tcp://localhost:*"), 0);
    char *bound = zsock_last_endpoint(socket);
    assert_memory_equal(bound, "tcp://127.0.0.1:", 16);
    zstr_free(&bound);
    door_close(&door);
    zsock_destroy(&socket);
}

static void a_door_that_is_closed_bounds_nobody(void **state)
{
    (void)state;
    struct door door = {0};
    char endpoint[80];
    door_close(&door);
    zsock_t *socket = zsock_new(ZMQ_PULL);
    use_ipc(endpoint);
    assert_int_equal(door_open(&door, socket, endpoint), 0);
    door_close(&door);
    int fds[FILES_MAX] = {0};
    size_t count = use_up(fds, 8);
    int fd = connect_once();
    assert_true(fd >= 0 && is_greeted(fd));
    close(fd);
    give_back(fds, count);
    zsock_destroy(&socket);
}

/* The start of ZMTP 3.0 from a peer with a secret. */
static const char curve_greeting[64] = "\xff\0\0\0\0\0\0\0\0\x7f\x03\0CURVE";

static void wait_for_end(int fd)
{
    char bytes[64];
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    close(fd);
}

static void check_strangers(void)
{
    struct door_watch_counts before = door_watch_counts();
    for (size_t i = 0; i < 3; i++) {
        int fd = connect_once();
        assert_true(fd >= 0 && is_greeted(fd));
        assert_int_equal(send(fd, curve_greeting, sizeof curve_greeting, 0), sizeof curve_greeting);
        wait_for_end(fd);
    }
    int probe = connect_once();
    assert_true(probe >= 0 && is_greeted(probe));
    assert_int_equal(shutdown(probe, SHUT_WR), 0);
    wait_for_end(probe);
    assert_int_equal(door_watch_counts().refused, before.refused);
    door_watch_read();
    assert_int_equal(door_watch_counts().refused, before.refused + 3);
    assert_int_equal(door_watch_counts().unfinished, before.unfinished + 1);
}

static void who_has_a_secret_where_there_is_none_is_counted_and_a_probe_apart(void **state)
{
    (void)state;
    with_a_door(use_ipc, check_strangers);
    with_a_door(use_tcp, check_strangers);
}

static void check_one_stranger(void)
{
    int fd = connect_once();
    assert_true(fd >= 0);
    assert_int_equal(send(fd, curve_greeting, sizeof curve_greeting, 0), sizeof curve_greeting);
    wait_for_end(fd);
}

static void what_nobody_has_read_is_counted_when_the_door_closes(void **state)
{
    (void)state;
    uint64_t before = door_watch_counts().refused;
    with_a_door(use_tcp, check_one_stranger);
    assert_int_equal(door_watch_counts().refused, before + 1);
}

static _Atomic unsigned interruptions;

static void on_interruption(int number)
{
    (void)number;
    interruptions++;
}

/* Only threads started before receive these signals: the guard, and none of ZeroMQ's, which block all signals. */
static void interrupt_often(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (unsigned i = 0; i < 20; i++) {
        unsigned before = interruptions;
        assert_int_equal(kill(getpid(), SIGUSR1), 0);
        for (unsigned j = 0; j < 1000 && interruptions == before; j++)
            usleep(1000);
        assert_int_equal(interruptions, before + 1);
        usleep(1000); /* until it waits again */
    }
}

static void check_guard_counts(void)
{
    uint64_t before = door_watch_counts().refused;
    check_one_stranger();
    for (unsigned i = 0; i < 1000 && door_watch_counts().refused == before; i++)
        usleep(10000);
    assert_int_equal(door_watch_counts().refused, before + 1);
}

static void signals_do_not_end_the_guard(void **state)
{
    (void)state;
    const struct sigaction action = {.sa_handler = on_interruption};
    struct guard_config config = {.metrics = metrics_create("issuer", -1)};
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    zactor_t *guard = zactor_new(guard_actor, &config);
    assert_non_null(guard);
    interrupt_often();
    with_a_door(use_tcp, check_guard_counts);
    zactor_destroy(&guard);
}

static int set_up(void **state)
{
    snprintf(socket_path, sizeof socket_path, "/tmp/coupond-door-%d", (int)getpid());
    (void)state;
    const struct rlimit few = {FILES_MAX, FILES_MAX};
    return setrlimit(RLIMIT_NOFILE, &few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_descriptors_are_scarce_who_connects_is_hung_up_on),
        cmocka_unit_test(without_a_descriptor_who_connects_is_hung_up_on),
        cmocka_unit_test(localhost_is_the_loopback_address),
        cmocka_unit_test(a_door_that_is_closed_bounds_nobody),
        cmocka_unit_test(who_has_a_secret_where_there_is_none_is_counted_and_a_probe_apart),
        cmocka_unit_test(what_nobody_has_read_is_counted_when_the_door_closes),
        cmocka_unit_test(signals_do_not_end_the_guard),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
