#include "issuer_double.h"

#include <czmq.h>

#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/error.h"

enum { PATIENCE_MS = 10000 };

struct issuer_double {
    uint16_t partitions;
    uint64_t incarnation;
    uint64_t epoch;
    bool decides;
    zsock_t *routers[PARTITIONS_MAX];
    struct double_frame *kept[PARTITIONS_MAX]; /* arrived while pings were answered */
};

/* Retries, because ZeroMQ closes sockets in the background: an address stays in use for a moment. */
static void bind_patiently(void *router, const char *endpoint)
{
    int64_t until = zclock_mono() + PATIENCE_MS;
    int status = zmq_bind(router, endpoint);
    while (status != 0 && zmq_errno() == EADDRINUSE && zclock_mono() < until) {
        zclock_sleep(1);
        status = zmq_bind(router, endpoint);
    }
    CHECK(status == 0);
}

struct issuer_double *issuer_double_create(const char *base, uint16_t partitions)
{
    static uint64_t incarnations;
    struct issuer_double *self = calloc(1, sizeof *self);
    char endpoint[256];
    CHECK(self != NULL);
    self->incarnation = ++incarnations;
    self->decides = true;
    self->partitions = partitions;
    for (uint16_t p = 0; p < partitions; p++) {
        CHECK(endpoint_of_partition(base, p, endpoint, sizeof endpoint));
        self->routers[p] = zsock_new(ZMQ_ROUTER);
        zsock_set_linger(self->routers[p], 0);
        bind_patiently(zsock_resolve(self->routers[p]), endpoint);
    }
    return self;
}

void issuer_double_destroy(struct issuer_double **self)
{
    if (*self == NULL)
        return;
    for (uint16_t p = 0; p < (*self)->partitions; p++) {
        zsock_destroy(&(*self)->routers[p]);
        free((*self)->kept[p]);
    }
    free(*self);
    *self = NULL;
}

void issuer_double_set_role(struct issuer_double *self, uint64_t epoch, bool decides)
{
    self->epoch = epoch;
    self->decides = decides;
}

void issuer_double_set_clock(const struct issuer_double *self, void *header)
{
    frame_header_set_clock(header, self->incarnation, clock_mono_us());
}

void issuer_double_send(struct issuer_double *self, const struct double_frame *frame, const void *data, size_t size)
{
    void *router = zsock_resolve(self->routers[frame->header.partition]);
    CHECK(zmq_send(router, frame->sender, frame->sender_size, ZMQ_SNDMORE) >= 0);
    CHECK(zmq_send(router, data, size, 0) >= 0);
}

static void answer_ping(struct issuer_double *self, const struct double_frame *frame)
{
    struct {
        struct frame_header header;
        struct frame_pong pong;
    } answer = {.pong = {.now_us = clock_mono_us(), .epoch = self->epoch, .decides = self->decides}};
    frame_header_write(&answer.header, FRAME_PONG, frame->header.partition, frame->header.partitions, 1);
    issuer_double_set_clock(self, &answer.header);
    issuer_double_send(self, frame, &answer, sizeof answer);
}

/* Receives one message into `frame`. False when there is none. */
static bool take(struct issuer_double *self, uint16_t partition, struct double_frame *frame)
{
    void *router = zsock_resolve(self->routers[partition]);
    static unsigned char data[FRAME_BYTES_MAX / 8];
    int sender = zmq_recv(router, frame->sender, sizeof frame->sender, ZMQ_DONTWAIT);
    int size = sender < 0 ? -1 : zmq_recv(router, data, sizeof data, 0);
    if (sender < 0)
        return false;
    frame->sender_size = (size_t)sender;
    CHECK(frame_check(data, (size_t)size, &frame->header) == FRAME_OK);
    CHECK(frame->header.partition == partition && frame->header.partitions == self->partitions);
    if (frame->header.kind == FRAME_ISSUE_REQUESTS) {
        CHECK(frame->header.count <= 128);
        memcpy(frame->issues, frame_records(data), frame->header.count * sizeof frame->issues[0]);
    } else if (frame->header.kind == FRAME_CHANGE_REQUESTS) {
        CHECK(frame->header.count <= 16);
        memcpy(frame->changes, frame_records(data), frame->header.count * sizeof frame->changes[0]);
    } else if (frame->header.kind == FRAME_COUPON_REQUESTS) {
        CHECK(frame->header.count <= 16);
        memcpy(frame->coupons, frame_records(data), frame->header.count * sizeof frame->coupons[0]);
    }
    return true;
}

static void pump_partition(struct issuer_double *self, uint16_t partition)
{
    struct double_frame *frame = malloc(sizeof *frame);
    CHECK(frame != NULL);
    while (self->kept[partition] == NULL && take(self, partition, frame)) {
        if (frame->header.kind == FRAME_PING) {
            answer_ping(self, frame);
        } else {
            self->kept[partition] = frame;
            return;
        }
    }
    free(frame);
}

void issuer_double_pump(struct issuer_double *self)
{
    for (uint16_t p = 0; p < self->partitions; p++)
        pump_partition(self, p);
}

bool issuer_double_has_frame(struct issuer_double *self, uint16_t partition)
{
    issuer_double_pump(self);
    return self->kept[partition] != NULL;
}

bool issuer_double_receive(struct issuer_double *self, uint16_t partition, struct double_frame *frame)
{
    int64_t until = zclock_mono() + PATIENCE_MS;
    issuer_double_pump(self);
    while (self->kept[partition] == NULL && zclock_mono() < until) {
        zmq_pollitem_t item = {.socket = zsock_resolve(self->routers[partition]), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, 100);
        issuer_double_pump(self);
    }
    if (self->kept[partition] == NULL)
        return false;
    *frame = *self->kept[partition];
    free(self->kept[partition]);
    self->kept[partition] = NULL;
    return true;
}

static void reply(struct issuer_double *self, const struct double_frame *frame, enum frame_kind kind,
                  const void *records, size_t bytes, uint32_t count)
{
    char *data = malloc(sizeof(struct frame_header) + bytes);
    CHECK(data != NULL);
    struct frame_header header;
    frame_header_write(&header, kind, frame->header.partition, frame->header.partitions, count);
    issuer_double_set_clock(self, &header);
    memcpy(data, &header, sizeof header);
    memcpy(data + sizeof header, records, bytes);
    issuer_double_send(self, frame, data, sizeof header + bytes);
    free(data);
}

void issuer_double_return_issues(struct issuer_double *self, const struct double_frame *frame)
{
    size_t records = frame->header.count * sizeof frame->issues[0];
    char returned[sizeof frame->header + sizeof frame->issues];
    memcpy(returned, &frame->header, sizeof frame->header);
    memcpy(returned + sizeof frame->header, frame->issues, records);
    reply(self, frame, FRAME_NOT_OWNER, returned, sizeof frame->header + records, frame->header.count);
}

void issuer_double_reply_issues(struct issuer_double *self, const struct double_frame *frame,
                                const struct frame_issue_reply *replies, uint32_t count)
{
    reply(self, frame, FRAME_ISSUE_REPLIES, replies, count * sizeof *replies, count);
}

void issuer_double_reply_changes(struct issuer_double *self, const struct double_frame *frame,
                                 const struct frame_change_reply *replies, uint32_t count)
{
    reply(self, frame, FRAME_CHANGE_REPLIES, replies, count * sizeof *replies, count);
}

void issuer_double_reply_coupons(struct issuer_double *self, const struct double_frame *frame,
                                 const struct frame_coupon_reply *replies, uint32_t count)
{
    unsigned char *records = malloc(count * sizeof *replies);
    CHECK(records != NULL);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += frame_coupon_reply_append(records + bytes, &replies[i]);
    reply(self, frame, FRAME_COUPON_REPLIES, records, bytes, count);
    free(records);
}
