/* Checks of endpoints: their form, overlaps, and which of them a role can connect to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "shared/options/options.h"

/* --- fixture --- */

struct fixture {
    struct options options;
    struct error error;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* --- helpers --- */

static void assert_says(const struct fixture *fixture, const char *words)
{
    if (strstr(fixture->error.text, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, fixture->error.text);
}

#define assert_ok(fixture, call)                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s", (fixture)->error.text);                                                                     \
    } while (0)

/* Sets options and completes; returns the result of whichever fails first. */
static int complete_with(struct fixture *fixture, const char *const *assignments)
{
    options_init(&fixture->options);
    for (; *assignments != NULL; assignments++) {
        if (options_set(&fixture->options, *assignments, &fixture->error) != 0)
            return -1;
    }
    return options_complete(&fixture->options, &fixture->error);
}

#define COMPLETE_WITH(fixture, ...) complete_with(fixture, (const char *const[]){__VA_ARGS__, NULL})

/* --- tests --- */

static const struct {
    const char *assignments[3];
    const char *says;
} bad_sets[] = {
    {{"issuer/requests=tcp://localhost:7200", "issuer/events=tcp://127.0.0.1:7200"}, "overlap"},
    {{"issuer/requests=udp://127.0.0.1:1"}, "issuer/requests: \"udp://127.0.0.1:1\" is not an endpoint"},
    {{"issuer/requests=tcp://127.0.0.1"}, "issuer/requests: \"tcp://127.0.0.1\" is not tcp://HOST:PORT"},
    {{"issuer/events=ipc://"}, "issuer/events: \"ipc://\" is not an endpoint"},
    {{"issuer/acks=inproc://"}, "issuer/acks: \"inproc://\" is not an endpoint"},
    {{"gateway/requests=nonsense"}, "gateway/requests"},
    {{"issuer/requests=tcp://*:65533", "issuer/partitions=4"}, "exceed 65535"},
    {{"issuer/requests=tcp://*:7199", "issuer/partitions=2"},
     "issuer/requests takes ports 7199 to 7200, issuer/events port 7200: they overlap"},
    {{"issuer/acks=tcp://127.0.0.1:7200"}, "issuer/events takes port 7200, issuer/acks port 7200: they overlap"},
    {{"issuer/http=127.0.0.1:7100"}, "issuer/requests takes port 7100, issuer/http port 7100: they overlap"},
    {{"issuer/http=*:7103", "issuer/partitions=4"}, "issuer/requests takes ports 7100 to 7103, issuer/http port 7103"},
    {{"issuer/http=localhost:7200"}, "issuer/events takes port 7200, issuer/http port 7200"},
    {{"issuer/http=[::]:7300"}, "issuer/acks takes port 7300, issuer/http port 7300"},
    {{"gateway/operator_http=127.0.0.1:8080"}, "gateway/http takes port 8080, gateway/operator_http port 8080"},
    {{"gateway/http=*:8090", "gateway/operator_http=127.0.0.1:8090"}, "gateway/operator_http port 8090: they overlap"},
    {{"issuer/events=inproc://a", "issuer/acks=inproc://a"}, "the same endpoint, inproc://a"},
};

static void every_bad_endpoint_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof bad_sets / sizeof bad_sets[0]; i++) {
        if (complete_with(fixture, bad_sets[i].assignments) != -1)
            fail_msg("%s was taken", bad_sets[i].assignments[0]);
        assert_says(fixture, bad_sets[i].says);
    }
}

static void an_ipc_path_has_to_fit_into_a_socket_address(void **state)
{
    struct fixture *fixture = *state;
    char assignment[160] = "issuer/requests=ipc://";
    memset(assignment + strlen(assignment), 'p', 105);
    assert_ok(fixture, COMPLETE_WITH(fixture, assignment));
    assert_int_equal(COMPLETE_WITH(fixture, assignment, "issuer/partitions=11"), -1);
    assert_says(fixture, "longer than the 107 bytes");
}

static void endpoints_on_other_hosts_may_share_ports(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/events=tcp://127.0.0.2:7100"));
    assert_int_equal(COMPLETE_WITH(fixture, "issuer/events=tcp://*:7100"), -1);
}

static void addresses_of_different_roles_may_be_the_same(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/http=*:9100", "issuer/http=*:9100", "persister/http=*:9100"));
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/http=127.0.0.1:7100", "persister/http=*:7200"));
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/operator_http=", "issuer/http="));
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/http=127.0.0.1:80", "gateway/operator_http=127.0.0.2:80"));
}

static void a_wildcard_is_refused_to_the_roles_that_connect(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *assignment, *role, *option;
    } cases[] = {
        {"issuer/requests=tcp://*:7100", "gateway", "gateway/requests: "},
        {"issuer/requests=tcp://*:7100", "dev", "gateway/requests: "},
        {"gateway/requests=tcp://0.0.0.0:7100", "gateway", "gateway/requests: "},
        {"issuer/events=tcp://[::]:7200", "persister", "persister/events: "},
        {"issuer/acks=tcp://*:7300", "persister", "persister/acks: "},
        {"persister/acks=tcp://*:7300", "dev", "persister/acks: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(fixture, COMPLETE_WITH(fixture, cases[i].assignment));
        assert_int_equal(options_check_role(&fixture->options, cases[i].role, &fixture->error), -1);
        assert_says(fixture, cases[i].option);
        assert_says(fixture, "set it to the issuer's address");
        assert_ok(fixture, options_check_role(&fixture->options, "issuer", &fixture->error));
    }
}

static void a_role_connects_to_what_is_no_wildcard(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/requests=tcp://*:7100", "gateway/requests=tcp://[::1]:7100"));
    assert_ok(fixture, options_check_role(&fixture->options, "gateway", &fixture->error));
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/requests=tcp://*:7100"));
    assert_ok(fixture, options_check_role(&fixture->options, "persister", &fixture->error));
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/requests=ipc://*:7100"));
    assert_ok(fixture, options_check_role(&fixture->options, "dev", &fixture->error));
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/events=tcp://*:7200", "cluster/members=a=10.0.0.1"));
    assert_ok(fixture, options_check_role(&fixture->options, "persister", &fixture->error));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_bad_endpoint_is_refused_by_name),    TEST(an_ipc_path_has_to_fit_into_a_socket_address),
        TEST(endpoints_on_other_hosts_may_share_ports), TEST(a_wildcard_is_refused_to_the_roles_that_connect),
        TEST(a_role_connects_to_what_is_no_wildcard),   TEST(addresses_of_different_roles_may_be_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
