/*
 * Two sides that meet over a UNIX socket and share memory from then on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/options/options.h"
#include "shared/wire/frame.h"
#include "shared/wire/shm_link.h"

/* --- fixture --- */

static char dir[64];
static char path[80];

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/coupond-shm-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static bool is_readable(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

/* Both ends, connected. */
static int join(struct shm_link *issuer, struct shm_link *gateway)
{
    struct error error;
    int listener = shm_listen(path, &error);
    assert_true(listener >= 0);
    int socket = shm_connect(path);
    assert_true(socket >= 0);
    assert_int_equal(shm_greet(socket, gateway, &error), 0); /* not accepted yet */
    assert_int_equal(shm_accept(listener, issuer, &error), 1);
    assert_int_equal(shm_greet(socket, gateway, &error), 1);
    return listener;
}

static void assert_takes(struct shm_link *link, const char *text)
{
    char got[64];
    assert_int_equal(shm_ring_next(&link->in), strlen(text) + 1);
    shm_ring_read(&link->in, got, strlen(text) + 1);
    assert_string_equal(got, text);
}

/* --- tests --- */

static void frames_go_both_ways(void **state)
{
    (void)state;
    struct shm_link issuer, gateway;
    int listener = join(&issuer, &gateway);
    assert_true(shm_link_send(&gateway, "request", 8));
    assert_true(shm_link_send(&issuer, "reply", 6));
    assert_takes(&issuer, "request");
    assert_takes(&gateway, "reply");
    shm_link_close(&issuer);
    shm_link_close(&gateway);
    close(listener);
}

/* Everything that may be in flight by default fits, even when no two requests share a frame. */
static void all_requests_in_flight_have_room(void **state)
{
    (void)state;
    static const char frame[sizeof(struct frame_header) + sizeof(struct frame_issue_request)];
    struct shm_link issuer, gateway;
    int listener = join(&issuer, &gateway);
    struct options options;
    options_init(&options);
    for (int64_t i = 0; i < options.gateway_in_flight_max; i++)
        assert_true(shm_link_send(&gateway, frame, sizeof frame));
    assert_true(shm_link_send(&gateway, frame, sizeof frame)); /* plus a ping */
    shm_link_close(&issuer);
    shm_link_close(&gateway);
    close(listener);
}

static void a_bell_rings_only_for_who_sleeps(void **state)
{
    (void)state;
    struct shm_link issuer, gateway;
    int listener = join(&issuer, &gateway);
    assert_true(shm_link_send(&gateway, "request", 8));
    shm_link_wake(&gateway);
    assert_false(is_readable(issuer.socket));
    assert_takes(&issuer, "request");
    assert_true(shm_ring_begin_sleep(&issuer.in));
    assert_true(shm_link_send(&gateway, "request", 8));
    shm_link_wake(&gateway);
    assert_true(is_readable(issuer.socket));
    assert_false(is_readable(gateway.socket));
    assert_true(shm_link_read_wakes(&issuer));
    assert_false(is_readable(issuer.socket));
    shm_link_close(&issuer);
    shm_link_close(&gateway);
    close(listener);
}

/* A peer cannot make the socket of the other side block, nor fill it so that a wake-up is lost. */
static void bells_without_end_hold_nobody_up(void **state)
{
    (void)state;
    struct shm_link issuer, gateway;
    int listener = join(&issuer, &gateway);
    while (send(gateway.socket, "", 1, MSG_DONTWAIT) == 1)
        continue;
    while (send(issuer.socket, "", 1, MSG_DONTWAIT) == 1)
        continue;
    assert_true(shm_ring_begin_sleep(&gateway.in));
    assert_true(shm_link_send(&issuer, "reply", 6));
    shm_link_wake(&issuer);
    assert_true(is_readable(gateway.socket));
    for (unsigned i = 0; i < 1000 && is_readable(issuer.socket); i++)
        assert_true(shm_link_read_wakes(&issuer));
    assert_false(is_readable(issuer.socket));
    shm_link_close(&issuer);
    shm_link_close(&gateway);
    close(listener);
}

static void what_was_sent_outlives_who_sent_it(void **state)
{
    (void)state;
    struct shm_link issuer, gateway;
    int listener = join(&issuer, &gateway);
    assert_true(shm_link_send(&issuer, "last words", 11));
    assert_false(is_readable(gateway.socket));
    shm_link_close(&issuer);
    assert_false(shm_link_read_wakes(&gateway));
    assert_takes(&gateway, "last words");
    assert_false(shm_link_send(&issuer, "nobody", 7));
    shm_link_close(&gateway);
    close(listener);
}

/* The descriptor that comes with a greeting. */
static int take_memory(int socket)
{
    char greeting[64];
    _Alignas(struct cmsghdr) char control[256];
    struct iovec bytes = {greeting, sizeof greeting};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd;
    assert_int_equal(recvmsg(socket, &message, 0), 16);
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    assert_non_null(rights);
    assert_int_equal(rights->cmsg_len, CMSG_LEN(sizeof fd));
    memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

/* If the memory were shrunk, the issuer's next access would crash it. */
static void nobody_can_shorten_the_memory(void **state)
{
    (void)state;
    struct error error;
    struct shm_link issuer;
    int listener = shm_listen(path, &error);
    int socket = shm_connect(path);
    assert_int_equal(shm_accept(listener, &issuer, &error), 1);
    int memory = take_memory(socket);
    assert_int_equal(ftruncate(memory, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(memory, 1 << 30), -1);
    close(memory);
    close(socket);
    close(listener);
    shm_link_close(&issuer);
}

static void a_second_listener_is_refused_and_a_dead_ones_file_replaced(void **state)
{
    (void)state;
    struct error error;
    int first = shm_listen(path, &error);
    assert_true(first >= 0);
    assert_int_equal(shm_listen(path, &error), -1);
    assert_non_null(strstr(error.text, "another process listens there"));
    close(first);
    assert_int_equal(shm_connect(path), -1);
    int second = shm_listen(path, &error);
    assert_true(second >= 0);
    close(second);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    struct error error;
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(shm_listen(path, &error), -1);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(access(path, F_OK), 0);
}

static void a_path_too_long_is_refused(void **state)
{
    (void)state;
    struct error error;
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(shm_listen(longest, &error), -1);
    assert_non_null(strstr(error.text, "longer than a UNIX socket's address"));
}

/* A listener that is not ours. */
static int listen_strangely(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void assert_greeting_refused(const void *greeting, size_t size, const char *why)
{
    int listener = listen_strangely();
    int socket = shm_connect(path);
    int stranger = accept(listener, NULL, NULL);
    assert_true(socket >= 0 && stranger >= 0);
    if (size > 0)
        assert_int_equal(send(stranger, greeting, size, 0), (ssize_t)size);
    close(stranger);
    struct error error;
    struct shm_link link;
    assert_int_equal(shm_greet(socket, &link, &error), -1);
    assert_non_null(strstr(error.text, why));
    assert_int_equal(link.socket, -1);
    close(socket);
    close(listener);
    unlink(path);
}

static void strange_greetings_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic, version;
        uint64_t bytes;
    } without_memory = {0x51504e43u, 2, SHM_QUEUE_BYTES}, another_version = {0x51504e43u, 1, SHM_QUEUE_BYTES};
    assert_greeting_refused("", 0, "closed the connection");
    assert_greeting_refused("hello", 5, "uses another protocol");
    assert_greeting_refused(&another_version, sizeof another_version, "uses another protocol");
    assert_greeting_refused(&without_memory, sizeof without_memory, "uses another protocol");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void memory_is_shared_with_the_own_user_and_root_alone(void **state)
{
    (void)state;
    assert_true(shm_trusts(1000, 1000));
    assert_true(shm_trusts(0, 1000));
    assert_false(shm_trusts(1001, 1000));
    assert_false(shm_trusts(1000, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_go_both_ways),
        TEST(all_requests_in_flight_have_room),
        TEST(a_bell_rings_only_for_who_sleeps),
        TEST(bells_without_end_hold_nobody_up),
        TEST(what_was_sent_outlives_who_sent_it),
        TEST(nobody_can_shorten_the_memory),
        TEST(a_second_listener_is_refused_and_a_dead_ones_file_replaced),
        TEST(a_file_that_is_no_socket_is_left_alone),
        TEST(a_path_too_long_is_refused),
        TEST(strange_greetings_are_refused),
        cmocka_unit_test(memory_is_shared_with_the_own_user_and_root_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
