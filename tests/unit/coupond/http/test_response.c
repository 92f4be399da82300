#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/http/response.h"

static struct http_response response;

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
