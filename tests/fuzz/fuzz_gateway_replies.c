/*
 * Replies that a gateway receives from a hostile issuer: frames through the link's real socket, then the HTTP answers
 * that result from their records. An answer is always one well-formed HTTP response whose body is JSON of the announced
 * length, and only ids reach the head from a reply.
 */
#include "fuzz.h"

#include <czmq.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/listing.h"
#include "gateway/connection/exchange.h"
#include "gateway/dispatch/verdicts.h"
#include "gateway/link/issuer_link.h"
#include "gateway/reply/verification_json.h"

#define BASE          "inproc://fuzz-issuer"
#define EXCHANGES_MAX 12
#define MESSAGES_MAX  16

/* A message of an input: flags for repairs, its size, its bytes. */
enum { FIX_HEADER = 1 << 0, FIX_COUNT = 1 << 1, FIX_TAGS = 1 << 2, MORE_PARTS = 1 << 3 };

/* The gateway's side, and its peer. */
static zsock_t *bound;
static void *issuer; /* its libzmq socket */
static struct issuer_link *issuer_link;
static struct reply_clock wall_clock;
static struct exchanges exchanges;
static struct buffer out;

/* --- what must hold of an answer --- */

/* Numbers that a coupon carries may be larger than jansson takes. */
static void check_json(const char *text, size_t length)
{
    json_error_t fault;
    json_t *root = json_loadb(text, length, 0, &fault);
    CHECK(root != NULL ? json_is_object(root) : json_error_code(&fault) == json_error_numeric_overflow);
    json_decref(root);
}

/* The body length that the head announces. */
static size_t check_head(const char *head, size_t length)
{
    const char *name = memmem(head, length, "\r\nContent-Length: ", 18);
    const char *location = memmem(head, length, "\r\nLocation: ", 12);
    CHECK(length > 12 && memcmp(head, "HTTP/1.1 ", 9) == 0);
    for (size_t i = 0; i < length; i++) {
        CHECK((head[i] >= ' ' && head[i] < 0x7f) || head[i] == '\r' || head[i] == '\n');
        CHECK(head[i] != '\n' || (i > 0 && head[i - 1] == '\r'));
    }
    CHECK(name != NULL);
    if (location != NULL)
        CHECK(memcmp(location + 12, "/v1/coupons/", 12) == 0);
    return strtoul(name + 18, NULL, 10);
}

static void check_answer(int status)
{
    buffer_append(&out, "", 1); /* strtol() needs a terminating NUL */
    out.length--;
    const char *end = memmem(out.data, out.length, "\r\n\r\n", 4);
    CHECK(status >= 200 && status <= 599);
    CHECK(end != NULL);
    size_t head = (size_t)(end - out.data) + 2;
    size_t body = out.length - head - 2;
    CHECK(check_head(out.data, head) == body);
    CHECK(strtol(out.data + 9, NULL, 10) == status);
    check_json(out.data + head + 2, body);
}

/* An invalid reply must write nothing. */
static void check_written(int status)
{
    if (status == 0)
        CHECK(out.length == 0);
    else
        check_answer(status);
    buffer_clear(&out, 0);
}

/* --- the link's events --- */

static void on_issue_reply(void *arg, uint16_t partition, const struct frame_issue_reply *reply)
{
    struct exchange *exchange = exchange_find(&exchanges, reply->tag);
    (void)arg;
    CHECK(partition == 0);
    if (exchange == NULL || exchange->kind != EXCHANGE_ISSUE)
        return;
    check_written(verdict_answer_issue(&out, &wall_clock, (struct reply_style){.close = false}, exchange, reply));
    exchange_settle(&exchanges, exchange);
}

static void on_change_reply(void *arg, uint16_t partition, const struct frame_change_reply *reply)
{
    struct exchange *exchange = exchange_find(&exchanges, reply->tag);
    (void)arg;
    CHECK(partition == 0);
    if (exchange == NULL || exchange->kind != EXCHANGE_CHANGE)
        return;
    check_written(verdict_answer_change(&out, &wall_clock, (struct reply_style){.close = false}, exchange, reply));
    exchange_settle(&exchanges, exchange);
}

static void on_listed(struct exchange *exchange, const struct frame_coupon_reply *reply)
{
    if (reply->verdict == VERDICT_FOUND && frame_coupon_whole(&reply->coupon))
        listing_add(exchange->listing, 0, &reply->coupon, reply->now_us);
    if (reply->remaining != 0)
        return;
    listing_json_append(exchange->listing, &out);
    check_json(out.data, out.length);
    buffer_clear(&out, 0);
    exchange_settle(&exchanges, exchange);
}

static void on_coupon_reply(void *arg, uint16_t partition, const struct frame_coupon_reply *reply)
{
    struct exchange *exchange = exchange_find(&exchanges, reply->tag);
    (void)arg;
    CHECK(partition == 0);
    if (exchange != NULL && exchange->kind == EXCHANGE_LIST) {
        on_listed(exchange, reply);
    } else if (exchange != NULL && exchange->kind == EXCHANGE_COUPON) {
        check_written(verdict_answer_coupon(&out, &wall_clock, (struct reply_style){.close = false}, reply));
        exchange_settle(&exchanges, exchange);
    }
}

static void on_verification_reply(void *arg, uint16_t partition, const struct frame_verification_reply *reply)
{
    struct exchange *exchange = exchange_find(&exchanges, reply->tag);
    (void)arg;
    CHECK(partition == 0);
    if (exchange == NULL || exchange->kind != EXCHANGE_VERIFICATION || !frame_verification_reply_whole(reply))
        return;
    verification_json_append(&out, reply);
    check_json(out.data, out.length);
    buffer_clear(&out, 0);
    exchange_settle(&exchanges, exchange);
}

static void on_pong(void *arg, uint16_t partition, const struct frame_pong *pong)
{
    (void)arg, (void)pong;
    CHECK(partition == 0);
}

static void on_unsent(void *arg, uint16_t partition, uint64_t tag)
{
    (void)arg, (void)partition, (void)tag;
}

static void on_restart(void *arg, uint16_t partition)
{
    (void)arg, (void)partition;
}

static void on_not_owner(void *arg, uint16_t partition, enum link_kind kind, uint64_t tag)
{
    struct exchange *exchange = exchange_find(&exchanges, tag);
    (void)arg;
    CHECK(partition == 0 && kind < LINK_KINDS);
    if (exchange != NULL)
        exchange_settle(&exchanges, exchange);
}

/* --- fixture --- */

static void end(void)
{
    issuer_link_destroy(&issuer_link);
    zsock_destroy(&bound);
    buffer_deinit(&out);
}

/* Both ends are in this process on one thread, so a sent message can be received at once. */
void fuzz_begin(void)
{
    static const struct issuer_link_events events = {on_issue_reply,
                                                     on_change_reply,
                                                     on_coupon_reply,
                                                     on_verification_reply,
                                                     on_pong,
                                                     on_unsent,
                                                     on_restart,
                                                     on_not_owner,
                                                     NULL};
    bound = zsock_new(ZMQ_DEALER);
    CHECK(bound != NULL && zsock_bind(bound, BASE "-0") >= 0);
    issuer = zsock_resolve(bound);
    issuer_link = issuer_link_create(BASE, 0, 1, &events, metrics_create("gateway", 0), NULL);
    CHECK(issuer_link != NULL);
    atexit(end);
    reply_init();
    reply_clock_set(&wall_clock, INT64_C(1763691900000000));
}

static struct exchange *wait_for(enum exchange_kind kind, uint8_t op)
{
    struct exchange *exchange = exchange_acquire(&exchanges);
    exchange->kind = kind;
    exchange->op = op;
    exchange->coupon_id_length = exchange->user_id_length = 1;
    exchange->coupon_id[0] = exchange->user_id[0] = 'A';
    if (kind == EXCHANGE_LIST)
        exchange->listing = listing_create(2);
    exchange_wait(&exchanges, exchange, 1, 0);
    return exchange;
}

/* One exchange of each kind waits; stores their tags in `tags`. */
static void wait_for_all(uint64_t tags[EXCHANGES_MAX])
{
    size_t count = 0;
    exchanges_init(&exchanges, EXCHANGES_MAX);
    for (uint8_t op = ISSUE_POST; op <= ISSUE_LOOKUP; op++)
        tags[count++] = exchange_tag(wait_for(EXCHANGE_ISSUE, op));
    for (uint8_t op = CHANGE_REDEEM; op <= CHANGE_REVOKE; op++)
        tags[count++] = exchange_tag(wait_for(EXCHANGE_CHANGE, op));
    for (uint8_t op = COUPON_CREATE; op <= COUPON_GET; op++)
        tags[count++] = exchange_tag(wait_for(EXCHANGE_COUPON, op));
    tags[count++] = exchange_tag(wait_for(EXCHANGE_LIST, COUPON_LIST));
    tags[count++] = exchange_tag(wait_for(EXCHANGE_VERIFICATION, VERIFICATION_READ));
    tags[count++] = UINT64_MAX;
    CHECK(count == EXCHANGES_MAX);
}

/* --- seeds --- */

static void add_flagged_seed(unsigned flags, uint16_t of_header, enum frame_kind kind, const void *records, size_t size,
                             uint32_t count)
{
    unsigned char seed[3 + sizeof(struct frame_header) + 3 * sizeof(struct frame_coupon_reply)];
    struct frame_header header;
    uint16_t length = (uint16_t)(sizeof header + size);
    frame_header_write(&header, kind, 0, 1, count);
    frame_header_set_clock(&header, 1, 1);
    frame_header_set_flags(&header, of_header);
    seed[0] = (unsigned char)flags;
    memcpy(seed + 1, &length, sizeof length);
    memcpy(seed + 3, &header, sizeof header);
    if (size > 0)
        memcpy(seed + 3 + sizeof header, records, size);
    fuzz_seed(seed, 3 + length);
}

static void add_seed(unsigned flags, enum frame_kind kind, const void *records, size_t size, uint32_t count)
{
    add_flagged_seed(flags, 0, kind, records, size, count);
}

/* A frame of two requests of each kind but coupons, which are longer than seeds may be, returned. */
static void add_returned_seeds(void)
{
    for (unsigned kind = 0; kind < LINK_KINDS; kind++) {
        static unsigned char returned[sizeof(struct frame_header) + 2 * sizeof(struct frame_change_request)];
        struct frame_header header;
        size_t size = sizeof header + 2 * link_kind_rows[kind].record_size;
        if (size > sizeof returned)
            continue;
        frame_header_write(&header, link_kind_rows[kind].frame, 0, 1, 2);
        frame_header_set_clock(&header, 1, 1);
        memcpy(returned, &header, sizeof header);
        add_seed(FIX_TAGS | FIX_HEADER, FRAME_NOT_OWNER, returned, size, 2);
    }
}

void fuzz_seeds(void)
{
    struct coupon coupon = {.id = "A",
                            .title = "\"\xed\x95\x9c\"",
                            .quantity = 9,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_US_MAX,
                            .redeem_until_us = TIME_NONE};
    struct frame_coupon_reply reply = {.tag = 6, .verdict = VERDICT_COUPON_CREATED};
    static unsigned char records[3 * sizeof reply];
    frame_coupon_write(&reply.coupon, &coupon);
    add_seed(FIX_TAGS | FIX_HEADER, FRAME_COUPON_REPLIES, records, frame_coupon_reply_append(records, &reply), 1);
    reply.tag = 9;
    reply.verdict = VERDICT_FOUND;
    size_t size = 0;
    for (uint32_t i = 0; i < 3; i++) {
        reply.remaining = 2 - i;
        size += frame_coupon_reply_append(records + size, &reply);
    }
    add_seed(FIX_TAGS | FIX_COUNT, FRAME_COUPON_REPLIES, records, size, 3);
    for (uint8_t verdict = VERDICT_NONE; verdict < VERDICT_COUNT; verdict++) {
        struct frame_issue issue = {.sequence = 7, .nth = 1, .state = ISSUE_ISSUED, .redeemable_until_us = 9};
        struct frame_issue_reply issued = {.tag = verdict % 3u, .verdict = verdict, .now_us = 5, .issue = issue};
        struct frame_change_reply changed = {.tag = 3 + verdict % 3u, .verdict = verdict, .now_us = 5, .issue = issue};
        changed.issue.state = ISSUE_ISSUED + verdict % 3u;
        changed.details = (struct frame_details){.changed_at_us = 4, .reference_length = 1, .reference = "r"};
        add_seed(FIX_TAGS | FIX_HEADER, FRAME_ISSUE_REPLIES, &issued, sizeof issued, 1);
        add_seed(FIX_TAGS | FIX_HEADER, FRAME_CHANGE_REPLIES, &changed, sizeof changed, 1);
    }
    struct frame_verification_reply verification = {.tag = 10, .verdict = VERIFICATION_TOLD, .started_at_us = 1};
    verification.promises[0] =
        (struct frame_promise){.name_length = 2, .name = "ab", .detail_length = 1, .detail = "x"};
    for (uint8_t told = VERIFICATION_NONE; told <= VERIFICATION_FAILED; told++) {
        verification.state = told;
        verification.text_length = verification.promises_count = told == VERIFICATION_DONE;
        add_seed(FIX_TAGS | FIX_HEADER, FRAME_VERIFICATION_REPLIES, &verification, sizeof verification, 1);
    }
    add_returned_seeds();
    struct frame_pong pong = {.journal_seq = 7, .now_us = 5, .epoch = 3, .decides = 1};
    add_seed(0, FRAME_PONG, &pong, sizeof pong, 1);
    add_seed(MORE_PARTS, FRAME_PONG, &pong, sizeof pong, 1);
    struct {
        struct frame_issue_reply reply;
        struct frame_times times;
    } timed = {{.verdict = VERDICT_SOLD_OUT, .now_us = 5}, {2, 3, 1}};
    add_flagged_seed(FIX_TAGS, FRAME_TIMED, FRAME_ISSUE_REPLIES, &timed, sizeof timed, 1);
}

/* --- from an input to messages --- */

static enum frame_kind kind_of(const struct frame_header *header)
{
    bool other = header->kind == FRAME_ISSUE_REPLIES || header->kind == FRAME_CHANGE_REPLIES ||
                 header->kind == FRAME_VERIFICATION_REPLIES;
    return other ? header->kind : FRAME_COUPON_REPLIES;
}

/* Makes a coupon reply as long as its texts, whose lengths become possible ones. */
static void fix_length(struct frame_coupon_reply *reply)
{
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        reply->coupon.text_lengths[i] %= (uint16_t)(coupon_text_max(i) + 1);
    size_t used = offsetof(struct frame_coupon_reply, coupon) + frame_coupon_bytes(&reply->coupon);
    reply->length = (uint16_t)((used + 7) & ~(size_t)7);
}

/* The length of the record at `record`; 0 when it does not fit. */
static size_t record_length(unsigned flags, enum frame_kind kind, unsigned char *record, size_t left)
{
    static struct frame_coupon_reply reply;
    const size_t fixed = offsetof(struct frame_coupon_reply, coupon.texts);
    if (kind != FRAME_COUPON_REPLIES) {
        size_t length = kind == FRAME_ISSUE_REPLIES    ? sizeof(struct frame_issue_reply)
                        : kind == FRAME_CHANGE_REPLIES ? sizeof(struct frame_change_reply)
                                                       : sizeof(struct frame_verification_reply);
        return length <= left ? length : 0;
    }
    if (left < fixed)
        return 0;
    memcpy(&reply, record, fixed);
    if (flags & FIX_COUNT)
        fix_length(&reply);
    memcpy(record, &reply, fixed);
    return reply.length <= left ? reply.length : 0;
}

/* Repairs a frame that is returned, and the header around it. */
static void fix_returned(unsigned flags, unsigned char *frame, size_t size, const uint64_t tags[EXCHANGES_MAX])
{
    struct frame_header outer, inner;
    if (size < sizeof outer + sizeof inner)
        return;
    memcpy(&outer, frame, sizeof outer);
    memcpy(&inner, frame + sizeof outer, sizeof inner);
    enum link_kind kind = link_kind_of((enum frame_kind)inner.kind);
    kind = kind == LINK_KINDS ? LINK_ISSUES : kind;
    size_t record = link_kind_rows[kind].record_size, at = sizeof outer + sizeof inner;
    uint32_t count = (uint32_t)((size - at) / record);
    for (uint32_t i = 0; i < count && flags & FIX_TAGS; i++) {
        uint64_t tag;
        memcpy(&tag, frame + at + i * record, sizeof tag);
        memcpy(frame + at + i * record, &tags[tag % EXCHANGES_MAX], sizeof tag);
    }
    if (flags & FIX_HEADER) {
        frame_header_write(&inner, link_kind_rows[kind].frame, 0, 1, inner.count);
        frame_header_set_clock(&inner, 1, 1);
        frame_header_write(&outer, FRAME_NOT_OWNER, 0, 1, outer.count);
        frame_header_set_clock(&outer, 1, 1);
    }
    if (flags & FIX_COUNT)
        inner.count = outer.count = count;
    memcpy(frame, &outer, sizeof outer);
    memcpy(frame + sizeof outer, &inner, sizeof inner);
}

static size_t fix(unsigned flags, unsigned char *frame, size_t size, const uint64_t tags[EXCHANGES_MAX])
{
    struct frame_header header;
    if (size < sizeof header)
        return size;
    memcpy(&header, frame, sizeof header);
    if (header.kind == FRAME_NOT_OWNER) {
        fix_returned(flags, frame, size, tags);
        return size;
    }
    enum frame_kind kind = kind_of(&header);
    if (flags & FIX_HEADER) {
        uint64_t incarnation = 1 + header.incarnation % 4;
        int64_t clock_us = header.clock_us & INT32_MAX;
        frame_header_write(&header, kind, 0, 1, header.count);
        frame_header_set_clock(&header, incarnation, clock_us);
    }
    uint32_t count = 0;
    size_t at = sizeof header;
    for (size_t length; (length = record_length(flags, kind, frame + at, size - at)) > 0; at += length, count++) {
        uint64_t tag;
        memcpy(&tag, frame + at, sizeof tag);
        if (flags & FIX_TAGS)
            memcpy(frame + at, &tags[tag % EXCHANGES_MAX], sizeof tag);
    }
    if (flags & FIX_COUNT)
        header.count = count;
    memcpy(frame, &header, sizeof header);
    return flags & FIX_COUNT ? at : size;
}

static void send_message(struct fuzz_input *input, const uint64_t tags[EXCHANGES_MAX])
{
    unsigned flags = fuzz_take_byte(input);
    size_t wanted = fuzz_take_u16(input), size;
    const uint8_t *bytes = fuzz_take(input, wanted, &size);
    unsigned char *frame = fuzz_copy(bytes, size);
    size = fix(flags, frame, size, tags);
    CHECK(zmq_send(issuer, frame, size, ZMQ_DONTWAIT | (flags & MORE_PARTS ? ZMQ_SNDMORE : 0)) == (int)size);
    if (flags & MORE_PARTS)
        CHECK(zmq_send(issuer, frame, size, ZMQ_DONTWAIT) == (int)size);
    free(frame);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint64_t tags[EXCHANGES_MAX];
    wait_for_all(tags);
    for (unsigned i = 0; i < MESSAGES_MAX && input.left > 0; i++)
        send_message(&input, tags);
    issuer_link_wake(issuer_link);
    CHECK(!issuer_link_receive(issuer_link, 1000));
    exchanges_deinit(&exchanges);
}
