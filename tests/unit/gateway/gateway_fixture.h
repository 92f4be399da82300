/*
 * For tests of the gateway's threads: a gateway on a port of its own, a double of the issuer, plain blocking HTTP
 * clients. What does not come within ten seconds fails the test; nothing waits for a fixed time.
 */
#ifndef COUPOND_GATEWAY_FIXTURE_H
#define COUPOND_GATEWAY_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/gateway.h"
#include "tests/support/issuer_double.h"

enum { NOW_US = 1700000000, PATIENCE_S = 10 };

/* A connection and what has been read of it beyond the last response. */
struct client {
    int fd;
    char data[1 << 20];
    size_t length;
};

struct response {
    int status;
    char head[2048];
    char body[1 << 16];
};

extern struct options options;
extern struct gateway *gateway;
extern struct issuer_double *issuer;
extern struct client clients[4];  /* the last one is the helpers' own */
extern struct response response;  /* the last one read */
extern struct double_frame frame; /* the last one received */

/* Each test's setup: options for a gateway on a port of its own; time-outs that end no test by accident. */
int gateway_blank(void **state);
int gateway_tear_down(void **state);
int gateway_group_set_up(void **state);

/* Starts what `options` say, alone or with a double that is ready. */
void start(void);
void start_with_issuer(uint16_t partitions);
/* Waits until /readyz is 200 and says that the issuer does not answer. */
void wait_for_word_of_missing_issuer(void);
/* Waits until /readyz answers `status` and misses nothing. */
void wait_ready(int status);

void client_open(struct client *client);
void client_close(struct client *client);
void client_send(struct client *client, const char *text);
/* Reads the next response; `head`: it has no body whatever it announces. Returns the status. */
int client_read(struct client *client);
int client_read_method(struct client *client, bool head);
/* True when the gateway has closed, nothing more being there to read. */
bool client_ended(struct client *client);
/* One request of a coupon by a user, without waiting for the answer. */
void client_ask(struct client *client, const char *coupon, const char *user);
/* A GET and its answer. */
int client_get(struct client *client, const char *path);
/* The last response is a problem with this code. */
void assert_code(const char *code);

/* The next frame of requests to a partition. */
struct double_frame *receive(uint16_t partition);
struct frame_issue_reply reply_to(const struct frame_issue_request *request, enum verdict verdict, uint32_t sequence);
/* Answers one request of a frame. */
void answer(const struct double_frame *of, unsigned index, enum verdict verdict, uint32_t sequence);

/* A line of /metrics: waited for, since it is counted on another thread, or as it is now. */
void wait_metric(const char *name, long least);
long metric_now(const char *name);

#endif
