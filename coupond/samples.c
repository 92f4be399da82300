#include "coupond/samples.h"

#include <czmq.h>

#include "shared/endpoint.h"
#include "shared/wire/frame.h"
#include "shared/wire/peer.h"

#define ANSWER_TIMEOUT_MS 10000
#define DEADLINE_US       (ANSWER_TIMEOUT_MS * 1000u)

static const struct coupon samples[] = {
    {.id = "A0001", .title = "First 300: coffee for free", .quantity = 300},
    {.id = "B0001", .title = "First 2,000: half the price", .quantity = 2000},
    {.id = "C0001", .title = "One for everybody", .quantity = 100000000},
};
#define SAMPLES_COUNT (sizeof(samples) / sizeof(samples[0]))

struct request {
    struct frame_header header;
    struct frame_coupon_request record;
};
_Static_assert(sizeof(struct request) == sizeof(struct frame_header) + sizeof(struct frame_coupon_request),
               "one request behind its header");

/* The endpoint of the gateway's requests, unless it is shared memory. */
static const char *requests_by_zeromq(const struct options *options)
{
    const char *asked = options->gateway_requests;
    return endpoint_transport(asked) == ENDPOINT_SHM ? options->issuer_requests : asked;
}

static zsock_t *connect_partition(const struct options *options, uint16_t partition, struct error *error)
{
    char endpoint[OPTION_STRING_MAX];
    CHECK(endpoint_of_partition(requests_by_zeromq(options), partition, endpoint, sizeof endpoint));
    zsock_t *socket = zsock_new_dealer(NULL);
    CHECK(socket != NULL);
    peer_prepare_connector(socket, true);
    zsock_set_rcvtimeo(socket, ANSWER_TIMEOUT_MS);
    if (zsock_connect(socket, "%s", endpoint) == 0)
        return socket;
    error_set(error, "cannot connect to %s: %s", endpoint, zmq_strerror(zmq_errno()));
    zsock_destroy(&socket);
    return NULL;
}

/* Sends a frame and receives the answer: its header, and its first record into `reply` unless that is NULL. */
static int ask(zsock_t *socket, const void *data, size_t size, struct frame_header *header,
               struct frame_coupon_reply *reply, struct error *error)
{
    enum frame_kind kind = reply != NULL ? FRAME_COUPON_REPLIES : FRAME_PONG;
    if (zmq_send(zsock_resolve(socket), data, size, ZMQ_DONTWAIT) < 0)
        return error_set(error, "cannot ask the issuer: %s", zmq_strerror(zmq_errno()));
    zframe_t *frame = zframe_recv(socket);
    if (frame == NULL)
        return error_set(error, "the issuer does not answer");
    enum frame_fault fault = frame_check(zframe_data(frame), zframe_size(frame), header);
    bool right = fault == FRAME_OK && header->kind == kind;
    if (right && reply != NULL)
        frame_coupon_reply_next(frame_records(zframe_data(frame)), reply);
    zframe_destroy(&frame);
    return right ? 0
                 : error_set(error, "invalid answer from the issuer: %s",
                             frame_fault_text(fault != FRAME_OK ? fault : FRAME_FAULT_RECEIVER));
}

static int ask_partition(const struct options *options, uint16_t partition, const struct frame_coupon_request *record,
                         struct frame_coupon_reply *reply, struct error *error)
{
    uint16_t partitions = (uint16_t)options->issuer_partitions;
    struct request request = {.record = *record};
    struct frame_header ping, header = {.magic = 0};
    zsock_t *socket = connect_partition(options, partition, error);
    if (socket == NULL)
        return -1;
    frame_header_write(&ping, FRAME_PING, partition, partitions, 0);
    int result = ask(socket, &ping, sizeof ping, &header, NULL, error);
    if (result == 0) {
        request.record.wait_us = DEADLINE_US;
        frame_header_write(&request.header, FRAME_COUPON_REQUESTS, partition, partitions, 1);
        frame_header_set_clock(&request.header, header.incarnation, header.clock_us);
        result = ask(socket, &request, sizeof request, &header, reply, error);
    }
    zsock_destroy(&socket);
    return result;
}

/* True when no partition has a coupon. */
static int is_empty(const struct options *options, bool *empty, struct error *error)
{
    struct frame_coupon_request record = {.op = COUPON_LIST, .coupon = {.quantity = 1}};
    *empty = true;
    struct frame_coupon_reply reply;
    for (uint16_t partition = 0; *empty && partition < options->issuer_partitions; partition++) {
        if (ask_partition(options, partition, &record, &reply, error) != 0)
            return -1;
        *empty = reply.verdict == VERDICT_NONE;
    }
    return 0;
}

static int create_one(const struct options *options, const struct coupon *sample, struct error *error)
{
    struct coupon coupon = *sample;
    struct frame_coupon_request record = {.op = COUPON_CREATE};
    coupon.per_user_limit = 1;
    coupon.starts_at_us = TIME_NONE;
    coupon.ends_at_us = TIME_NONE;
    coupon.redeem_until_us = TIME_NONE;
    frame_coupon_write(&record.coupon, &coupon);
    uint16_t partition = coupon_partition(coupon.id, strlen(coupon.id), (uint16_t)options->issuer_partitions);
    struct frame_coupon_reply reply;
    if (ask_partition(options, partition, &record, &reply, error) != 0)
        return error_prefix(error, "sample coupon %s", coupon.id);
    if (reply.verdict != VERDICT_COUPON_CREATED)
        return error_set(error, "sample coupon %s: the issuer answered %s", coupon.id, verdict_name(reply.verdict));
    return 0;
}

int samples_create(const struct options *options, bool *created, struct error *error)
{
    if (is_empty(options, created, error) != 0)
        return -1;
    for (size_t i = 0; *created && i < SAMPLES_COUNT; i++) {
        if (create_one(options, &samples[i], error) != 0)
            return -1;
    }
    return 0;
}
