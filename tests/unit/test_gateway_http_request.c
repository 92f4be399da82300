/* The request reader against a table of hostile and odd messages, each fed whole, byte by byte and in random pieces. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/http_bytes.h"
#include "gateway/http_head.h"
#include "gateway/http_request.h"

/* ---- fixture ---- */

static const struct http_limits limits = {.head_bytes_max = 512, .body_bytes_max = 64};

#define HOST    "Host: a\r\n"
#define CHUNKED "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

enum { MORE = 0, READY = 200 };

/* What comes of the first request of a message: READY, MORE, or the status it is refused with. */
struct message {
    const char *name;
    const char *bytes;
    size_t length; /* 0: strlen(bytes) */
    int outcome;
};

#define M(name, outcome, text)                                                                                         \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, outcome                                                                          \
    }

static const struct message messages[] = {
    /* what is served */
    M("a plain GET", READY, "GET / HTTP/1.1\r\n" HOST "\r\n"),
    M("a length", READY, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
    M("white space around a length", READY, "POST /x HTTP/1.1\r\n" HOST "Content-Length:  3  \r\n\r\nabc"),
    M("a length with leading zeros", READY, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 003\r\n\r\nabc"),
    M("an empty line before the request", READY, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    M("chunks", READY, CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    M("a chunk size with leading zeros", READY, CHUNKED "0003\r\nabc\r\n0\r\n\r\n"),
    M("a chunk extension", READY, CHUNKED "3;a=b\r\nabc\r\n0\r\n\r\n"),
    M("a trailer", READY, CHUNKED "1\r\na\r\n0\r\nX: y\r\n\r\n"),
    M("CHUNKED in capitals", READY, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
    M("HTTP/1.0 without Host", READY, "GET / HTTP/1.0\r\n\r\n"),
    M("Expect and the body with it", READY,
      "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
    M("a GET with a body", READY, "GET / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxy"),
    M("an IPv6 host", READY, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
    M("an absolute target", READY, "GET http://a/x HTTP/1.1\r\n" HOST "\r\n"),
    M("an upgrade is not taken up", READY,
      "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
    M("bytes above ASCII in a value", READY, "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa9\r\n\r\n"),
    /* what is not whole */
    M("half a request line", MORE, "GET / HT"),
    M("headers without the end", MORE, "GET / HTTP/1.1\r\n" HOST),
    M("half a body", MORE, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nab"),
    M("half a chunk", MORE, CHUNKED "5\r\nab"),
    M("chunks without the last", MORE, CHUNKED "1\r\na\r\n"),
    M("chunks without the last empty line", MORE, CHUNKED "1\r\na\r\n0\r\n"),
    M("half an empty line", MORE, "\r"),
    /* two ways to tell a length */
    M("both lengths", 400,
      "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    M("both lengths the other way", 400,
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    M("two equal lengths", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    M("two lengths", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\na"),
    M("lengths in a list", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5,5\r\n\r\nabcde"),
    M("a length with a plus", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nabcde"),
    M("a negative length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"),
    M("a length in two pieces", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\nabcde"),
    M("a hexadecimal length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nabcde"),
    M("an empty length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n"),
    M("a fractional length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1.0\r\n\r\na"),
    M("a length beyond 64 bits", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"),
    M("a length that wraps to 1", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\na"),
    M("repeated chunked", 400,
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    M("chunked twice in a list", 501,
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    M("gzip", 501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"),
    M("gzip, chunked", 501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    M("identity", 501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"),
    M("xchunked", 501, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    M("chunked with a vertical tab", 400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
    M("chunked in HTTP/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    /* line ends and white space */
    M("a bare LF behind the request line", 400, "GET / HTTP/1.1\n" HOST "\r\n"),
    M("a bare LF behind a header", 400, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    M("a bare LF as the empty line", 400, "GET / HTTP/1.1\r\n" HOST "\n"),
    M("a bare LF before the request", 400, "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    M("a bare CR in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"),
    M("CR CR LF", 400, "GET / HTTP/1.1\r\n" HOST "X: a\r\r\n\r\n"),
    M("a folded line", 400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
    M("a line folded with a tab", 400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n"),
    M("a folded line first", 400, "GET / HTTP/1.1\r\n X: a\r\n" HOST "\r\n"),
    M("a space before the colon", 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    M("a space before a length's colon", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length : 1\r\n\r\na"),
    M("a tab before the colon", 400, "GET / HTTP/1.1\r\n" HOST "X\t: a\r\n\r\n"),
    M("a space in a name", 400, "GET / HTTP/1.1\r\n" HOST "X Y: a\r\n\r\n"),
    M("no name", 400, "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n"),
    M("no colon", 400, "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n"),
    M("a NUL in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    M("a NUL in a name", 400, "GET / HTTP/1.1\r\n" HOST "X\0: a\r\n\r\n"),
    M("a control byte in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n"),
    M("a DEL in a value", 400, "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"),
    M("a byte above ASCII in a name", 400, "GET / HTTP/1.1\r\n" HOST "X\xc3\xa9: a\r\n\r\n"),
    /* Host */
    M("no Host", 400, "GET / HTTP/1.1\r\n\r\n"),
    M("two Hosts", 400, "GET / HTTP/1.1\r\n" HOST "Host: b\r\n\r\n"),
    M("two equal Hosts", 400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    M("an empty Host", 400, "GET / HTTP/1.1\r\nHost: \r\n\r\n"),
    M("a Host with a slash", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    M("a Host with a space", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    M("a Host with user", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    M("a Host with an odd port", 400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    M("a Host with an empty label", 400, "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"),
    M("a Host with half an address", 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    /* request lines */
    M("no version", 400, "GET /\r\n" HOST "\r\n"),
    M("no target", 400, "GET HTTP/1.1\r\n" HOST "\r\n"),
    M("two spaces", 400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    M("two spaces before the version", 400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    M("a space in the target", 400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    M("a tab between", 400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
    M("a fragment", 400, "GET /#x HTTP/1.1\r\n" HOST "\r\n"),
    M("a NUL in the target", 400, "GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
    M("a byte above ASCII in the target", 400, "GET /\xff HTTP/1.1\r\n" HOST "\r\n"),
    M("a backslash in the target", 400, "GET \\x HTTP/1.1\r\n" HOST "\r\n"),
    M("a version in small letters", 400, "GET / http/1.1\r\n" HOST "\r\n"),
    M("a version with two digits", 400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    M("a version with a space behind", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    M("HTTP/2.0", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    M("HTTP/1.2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    M("HTTP/0.9", 505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    M("the preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    M("a method nobody knows", 501, "FROB / HTTP/1.1\r\n" HOST "\r\n"),
    M("a method in small letters", 501, "get / HTTP/1.1\r\n" HOST "\r\n"),
    M("a method with a slash", 400, "G/T / HTTP/1.1\r\n" HOST "\r\n"),
    M("a TLS hello", 400, "\x16\x03\x01\x02"),
    M("a space first", 400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
    /* chunks */
    M("a chunk size with 0x", 400, CHUNKED "0x1\r\na\r\n0\r\n\r\n"),
    M("a chunk size with a plus", 400, CHUNKED "+1\r\na\r\n0\r\n\r\n"),
    M("a negative chunk size", 400, CHUNKED "-1\r\na\r\n0\r\n\r\n"),
    M("no chunk size", 400, CHUNKED "\r\na\r\n0\r\n\r\n"),
    M("a space before a chunk size", 400, CHUNKED " 1\r\na\r\n0\r\n\r\n"),
    M("a space behind a chunk size", 400, CHUNKED "1 \r\na\r\n0\r\n\r\n"),
    M("a chunk size of nine digits", 400, CHUNKED "000000001\r\na\r\n0\r\n\r\n"),
    M("a chunk size that overflows", 400, CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n"),
    M("a bare LF behind a chunk size", 400, CHUNKED "1\na\r\n0\r\n\r\n"),
    M("a CR alone behind a chunk size", 400, CHUNKED "1\rXa\r\n0\r\n\r\n"),
    M("a chunk longer than its size", 400, CHUNKED "1\r\nab\r\n0\r\n\r\n"),
    M("a bare LF behind a chunk", 400, CHUNKED "1\r\na\n0\r\n\r\n"),
    M("a control byte in an extension", 400, CHUNKED "1;\x01\r\na\r\n0\r\n\r\n"),
    M("a trailer that is none", 400, CHUNKED "0\r\nx\r\n\r\n"),
    M("a folded trailer", 400, CHUNKED "0\r\nX: a\r\n b\r\n\r\n"),
    M("chunks beyond the bound", 413,
      CHUNKED "40\r\n0123456789012345678901234567890123456789012345678901234567890123"
              "\r\n1\r\na\r\n0\r\n\r\n"),
    M("a chunk beyond the bound", 413, CHUNKED "41\r\n"),
    /* bounds */
    M("a length beyond the bound", 413, "POST / HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n"),
    M("two Content-Types", 400,
      "POST / HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n"),
    M("two Authorizations", 400, "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n"),
};
enum { MESSAGES = sizeof(messages) / sizeof(messages[0]) };

/* ---- helpers ---- */

struct result {
    int outcome;
    char body[65];
    size_t rest; /* bytes behind the request */
};

/*
 * Feeds pieces whose ends `next_cut` chooses, each time from freshly allocated memory, so that the sanitizer sees every
 * read beyond and every pointer kept.
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

/* One request, fed whole; the bytes are the caller's and outlive it. */
static enum http_progress read_one(struct http_request *request, char *data)
{
    size_t length = strlen(data);

    http_request_reset(request);
    return http_request_feed(request, &limits, data, &length);
}

/* ---- tests ---- */

static void every_message_has_its_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGES; i++)
        assert_same(&messages[i], feed(messages[i].bytes, messages[i].length, cut_whole), "whole");
}

static void feeding_byte_by_byte_makes_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGES; i++)
        assert_same(&messages[i], feed(messages[i].bytes, messages[i].length, cut_byte), "byte by byte");
}

static void feeding_random_pieces_makes_no_difference(void **state)
{
    (void)state;
    srand(20261121);
    for (int round = 0; round < 200; round++)
        for (size_t i = 0; i < MESSAGES; i++)
            assert_same(&messages[i], feed(messages[i].bytes, messages[i].length, cut_random), "in pieces");
}

static void random_damage_never_reads_beyond_the_bytes(void **state)
{
    char copy[1024];

    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        const struct message *message = &messages[(size_t)rand() % MESSAGES];
        memcpy(copy, message->bytes, message->length);
        copy[(size_t)rand() % message->length] = (char)rand();
        struct result whole = feed(copy, message->length, cut_whole);
        struct result pieces = feed(copy, message->length, cut_random);
        assert_int_equal(whole.outcome, pieces.outcome);
        assert_int_equal(whole.rest, pieces.rest);
        assert_string_equal(whole.body, pieces.body);
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
    size_t head = (size_t)snprintf(bytes, sizeof(bytes), "%s1;", CHUNKED);

    (void)state;
    memset(bytes + head, 'x', 600);
    assert_int_equal(feed(bytes, head + 600, cut_byte).outcome, 400);
    head = (size_t)snprintf(bytes, sizeof(bytes), "%s0\r\nX: ", CHUNKED);
    memset(bytes + head, 'x', 600);
    assert_int_equal(feed(bytes, head + 600, cut_byte).outcome, 400);
}

static void a_head_of_the_bound_is_served_and_one_byte_more_is_not(void **state)
{
    char bytes[1024];
    int prefix = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\n" HOST "X: ");

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
    memset(bytes, 'A', sizeof(bytes));
    assert_int_equal(feed(bytes, sizeof(bytes), cut_byte).outcome, 431);
}

static void too_many_fields_are_refused(void **state)
{
    static const struct http_limits wide = {.head_bytes_max = 4096, .body_bytes_max = 64};
    char bytes[4096];
    size_t length = (size_t)snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\n" HOST);
    struct http_request request;

    (void)state;
    for (int i = 1; i < HTTP_FIELDS_MAX; i++)
        length += (size_t)snprintf(bytes + length, sizeof(bytes) - length, "X: %d\r\n", i);
    memcpy(bytes + length, "\r\n", 2);
    size_t whole = length + 2;
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
    struct http_request request;
    char *at = bytes;
    size_t left = strlen(bytes);

    (void)state;
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
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        strcpy(bytes, rows[i].bytes);
        assert_int_equal(read_one(&request, bytes), HTTP_READY);
        assert_int_equal(request.keep_alive, rows[i].keep_alive);
    }
}

static void a_client_that_expects_100_is_seen_to_wait(void **state)
{
    char bytes[] = "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx";
    char old[] = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    struct http_request request;
    size_t length = strlen(bytes) - 1;

    (void)state;
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, bytes, &length), HTTP_MORE);
    assert_true(request.continue_wanted);
    length++;
    assert_int_equal(http_request_feed(&request, &limits, bytes, &length), HTTP_READY);
    assert_false(request.continue_wanted);
    assert_int_equal(read_one(&request, old), HTTP_MORE);
    assert_false(request.continue_wanted);
}

static void the_fields_that_routes_need_are_told(void **state)
{
    char bytes[] = "POST /x?y HTTP/1.1\r\n" HOST "content-type:  application/json \r\nAUTHORIZATION: Bearer z\r\n\r\n";
    struct http_request request;

    (void)state;
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
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(endless_chunk_extensions_and_trailers_are_refused),
        cmocka_unit_test(a_head_of_the_bound_is_served_and_one_byte_more_is_not),
        cmocka_unit_test(endless_heads_are_refused_before_they_end),
        cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(pipelined_requests_come_one_by_one),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(a_client_that_expects_100_is_seen_to_wait),
        cmocka_unit_test(the_fields_that_routes_need_are_told),
        cmocka_unit_test(bytes_are_classed_as_the_rfcs_write_them),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
