/* Accepting clients, and hanging up when descriptors run out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/acceptor.h"
#include "shared/files.h"

/* --- fixture --- */

enum { FILES = 128, CLIENTS = 4 };

static uv_loop_t loop;
static struct acceptor acceptor;
static struct sockaddr_in address;
static int taken[FILES];
static int taken_count;
static int clients[CLIENTS]; /* have their descriptors before the limit is reached */

static void take(void *arg, int fd)
{
    assert_ptr_equal(arg, &loop);
    taken[taken_count++] = fd;
}

static void limit_files(rlim_t count)
{
    const struct rlimit files = {count, FILES};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

static int set_up(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof address;
    (void)state;
    limit_files(FILES);
    taken_count = 0;
    memset(&acceptor, 0, sizeof acceptor);
    acceptor.metrics = metrics_create("gateway", -1);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(acceptor_open(&acceptor, &loop, fd, take, &loop), 0);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(clients[i] >= 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    acceptor_close(&acceptor);
    acceptor_close(&acceptor);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&loop), 0);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    while (taken_count > 0)
        close(taken[--taken_count]);
    return 0;
}

/* --- helpers --- */

static void connect_client(int i)
{
    assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
}

static bool is_hung_up_on(int i)
{
    char byte;
    ssize_t size = recv(clients[i], &byte, 1, MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno == ECONNRESET);
}

/* Runs until something was done, or a pause has passed. */
static void turn(void)
{
    for (int i = 0; i < 30; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        acceptor_tick(&acceptor);
        usleep(10000);
    }
}

static size_t use_up(int *fds)
{
    size_t count = 0;
    for (int fd = files_open_spare(); fd >= 0; fd = files_open_spare())
        fds[count++] = fd;
    return count;
}

static void give_back(const int *fds, size_t count)
{
    while (count > 0)
        close(fds[--count]);
}

/* --- tests --- */

static void clients_are_taken(void **state)
{
    (void)state;
    connect_client(0);
    connect_client(1);
    turn();
    assert_int_equal(taken_count, 2);
    assert_false(is_hung_up_on(0));
}

static void without_a_descriptor_clients_are_hung_up_on_and_later_ones_are_taken(void **state)
{
    int fds[FILES];
    size_t count = use_up(fds);
    (void)state;
    connect_client(0);
    connect_client(1);
    turn();
    assert_int_equal(taken_count, 0);
    assert_true(is_hung_up_on(0));
    assert_true(is_hung_up_on(1));
    give_back(fds, count);
    connect_client(2);
    turn();
    assert_int_equal(taken_count, 1);
}

/* The limit is below the number of open files: not even the reserved descriptor helps. */
static void a_client_that_cannot_be_closed_waits_without_spinning_the_loop(void **state)
{
    unsigned turns = 0;
    (void)state;
    limit_files(3);
    connect_client(0);
    while (!acceptor.paused && turns++ < 100) {
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_true(acceptor.paused);
    assert_false(uv_is_active((const uv_handle_t *)&acceptor.poll));
    limit_files(FILES);
    turn();
    assert_int_equal(taken_count, 1);
    assert_false(acceptor.paused);
    assert_true(acceptor.spare >= 0);
}

static void waiting_clients_are_accepted_before_the_end(void **state)
{
    (void)state;
    connect_client(0);
    acceptor_refuse(&acceptor);
    acceptor_finish(&acceptor);
    assert_int_equal(acceptor.state, ACCEPTOR_CLOSED);
    assert_int_equal(taken_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients_are_taken),
        TEST(without_a_descriptor_clients_are_hung_up_on_and_later_ones_are_taken),
        TEST(a_client_that_cannot_be_closed_waits_without_spinning_the_loop),
        TEST(waiting_clients_are_accepted_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
