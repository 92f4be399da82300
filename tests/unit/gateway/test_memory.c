/* A gateway with little memory, simulated by replacing the kernel's files: which requests it still serves. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <czmq.h>

#include "shared/process/memory.h"
#include "tests/unit/gateway/gateway_fixture.h"

/* --- fixture: a control group of 160 MiB, of which 16 are the reserve --- */

enum { PLENTY = 100, SCARCE = 145, EXHAUSTED = 153 };

static char root[32];
static struct memory_places places = {root, root};

/* Atomic, since the gateway reads it meanwhile. */
static void write_file(const char *name, const char *text)
{
    char path[64], draft[64];
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(draft, sizeof draft, "%s/draft", root);
    FILE *file = fopen(draft, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(draft, path), 0);
}

static void use(unsigned mib)
{
    char text[32];
    snprintf(text, sizeof text, "anon %u\n", mib << 20);
    write_file("memory.stat", text);
}

static int set_up(void **state)
{
    strcpy(root, "/tmp/coupond-memory-XXXXXX");
    assert_non_null(mkdtemp(root));
    write_file("cgroup", "0::/\n");
    write_file("memory.max", "167772160\n");
    use(PLENTY);
    memory_begin(&places, 0);
    return gateway_blank(state);
}

static int tear_down(void **state)
{
    char command[64];
    gateway_tear_down(state);
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

/* --- helpers --- */

/* As start_with_issuer(), with the memory set up by the test. */
static void start_in_place(void)
{
    struct error error = {""};
    options.issuer_partitions = 1;
    issuer = issuer_double_create(options.gateway_requests, 1);
    if (gateway_start_beside(&options, NULL, NULL, &gateway, &error) != 0)
        fail_msg("%s", error.text);
    wait_ready(200);
}

static bool is_scarce(void)
{
    return *memory_scarce();
}

static void wait_until(bool (*reached)(void))
{
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    while (!reached() && zclock_mono() < until)
        zclock_sleep(1);
    assert_true(reached());
}

/* The text for the operator; a missing issuer takes precedence. */
static bool ready_words(char why[READY_WHY_MAX])
{
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    bool ready = false;
    do {
        issuer_double_pump(issuer);
        why[0] = '\0';
        ready = gateway_ready(gateway, why);
    } while (strncmp(why, "memory", 6) != 0 && zclock_mono() < until);
    return ready;
}

static void put(struct client *client, const char *user)
{
    char text[128];
    snprintf(text, sizeof text, "PUT /v1/coupons/A/issues/%s HTTP/1.1\r\nHost: a\r\n\r\n", user);
    client_send(client, text);
}

/* --- tests --- */

static void a_piece_without_room_for_a_refusal_ends_its_connection_after_the_earlier_answers(void **state)
{
    (void)state;
    options.gateway_in_flight_max = 1;
    start_in_place();
    client_open(&clients[0]);
    client_open(&clients[1]);
    put(&clients[0], "u");
    receive(0);
    use(SCARCE);
    wait_until(is_scarce);
    client_send(&clients[0], "PUT /v1/coupons/A/issues/v HTTP/1.1\r\n");
    assert_int_equal(client_get(&clients[1], "/livez"), 200); /* it has read the previous piece */
    answer(&frame, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(&clients[0]), 201);
    assert_non_null(strstr(response.head, "Connection: close\r\n"));
    assert_true(client_ended(&clients[0]));
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static void while_memory_is_scarce_a_piece_gets_overloaded_after_the_earlier_answers(void **state)
{
    (void)state;
    start_in_place();
    client_open(&clients[0]);
    client_open(&clients[1]);
    put(&clients[0], "u");
    receive(0);
    use(SCARCE);
    wait_until(is_scarce);
    client_send(&clients[0], "PUT /v1/coupons/A/issues/v HTTP/1.1\r\n");
    assert_int_equal(client_get(&clients[1], "/livez"), 200);
    answer(&frame, 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(&clients[0]), 201);
    assert_int_equal(client_read(&clients[0]), 503);
    assert_code("overloaded");
    assert_true(client_ended(&clients[0]));
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static void while_memory_is_scarce_new_connections_are_served(void **state)
{
    (void)state;
    start_in_place();
    use(SCARCE);
    wait_until(is_scarce);
    client_open(&clients[0]);
    assert_int_equal(client_get(&clients[0], "/readyz"), 200);
    put(&clients[0], "u");
    answer(receive(0), 0, VERDICT_ISSUED, 1);
    assert_int_equal(client_read(&clients[0]), 201);
    client_close(&clients[0]);
}

static void when_memory_is_exhausted_new_connections_get_overloaded_and_open_ones_are_served(void **state)
{
    (void)state;
    start_in_place();
    client_open(&clients[0]);
    assert_int_equal(client_get(&clients[0], "/livez"), 200);
    use(EXHAUSTED);
    wait_until(memory_exhausted);
    client_open(&clients[1]);
    assert_int_equal(client_read(&clients[1]), 503);
    assert_code("overloaded");
    assert_true(client_ended(&clients[1]));
    assert_int_equal(client_get(&clients[0], "/readyz"), 200);
    client_close(&clients[0]);
    client_close(&clients[1]);
}

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void the_piece_that_is_refused_is_not_kept(void **state)
{
    enum { BODY = 1000000, KEPT = 500000 };
    static char body[BODY];
    int64_t until = zclock_mono() + PATIENCE_S * 1000;
    (void)state;
    if (allocated() == 0)
        skip(); /* a sanitizer's malloc does not report this */
    options.gateway_body_bytes_max = BODY;
    start_in_place();
    client_open(&clients[0]);
    client_send(&clients[0], "POST /v1/coupons HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    memset(body, ' ', BODY - 10);
    size_t before = allocated();
    client_send(&clients[0], body);
    while (allocated() < before + KEPT && zclock_mono() < until)
        zclock_sleep(1);
    assert_true(allocated() >= before + KEPT);
    use(SCARCE);
    wait_until(is_scarce);
    client_send(&clients[0], " ");
    assert_int_equal(client_read(&clients[0]), 503);
    assert_code("overloaded");
    assert_true(allocated() < before + KEPT); /* while the gateway waits for the peer to close */
    client_close(&clients[0]);
}

static void readiness_names_refused_requests(void **state)
{
    char why[READY_WHY_MAX] = "";
    (void)state;
    start_in_place();
    use(SCARCE);
    wait_until(is_scarce);
    assert_true(ready_words(why));
    assert_memory_equal(why, "memory is low, requests that arrive in pieces are refused: 145 of 160 MiB", 73);
    use(EXHAUSTED);
    wait_until(memory_exhausted);
    assert_true(ready_words(why));
    assert_memory_equal(why, "memory is low, new connections and requests that arrive in pieces are refused: 153", 82);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_piece_without_room_for_a_refusal_ends_its_connection_after_the_earlier_answers),
        TEST(while_memory_is_scarce_a_piece_gets_overloaded_after_the_earlier_answers),
        TEST(while_memory_is_scarce_new_connections_are_served),
        TEST(when_memory_is_exhausted_new_connections_get_overloaded_and_open_ones_are_served),
        TEST(the_piece_that_is_refused_is_not_kept),
        TEST(readiness_names_refused_requests),
    };
    return cmocka_run_group_tests(tests, gateway_group_set_up, NULL);
}
