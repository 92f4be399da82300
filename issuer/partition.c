#include "issuer/partition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "issuer/recovery.h"
#include "shared/actor.h"
#include "shared/clock.h"
#include "shared/log.h"

#define MESSAGES_MAX   512 /* frames taken in one turn */
#define REASONS_MAX    16
#define LAST_TURNS_MAX 1000 /* taken after $TERM, should requests never end */

/* A turn is bounded by the requests option; the frame that crosses the bound is taken whole. Coupon requests end it. */
#define TURN_ISSUES_MAX (2 * FRAME_ISSUE_REQUESTS_MAX)
_Static_assert(TURN_ISSUES_MAX <= JOURNAL_BATCH_RECORDS_MAX, "the issues of a turn fit one journal batch");
_Static_assert(sizeof(struct journal_batch_header) + TURN_ISSUES_MAX * 112u +
                       FRAME_COUPON_REQUESTS_MAX * JOURNAL_RECORD_BYTES_MAX <=
                   JOURNAL_BATCH_BYTES_MAX,
               "the bytes of a turn fit one journal batch");

/* One frame of a turn, from its receipt to its answer. */
struct exchange {
    zmq_msg_t gateway; /* the ROUTER's identity of it */
    zmq_msg_t request;
    zmq_msg_t reply;
    struct frame_header header;
};

struct partition {
    /* shared: the journal's sequences are read by the stream */
    struct journal *journal;

    /* owned by the partition's thread */
    uint16_t index;
    uint16_t partitions;
    size_t requests_max;
    struct ledger *ledger;
    struct monotone_clock clock;
    struct metrics *metrics;
    zsock_t *router;
    void *router_handle; /* the libzmq socket of `router` */
    struct exchange exchanges[MESSAGES_MAX];
    size_t exchanges_count;
    struct ledger_command *commands; /* of all issue requests of the turn, in order */
    size_t commands_count;
    size_t coupon_requests;
    uint64_t verdicts[VERDICT_COUNT];
    const char *reasons[REASONS_MAX]; /* that a frame was dropped for and that are logged */
    bool room;                        /* the journal takes another batch */
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
    if (zsock_bind(partition->router, "%s", endpoint) < 0)
        return error_set(error, "cannot listen on %s (issuer/requests): %s", endpoint, zmq_strerror(errno));
    return 0;
}

int partition_create(struct partition **partition, uint16_t index, const struct options *options,
                     struct journal *journal, struct error *error)
{
    struct partition *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->journal = journal;
    self->index = index;
    self->partitions = (uint16_t)options->issuer_partitions;
    self->requests_max = (size_t)options->issuer_batch_requests_max;
    self->metrics = metrics_create("issuer", index);
    self->ledger = ledger_create(journal_meta(journal)->fingerprint_key);
    self->commands = malloc(TURN_ISSUES_MAX * sizeof *self->commands);
    CHECK(self->commands != NULL);
    if (recovery_run(journal, self->ledger, &self->clock.last_us, error) != 0 ||
        bind_router(self, options, error) != 0) {
        partition_destroy(&self);
        return -1;
    }
    metrics_set(self->metrics, METRIC_ISSUER_COUPONS, 0, (int64_t)ledger_coupons(self->ledger));
    metrics_set(self->metrics, METRIC_ISSUER_JOURNAL_SEQ, 0, (int64_t)journal_written_seq(journal));
    *partition = self;
    return 0;
}

void partition_destroy(struct partition **partition)
{
    struct partition *self = *partition;
    if (self == NULL)
        return;
    zsock_destroy(&self->router);
    ledger_destroy(&self->ledger);
    free(self->commands);
    free(self);
    *partition = NULL;
}

/* --- receiving --- */

/* True the first time that it is asked for `reason`, a constant string. */
static bool first_time(struct partition *partition, const char *reason)
{
    size_t i = 0;
    while (i < REASONS_MAX && partition->reasons[i] != NULL && partition->reasons[i] != reason)
        i++;
    if (i == REASONS_MAX || partition->reasons[i] != NULL)
        return false;
    partition->reasons[i] = reason;
    return true;
}

/* Counts a frame that is not understood; logs each reason once. */
static void drop_frame(struct partition *partition, const char *reason)
{
    metrics_add(partition->metrics, METRIC_ISSUER_FRAMES_DROPPED, 0, 1);
    if (first_time(partition, reason))
        log_warn("issuer", "dropped a request frame: %s (logged once) partition=%u", reason, partition->index);
}

/* Takes one multipart message: the gateway's identity and the frame. False when there is none. */
static bool receive(struct partition *partition, struct exchange *exchange, bool *two_parts)
{
    zmq_msg_init(&exchange->gateway);
    zmq_msg_init(&exchange->request);
    *two_parts = false;
    if (zmq_msg_recv(&exchange->gateway, partition->router_handle, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(&exchange->gateway))
        return true;
    zmq_msg_recv(&exchange->request, partition->router_handle, ZMQ_DONTWAIT);
    *two_parts = !zmq_msg_more(&exchange->request);
    for (bool more = !*two_parts; more;) {
        zmq_msg_t surplus;
        zmq_msg_init(&surplus);
        zmq_msg_recv(&surplus, partition->router_handle, ZMQ_DONTWAIT);
        more = zmq_msg_more(&surplus);
        zmq_msg_close(&surplus);
    }
    return true;
}

static void forget(struct exchange *exchange)
{
    zmq_msg_close(&exchange->gateway);
    zmq_msg_close(&exchange->request);
}

/* Turns the frame's records into commands that borrow its bytes. NULL, or what is wrong with one of them. */
static const char *take_issue_requests(struct partition *partition, const struct exchange *exchange)
{
    const char *bytes = frame_records(zmq_msg_data((zmq_msg_t *)&exchange->request));
    struct ledger_command *commands = partition->commands + partition->commands_count;
    for (uint32_t i = 0; i < exchange->header.count; i++, bytes += sizeof(struct frame_issue_request)) {
        struct frame_issue_request request;
        memcpy(&request, bytes, sizeof request);
        if (!frame_issue_request_valid(&request))
            return "an issue request is malformed";
        commands[i] = (struct ledger_command){
            .op = (enum issue_op)request.op,
            .coupon_id = bytes + offsetof(struct frame_issue_request, coupon_id),
            .coupon_id_length = request.coupon_id_length,
            .user_id = bytes + offsetof(struct frame_issue_request, user_id),
            .user_id_length = request.user_id_length,
        };
    }
    partition->commands_count += exchange->header.count;
    return NULL;
}

static const char *take_coupon_requests(struct partition *partition, const struct exchange *exchange)
{
    const char *bytes = frame_records(zmq_msg_data((zmq_msg_t *)&exchange->request));
    for (uint32_t i = 0; i < exchange->header.count; i++, bytes += sizeof(struct frame_coupon_request)) {
        struct frame_coupon_request request;
        memcpy(&request, bytes, sizeof request);
        if (!frame_coupon_request_valid(&request))
            return "a coupon request is malformed";
        if (request.op == COUPON_CREATE &&
            coupon_partition(request.coupon.id, request.coupon.id_length, partition->partitions) != partition->index)
            return "a coupon of another partition";
    }
    partition->coupon_requests += exchange->header.count;
    return NULL;
}

/* NULL when the exchange is part of the turn now. */
static const char *take(struct partition *partition, struct exchange *exchange, bool two_parts)
{
    if (!two_parts)
        return "not one part";
    const char *wrong =
        frame_check(zmq_msg_data(&exchange->request), zmq_msg_size(&exchange->request), &exchange->header);
    if (wrong != NULL)
        return wrong;
    if (exchange->header.partitions != partition->partitions)
        return "the gateway believes in another number of partitions";
    if (exchange->header.partition != partition->index)
        return "meant for another partition";
    switch (exchange->header.kind) {
    case FRAME_ISSUE_REQUESTS:
        return take_issue_requests(partition, exchange);
    case FRAME_COUPON_REQUESTS:
        return take_coupon_requests(partition, exchange);
    case FRAME_PING:
        return NULL;
    default:
        return "a kind that does not belong here";
    }
}

/* Takes what is there, up to the bounds of a turn. False when there was nothing. */
static bool gather(struct partition *partition)
{
    bool two_parts, any = false;
    partition->exchanges_count = partition->commands_count = partition->coupon_requests = 0;
    for (size_t messages = 0; messages < MESSAGES_MAX && partition->commands_count < partition->requests_max &&
                              partition->coupon_requests == 0;
         messages++) {
        struct exchange *exchange = &partition->exchanges[partition->exchanges_count];
        if (!receive(partition, exchange, &two_parts)) {
            forget(exchange);
            break;
        }
        any = true;
        const char *wrong = take(partition, exchange, two_parts);
        if (wrong == NULL) {
            partition->exchanges_count++;
        } else {
            drop_frame(partition, wrong);
            forget(exchange);
        }
    }
    return any;
}

/* --- deciding --- */

static void *reply_init(struct partition *partition, struct exchange *exchange, enum frame_kind kind, size_t count,
                        size_t record_size)
{
    CHECK(zmq_msg_init_size(&exchange->reply, sizeof(struct frame_header) + count * record_size) == 0);
    unsigned char *data = zmq_msg_data(&exchange->reply);
    frame_header_write((struct frame_header *)data, kind, partition->index, partition->partitions, (uint32_t)count);
    return data + sizeof(struct frame_header);
}

/* Decides, and makes it so: journal first, then the ledger. */
static void decide_issue(struct partition *partition, struct ledger_command *command, int64_t now_us,
                         struct ledger_decision *decision)
{
    ledger_decide_issue(partition->ledger, command, now_us, decision);
    if (decision->verdict == VERDICT_ISSUED && !partition->room)
        decision->verdict = VERDICT_OVERLOADED;
    if (decision->verdict == VERDICT_ISSUED) {
        journal_append_issue(partition->journal, command->coupon_id, command->coupon_id_length, command->user_id,
                             command->user_id_length, decision->issue.sequence, decision->issue.nth);
        ledger_apply_issue(command, decision);
    }
    partition->verdicts[decision->verdict]++;
}

static void on_issue_requests(struct partition *partition, struct exchange *exchange, struct ledger_command *commands,
                              int64_t now_us)
{
    uint32_t count = exchange->header.count;
    const char *requests = frame_records(zmq_msg_data(&exchange->request));
    struct frame_issue_reply *replies =
        reply_init(partition, exchange, FRAME_ISSUE_REPLIES, count, sizeof(struct frame_issue_reply));
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_decision decision;
        decide_issue(partition, &commands[i], now_us, &decision);
        struct frame_issue_reply reply = {
            .verdict = (uint8_t)decision.verdict,
            .sequence = decision.issue.sequence,
            .issued_at_us = decision.issue.issued_at_us,
            .now_us = now_us,
        };
        memcpy(&reply.tag, requests + i * sizeof(struct frame_issue_request), sizeof reply.tag);
        memcpy(&replies[i], &reply, sizeof reply);
    }
}

/* Creates or changes a coupon: decides, journals, applies. */
static enum verdict decide_policy(struct partition *partition, const struct frame_coupon_request *request,
                                  int64_t now_us, struct coupon *result)
{
    struct coupon wanted;
    CHECK(frame_coupon_read(&request->coupon, &wanted));
    enum verdict verdict = request->op == COUPON_CREATE
                               ? ledger_decide_create(partition->ledger, &wanted, now_us, result)
                               : ledger_decide_change(partition->ledger, &wanted, request->fields, now_us, result);
    if (verdict != VERDICT_COUPON_CREATED && verdict != VERDICT_COUPON_CHANGED)
        return verdict;
    if (!partition->room)
        return VERDICT_OVERLOADED;
    result->journal_seq = journal_append_coupon(partition->journal, result);
    ledger_apply_coupon(partition->ledger, result);
    metrics_set(partition->metrics, METRIC_ISSUER_COUPONS, 0, (int64_t)ledger_coupons(partition->ledger));
    return verdict;
}

/* Fills `replies`, which has room for the listing or one reply; returns how many. */
static size_t answer_coupon_request(struct partition *partition, const struct frame_coupon_request *request,
                                    int64_t now_us, struct frame_coupon_reply *replies)
{
    char id[COUPON_ID_MAX + 1] = {0};
    memcpy(id, request->coupon.id, request->coupon.id_length);
    struct coupon result = {.id = ""};
    const struct coupon *found[COUPON_LIST_MAX] = {&result};
    enum verdict verdict = VERDICT_NONE;
    size_t count = 1;
    if (request->op == COUPON_LIST) {
        count = ledger_list(partition->ledger, id, request->coupon.quantity, found);
        verdict = count > 0 ? VERDICT_FOUND : VERDICT_NONE;
    } else if (request->op == COUPON_GET) {
        found[0] = ledger_find(partition->ledger, id, request->coupon.id_length);
        verdict = found[0] != NULL ? VERDICT_FOUND : VERDICT_COUPON_NOT_FOUND;
    } else {
        verdict = decide_policy(partition, request, now_us, &result);
    }
    partition->verdicts[verdict]++;
    size_t replies_count = count > 0 ? count : 1;
    for (size_t i = 0; i < replies_count; i++) {
        replies[i] = (struct frame_coupon_reply){
            .tag = request->tag,
            .verdict = (uint8_t)verdict,
            .remaining = (uint32_t)(replies_count - 1 - i),
            .now_us = now_us,
        };
        frame_coupon_write(&replies[i].coupon, count > 0 && found[i] != NULL ? found[i] : &result);
    }
    return replies_count;
}

static size_t replies_max(const struct frame_coupon_request *request)
{
    return request->op == COUPON_LIST ? request->coupon.quantity : 1;
}

static void on_coupon_requests(struct partition *partition, struct exchange *exchange, int64_t now_us)
{
    const char *bytes = frame_records(zmq_msg_data(&exchange->request));
    struct frame_coupon_request requests[FRAME_COUPON_REQUESTS_MAX];
    memcpy(requests, bytes, exchange->header.count * sizeof *requests);
    size_t room = 0, count = 0;
    for (uint32_t i = 0; i < exchange->header.count; i++)
        room += replies_max(&requests[i]);
    struct frame_coupon_reply *replies = malloc(room * sizeof *replies);
    CHECK(replies != NULL);
    for (uint32_t i = 0; i < exchange->header.count; i++)
        count += answer_coupon_request(partition, &requests[i], now_us, replies + count);
    memcpy(reply_init(partition, exchange, FRAME_COUPON_REPLIES, count, sizeof *replies), replies,
           count * sizeof *replies);
    free(replies);
}

static void on_exchange(struct partition *partition, struct exchange *exchange, size_t *commands_done, int64_t now_us)
{
    switch (exchange->header.kind) {
    case FRAME_ISSUE_REQUESTS:
        on_issue_requests(partition, exchange, partition->commands + *commands_done, now_us);
        *commands_done += exchange->header.count;
        break;
    case FRAME_COUPON_REQUESTS:
        on_coupon_requests(partition, exchange, now_us);
        break;
    default:
        reply_init(partition, exchange, FRAME_PONG, 0, 0);
    }
}

/* --- answering --- */

static void answer(struct partition *partition, struct exchange *exchange)
{
    void *router = partition->router_handle;
    if (zmq_msg_send(&exchange->gateway, router, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&exchange->reply, router, ZMQ_DONTWAIT) < 0)
        metrics_add(partition->metrics, METRIC_ISSUER_REPLIES_DROPPED, 0, 1);
    zmq_msg_close(&exchange->reply);
    forget(exchange);
}

static void count_turn(struct partition *partition, size_t bytes)
{
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        if (partition->verdicts[i] > 0)
            metrics_add(partition->metrics, METRIC_ISSUER_VERDICTS, i, partition->verdicts[i]);
        partition->verdicts[i] = 0;
    }
    size_t requests = partition->commands_count + partition->coupon_requests;
    if (requests > 0)
        metrics_observe(partition->metrics, METRIC_ISSUER_BATCH, requests, 1);
    metrics_add(partition->metrics, METRIC_ISSUER_JOURNAL_BYTES, 0, bytes);
    metrics_set(partition->metrics, METRIC_ISSUER_JOURNAL_SEQ, 0, (int64_t)journal_written_seq(partition->journal));
    metrics_set(partition->metrics, METRIC_ISSUER_JOURNAL_FULL, 0, journal_is_full(partition->journal));
}

/* One turn: false when there was nothing to do. */
static bool partition_do_work(struct partition *partition)
{
    bool any = gather(partition);
    if (partition->exchanges_count == 0)
        return any;
    ledger_prepare(partition->ledger, partition->commands, partition->commands_count);
    int64_t now_us = monotone_clock_read(&partition->clock, clock_wall_us());
    partition->room =
        journal_reserve(partition->journal, journal_bytes_max(partition->commands_count, partition->coupon_requests));
    journal_begin(partition->journal, now_us);
    size_t commands_done = 0;
    for (size_t i = 0; i < partition->exchanges_count; i++)
        on_exchange(partition, &partition->exchanges[i], &commands_done, now_us);
    CHECK(commands_done == partition->commands_count);
    size_t bytes = journal_commit(partition->journal);
    for (size_t i = 0; i < partition->exchanges_count; i++)
        answer(partition, &partition->exchanges[i]);
    count_turn(partition, bytes);
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
        if (!partition_do_work(partition))
            zmq_poll(items, 2, -1);
    }
    for (unsigned turns = 0; turns < LAST_TURNS_MAX && partition_do_work(partition); turns++)
        ;
}
