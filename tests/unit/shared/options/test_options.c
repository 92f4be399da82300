/* Configuration: the three sources, their order, and each error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/options/options.h"

/* --- fixture: options at their defaults, and a folder for files --- */

struct fixture {
    struct options options;
    struct error error;
    char dir[64];
    char path[80]; /* of the one file in it */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->dir, "/tmp/coupond-options-XXXXXX");
    if (mkdtemp(fixture->dir) == NULL)
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/file", fixture->dir);
    options_init(&fixture->options);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->dir);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static void write_bytes(const struct fixture *fixture, const char *bytes, size_t length)
{
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static int read_text(struct fixture *fixture, const char *text)
{
    write_bytes(fixture, text, strlen(text));
    return options_read_file(&fixture->options, fixture->path, &fixture->error);
}

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

/* --- tests: sources --- */

static void options_are_complete_at_their_defaults(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, options_complete(&fixture->options, &fixture->error));
    assert_string_equal(fixture->options.gateway_requests, fixture->options.issuer_requests);
    assert_string_equal(fixture->options.persister_events, fixture->options.issuer_events);
    assert_string_equal(fixture->options.persister_acks, fixture->options.issuer_acks);
    assert_int_equal(options_sync_interval_ms(&fixture->options), SYNC_ALWAYS);
}

static void an_address_of_redis_has_one_password(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/redis=redis://app:s3cret@10.0.0.1:6379/3"));
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/redis=redis://app@10.0.0.1", "gateway/redis_password=s3cret"));
    assert_int_equal(COMPLETE_WITH(fixture, "gateway/redis=redis://:s3cret@10.0.0.1", "gateway/redis_password=s3cret"),
                     -1);
    assert_says(fixture, "keep one of them");
    assert_int_equal(COMPLETE_WITH(fixture, "gateway/redis=redis://:s3cret@10.0.0.1:x"), -1);
    assert_says(fixture, "gateway/redis: its port is not a number");
    assert_says(fixture, "gateway/redis_password_file");
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/redis=rediss://10.0.0.1", "gateway/redis_tls_ca=/ca.pem"));
    assert_int_equal(COMPLETE_WITH(fixture, "gateway/redis=redis://10.0.0.1", "gateway/redis_tls_ca=/ca.pem"), -1);
    assert_says(fixture, "does not begin with rediss://");
    assert_null(strstr(fixture->error.text, "s3cret"));
}

static void the_operators_port_follows_the_clients_port(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/http=0.0.0.0:8081"));
    assert_string_equal(fixture->options.gateway_operator_http, "127.0.0.1:8091");
    assert_ok(fixture, options_complete(&fixture->options, &fixture->error));
    assert_string_equal(fixture->options.gateway_operator_http, "127.0.0.1:8091");
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/operator_http=[::1]:+1000"));
    assert_string_equal(fixture->options.gateway_operator_http, "[::1]:9080");
    assert_ok(fixture, COMPLETE_WITH(fixture, "gateway/operator_http="));
    assert_string_equal(fixture->options.gateway_operator_http, "");
}

static void the_help_reads_back_to_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    options_print_help(file);
    fclose(file);
    struct options changed;
    memset(&changed, 0, sizeof changed);
    assert_ok(fixture, options_read_file(&changed, fixture->path, &fixture->error));
    assert_memory_equal(&changed, &fixture->options, sizeof changed);
}

static void a_file_sets_what_it_names(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, read_text(fixture, "# comment\n\ngateway\n    threads = 3 # three\n    http = \"[::1]:80\"\n"
                                          "issuer\n    sync = 5\ngateway\n    admin_token = 'a # b'\n"));
    assert_int_equal(fixture->options.gateway_threads, 3);
    assert_string_equal(fixture->options.gateway_http, "[::1]:80");
    assert_string_equal(fixture->options.issuer_sync, "5");
    assert_string_equal(fixture->options.gateway_admin_token, "a # b");
}

static void a_file_may_be_empty_or_have_crlf(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, read_text(fixture, ""));
    assert_ok(fixture, read_text(fixture, "gateway\r\n    threads = 3\r\n"));
    assert_int_equal(fixture->options.gateway_threads, 3);
}

static void the_environment_sets_what_it_names(void **state)
{
    struct fixture *fixture = *state;
    setenv("COUPOND_GATEWAY_CONNECTIONS_MAX", "77", 1);
    setenv("COUPOND_TEST_ANYTHING", "is not ours", 1);
    int result = options_read_environment(&fixture->options, &fixture->error);
    unsetenv("COUPOND_GATEWAY_CONNECTIONS_MAX");
    assert_ok(fixture, result);
    assert_int_equal(fixture->options.gateway_connections_max, 77);
}

static void an_unknown_variable_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    setenv("COUPOND_GATEWAY_THREAD", "2", 1);
    int result = options_read_environment(&fixture->options, &fixture->error);
    unsetenv("COUPOND_GATEWAY_THREAD");
    assert_int_equal(result, -1);
    assert_says(fixture, "COUPOND_GATEWAY_THREAD: unknown option");
}

/* Variables of related tools, and of Kubernetes for services named coupond-gateway and coupond-store. */
static const char *const not_ours[][2] = {
    {"COUPOND_SECRETS", "/run/secrets"},
    {"COUPOND_LOAD_SCENARIO", "rush"},
    {"COUPOND_GATEWAY", "x"},
    {"COUPOND_GATEWAY_PORT", "tcp://10.96.0.12:8080"},
    {"COUPOND_GATEWAY_SERVICE_HOST", "10.96.0.12"},
    {"COUPOND_GATEWAY_SERVICE_PORT", "8080"},
    {"COUPOND_GATEWAY_SERVICE_PORT_HTTP", "8080"},
    {"COUPOND_GATEWAY_PORT_8080_TCP", "tcp://10.96.0.12:8080"},
    {"COUPOND_GATEWAY_PORT_8080_TCP_ADDR", "10.96.0.12"},
    {"COUPOND_GATEWAY_PORT_8080_TCP_PROTO", "tcp"},
    {"COUPOND_STORE_PORT", "tcp://10.96.0.13:3306"},
};

static void variables_that_are_no_options_stop_nobody(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
        setenv(not_ours[i][0], not_ours[i][1], 1);
    int result = options_read_environment(&fixture->options, &fixture->error);
    for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
        unsetenv(not_ours[i][0]);
    assert_ok(fixture, result);
    assert_int_equal(fixture->options.store_port, 3306);
}

static void a_role_opens_only_its_own_secrets(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, options_set(&fixture->options, "store/password_file=/nowhere/password", &fixture->error));
    assert_ok(fixture, options_set(&fixture->options, "gateway/store_threads=0", &fixture->error));
    options_leave_secrets(&fixture->options, "gateway");
    assert_ok(fixture, options_complete(&fixture->options, &fixture->error));
    options_init(&fixture->options);
    assert_ok(fixture, options_set(&fixture->options, "store/password_file=/nowhere/password", &fixture->error));
    options_leave_secrets(&fixture->options, "gateway"); /* it reads the store */
    assert_int_equal(options_complete(&fixture->options, &fixture->error), -1);
    options_init(&fixture->options);
    assert_ok(fixture, options_set(&fixture->options, "gateway/admin_token_file=/nowhere/token", &fixture->error));
    options_leave_secrets(&fixture->options, "persister");
    assert_ok(fixture, options_complete(&fixture->options, &fixture->error));
    assert_ok(fixture, options_set(&fixture->options, "store/password_file=/nowhere/password", &fixture->error));
    options_leave_secrets(&fixture->options, "persister");
    assert_int_equal(options_complete(&fixture->options, &fixture->error), -1);
    assert_says(fixture, "store/password_file names this file");
}

static void a_variable_out_of_bounds_is_named(void **state)
{
    struct fixture *fixture = *state;
    setenv("COUPOND_GATEWAY_THREADS", "65", 1);
    int result = options_read_environment(&fixture->options, &fixture->error);
    unsetenv("COUPOND_GATEWAY_THREADS");
    assert_int_equal(result, -1);
    assert_says(fixture, "environment variable COUPOND_GATEWAY_THREADS: gateway/threads: 65 is out of bounds, 1 to 64");
}

/* --- tests: errors --- */

static const struct {
    const char *text, *says;
} bad_files[] = {
    {"gateway\n    thread = 1\n", "file line 2: gateway/thread: unknown option"},
    {"\n# x\ngatewai\n", "file line 3: gatewai: unknown section"},
    {"gateway = 3\n", "file line 1: gateway: a section cannot have a value"},
    {"gateway\n    threads = 0\n", "file line 2: gateway/threads: 0 is out of bounds, 1 to 64"},
    {"gateway\n    threads = 65\n", "65 is out of bounds"},
    {"gateway\n    threads = -1\n", "-1 is out of bounds"},
    {"gateway\n    threads = 99999999999999999999\n", "99999999999999999999 is out of bounds, 1 to 64"},
    {"gateway\n    threads = -99999999999999999999\n", "-99999999999999999999 is out of bounds"},
    {"gateway\n    threads = 9999999999999999999999999999999999999999\n", "999999999… is out of bounds, 1 to 64"},
    {"gateway\n    threads = 99999999999999999999x\n", "is not a whole number"},
    {"gateway\n    threads = 1.5\n", "\"1.5\" is not a whole number, expected 1 to 64"},
    {"gateway\n    threads = 0x10\n", "is not a whole number"},
    {"gateway\n    threads = two\n", "is not a whole number"},
    {"gateway\n    threads\n", "\"\" is not a whole number"},
    {"gateway\n    http = ''\n", "gateway/http: must not be empty"},
    {"store\n    type = sqlite3x\n", "store/type: \"sqlite3x\" is neither sqlite nor mysql"},
    {"gateway\n    threads = 1\n\n    # x\n    threads = 1\n", "file line 5: gateway/threads: set twice"},
    {"gateway\n    threads = 1\n        more = 1\n", "gateway/threads: an option cannot have options below it"},
    {"gateway\n  threads = 1\n", "file line 2: indent 4 spaces at once"},
    {"gateway\n\tthreads = 1\n", "file line 2: invalid syntax"},
    {"gateway\n        threads = 1\n", "file line 2: indentation error"},
    {"gateway threads = 1\n", "file line 1: invalid syntax"},
    {"{\"gateway\": 1}\n", "file line 1:"},
    {"gateway\n    http = \"127.0.0.1:1\n", "file line 2: missing \""},
};

static void every_bad_file_is_refused_with_its_line(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        options_init(&fixture->options);
        assert_int_equal(read_text(fixture, bad_files[i].text), -1);
        assert_says(fixture, bad_files[i].says);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(options_read_file(&fixture->options, "/nowhere/coupond.zpl", &fixture->error), -1);
    assert_says(fixture, "cannot open the configuration file /nowhere/coupond.zpl: No such file or directory");
    assert_int_equal(options_read_file(&fixture->options, "/tmp", &fixture->error), -1);
    assert_says(fixture, "cannot read the configuration file /tmp: Is a directory");
}

static void a_file_of_bytes_is_refused(void **state)
{
    struct fixture *fixture = *state;
    write_bytes(fixture, "gateway\n\0\n", 10);
    assert_int_equal(options_read_file(&fixture->options, fixture->path, &fixture->error), -1);
    assert_says(fixture, "line 2: contains a zero byte");
    char line[3000];
    memset(line, 'a', sizeof line);
    write_bytes(fixture, line, sizeof line);
    assert_int_equal(options_read_file(&fixture->options, fixture->path, &fixture->error), -1);
    assert_says(fixture, "line 1: longer than");
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t size = (1 << 20) + 1;
    char *bytes = malloc(size);
    memset(bytes, '\n', size);
    write_bytes(fixture, bytes, size);
    free(bytes);
    assert_int_equal(options_read_file(&fixture->options, fixture->path, &fixture->error), -1);
    assert_says(fixture, "at most 1048576 bytes");
}

static const struct {
    const char *assignments[3];
    const char *says;
} bad_sets[] = {
    {{"gateway"}, "is not of the form section/name=value"},
    {{"gateway/threads"}, "gateway/threads: a value is missing; write gateway/threads=VALUE"},
    {{"store/passwrd=s3cret"}, "store/passwrd: unknown option; did you mean store/password?"},
    {{"gateway/thread=1"}, "gateway/thread: unknown option; did you mean gateway/threads? coupond --help-config lists"},
    {{"store/path=mysql://u:s3cret@h/x"}, "store/path: expected the path of a file or folder"},
    {{"store/host=db1,mysql://u:s3cret@h/x"}, "store/host: entry 2: expected only a host name or address"},
    {{"store/host=db1,db2:x"}, "store/host: \"db2:x\" is neither HOST nor HOST:PORT"},
    {{"issuer/journal_dir=file://u:s3cret@h/x"}, "issuer/journal_dir: expected the path of a file or folder"},
    {{"gateway=threads/1"}, "is not of the form"},
    {{"=/"}, "is not of the form"},
    {{""}, "is not of the form"},
    {{"gateway/nothing=1"}, "gateway/nothing: unknown option"},
    {{"gateway/threads=1 "}, "is not a whole number"},
    {{"issuer/sync=sometimes"}, "issuer/sync: \"sometimes\" is neither always nor os nor 1 to 60000"},
    {{"issuer/sync=0"}, "issuer/sync"},
    {{"issuer/sync=60001"}, "issuer/sync"},
    {{"issuer/sync=-1"}, "issuer/sync"},
    {{"issuer/sync=5ms"}, "issuer/sync"},
    {{"store/type=oracle"}, "store/type: \"oracle\" is neither sqlite nor mysql"},
    {{"store/tls=maybe"}, "store/tls: \"maybe\" is none of: off, preferred, required, verify"},
    {{"log/level=loud"}, "log/level: \"loud\" is none of: debug, info, warn, error"},
    {{"persister/retry_min_ms=6000"}, "persister/retry_min_ms: 6000 is above persister/retry_max_ms, 5000"},
    {{"gateway/admin_token=two words"}, "gateway/admin_token: only printable ASCII"},
    {{"gateway/http=8080"}, "gateway/http: \"8080\" is not HOST:PORT"},
    {{"gateway/http=127.0.0.1:0"}, "gateway/http"},
    {{"issuer/http=::1:80"}, "issuer/http"},
    {{"persister/http=x:y"}, "persister/http"},
    {{"gateway/admin_token=a", "gateway/admin_token_file=/tmp/x"}, "are both set"},
    {{"store/password_file=/nowhere/x"}, "store/password: cannot open /nowhere/x: No such file"},
    {{"store/password_file=/tmp"}, "store/password: cannot read /tmp: Is a directory"},
    {{"store/password_file=/dev/null"}, "store/password: /dev/null must hold 1 to 255 bytes"},
    {{"store/password_file=/dev/zero"}, "store/password: /dev/zero must hold 1 to 255 bytes"},
};

static void every_bad_value_is_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof bad_sets / sizeof bad_sets[0]; i++) {
        if (complete_with(fixture, bad_sets[i].assignments) != -1)
            fail_msg("%s was taken", bad_sets[i].assignments[0]);
        assert_says(fixture, bad_sets[i].says);
    }
}

/* --- tests: completion --- */

static void sync_is_told_as_an_interval(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/sync=os"));
    assert_int_equal(options_sync_interval_ms(&fixture->options), SYNC_OS);
    assert_ok(fixture, COMPLETE_WITH(fixture, "issuer/sync=250"));
    assert_int_equal(options_sync_interval_ms(&fixture->options), 250);
}

static void a_secret_is_read_from_its_file_without_the_newline(void **state)
{
    struct fixture *fixture = *state;
    char assignment[160];
    snprintf(assignment, sizeof assignment, "gateway/admin_token_file=%s", fixture->path);
    write_bytes(fixture, "s3cret\n", 7);
    assert_ok(fixture, COMPLETE_WITH(fixture, assignment));
    assert_string_equal(fixture->options.gateway_admin_token, "s3cret");
    assert_ok(fixture, options_complete(&fixture->options, &fixture->error)); /* harmless a second time */
    write_bytes(fixture, "s3cret\r\n", 8);
    assert_ok(fixture, COMPLETE_WITH(fixture, assignment));
    assert_string_equal(fixture->options.gateway_admin_token, "s3cret");
    write_bytes(fixture, "two\nlines\n", 10);
    assert_int_equal(COMPLETE_WITH(fixture, assignment), -1);
    assert_says(fixture, "must hold one line of text");
}

static void a_secret_is_at_most_255_bytes(void **state)
{
    struct fixture *fixture = *state;
    char assignment[160], secret[258];
    snprintf(assignment, sizeof assignment, "store/password_file=%s", fixture->path);
    memset(secret, 'x', sizeof secret);
    secret[255] = '\n';
    write_bytes(fixture, secret, 256);
    assert_ok(fixture, COMPLETE_WITH(fixture, assignment));
    assert_int_equal(strlen(fixture->options.store_password), 255);
    secret[255] = 'x';
    write_bytes(fixture, secret, 256);
    assert_int_equal(COMPLETE_WITH(fixture, assignment), -1);
}

static void the_markdown_table_has_a_row_an_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    options_print_markdown(out);
    fclose(out);
    assert_int_equal(strncmp(text, "| option | default | bounds | meaning |\n|---|---|---|---|\n", 58), 0);
    assert_non_null(strstr(text, "\n| `gateway/threads` | `1` | 1 to 64 | "));
    assert_non_null(strstr(text, "\n| `store/password` |  | secret or empty, at most 255 bytes | "));
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(options_are_complete_at_their_defaults),
        TEST(the_operators_port_follows_the_clients_port),
        TEST(an_address_of_redis_has_one_password),
        TEST(the_help_reads_back_to_the_defaults),
        TEST(a_file_sets_what_it_names),
        TEST(a_file_may_be_empty_or_have_crlf),
        TEST(the_environment_sets_what_it_names),
        TEST(variables_that_are_no_options_stop_nobody),
        TEST(a_role_opens_only_its_own_secrets),
        TEST(an_unknown_variable_is_an_error),
        TEST(a_variable_out_of_bounds_is_named),
        TEST(every_bad_file_is_refused_with_its_line),
        TEST(a_file_that_is_not_there_is_named),
        TEST(a_file_of_bytes_is_refused),
        TEST(a_file_that_is_too_large_is_refused),
        TEST(every_bad_value_is_refused_by_name),
        TEST(sync_is_told_as_an_interval),
        TEST(a_secret_is_read_from_its_file_without_the_newline),
        TEST(a_secret_is_at_most_255_bytes),
        TEST(the_markdown_table_has_a_row_an_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
