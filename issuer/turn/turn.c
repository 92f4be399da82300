#include "issuer/turn/turn.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/sweep.h"
#include "issuer/turn/changes.h"
#include "issuer/turn/coupons.h"
#include "issuer/turn/state.h"
#include "issuer/turn/sweep.h"
#include "issuer/turn/verifications.h"
#include "shared/clock.h"
#include "shared/error.h"
#include "shared/telemetry/log.h"
#include "shared/wire/frame.h"

#define PASSED_US_MAX INT64_C(3600000000) /* counted between two decisions, for the gauges */

/* issuer/batch_requests_max bounds a turn; the frame that crosses the bound is taken whole. Coupon requests end it. */
#define TURN_ISSUES_MAX  (2 * FRAME_ISSUE_REQUESTS_MAX)
#define TURN_CHANGES_MAX (2 * FRAME_CHANGE_REQUESTS_MAX)
#define TURN_BATCH_MAX   (TURN_ISSUES_MAX + TURN_CHANGES_MAX + SWEEP_RECORDS_MAX + FRAME_COUPON_REQUESTS_MAX)
_Static_assert(TURN_BATCH_MAX <= JOURNAL_BATCH_RECORDS_MAX, "the records of a turn fit one journal batch");
_Static_assert(sizeof(struct journal_batch_header) + TURN_ISSUES_MAX * JOURNAL_ISSUE_BYTES_MAX +
                       (TURN_CHANGES_MAX + SWEEP_RECORDS_MAX) * JOURNAL_CHANGE_BYTES_MAX +
                       FRAME_COUPON_REQUESTS_MAX * JOURNAL_RECORD_BYTES_MAX <=
                   JOURNAL_BATCH_BYTES_MAX,
               "the bytes of a turn fit one journal batch");

/* --- life --- */

struct turn *turn_create(const struct turn_config *config)
{
    struct turn *turn = calloc(1, sizeof *turn);
    CHECK(turn != NULL);
    CHECK(config->requests_max <= FRAME_ISSUE_REQUESTS_MAX);
    turn->config = *config;
    if (config->sweep_records_max == 0)
        turn->config.sweep_records_max = SWEEP_RECORDS_MAX;
    CHECK(turn->config.sweep_records_max >= 2 && turn->config.sweep_records_max <= SWEEP_RECORDS_MAX);
    turn->context = (struct turn_context){
        .journal = config->journal,
        .ledger = config->ledger,
        .details = config->details,
        .gauges = coupon_gauges_create(config->ledger, config->metrics),
        .meta = journal_meta(config->journal),
        .passed_us = COUPON_GAUGES_IDLE_US, /* at the start no coupon counts as recently requested */
    };
    turn->drops = (struct frame_drops){"issuer", config->metrics, METRIC_ISSUER_FRAMES_DROPPED, 0};
    deadline_clock_init(&turn->deadlines, config->incarnation);
    turn->commands = malloc(TURN_ISSUES_MAX * sizeof *turn->commands);
    CHECK(turn->commands != NULL);
    metrics_set(config->metrics, METRIC_ISSUER_JOURNAL_SEQ, 0, (int64_t)journal_written_seq(config->journal));
    return turn;
}

void turn_set_verification(struct turn *turn, struct verification *verification)
{
    turn->verification = verification;
}

void turn_set_member(struct turn *turn, uint64_t epoch, bool decides)
{
    turn->epoch = epoch;
    turn->rests = !decides;
}

static void close_messages(struct turn *turn)
{
    for (size_t i = 0; i < turn->exchanges_count; i++) {
        zmq_msg_close(&turn->exchanges[i].gateway);
        zmq_msg_close(&turn->exchanges[i].request);
        zmq_msg_close(&turn->exchanges[i].reply);
    }
    turn->exchanges_count = turn->commands_count = turn->change_requests = turn->coupon_requests = 0;
    turn->timed = false;
}

void turn_destroy(struct turn **turn)
{
    struct turn *self = *turn;
    if (self == NULL)
        return;
    close_messages(self);
    coupon_gauges_destroy(&self->context.gauges);
    free(self->commands);
    free(self);
    *turn = NULL;
}

/* --- taking --- */

bool turn_takes_more(const struct turn *turn)
{
    return turn->exchanges_count < TURN_FRAMES_MAX && turn_requests(turn) < turn->config.requests_max &&
           turn->change_requests < FRAME_CHANGE_REQUESTS_MAX && turn->coupon_requests == 0;
}

size_t turn_frames(const struct turn *turn)
{
    return turn->exchanges_count;
}

bool turn_sweeps(const struct turn *turn)
{
    return ledger_sweep_first(turn->config.ledger) != NULL && !turn->sweep_waits && !turn->rests;
}

size_t turn_requests(const struct turn *turn)
{
    return turn->commands_count + turn->change_requests;
}

/* Turns the frame's records into commands that borrow its bytes. */
static enum frame_fault take_issue_requests(struct turn *turn, const struct exchange *exchange)
{
    const char *bytes = frame_records(zmq_msg_data((zmq_msg_t *)&exchange->request));
    struct ledger_command *commands = turn->commands + turn->commands_count;
    for (uint32_t i = 0; i < exchange->header.count; i++, bytes += sizeof(struct frame_issue_request)) {
        struct frame_issue_request request;
        memcpy(&request, bytes, sizeof request);
        if (!frame_issue_request_valid(&request))
            return FRAME_FAULT_ISSUE_REQUEST;
        commands[i] = (struct ledger_command){
            .op = (enum issue_op)request.op,
            .nth = request.nth,
            .request_key = request.request_key,
            .segments = request.segments,
            .coupon_id = bytes + offsetof(struct frame_issue_request, coupon_id),
            .coupon_id_length = request.coupon_id_length,
            .user_id = bytes + offsetof(struct frame_issue_request, user_id),
            .user_id_length = request.user_id_length,
        };
    }
    turn->commands_count += exchange->header.count;
    return FRAME_OK;
}

static enum frame_fault take_change_requests(struct turn *turn, const struct exchange *exchange)
{
    const char *bytes = frame_records(zmq_msg_data((zmq_msg_t *)&exchange->request));
    for (uint32_t i = 0; i < exchange->header.count; i++, bytes += sizeof(struct frame_change_request)) {
        struct frame_change_request request;
        memcpy(&request, bytes, sizeof request);
        if (!frame_change_request_valid(&request))
            return FRAME_FAULT_CHANGE_REQUEST;
    }
    turn->change_requests += exchange->header.count;
    return FRAME_OK;
}

static enum frame_fault take_coupon_requests(struct turn *turn, const struct exchange *exchange)
{
    const char *bytes = frame_records(zmq_msg_data((zmq_msg_t *)&exchange->request));
    for (uint32_t i = 0; i < exchange->header.count; i++, bytes += sizeof(struct frame_coupon_request)) {
        struct frame_coupon_request request;
        memcpy(&request, bytes, sizeof request);
        if (!frame_coupon_request_valid(&request))
            return FRAME_FAULT_COUPON_REQUEST;
        if (request.op == COUPON_CREATE &&
            coupon_partition(request.coupon.id, request.coupon.id_length, turn->context.meta->partitions) !=
                turn->context.meta->partition)
            return FRAME_FAULT_OTHER_COUPON;
    }
    turn->coupon_requests += exchange->header.count;
    return FRAME_OK;
}

/* FRAME_OK when the exchange has become part of the turn. */
static enum frame_fault take(struct turn *turn, struct exchange *exchange, bool two_parts)
{
    if (!two_parts)
        return FRAME_FAULT_PARTS;
    enum frame_fault fault =
        frame_check(zmq_msg_data(&exchange->request), zmq_msg_size(&exchange->request), &exchange->header);
    if (fault != FRAME_OK)
        return fault;
    if (exchange->header.partitions != turn->context.meta->partitions)
        return FRAME_FAULT_OTHER_PARTITIONS;
    if (exchange->header.partition != turn->context.meta->partition)
        return FRAME_FAULT_OTHER_PARTITION;
    switch (exchange->header.kind) {
    case FRAME_ISSUE_REQUESTS:
        return take_issue_requests(turn, exchange);
    case FRAME_CHANGE_REQUESTS:
        return take_change_requests(turn, exchange);
    case FRAME_COUPON_REQUESTS:
        return take_coupon_requests(turn, exchange);
    case FRAME_VERIFICATION_REQUESTS:
        return turn_verifications_check(frame_records(zmq_msg_data(&exchange->request)), exchange->header.count,
                                        turn->context.meta->partition);
    case FRAME_PING:
        return FRAME_OK;
    default:
        return FRAME_FAULT_RECEIVER;
    }
}

void turn_take(struct turn *turn, zmq_msg_t *gateway, zmq_msg_t *request, bool two_parts)
{
    CHECK(turn_takes_more(turn));
    struct exchange *exchange = &turn->exchanges[turn->exchanges_count];
    zmq_msg_init(&exchange->gateway);
    zmq_msg_init(&exchange->request);
    zmq_msg_init(&exchange->reply);
    exchange->pong = exchange->times = NULL;
    zmq_msg_move(&exchange->gateway, gateway);
    zmq_msg_move(&exchange->request, request);
    /* After the move: a zmq_msg_t contains a short message itself, and the commands point into it. */
    enum frame_fault fault = take(turn, exchange, two_parts);
    if (fault == FRAME_OK) {
        deadline_clock_update(&turn->deadlines, &exchange->header);
        turn->timed |= (exchange->header.flags & FRAME_TIMED) != 0;
        turn->exchanges_count++;
        return;
    }
    frame_drops_add(&turn->drops, fault, "partition=%u bytes=%zu", turn->context.meta->partition,
                    zmq_msg_size(&exchange->request));
    zmq_msg_close(&exchange->gateway);
    zmq_msg_close(&exchange->request);
}

/* --- deciding --- */

static void *reply_init(struct turn *turn, struct exchange *exchange, enum frame_kind kind, size_t count, size_t bytes)
{
    const struct journal_meta *meta = turn->context.meta;
    bool timed = (exchange->header.flags & FRAME_TIMED) != 0;
    size_t of_times = timed ? sizeof(struct frame_times) : 0;
    CHECK(zmq_msg_init_size(&exchange->reply, sizeof(struct frame_header) + bytes + of_times) == 0);
    unsigned char *data = zmq_msg_data(&exchange->reply);
    frame_header_write((struct frame_header *)data, kind, meta->partition, meta->partitions, (uint32_t)count);
    frame_header_set_clock(data, turn->deadlines.incarnation, turn->deadlines.now_us);
    if (timed) {
        frame_header_set_flags(data, FRAME_TIMED);
        exchange->times = data + sizeof(struct frame_header) + bytes;
    }
    return data + sizeof(struct frame_header);
}

/* When the coupon's last issue is later than now, this issue and its record get that time. */
static void journal_issue(struct turn *turn, const struct ledger_command *command,
                          const struct ledger_decision *decision, int64_t now_us)
{
    struct journal_record record = {
        .coupon_id = command->coupon_id,
        .coupon_id_length = command->coupon_id_length,
        .issue = {.user_id = command->user_id,
                  .user_id_length = command->user_id_length,
                  .sequence = decision->issue.sequence,
                  .nth = decision->issue.nth,
                  .request_key = command->op == ISSUE_POST ? command->request_key : 0},
    };
    int64_t issued_at_us = decision->issue.issued_at_us;
    journal_append_stamped_issue(turn->config.journal, &record,
                                 issued_at_us == now_us ? JOURNAL_NO_STAMP : issued_at_us);
}

/* Decides; an issue goes into the journal first, then into the ledger. */
static void decide_issue(struct turn *turn, struct ledger_command *command, int64_t now_us,
                         struct ledger_decision *decision)
{
    ledger_decide_issue(turn->config.ledger, command, now_us, decision);
    if (decision->verdict == VERDICT_ISSUED && !(turn->context.room && turn->context.memory))
        decision->verdict = VERDICT_OVERLOADED;
    if (decision->verdict == VERDICT_ISSUED) {
        journal_issue(turn, command, decision, now_us);
        ledger_apply_issue(command, decision);
    }
}

static void on_issue_requests(struct turn *turn, struct exchange *exchange, struct ledger_command *commands,
                              int64_t now_us)
{
    uint32_t count = exchange->header.count;
    int64_t age_us = deadline_clock_age_us(&turn->deadlines, &exchange->header);
    const char *requests = frame_records(zmq_msg_data(&exchange->request));
    struct frame_issue_reply *replies =
        reply_init(turn, exchange, FRAME_ISSUE_REPLIES, count, count * sizeof(struct frame_issue_reply));
    for (uint32_t i = 0; i < count; i++, requests += sizeof(struct frame_issue_request)) {
        struct ledger_decision decision = {.verdict = VERDICT_LATE};
        uint32_t wait_us;
        memcpy(&wait_us, requests + offsetof(struct frame_issue_request, wait_us), sizeof wait_us);
        if (age_us < wait_us)
            decide_issue(turn, &commands[i], now_us, &decision);
        turn->context.verdicts[decision.verdict]++;
        struct frame_issue_reply reply = {.verdict = (uint8_t)decision.verdict, .now_us = now_us};
        if (decision.issue.sequence != 0 && decision.verdict != VERDICT_OVERLOADED)
            turn_issue_write(&turn->context, commands[i].coupon, &decision.issue, decision.value, &reply.issue);
        else
            reply.issue.issued_at_us = decision.issue.issued_at_us;
        if (decision.verdict == VERDICT_NOT_ELIGIBLE)
            reply.segments = commands[i].coupon->segments;
        memcpy(&reply.tag, requests, sizeof reply.tag);
        memcpy(&replies[i], &reply, sizeof reply);
    }
}

static void on_change_requests(struct turn *turn, struct exchange *exchange)
{
    uint32_t count = exchange->header.count;
    int64_t age_us = deadline_clock_age_us(&turn->deadlines, &exchange->header);
    const char *requests = frame_records(zmq_msg_data(&exchange->request));
    struct frame_change_reply *replies =
        reply_init(turn, exchange, FRAME_CHANGE_REPLIES, count, count * sizeof(struct frame_change_reply));
    for (uint32_t i = 0; i < count; i++, requests += sizeof(struct frame_change_request)) {
        struct frame_change_request request;
        struct frame_change_reply reply;
        memcpy(&request, requests, sizeof request);
        turn_change_answer(&turn->context, &request, age_us >= request.wait_us, &reply);
        memcpy(&replies[i], &reply, sizeof reply);
    }
}

static void on_coupon_requests(struct turn *turn, struct exchange *exchange)
{
    const char *bytes = frame_records(zmq_msg_data(&exchange->request));
    int64_t age_us = deadline_clock_age_us(&turn->deadlines, &exchange->header);
    size_t room = 0, used = 0, count = exchange->header.count;
    struct frame_coupon_request *requests = malloc(count * sizeof *requests);
    CHECK(requests != NULL);
    memcpy(requests, bytes, count * sizeof *requests);
    for (size_t i = 0; i < count; i++)
        room += turn_coupon_bytes_max(&requests[i]);
    unsigned char *replies = malloc(room);
    CHECK(replies != NULL);
    uint32_t replies_count = 0, of_request;
    for (size_t i = 0; i < count; i++, replies_count += of_request)
        used += turn_coupon_answer(&turn->context, &requests[i], age_us >= requests[i].wait_us, replies + used,
                                   &of_request);
    memcpy(reply_init(turn, exchange, FRAME_COUPON_REPLIES, replies_count, used), replies, used);
    free(replies);
    free(requests);
}

static void on_verification_requests(struct turn *turn, struct exchange *exchange)
{
    uint32_t count = exchange->header.count;
    void *replies =
        reply_init(turn, exchange, FRAME_VERIFICATION_REPLIES, count, count * sizeof(struct frame_verification_reply));
    turn_verifications_answer(turn->verification, frame_records(zmq_msg_data(&exchange->request)), count,
                              deadline_clock_age_us(&turn->deadlines, &exchange->header), replies);
}

static void on_exchange(struct turn *turn, struct exchange *exchange, size_t *commands_done, int64_t now_us)
{
    switch (exchange->header.kind) {
    case FRAME_ISSUE_REQUESTS:
        on_issue_requests(turn, exchange, turn->commands + *commands_done, now_us);
        *commands_done += exchange->header.count;
        break;
    case FRAME_CHANGE_REQUESTS:
        on_change_requests(turn, exchange);
        break;
    case FRAME_COUPON_REQUESTS:
        on_coupon_requests(turn, exchange);
        break;
    case FRAME_VERIFICATION_REQUESTS:
        on_verification_requests(turn, exchange);
        break;
    default:
        exchange->pong = reply_init(turn, exchange, FRAME_PONG, 1, sizeof(struct frame_pong));
    }
}

/* Time may go back, or jump when a step of the clock is accepted; the gauges' clock does neither. */
static void note_time(struct turn_context *context, int64_t now_us)
{
    int64_t passed = context->now_us == 0 ? 0 : now_us - context->now_us;
    if (passed > 0)
        context->passed_us += passed < PASSED_US_MAX ? passed : PASSED_US_MAX;
    context->now_us = now_us;
}

void turn_decide(struct turn *turn, int64_t now_us, int64_t boot_us)
{
    struct journal *journal = turn->config.journal;
    note_time(&turn->context, now_us);
    details_forget(turn->context.details, journal_acked_seq(journal));
    ledger_prepare(turn->config.ledger, turn->commands, turn->commands_count);
    deadline_clock_read(&turn->deadlines, boot_us);
    bool sweeps = ledger_sweep_first(turn->config.ledger) != NULL && !turn->rests;
    size_t changes = turn->change_requests + (sweeps ? turn->config.sweep_records_max : 0);
    turn->context.room =
        journal_reserve(journal, journal_bytes_max(turn->commands_count, changes, turn->coupon_requests));
    const _Atomic bool *scarce = turn->config.memory_scarce;
    turn->context.memory = scarce == NULL || !atomic_load_explicit(scarce, memory_order_relaxed);
    journal_begin(journal, now_us);
    size_t commands_done = 0;
    for (size_t i = 0; i < turn->exchanges_count; i++)
        on_exchange(turn, &turn->exchanges[i], &commands_done, now_us);
    CHECK(commands_done == turn->commands_count);
    if (sweeps) /* room was reserved only for one that went on before */
        turn_sweep_step(&turn->context, turn->config.sweep_records_max);
    turn->sweep_waits = sweeps && !(turn->context.room && turn->context.memory);
    int64_t decided_us = turn->timed ? turn_later_us(turn) : 0;
    turn->bytes = journal_write(journal);
    if (turn->config.written != NULL)
        turn->config.written(turn->config.written_arg);
    if (turn->bytes > 0)
        journal_settle(journal);
    /* before any answer, so that a client with an answer can wait until the store has this sequence */
    metrics_set(turn->config.metrics, METRIC_ISSUER_JOURNAL_SEQ, 0, (int64_t)journal_written_seq(journal));
    turn_fill_pongs(turn);
    if (turn->timed)
        turn_fill_times(turn, decided_us);
}

bool turn_return(struct turn *turn, zmq_msg_t *request, int64_t boot_us, zmq_msg_t *returned)
{
    struct frame_header header;
    const struct journal_meta *meta = turn->context.meta;
    size_t size = zmq_msg_size(request);
    if (frame_check(zmq_msg_data(request), size, &header) != FRAME_OK || !frame_is_returnable(header.kind) ||
        header.partition != meta->partition || header.partitions != meta->partitions ||
        size + sizeof header > FRAME_BYTES_MAX)
        return false;
    deadline_clock_read(&turn->deadlines, boot_us);
    zmq_msg_close(returned);
    CHECK(zmq_msg_init_size(returned, sizeof header + size) == 0);
    unsigned char *data = zmq_msg_data(returned);
    memcpy(data + sizeof header, zmq_msg_data(request), size);
    frame_header_write(&header, FRAME_NOT_OWNER, meta->partition, meta->partitions, header.count);
    frame_header_set_clock(&header, turn->deadlines.incarnation, turn->deadlines.now_us);
    memcpy(data, &header, sizeof header);
    return true;
}

/* --- answering --- */

size_t turn_bytes(const struct turn *turn)
{
    return turn->bytes;
}

void turn_answer(struct turn *turn, size_t frame, zmq_msg_t **gateway, zmq_msg_t **reply)
{
    CHECK(frame < turn->exchanges_count);
    *gateway = &turn->exchanges[frame].gateway;
    *reply = &turn->exchanges[frame].reply;
}

/* Skips repetitions, since most turns concern a single coupon. */
static void note_coupons(struct turn *turn)
{
    const struct ledger_coupon *before = NULL;
    for (size_t i = 0; i < turn->commands_count; i++) {
        struct ledger_coupon *coupon = turn->commands[i].coupon;
        if (coupon != before && coupon != NULL)
            coupon_gauges_note(turn->context.gauges, coupon, turn->context.passed_us);
        before = coupon;
    }
}

static void count(struct turn *turn)
{
    struct metrics *metrics = turn->config.metrics;
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        if (turn->context.verdicts[i] > 0)
            metrics_add(metrics, METRIC_ISSUER_VERDICTS, i, turn->context.verdicts[i]);
        turn->context.verdicts[i] = 0;
    }
    size_t requests = turn->commands_count + turn->change_requests + turn->coupon_requests;
    if (requests > 0)
        metrics_observe(metrics, METRIC_ISSUER_BATCH, requests, 1);
    metrics_add(metrics, METRIC_ISSUER_JOURNAL_BYTES, 0, turn->bytes);
    metrics_set(metrics, METRIC_ISSUER_JOURNAL_FULL, 0, journal_is_full(turn->config.journal));
}

void turn_end(struct turn *turn)
{
    note_coupons(turn);
    count(turn);
    close_messages(turn);
}
