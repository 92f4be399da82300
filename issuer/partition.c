#include "issuer/partition.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "issuer/recovery.h"
#include "issuer/snapshot.h"
#include "issuer/turn.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/frame.h"
#include "shared/peer.h"

#define LAST_TURNS_MAX 1000 /* taken after $TERM, should requests never end */

struct partition {
    /* shared: the journal's sequences are read by the stream */
    struct journal *journal;

    /* owned by the partition's thread */
    uint16_t index;
    struct ledger *ledger;
    struct turn *turn;
    struct snapshot *snapshot;
    struct metrics *metrics;
    zsock_t *router;
    void *router_handle; /* the libzmq socket of `router` */
};

/* --- life --- */

static int bind_router(struct partition *partition, const struct options *options, struct error *error)
{
    char endpoint[300];
    if (!endpoint_of_partition(options->issuer_requests, partition->index, endpoint, sizeof endpoint))
        return error_set(error, "issuer/requests %s is no tcp, ipc or inproc endpoint", options->issuer_requests);
    partition->router = zsock_new(ZMQ_ROUTER);
    CHECK(partition->router != NULL);
    partition->router_handle = zsock_resolve(partition->router);
    zsock_set_router_mandatory(partition->router, 1);
    zsock_set_maxmsgsize(partition->router, FRAME_BYTES_MAX);
    zsock_set_linger(partition->router, 1000);
    peer_watch(partition->router, false);
    if (zsock_bind(partition->router, "%s", endpoint) < 0)
        return error_set(error, "cannot listen on %s (issuer/requests): %s", endpoint, zmq_strerror(errno));
    return 0;
}

static int create_snapshot(struct partition *partition, const struct options *options,
                           const struct recovery_result *recovered, struct error *error)
{
    struct snapshot_config config = {
        .bytes_min = (uint64_t)options->issuer_snapshot_mb << 20,
        .bytes_per_s = (uint64_t)options->issuer_snapshot_mb_per_s << 20,
        .keep_segments = options->issuer_keep_segments,
        .metrics = metrics_create("issuer", partition->index),
        .journal_bytes = recovered->journal_bytes,
        .last_bytes = recovered->snapshot_bytes,
    };
    return snapshot_create(&partition->snapshot, partition->journal, &config, error);
}

int partition_create(struct partition **partition, uint16_t index, const struct options *options,
                     struct journal *journal, struct error *error)
{
    struct partition *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->journal = journal;
    self->index = index;
    self->metrics = metrics_create("issuer", index);
    struct recovery_result recovered;
    if (recovery_run(journal, &self->ledger, &recovered, error) != 0 || bind_router(self, options, error) != 0 ||
        create_snapshot(self, options, &recovered, error) != 0) {
        partition_destroy(&self);
        return -1;
    }
    struct turn_config config = {
        .journal = journal,
        .ledger = self->ledger,
        .metrics = self->metrics,
        .requests_max = (size_t)options->issuer_batch_requests_max,
        .last_time_us = recovered.last_time_us,
    };
    self->turn = turn_create(&config);
    *partition = self;
    return 0;
}

void partition_destroy(struct partition **partition)
{
    struct partition *self = *partition;
    if (self == NULL)
        return;
    zsock_destroy(&self->router);
    snapshot_destroy(&self->snapshot);
    turn_destroy(&self->turn);
    ledger_destroy(&self->ledger);
    free(self);
    *partition = NULL;
}

/* --- duty cycle --- */

/* Takes one multipart message: the gateway's identity and the frame. False when there is none. */
static bool receive(struct partition *partition, zmq_msg_t *gateway, zmq_msg_t *request, bool *two_parts)
{
    zmq_msg_init(gateway);
    zmq_msg_init(request);
    *two_parts = false;
    if (zmq_msg_recv(gateway, partition->router_handle, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(gateway))
        return true;
    zmq_msg_recv(request, partition->router_handle, ZMQ_DONTWAIT);
    *two_parts = !zmq_msg_more(request);
    for (bool more = !*two_parts; more;) {
        zmq_msg_t surplus;
        zmq_msg_init(&surplus);
        zmq_msg_recv(&surplus, partition->router_handle, ZMQ_DONTWAIT);
        more = zmq_msg_more(&surplus);
        zmq_msg_close(&surplus);
    }
    return true;
}

/* Takes what is there, up to the bounds of a turn. False when there was nothing. */
static bool gather(struct partition *partition)
{
    zmq_msg_t gateway, request;
    bool two_parts;
    unsigned messages = 0;
    for (; messages < TURN_FRAMES_MAX && turn_takes_more(partition->turn); messages++) {
        if (!receive(partition, &gateway, &request, &two_parts))
            break;
        turn_take(partition->turn, &gateway, &request, two_parts);
    }
    return messages > 0;
}

static void answer_all(struct partition *partition)
{
    void *router = partition->router_handle;
    for (size_t i = 0; i < turn_frames(partition->turn); i++) {
        zmq_msg_t *gateway, *reply;
        turn_answer(partition->turn, i, &gateway, &reply);
        if (zmq_msg_send(gateway, router, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
            zmq_msg_send(reply, router, ZMQ_DONTWAIT) < 0)
            metrics_add(partition->metrics, METRIC_ISSUER_REPLIES_DROPPED, 0, 1);
    }
}

/* One turn: false when there was nothing to do. */
static bool partition_do_work(struct partition *partition)
{
    bool any = gather(partition);
    if (turn_frames(partition->turn) == 0)
        return any;
    turn_decide(partition->turn, clock_wall_us());
    answer_all(partition);
    turn_end(partition->turn);
    return true;
}

void partition_actor(zsock_t *pipe, void *args)
{
    struct partition *partition = args;
    zmq_pollitem_t items[] = {
        {.socket = partition->router_handle, .events = ZMQ_POLLIN},
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
    };
    zsock_signal(pipe, 0);
    while (!actor_told_to_end(pipe)) {
        bool any = partition_do_work(partition);
        int wait_ms = snapshot_step(partition->snapshot, partition->ledger);
        if (!any)
            zmq_poll(items, 2, wait_ms);
    }
    for (unsigned turns = 0; turns < LAST_TURNS_MAX && partition_do_work(partition); turns++)
        ;
}
