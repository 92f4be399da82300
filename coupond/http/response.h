/*
 * One HTTP response, parsed as its bytes come in. Pure: bytes in, values out. The only file of the bench that knows
 * the HTTP parser. Nothing of a response is trusted: a body beyond the bound, or bytes behind the end, are errors.
 */
#ifndef COUPOND_BENCH_RESPONSE_H
#define COUPOND_BENCH_RESPONSE_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#define BENCH_BODY_MAX 8192u

enum bench_response_state {
    BENCH_RESPONSE_MORE, /* not whole yet */
    BENCH_RESPONSE_DONE,
    BENCH_RESPONSE_BAD, /* no HTTP, too large, or more than one response */
};

struct bench_response {
    http_parser parser;
    enum bench_response_state state;
    int status;
    bool keep_alive;
    size_t body_length;
    size_t body_max;
    char *body; /* room for `body_max` bytes: the response's own, or the caller's */
    char own_body[BENCH_BODY_MAX];
};

/* Makes ready for the next response, whose body goes into the response itself; it must not be copied or moved. */
void bench_response_init(struct bench_response *response);
/* The same for a body of up to `size` bytes that goes into `room`, which is borrowed. */
void bench_response_init_room(struct bench_response *response, char *room, size_t size);
enum bench_response_state bench_response_feed(struct bench_response *response, const char *data, size_t length);
/* The peer closed: DONE when that ends the response, else BAD. */
enum bench_response_state bench_response_end(struct bench_response *response);

#endif
