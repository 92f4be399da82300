#include "issuer/partition.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "issuer/issuer_clock.h"
#include "issuer/local_gateways.h"
#include "issuer/member/endpoint.h"
#include "issuer/membership.h"
#include "issuer/recovery/numbering.h"
#include "issuer/recovery/recovery.h"
#include "issuer/snapshot/snapshot.h"
#include "issuer/turn/deadline_clock.h"
#include "issuer/turn/turn.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/process/memory.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/pulse.h"
#include "shared/wire/door.h"
#include "shared/wire/frame.h"
#include "shared/wire/peer.h"

#define LAST_TURNS_MAX  1000 /* after $TERM, in case requests never end */
#define LINGER_US       100  /* longest wait before a turn that is small compared with the last ones */
#define LINGER_SIZE_MIN 8    /* requests per turn; fewer do not come from many clients */
#define LINGER_SIZE_MAX 64   /* more are always worth a sync */
#define REBIND_US       INT64_C(5000000)
#define HAND_OVER_US    INT64_C(3000000) /* after $TERM */
#define RETURN_US       INT64_C(1200000) /* after that; gateways ping once a second */
#define NOT_LOCAL       SIZE_MAX

struct partition {
    /* shared: the stream reads the journal's sequences */
    struct journal *journal;

    struct issuer_clock *clock;

    /* owned by the partition's thread */
    uint16_t index;
    struct ledger *ledger;
    struct details *details;
    struct turn *turn;
    struct snapshot *snapshot;
    struct metrics *metrics;
    zsock_t *router;
    struct door door;
    void *router_handle; /* the libzmq socket of `router` */
    struct local_gateways *local_gateways;
    size_t from[TURN_FRAMES_MAX]; /* local gateway of each frame of the turn, or NOT_LOCAL */
    int poll;                     /* an epoll of the descriptors below */
    bool router_has_news;         /* ZeroMQ's descriptor is edge-triggered: true until a receive finds nothing */
    bool pipe_has_news;
    bool syncs_each_turn;
    struct membership *membership; /* NULL: this is the only issuer */
    size_t usual_requests;         /* moving average per turn */
    int64_t decided_us;            /* time of the last decision; 0: idle since */
};

#define TICK_MS 200 /* longest time between two calls of local_gateways_tick() */

/* The owners of the epoll's descriptors. */
enum watched { WATCHED_ROUTER, WATCHED_PIPE, WATCHED_LOCAL, WATCHED_STORE, WATCHED_COUNT };

/* --- life --- */

/* A member that begins a copy has listened there before, and libzmq closes a listener only some time later. */
static int open_door(struct partition *partition, const char *endpoint, bool again)
{
    int64_t until_us = clock_mono_us() + (again ? REBIND_US : 0);
    while (door_open(&partition->door, partition->router, endpoint) != 0) {
        if (errno != EADDRINUSE || clock_mono_us() >= until_us)
            return -1;
        usleep(10000);
    }
    return 0;
}

static int bind_router(struct partition *partition, const struct options *options, struct error *error)
{
    char endpoint[300], room[OPTION_STRING_MAX];
    if (!endpoint_of_partition(member_endpoint(options, options->issuer_requests, room), partition->index, endpoint,
                               sizeof endpoint))
        return error_set(error, "issuer/requests %s is not a tcp, ipc or inproc endpoint", options->issuer_requests);
    partition->router = zsock_new(ZMQ_ROUTER);
    CHECK(partition->router != NULL);
    partition->router_handle = zsock_resolve(partition->router);
    zsock_set_router_mandatory(partition->router, 1);
    zsock_set_maxmsgsize(partition->router, FRAME_BYTES_MAX);
    zsock_set_linger(partition->router, 1000);
    peer_prepare_listener(partition->router);
    if (open_door(partition, endpoint, options->cluster_members[0] != '\0') != 0)
        return error_set(error, "cannot listen on %s (issuer/requests): %s", endpoint, zmq_strerror(errno));
    return 0;
}

/* Accepts gateways on this machine if an endpoint for them is configured. */
static int listen_locally(struct partition *partition, const struct options *options, struct error *error)
{
    char endpoint[300] = "";
    const char *base = options->issuer_local_requests;
    if (base[0] != '\0' && !endpoint_of_partition(base, partition->index, endpoint, sizeof endpoint))
        return error_set(error, "issuer/local_requests %s is not a shm endpoint", base);
    const char *path = base[0] == '\0' ? "" : endpoint_address(endpoint);
    partition->local_gateways = local_gateways_create(path, partition->index, partition->metrics, error);
    return partition->local_gateways != NULL ? 0 : error_prefix(error, "issuer/local_requests");
}

static int create_snapshot(struct partition *partition, const struct options *options,
                           const struct recovery_result *recovered, struct error *error)
{
    struct snapshot_config config = {
        .bytes_min = (uint64_t)options->issuer_snapshot_mb << 20,
        .bytes_per_s = (uint64_t)options->issuer_snapshot_mb_per_s << 20,
        .keep_segments = options->issuer_keep_segments,
        .keep_us = options->issuer_keep_minutes * 60 * 1000000,
        .metrics = metrics_create("issuer", partition->index),
        .journal_bytes = recovered->journal_bytes,
        .last_bytes = recovered->snapshot_bytes,
    };
    return snapshot_create(partition->journal, &config, &partition->snapshot, error);
}

static bool send_to(void *arg, zmq_msg_t *gateway, zmq_msg_t *reply)
{
    struct partition *partition = arg;
    void *router = partition->router_handle;
    partition->router_has_news = true; /* a send may consume the edge */
    return zmq_msg_send(gateway, router, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_msg_send(reply, router, ZMQ_DONTWAIT) >= 0;
}

static int join_members(struct partition *partition, const struct options *options, uint64_t incarnation,
                        struct error *error)
{
    const struct member_setup setup = {
        .options = options,
        .journal = partition->journal,
        .ledger = partition->ledger,
        .details = partition->details,
        .metrics = partition->metrics,
        .incarnation = incarnation,
    };
    if (options->cluster_members[0] == '\0')
        return 0;
    partition->membership = membership_create(&setup, partition->clock, send_to, partition, error);
    return partition->membership != NULL ? 0 : -1;
}

int partition_create(const struct options *options, struct journal *journal, struct issuer_clock *clock,
                     struct recovery_progress *progress, struct partition **partition, struct error *error)
{
    uint16_t index = journal_meta(journal)->partition;
    struct partition *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->poll = -1;
    self->journal = journal;
    self->clock = clock;
    self->index = index;
    self->metrics = metrics_create("issuer", index);
    struct recovery_result recovered;
    self->details = details_create();
    if (recovery_run(journal, &self->ledger, self->details, &recovered, progress, error) != 0 ||
        recovery_number_coupons(journal, self->ledger, recovered.last_time_us, error) != 0 ||
        bind_router(self, options, error) != 0 || listen_locally(self, options, error) != 0 ||
        create_snapshot(self, options, &recovered, error) != 0) {
        partition_destroy(&self);
        return -1;
    }
    uint64_t incarnation = deadline_clock_new_incarnation();
    if (join_members(self, options, incarnation, error) != 0) {
        partition_destroy(&self);
        return -1;
    }
    issuer_clock_note_journal(clock, index, recovered.last_time_us);
    metrics_set(self->metrics, METRIC_ISSUER_RECOVERY_TIME, 0, recovered.took_us);
    metrics_set(self->metrics, METRIC_ISSUER_RECOVERY_RECORDS, 0, (int64_t)recovered.records);
    struct turn_config config = {
        .journal = journal,
        .ledger = self->ledger,
        .details = self->details,
        .metrics = self->metrics,
        .requests_max = (size_t)options->issuer_batch_requests_max,
        .incarnation = incarnation,
        .boot_us = clock_boot_us,
        .memory_scarce = memory_scarce(),
        .written = self->membership != NULL ? membership_on_written : NULL,
        .written_arg = self->membership,
    };
    self->turn = turn_create(&config);
    if (self->membership != NULL)
        membership_set_turn(self->membership, self->turn);
    self->syncs_each_turn = options_sync_interval_ms(options) == SYNC_ALWAYS;
    self->poll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(self->poll >= 0);
    *partition = self;
    return 0;
}

struct ledger *partition_ledger(const struct partition *partition)
{
    return partition->ledger;
}

void partition_set_verification(struct partition *partition, struct verification *verification)
{
    turn_set_verification(partition->turn, verification);
}

void partition_describe(const struct partition *partition, char *text, size_t size)
{
    text[0] = '\0';
    if (partition->membership != NULL)
        membership_describe(partition->membership, text, size);
}

void partition_destroy(struct partition **partition)
{
    struct partition *self = *partition;
    if (self == NULL)
        return;
    membership_destroy(&self->membership);
    door_close(&self->door);
    zsock_destroy(&self->router);
    local_gateways_destroy(&self->local_gateways);
    snapshot_destroy(&self->snapshot);
    turn_destroy(&self->turn);
    ledger_destroy(&self->ledger);
    details_destroy(&self->details);
    if (self->poll >= 0)
        close(self->poll);
    free(self);
    *partition = NULL;
}

/* --- duty cycle --- */

/* Receives one multipart message: the gateway's identity and the frame. False when there is none. */
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

static void take(struct partition *partition, zmq_msg_t *gateway, zmq_msg_t *request, bool two_parts, size_t from)
{
    size_t frames = turn_frames(partition->turn);
    if (partition->membership != NULL && two_parts && membership_take(partition->membership, gateway, request))
        return;
    turn_take(partition->turn, gateway, request, two_parts);
    if (turn_frames(partition->turn) > frames)
        partition->from[frames] = from;
}

/* Takes one frame from the ROUTER. */
static bool take_remote(struct partition *partition)
{
    zmq_msg_t gateway, request;
    bool two_parts;
    if (!receive(partition, &gateway, &request, &two_parts)) {
        partition->router_has_news = false;
        return false;
    }
    take(partition, &gateway, &request, two_parts, NOT_LOCAL);
    return true;
}

/* Takes one frame of a local gateway. */
static bool take_local(struct partition *partition)
{
    zmq_msg_t gateway, request;
    size_t from;
    if (!local_gateways_take(partition->local_gateways, &request, &from))
        return false;
    zmq_msg_init(&gateway);
    take(partition, &gateway, &request, true, from);
    return true;
}

/* Takes the frames that have arrived, within the limits of a turn, alternating between both sources. False when there
 * were none. */
static bool gather(struct partition *partition)
{
    bool local = true, remote = partition->router_has_news;
    unsigned messages = 0;
    while ((local || remote) && messages < TURN_FRAMES_MAX && turn_takes_more(partition->turn)) {
        local = local && take_local(partition);
        remote = remote && turn_takes_more(partition->turn) && take_remote(partition);
        messages += (unsigned)local + (unsigned)remote;
    }
    return messages > 0;
}

static bool is_small(const struct partition *partition)
{
    return turn_requests(partition->turn) < partition->usual_requests / 2 && turn_takes_more(partition->turn);
}

/*
 * A turn costs a sync, however few requests it has. If much fewer than usual have arrived, the rest is probably on its
 * way, and the gateways need the processor more. So this yields until half of the usual number has arrived, but only
 * for a moment.
 */
static void linger(struct partition *partition)
{
    if (partition->syncs_each_turn && local_gateways_any(partition->local_gateways) &&
        partition->usual_requests >= LINGER_SIZE_MIN && partition->usual_requests <= LINGER_SIZE_MAX) {
        int64_t until_us = clock_mono_us() + LINGER_US;
        while (is_small(partition) && clock_mono_us() < until_us) {
            sched_yield();
            gather(partition);
        }
    }
    partition->usual_requests = (3 * partition->usual_requests + turn_requests(partition->turn)) / 4;
}

static bool answer(struct partition *partition, size_t frame)
{
    zmq_msg_t *gateway, *reply;
    turn_answer(partition->turn, frame, &gateway, &reply);
    if (partition->from[frame] != NOT_LOCAL)
        return local_gateways_answer(partition->local_gateways, partition->from[frame], zmq_msg_data(reply),
                                     zmq_msg_size(reply));
    return send_to(partition, gateway, reply);
}

static void answer_all(struct partition *partition)
{
    for (size_t i = 0; i < turn_frames(partition->turn); i++) {
        if (!answer(partition, i))
            metrics_add(partition->metrics, METRIC_ISSUER_REPLIES_DROPPED, 0, 1);
    }
    local_gateways_wake(partition->local_gateways);
}

/* A request that arrives during a turn waits for the next decision, so at most for the time between the two. */
static void observe_turn(struct partition *partition, int64_t now_us)
{
    if (partition->decided_us != 0 && now_us >= partition->decided_us)
        metrics_observe(partition->metrics, METRIC_ISSUER_TURN_TIME, (uint64_t)(now_us - partition->decided_us), 1);
    partition->decided_us = now_us;
}

/* Runs one turn. False when there was nothing to do. */
static bool partition_do_work(struct partition *partition)
{
    if (partition->membership != NULL) /* first: between taking requests and deciding them, no role may change */
        membership_work(partition->membership);
    bool any = gather(partition);
    if (turn_frames(partition->turn) == 0 && !turn_sweeps(partition->turn)) {
        partition->decided_us = 0;
        return any;
    }
    linger(partition);
    int64_t now_us = issuer_clock_now_us(partition->clock);
    observe_turn(partition, now_us);
    turn_decide(partition->turn, now_us, clock_boot_us());
    if (partition->membership == NULL || !membership_answer(partition->membership))
        answer_all(partition);
    turn_end(partition->turn);
    return true;
}

static int zeromq_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    CHECK(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
    return fd;
}

static void watch(const struct partition *partition, int fd, enum watched what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};
    CHECK(epoll_ctl(partition->poll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void watch_all(struct partition *partition, zsock_t *pipe)
{
    watch(partition, zeromq_fd(partition->router_handle), WATCHED_ROUTER);
    watch(partition, zeromq_fd(zsock_resolve(pipe)), WATCHED_PIPE);
    if (local_gateways_fd(partition->local_gateways) >= 0)
        watch(partition, local_gateways_fd(partition->local_gateways), WATCHED_LOCAL);
    if (partition->membership != NULL)
        watch(partition, membership_fd(partition->membership), WATCHED_STORE);
    partition->router_has_news = partition->pipe_has_news = true;
}

/* Waits for events. False when some are already pending. */
static bool wait_for_news(struct partition *partition, struct epoll_event *events, int *count, int wait_ms)
{
    if (wait_ms == 0 || partition->router_has_news || partition->pipe_has_news)
        return false;
    bool may = local_gateways_begin_sleep(partition->local_gateways);
    if (may)
        *count = epoll_wait(partition->poll, events, WATCHED_COUNT, wait_ms);
    else
        local_gateways_poll(partition->local_gateways); /* frames, or a gateway that wrote invalid data */
    local_gateways_end_sleep(partition->local_gateways);
    return may;
}

/* Collects events; waits for them if `wait_ms` allows and nothing is pending. */
static void collect_events(struct partition *partition, int wait_ms)
{
    struct epoll_event events[WATCHED_COUNT];
    int count = 0;
    if (!wait_for_news(partition, events, &count, wait_ms))
        count = epoll_wait(partition->poll, events, WATCHED_COUNT, 0);
    for (int i = 0; i < count; i++) {
        partition->router_has_news |= events[i].data.u32 == WATCHED_ROUTER;
        partition->pipe_has_news |= events[i].data.u32 == WATCHED_PIPE;
        if (events[i].data.u32 == WATCHED_LOCAL)
            local_gateways_poll(partition->local_gateways);
    }
}

static bool is_terminated(struct partition *partition, zsock_t *pipe)
{
    bool end = partition->pipe_has_news && actor_is_terminated(pipe);
    partition->pipe_has_news = false;
    return end;
}

/* How long an idle partition may sleep: until its snapshot or its gateways need it. */
static int sleep_ms(struct partition *partition)
{
    issuer_clock_now_us(partition->clock); /* keeps the check of the wall clock going without requests */
    int wait_ms = snapshot_step(partition->snapshot, partition->ledger);
    int most_ms = partition->membership == NULL ? TICK_MS : membership_wait_ms(partition->membership);
    most_ms = most_ms > TICK_MS ? TICK_MS : most_ms;
    return wait_ms < 0 || wait_ms > most_ms ? most_ms : wait_ms;
}

/* One round of the loop. */
static void go_round(struct partition *partition)
{
    bool any = partition_do_work(partition);
    local_gateways_tick(partition->local_gateways, clock_mono_us());
    int wait_ms = sleep_ms(partition);
    collect_events(partition, any ? 0 : wait_ms);
}

/* The standby takes over now, not when it misses this member. Then requests are returned until every gateway has asked
 * who decides: one that is read by nobody would have no outcome. */
static void hand_over(struct partition *partition, struct pulse *pulse)
{
    bool leads = !membership_leave(partition->membership);
    int64_t until_us = leads ? clock_mono_us() + HAND_OVER_US : 0;
    while (clock_mono_us() < until_us) {
        go_round(partition);
        partition->pipe_has_news = false; /* it has nothing to say any more */
        pulse_beat(pulse);
        if (leads && membership_leave(partition->membership)) {
            leads = false;
            until_us = clock_mono_us() + RETURN_US;
        }
    }
}

void partition_actor(zsock_t *pipe, void *args)
{
    struct partition *partition = args;
    struct pulse *pulse = pulse_create("partition", partition->index);
    zsock_signal(pipe, 0);
    watch_all(partition, pipe);
    while (!is_terminated(partition, pipe)) {
        go_round(partition);
        pulse_beat(pulse);
    }
    if (partition->membership != NULL)
        hand_over(partition, pulse);
    partition->router_has_news = true;
    for (unsigned turns = 0; turns < LAST_TURNS_MAX && partition_do_work(partition); turns++)
        pulse_beat(pulse);
    pulse_destroy(&pulse);
}
