/*
 * For tests of the gateway's threads: a gateway on its own port, a double of the issuer, and plain blocking HTTP
 * clients. An event that is missing after ten seconds fails the test; no test waits for a fixed time.
 */
#ifndef COUPOND_GATEWAY_FIXTURE_H
#define COUPOND_GATEWAY_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/gateway.h"
#include "tests/support/issuer_double.h"

enum { NOW_US = 1700000000, PATIENCE_S = 10 };

/* A connection and the bytes read beyond the last response. */
struct client {
    int fd;
    char data[1 << 20];
    size_t length;
};

struct response {
    int status;
    char head[2048];
    char body[1 << 17];
};

extern struct options options;
extern struct gateway *gateway;
extern struct issuer_double *issuer;
extern struct client clients[4];  /* the last one is reserved for the helpers */
extern struct response response;  /* the last response read */
extern struct double_frame frame; /* the last frame received */

/* The setup of each test: options for a gateway on its own port, with time-outs that do not affect tests by
 * accident. */
int gateway_blank(void **state);
int gateway_tear_down(void **state);
int gateway_group_set_up(void **state);

/* Starts a gateway with `options`, alone or with a double that is ready. */
void start(void);
void start_with_issuer(uint16_t partitions);
/* Before the start: lets the gateway notice at once that the double is gone. For one partition. */
void choose_tcp(void);
/* Waits until /readyz is 200 and names the missing issuer. */
void wait_for_word_of_missing_issuer(void);
/* Waits until /readyz answers `status` and names nothing missing. */
void wait_ready(int status);

void client_open(struct client *client);
void client_close(struct client *client);
void client_send(struct client *client, const char *text);
/* Reads the next response; with `head` it has no body. Returns the status. */
int client_read(struct client *client);
int client_read_method(struct client *client, bool head);
/* True when the gateway has closed the connection and nothing is left to read. */
bool client_ended(struct client *client);
/* Sends a user's request for a coupon, without waiting for the answer. */
void client_ask(struct client *client, const char *coupon, const char *user);
/* Sends a GET and reads the answer. */
int client_get(struct client *client, const char *path);
/* Asserts that the last response is a problem with this code. */
void assert_code(const char *code);

/* Receives the next frame of requests to a partition. */
struct double_frame *receive(uint16_t partition);
struct frame_issue_reply reply_to(const struct frame_issue_request *request, enum verdict verdict, uint32_t sequence);
/* Answers one request of a frame. */
void answer(const struct double_frame *of, unsigned index, enum verdict verdict, uint32_t sequence);

/* Waits for a line of /metrics, since it is counted on another thread, or reads it as it is now. */
void wait_metric(const char *name, long least);
long metric_now(const char *name);

#endif
