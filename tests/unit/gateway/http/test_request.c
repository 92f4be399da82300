/* The request parser with a table of hostile and odd messages, each fed whole, byte by byte and in random pieces. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/http/bytes.h"
#include "gateway/http/head.h"
#include "gateway/http/request.h"
#include "tests/unit/gateway/http/http_messages.h"

/* --- fixture --- */

static const struct http_limits limits = {.head_bytes_max = 512, .body_bytes_max = 64};

/* --- helpers --- */

struct result {
    int outcome;
    char body[65];
    size_t rest; /* bytes behind the request */
};

/*
 * Feeds pieces that end where `next_cut` says, each time from a new allocation, so that the sanitizer detects
 * out-of-bounds reads and stale pointers.
 */
static struct result feed(const char *bytes, size_t length, size_t (*next_cut)(size_t at, size_t length))
{
    struct http_request request;
    struct result result = {.outcome = MORE};
    char *data = malloc(1);
    size_t kept = 0;
    size_t at = 0;
    http_request_reset(&request);
    while (at < length && result.outcome == MORE) {
        size_t cut = next_cut(at, length);
        char *grown = malloc(kept + cut - at);
        memcpy(grown, data, kept);
        memcpy(grown + kept, bytes + at, cut - at);
        free(data);
        data = grown;
        kept += cut - at;
        at = cut;
        switch (http_request_feed(&request, &limits, data, &kept)) {
        case HTTP_MORE:
            break;
        case HTTP_READY:
            result.outcome = READY;
            assert_in_range(request.body.length, 0, 64);
            memcpy(result.body, request.body.at, request.body.length);
            result.rest = kept - request.size + (length - at);
            break;
        case HTTP_REFUSED:
            result.outcome = request.status;
            assert_non_null(request.reason);
        }
    }
    free(data);
    return result;
}

static size_t cut_whole(size_t at, size_t length)
{
    (void)at;
    return length;
}

static size_t cut_byte(size_t at, size_t length)
{
    (void)length;
    return at + 1;
}

static size_t cut_random(size_t at, size_t length)
{
    return at + 1 + (size_t)rand() % (length - at);
}

static void assert_same(const struct message *message, struct result got, const char *how)
{
    struct result whole = feed(message->bytes, message->length, cut_whole);
    if (got.outcome != message->outcome)
        fail_msg("%s, fed %s: %d instead of %d", message->name, how, got.outcome, message->outcome);
    assert_string_equal(got.body, whole.body);
    assert_int_equal(got.rest, whole.rest);
}

/* Feeds one request whole; the caller's bytes must outlive it. */
static enum http_progress read_one(struct http_request *request, char *data)
{
    size_t length = strlen(data);
    http_request_reset(request);
    return http_request_feed(request, &limits, data, &length);
}

/* --- tests --- */

static void every_message_has_its_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < http_messages_count; i++)
        assert_same(&http_messages[i], feed(http_messages[i].bytes, http_messages[i].length, cut_whole), "whole");
}

static void feeding_byte_by_byte_makes_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < http_messages_count; i++)
        assert_same(&http_messages[i], feed(http_messages[i].bytes, http_messages[i].length, cut_byte), "byte by byte");
}

static void feeding_random_pieces_makes_no_difference(void **state)
{
    (void)state;
    srand(20261121);
    for (int round = 0; round < 200; round++)
        for (size_t i = 0; i < http_messages_count; i++)
            assert_same(&http_messages[i], feed(http_messages[i].bytes, http_messages[i].length, cut_random),
                        "in pieces");
}

static void random_damage_never_reads_beyond_the_bytes(void **state)
{
    char copy[1024];
    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        const struct message *message = &http_messages[(size_t)rand() % http_messages_count];
        memcpy(copy, message->bytes, message->length);
        copy[(size_t)rand() % message->length] = (char)rand();
        struct result whole = feed(copy, message->length, cut_whole);
        struct result pieces = feed(copy, message->length, cut_random);
        assert_int_equal(whole.outcome, pieces.outcome);
        assert_int_equal(whole.rest, pieces.rest);
        assert_string_equal(whole.body, pieces.body);
    }
}

/* A CR between any two bytes of a head, with or without a byte behind it, makes it invalid. */
static void a_cr_anywhere_in_a_head_is_refused(void **state)
{
    static const char head[] = "POST /x HTTP/1.1\r\nHost: a\r\nX: y z\r\nContent-Length: 0\r\n\r\n";
    char bytes[sizeof head + 2];
    (void)state;
    for (size_t at = 0; at < sizeof head - 3; at++) {
        for (size_t extra = 1; extra <= 2; extra++) {
            memcpy(bytes, head, at);
            memcpy(bytes + at, "\rz", extra);
            memcpy(bytes + at + extra, head + at, sizeof head - 1 - at);
            struct result result = feed(bytes, sizeof head - 1 + extra, cut_whole);
            if (result.outcome != 400)
                fail_msg("at %zu with %zu bytes: %d", at, extra, result.outcome);
        }
    }
}

static void chunks_are_joined(void **state)
{
    const char *bytes = CHUNKED "3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nGET";
    struct result result = feed(bytes, strlen(bytes), cut_byte);
    (void)state;
    assert_int_equal(result.outcome, READY);
    assert_string_equal(result.body, "abc0123456789");
    assert_int_equal(result.rest, 3);
}

static void endless_chunk_extensions_and_trailers_are_refused(void **state)
{
    char bytes[4096];
    size_t head = (size_t)snprintf(bytes, sizeof bytes, "%s1;", CHUNKED);
    (void)state;
    memset(bytes + head, 'x', 600);
    assert_int_equal(feed(bytes, head + 600, cut_byte).outcome, 400);
    head = (size_t)snprintf(bytes, sizeof bytes, "%s0\r\nX: ", CHUNKED);
    memset(bytes + head, 'x', 600);
    assert_int_equal(feed(bytes, head + 600, cut_byte).outcome, 400);
}

static void a_head_of_the_bound_is_served_and_one_byte_more_is_not(void **state)
{
    char bytes[1024];
    int prefix = snprintf(bytes, sizeof bytes, "GET / HTTP/1.1\r\n" HOST "X: ");
    (void)state;
    for (int size = 511; size <= 514; size++) {
        memset(bytes + prefix, 'x', (size_t)(size - prefix - 4));
        memcpy(bytes + size - 4, "\r\n\r\n", 4);
        assert_int_equal(feed(bytes, (size_t)size, cut_whole).outcome, size <= 512 ? READY : 431);
        assert_int_equal(feed(bytes, (size_t)size, cut_byte).outcome, size <= 512 ? READY : 431);
    }
}

static void endless_heads_are_refused_before_they_end(void **state)
{
    char bytes[600];
    (void)state;
    memset(bytes, 'A', sizeof bytes);
    assert_int_equal(feed(bytes, sizeof bytes, cut_byte).outcome, 431);
}

static void too_many_fields_are_refused(void **state)
{
    static const struct http_limits wide = {.head_bytes_max = 4096, .body_bytes_max = 64};
    char bytes[4096];
    size_t length = (size_t)snprintf(bytes, sizeof bytes, "GET / HTTP/1.1\r\n" HOST);
    (void)state;
    for (int i = 1; i < HTTP_FIELDS_MAX; i++)
        length += (size_t)snprintf(bytes + length, sizeof bytes - length, "X: %d\r\n", i);
    memcpy(bytes + length, "\r\n", 2);
    size_t whole = length + 2;
    struct http_request request;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &wide, bytes, &whole), HTTP_READY);
    memcpy(bytes + length, "X: 1\r\n\r\n", 8);
    whole = length + 8;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &wide, bytes, &whole), HTTP_REFUSED);
    assert_int_equal(request.status, 431);
}

static void pipelined_requests_come_one_by_one(void **state)
{
    char bytes[] = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxyGET /b HTTP/1.1\r\n" HOST "\r\nGE";
    char *at = bytes;
    size_t left = strlen(bytes);
    (void)state;
    struct http_request request;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, at, &left), HTTP_READY);
    assert_int_equal(request.method, METHOD_POST);
    assert_memory_equal(request.target.at, "/a", 2);
    assert_memory_equal(request.body.at, "xy", 2);
    at += request.size;
    left -= request.size;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, at, &left), HTTP_READY);
    assert_int_equal(request.method, METHOD_GET);
    assert_memory_equal(request.target.at, "/b", 2);
    at += request.size;
    left -= request.size;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, at, &left), HTTP_MORE);
    assert_int_equal(left, 2);
}

static void keep_alive_follows_version_and_connection(void **state)
{
    static const struct {
        const char *bytes;
        bool keep_alive;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: x , CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    struct http_request request;
    char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        strcpy(bytes, rows[i].bytes);
        assert_int_equal(read_one(&request, bytes), HTTP_READY);
        assert_int_equal(request.keep_alive, rows[i].keep_alive);
    }
}

static void a_client_that_expects_100_is_seen_to_wait(void **state)
{
    char bytes[] = "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx";
    char old[] = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    size_t length = strlen(bytes) - 1;
    (void)state;
    struct http_request request;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, bytes, &length), HTTP_MORE);
    assert_true(request.continue_wanted);
    length++;
    assert_int_equal(http_request_feed(&request, &limits, bytes, &length), HTTP_READY);
    assert_false(request.continue_wanted);
    assert_int_equal(read_one(&request, old), HTTP_MORE);
    assert_false(request.continue_wanted);
}

static void the_fields_that_routes_need_are_filled(void **state)
{
    char bytes[] = "POST /x?y HTTP/1.1\r\n" HOST "content-type:  application/json \r\nAUTHORIZATION: Bearer z\r\n\r\n";
    (void)state;
    struct http_request request;
    assert_int_equal(read_one(&request, bytes), HTTP_READY);
    assert_true(span_equals(request.content_type, SPAN_LITERAL("application/json")));
    assert_true(span_equals(request.authorization, SPAN_LITERAL("Bearer z")));
    assert_true(span_equals(request.target, SPAN_LITERAL("/x?y")));
}

static void bytes_are_classed_as_the_rfcs_write_them(void **state)
{
    (void)state;
    for (int b = 1; b < 256; b++) {
        char c = (char)b;
        bool ascii = b < 128;
        assert_int_equal(http_byte_is(c, HTTP_BYTE_TOKEN), ascii && (isalnum(b) || strchr("!#$%&'*+-.^_`|~", b)));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_VALUE), b == '\t' || (b >= ' ' && b != 0x7f));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_TARGET),
                         ascii && (isalnum(b) || strchr("-._~:/?[]@!$&'()*+,;=%", b)));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_HOST), ascii && (isalnum(b) || strchr("-._~!$&'()*+,;=%", b)));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_DIGIT), ascii && isdigit(b));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_HEX), ascii && isxdigit(b));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_V6), ascii && (isxdigit(b) || b == ':' || b == '.'));
        assert_int_equal(http_byte_is(c, HTTP_BYTE_PORT), ascii && (isdigit(b) || b == ':'));
    }
    assert_int_equal(http_bytes[0], 0);
}

static int set_up(void **state)
{
    (void)state;
    http_head_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_its_outcome),
        cmocka_unit_test(feeding_byte_by_byte_makes_no_difference),
        cmocka_unit_test(feeding_random_pieces_makes_no_difference),
        cmocka_unit_test(random_damage_never_reads_beyond_the_bytes),
        cmocka_unit_test(a_cr_anywhere_in_a_head_is_refused),
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(endless_chunk_extensions_and_trailers_are_refused),
        cmocka_unit_test(a_head_of_the_bound_is_served_and_one_byte_more_is_not),
        cmocka_unit_test(endless_heads_are_refused_before_they_end),
        cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(pipelined_requests_come_one_by_one),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(a_client_that_expects_100_is_seen_to_wait),
        cmocka_unit_test(the_fields_that_routes_need_are_filled),
        cmocka_unit_test(bytes_are_classed_as_the_rfcs_write_them),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
