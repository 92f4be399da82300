#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/bench/outcome.h"
#include "coupond/http/response.h"

static struct http_response response;

static enum bench_outcome outcome(int status, const char *body, uint32_t *sequence)
{
    return bench_outcome_of(status, body, strlen(body), sequence);
}

static enum http_response_state feed(const char *text)
{
    return http_response_feed(&response, text, strlen(text));
}

static int set_up(void **state)
{
    (void)state;
    http_response_init(&response);
    return 0;
}

static void outcome_of_an_issue_has_its_sequence(void **state)
{
    (void)state;
    uint32_t sequence = 0;
    assert_int_equal(outcome(201, "{\"coupon_id\":\"A\",\"user_id\":\"u\",\"sequence\":4000000000}", &sequence),
                     BENCH_ISSUED);
    assert_true(sequence == 4000000000u);
}

static void outcome_of_already_issued_has_the_sequence_of_its_issue(void **state)
{
    (void)state;
    uint32_t sequence = 0;
    assert_int_equal(outcome(409, "{\"code\":\"already_issued\",\"issue\":{\"sequence\":7}}", &sequence),
                     BENCH_ALREADY_ISSUED);
    assert_int_equal(sequence, 7);
}

static void outcome_is_named_by_the_code(void **state)
{
    (void)state;
    uint32_t sequence = 0;
    assert_int_equal(outcome(409, "{\"code\":\"sold_out\"}", &sequence), BENCH_SOLD_OUT);
    assert_int_equal(outcome(503, "{\"code\":\"outcome_unknown\"}", &sequence), BENCH_OUTCOME_UNKNOWN);
    assert_int_equal(outcome(410, "{\"code\":\"ended\"}", &sequence), BENCH_ENDED);
}

static void outcome_of_an_invalid_answer_is_other(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
    } bad[] = {
        {201, ""},
        {201, "<html>"},
        {201, "{}"},
        {201, "{\"sequence\":0}"},
        {201, "{\"sequence\":4294967296}"},
        {201, "{\"sequence\":\"1\"}"},
        {409, "{\"code\":\"already_issued\"}"},
        {409, "{\"code\":\"issued\",\"sequence\":1}"},
        {409, "{\"code\":\"timed_out\"}"},
        {409, "[1]"},
        {200, "{\"code\":\"sold_out\"}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t sequence = 1;
        assert_int_equal(outcome(bad[i].status, bad[i].body, &sequence), BENCH_OTHER);
    }
}

static void response_is_read_in_any_pieces(void **state)
{
    (void)state;
    const char *text = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello";
    for (const char *at = text; *at != '\0'; at++) {
        assert_int_equal(response.state, HTTP_RESPONSE_MORE);
        http_response_feed(&response, at, 1);
    }
    assert_int_equal(response.state, HTTP_RESPONSE_DONE);
    assert_int_equal(response.status, 201);
    assert_true(response.keep_alive);
    assert_memory_equal(response.body, "hello", 5);
}

static void response_in_chunks_is_put_together(void **state)
{
    (void)state;
    assert_int_equal(feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
                     HTTP_RESPONSE_DONE);
    assert_int_equal(response.body_length, 5);
    assert_memory_equal(response.body, "abcde", 5);
}

static void response_without_a_length_ends_with_the_connection(void **state)
{
    (void)state;
    assert_int_equal(feed("HTTP/1.0 200 OK\r\n\r\nabc"), HTTP_RESPONSE_MORE);
    assert_int_equal(http_response_end(&response), HTTP_RESPONSE_DONE);
    assert_false(response.keep_alive);
}

static void response_cut_short_is_bad(void **state)
{
    (void)state;
    assert_int_equal(feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"), HTTP_RESPONSE_MORE);
    assert_int_equal(http_response_end(&response), HTTP_RESPONSE_BAD);
}

static void response_that_is_no_http_is_bad(void **state)
{
    (void)state;
    assert_int_equal(feed("SSH-2.0-OpenSSH_9.2\r\n"), HTTP_RESPONSE_BAD);
}

static void response_with_bytes_behind_it_is_bad(void **state)
{
    (void)state;
    assert_int_equal(feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"), HTTP_RESPONSE_BAD);
}

static void response_with_a_body_beyond_the_bound_is_bad(void **state)
{
    (void)state;
    static char body[HTTP_RESPONSE_BODY_MAX + 1];
    memset(body, 'x', sizeof body);
    assert_int_equal(feed("HTTP/1.1 200 OK\r\nContent-Length: 8193\r\n\r\n"), HTTP_RESPONSE_MORE);
    assert_int_equal(http_response_feed(&response, body, sizeof body), HTTP_RESPONSE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcome_of_an_issue_has_its_sequence),
        cmocka_unit_test(outcome_of_already_issued_has_the_sequence_of_its_issue),
        cmocka_unit_test(outcome_is_named_by_the_code),
        cmocka_unit_test(outcome_of_an_invalid_answer_is_other),
        cmocka_unit_test_setup(response_is_read_in_any_pieces, set_up),
        cmocka_unit_test_setup(response_in_chunks_is_put_together, set_up),
        cmocka_unit_test_setup(response_without_a_length_ends_with_the_connection, set_up),
        cmocka_unit_test_setup(response_cut_short_is_bad, set_up),
        cmocka_unit_test_setup(response_that_is_no_http_is_bad, set_up),
        cmocka_unit_test_setup(response_with_bytes_behind_it_is_bad, set_up),
        cmocka_unit_test_setup(response_with_a_body_beyond_the_bound_is_bad, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
