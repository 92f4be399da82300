/*
 * Responses that `coupond bench` reads from an untrusted server. The result does not depend on how the bytes are split;
 * a body stays within its limit; and a response that is done or bad stays so.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "coupond/http/response.h"

void fuzz_begin(void)
{
}

static void add_seed(const char *text)
{
    char seed[512] = {'\7', '\3'};
    memcpy(seed + 2, text, strlen(text));
    fuzz_seed(seed, 2 + strlen(text));
}

void fuzz_seeds(void)
{
    add_seed("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    add_seed("HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\nContent-Length: 0\r\n\r\n");
    add_seed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    add_seed("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nas long as it lasts");
    add_seed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    add_seed("HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n");
    add_seed("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
    add_seed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw");
}

/* Without `cuts` in one read, otherwise in random ones; then the peer closes. */
static void run(struct http_response *response, const uint8_t *bytes, size_t size, struct fuzz_random *cuts)
{
    enum http_response_state state = HTTP_RESPONSE_MORE;
    http_response_init(response);
    for (size_t at = 0, piece = 0; at < size && state != HTTP_RESPONSE_BAD; at += piece) {
        piece = size - at;
        if (cuts != NULL)
            piece = 1 + fuzz_random_below(cuts, piece < 40 ? piece : 40);
        char *copy = fuzz_copy(bytes + at, piece);
        enum http_response_state next = http_response_feed(response, copy, piece);
        free(copy);
        CHECK(next == response->state);
        CHECK(state != HTTP_RESPONSE_DONE || next == HTTP_RESPONSE_BAD);
        CHECK(response->body_length <= HTTP_RESPONSE_BODY_MAX);
        state = next;
    }
    if (state == HTTP_RESPONSE_MORE)
        state = http_response_end(response);
    CHECK(state != HTTP_RESPONSE_MORE);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static struct http_response whole, cut;
    struct fuzz_input input = {data, size};
    struct fuzz_random cuts = {.state = fuzz_take_u16(&input)};
    run(&whole, input.at, input.left, NULL);
    run(&cut, input.at, input.left, &cuts);
    CHECK(whole.state == cut.state);
    if (whole.state == HTTP_RESPONSE_BAD)
        return;
    CHECK(whole.status == cut.status && whole.keep_alive == cut.keep_alive);
    CHECK(whole.body_length == cut.body_length && memcmp(whole.body, cut.body, cut.body_length) == 0);
}
