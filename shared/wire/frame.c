#include "shared/wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/wire/frame_json.h"
#include "shared/wire/frame_member.h"
#include "shared/wire/frame_verification.h"

/* Up to the coupon's texts. */
#define COUPON_REPLY_BYTES_MIN (sizeof(struct frame_coupon_reply) - COUPON_TEXTS_BYTES_MAX)
_Static_assert(sizeof(struct frame_coupon_reply) <= UINT16_MAX, "its length fits");
_Static_assert(COUPON_TEXTS_BYTES_MAX % 8 == 0, "the texts end the record");
_Static_assert(FRAME_COUPON_REQUESTS_MAX *COUPON_LIST_MAX * sizeof(struct frame_coupon_reply) +
                       sizeof(struct frame_header) <=
                   FRAME_BYTES_MAX,
               "the longest listings fit a frame");

/* Bytes of one record of each kind; 0 for kinds without records of a fixed size. */
static const size_t record_size[] = {
    [FRAME_ISSUE_REQUESTS] = sizeof(struct frame_issue_request),
    [FRAME_ISSUE_REPLIES] = sizeof(struct frame_issue_reply),
    [FRAME_COUPON_REQUESTS] = sizeof(struct frame_coupon_request),
    [FRAME_COUPON_REPLIES] = 0,
    [FRAME_EVENTS] = 0,
    [FRAME_ACK] = sizeof(struct frame_ack),
    [FRAME_PING] = 0,
    [FRAME_PONG] = sizeof(struct frame_pong),
    [FRAME_BEHIND] = sizeof(struct frame_ack),
    [FRAME_REFUSED] = sizeof(struct frame_ack),
    [FRAME_CHANGE_REQUESTS] = sizeof(struct frame_change_request),
    [FRAME_CHANGE_REPLIES] = sizeof(struct frame_change_reply),
    [FRAME_VERIFICATION_REQUESTS] = sizeof(struct frame_verification_request),
    [FRAME_VERIFICATION_REPLIES] = sizeof(struct frame_verification_reply),
    [FRAME_NOT_OWNER] = 0,
    [FRAME_MEMBER_PIECE] = 0,
};

void frame_header_write(struct frame_header *out, enum frame_kind kind, uint16_t partition, uint16_t partitions,
                        uint32_t count)
{
    CHECK(partition < partitions);
    *out = (struct frame_header){
        .magic = FRAME_MAGIC,
        .version = FRAME_VERSION,
        .kind = (uint8_t)kind,
        .partition = partition,
        .partitions = partitions,
        .count = count,
    };
}

void frame_header_set_clock(void *header, uint64_t incarnation, int64_t clock_us)
{
    unsigned char *bytes = header;
    memcpy(bytes + offsetof(struct frame_header, incarnation), &incarnation, sizeof incarnation);
    memcpy(bytes + offsetof(struct frame_header, clock_us), &clock_us, sizeof clock_us);
}

void frame_header_set_flags(void *header, uint16_t flags)
{
    memcpy((unsigned char *)header + offsetof(struct frame_header, flags), &flags, sizeof flags);
}

static bool is_request(const struct frame_header *header)
{
    return header->kind == FRAME_ISSUE_REQUESTS || header->kind == FRAME_CHANGE_REQUESTS ||
           header->kind == FRAME_COUPON_REQUESTS;
}

static bool is_reply(const struct frame_header *header)
{
    return header->kind == FRAME_ISSUE_REPLIES || header->kind == FRAME_CHANGE_REPLIES ||
           header->kind == FRAME_COUPON_REPLIES;
}

static bool is_of_members(const struct frame_header *header)
{
    return header->kind >= FRAME_MEMBER_HEARTBEAT && header->kind <= FRAME_MEMBER_PIECE;
}

/* Requests and replies carry an issuer's clock; a ping may. */
static enum frame_fault check_clock(const struct frame_header *header)
{
    bool unknown = header->incarnation == 0;
    switch (header->kind) {
    case FRAME_EVENTS:
    case FRAME_ACK:
    case FRAME_BEHIND:
    case FRAME_REFUSED:
        return unknown && header->clock_us == 0 ? FRAME_OK : FRAME_FAULT_RESERVED;
    case FRAME_PING:
        break;
    default:
        if (is_of_members(header) && header->clock_us != 0)
            return FRAME_FAULT_RESERVED;
        if (unknown)
            return FRAME_FAULT_INCARNATION;
    }
    return header->clock_us < 0 || header->clock_us > FRAME_CLOCK_US_MAX ? FRAME_FAULT_CLOCK : FRAME_OK;
}

static enum frame_fault check_header(const struct frame_header *header)
{
    if (header->magic != FRAME_MAGIC)
        return FRAME_FAULT_MAGIC;
    if (header->version != FRAME_VERSION)
        return FRAME_FAULT_VERSION;
    if (header->kind < FRAME_ISSUE_REQUESTS || header->kind > FRAME_MEMBER_PIECE)
        return FRAME_FAULT_KIND;
    if (header->partitions == 0 || header->partitions > PARTITIONS_MAX || header->partition >= header->partitions)
        return FRAME_FAULT_PARTITION;
    if (header->flags != 0 && (header->flags != FRAME_TIMED || !(is_request(header) || is_reply(header))))
        return FRAME_FAULT_RESERVED;
    return check_clock(header);
}

const void *frame_records(const void *data)
{
    return (const unsigned char *)data + sizeof(struct frame_header);
}

/* Coupon replies say their length themselves. */
static enum frame_fault check_coupon_replies(const unsigned char *records, size_t body, uint32_t count)
{
    const size_t length_at = offsetof(struct frame_coupon_reply, length);
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t length = 0;
        if (body - at >= length_at + sizeof length)
            memcpy(&length, records + at + length_at, sizeof length);
        if (length < COUPON_REPLY_BYTES_MIN || length > sizeof(struct frame_coupon_reply) || length % 8 != 0 ||
            length > body - at)
            return FRAME_FAULT_SIZE;
        at += length;
    }
    return count > 0 && at == body ? FRAME_OK : FRAME_FAULT_SIZE;
}

bool frame_is_returnable(uint8_t kind)
{
    return kind == FRAME_ISSUE_REQUESTS || kind == FRAME_CHANGE_REQUESTS || kind == FRAME_COUPON_REQUESTS ||
           kind == FRAME_VERIFICATION_REQUESTS;
}

static enum frame_fault check_size(const struct frame_header *header, const unsigned char *records, size_t body);

static enum frame_fault check_returned(const struct frame_header *header, const unsigned char *records, size_t body)
{
    struct frame_header inner;
    if (body < sizeof inner)
        return FRAME_FAULT_SIZE;
    memcpy(&inner, records, sizeof inner);
    enum frame_fault fault = check_header(&inner);
    if (fault != FRAME_OK)
        return fault;
    if (!frame_is_returnable(inner.kind) || inner.partition != header->partition ||
        inner.partitions != header->partitions)
        return FRAME_FAULT_KIND;
    return inner.count != header->count ? FRAME_FAULT_SIZE
                                        : check_size(&inner, frame_records(records), body - sizeof inner);
}

/* What follows struct frame_member in `rest` bytes. The batches of an APPEND are checked where they are copied. */
static bool is_as_long_as_said(const struct frame_header *header, size_t rest)
{
    switch (header->kind) {
    case FRAME_MEMBER_APPEND:
        return rest % 8 == 0 && (header->count > 0) == (rest > 0);
    case FRAME_MEMBER_PIECE:
        return header->count <= FRAME_PIECE_MAX && rest == sizeof(struct frame_piece) + header->count;
    case FRAME_MEMBER_IDENTITY:
        return header->count == 1 && rest == sizeof(struct frame_identity);
    case FRAME_MEMBER_FETCH:
        return header->count == 1 && rest == sizeof(struct frame_fetch);
    default:
        return header->count == 1 && rest == 0;
    }
}

static enum frame_fault check_member(const struct frame_header *header, const unsigned char *records, size_t body)
{
    struct frame_member member;
    if (body < sizeof member || !is_as_long_as_said(header, body - sizeof member))
        return FRAME_FAULT_SIZE;
    memcpy(&member, records, sizeof member);
    return frame_member_whole(&member) ? FRAME_OK : FRAME_FAULT_MEMBER;
}

static enum frame_fault check_size(const struct frame_header *header, const unsigned char *records, size_t body)
{
    if (is_of_members(header))
        return check_member(header, records, body);
    if (header->kind == FRAME_NOT_OWNER)
        return check_returned(header, records, body);
    switch (header->kind) {
    case FRAME_COUPON_REPLIES:
        return check_coupon_replies(records, body, header->count);
    case FRAME_CHANGE_REQUESTS:
        if (header->count > FRAME_CHANGE_REQUESTS_MAX)
            return FRAME_FAULT_RECORDS;
        break;
    case FRAME_ISSUE_REQUESTS:
        if (header->count > FRAME_ISSUE_REQUESTS_MAX)
            return FRAME_FAULT_RECORDS;
        break;
    case FRAME_COUPON_REQUESTS:
        if (header->count > FRAME_COUPON_REQUESTS_MAX)
            return FRAME_FAULT_RECORDS;
        break;
    case FRAME_VERIFICATION_REQUESTS:
        if (header->count > FRAME_VERIFICATION_MAX)
            return FRAME_FAULT_RECORDS;
        break;
    case FRAME_EVENTS:
        if (body < sizeof(struct frame_events))
            return FRAME_FAULT_SIZE;
        return header->count == 0 && body > sizeof(struct frame_events) ? FRAME_FAULT_SIZE : FRAME_OK;
    case FRAME_ACK:
    case FRAME_BEHIND:
    case FRAME_REFUSED:
        return header->count != 1 || body != sizeof(struct frame_ack) ? FRAME_FAULT_SIZE : FRAME_OK;
    case FRAME_PONG:
        return header->count != 1 || body != sizeof(struct frame_pong) ? FRAME_FAULT_SIZE : FRAME_OK;
    case FRAME_PING:
        return header->count != 0 || body != 0 ? FRAME_FAULT_SIZE : FRAME_OK;
    default:
        break;
    }
    return header->count == 0 || header->count * record_size[header->kind] != body ? FRAME_FAULT_SIZE : FRAME_OK;
}

bool frame_times_read(const void *data, size_t size, struct frame_times *times)
{
    struct frame_header header;
    memcpy(&header, data, sizeof header);
    if (!is_reply(&header) || (header.flags & FRAME_TIMED) == 0)
        return false;
    memcpy(times, (const unsigned char *)data + size - sizeof *times, sizeof *times);
    return true;
}

/* A turn begins, decides, then syncs. */
static enum frame_fault check_times(const struct frame_header *header, const void *data, size_t size)
{
    struct frame_times times;
    if (!frame_times_read(data, size, &times))
        return FRAME_OK;
    bool ordered = header->clock_us <= times.decided_us && times.decided_us <= times.synced_us;
    return ordered && times.synced_us <= FRAME_CLOCK_US_MAX ? FRAME_OK : FRAME_FAULT_CLOCK;
}

enum frame_fault frame_check(const void *data, size_t size, struct frame_header *header)
{
    if (size < sizeof *header)
        return FRAME_FAULT_SHORT;
    if (size > FRAME_BYTES_MAX)
        return FRAME_FAULT_LONG;
    memcpy(header, data, sizeof *header);
    enum frame_fault fault = check_header(header);
    size_t body = size - sizeof *header, of_times = 0;
    if (fault == FRAME_OK && is_reply(header) && (header->flags & FRAME_TIMED) != 0)
        of_times = sizeof(struct frame_times);
    if (fault == FRAME_OK && body < of_times)
        return FRAME_FAULT_SIZE;
    if (fault == FRAME_OK)
        fault = check_size(header, frame_records(data), body - of_times);
    return fault != FRAME_OK ? fault : check_times(header, data, size);
}

/* An id that stands for an erased user names a fingerprint: whoever could issue to it could choose fingerprints. */
static bool may_get(const struct frame_issue_request *request)
{
    return request->op == ISSUE_LOOKUP || !user_id_is_erased(request->user_id, request->user_id_length);
}

bool frame_issue_request_valid(const struct frame_issue_request *request)
{
    return request->op >= ISSUE_POST && request->op <= ISSUE_LOOKUP && request->coupon_id_length <= COUPON_ID_MAX &&
           request->user_id_length <= USER_ID_MAX && request->nth <= NTH_MAX &&
           coupon_id_valid(request->coupon_id, request->coupon_id_length) &&
           user_id_valid(request->user_id, request->user_id_length) && may_get(request);
}

/* --- changes --- */

static bool is_blank_or(bool (*valid)(const char *text, size_t length), const char *text, size_t length, size_t max)
{
    return length == 0 || (length <= max && valid(text, length));
}

static bool change_lengths_valid(const struct frame_change_request *request)
{
    return request->coupon_id_length <= COUPON_ID_MAX && request->user_id_length <= USER_ID_MAX &&
           ((request->flags & CHANGE_IF_OWNER) == 0 || request->actor_length > 0) &&
           is_blank_or(reference_valid, request->reference, request->reference_length, REFERENCE_MAX) &&
           is_blank_or(reason_valid, request->reason, request->reason_length, REASON_MAX) &&
           is_blank_or(reference_valid, request->actor, request->actor_length, ACTOR_MAX) &&
           is_blank_or(origin_id_valid, request->request_id, request->request_id_length, REQUEST_ID_MAX);
}

bool frame_change_request_valid(const struct frame_change_request *request)
{
    if (!change_lengths_valid(request))
        return false;
    bool coupon = coupon_id_valid(request->coupon_id, request->coupon_id_length);
    bool user = user_id_valid(request->user_id, request->user_id_length);
    switch (request->op) {
    case CHANGE_REDEEM:
    case CHANGE_UNDO:
        return coupon && user && request->reference_length > 0;
    case CHANGE_REVOKE:
        return coupon && user && request->flags <= (CHANGE_RESTOCK | CHANGE_AGAIN | CHANGE_IF_OWNER);
    case CHANGE_RESOLVE:
        return true;
    case CHANGE_SHOW:
        return coupon && user && request->sequence > 0;
    case CHANGE_ERASE:
        return user;
    case CHANGE_SWEEP:
    case CHANGE_SWEPT:
        return coupon && request->flags <= (CHANGE_RESTOCK | CHANGE_AGAIN | CHANGE_IF_OWNER);
    default:
        return false;
    }
}

bool frame_issue_whole(const struct frame_issue *issue)
{
    if (issue->state == ISSUE_NONE)
        return issue->sequence == 0;
    return issue->state < ISSUE_STATE_COUNT && issue->sequence > 0 && issue->nth >= 1 && issue->nth <= NTH_MAX &&
           issue->issued_at_us >= 0 && issue->issued_at_us <= ISSUER_TIME_US_MAX &&
           (issue->redeemable_until_us == TIME_NONE || issue->redeemable_until_us >= 0);
}

bool frame_details_whole(const struct frame_details *details)
{
    return details->changed_at_us >= 0 && details->changed_at_us <= ISSUER_TIME_US_MAX &&
           is_blank_or(reference_valid, details->reference, details->reference_length, REFERENCE_MAX) &&
           is_blank_or(reason_valid, details->reason, details->reason_length, REASON_MAX) &&
           is_blank_or(reference_valid, details->actor, details->actor_length, ACTOR_MAX);
}

/* --- coupons --- */

bool frame_coupon_lengths_valid(const struct frame_coupon *coupon)
{
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        if (coupon->text_lengths[i] > coupon_text_max(i))
            return false;
    }
    return coupon->id_length <= COUPON_ID_MAX;
}

static size_t texts_bytes(const struct frame_coupon *coupon)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        bytes += coupon->text_lengths[i];
    return bytes;
}

size_t frame_coupon_bytes(const struct frame_coupon *coupon)
{
    return offsetof(struct frame_coupon, texts) + texts_bytes(coupon);
}

static bool texts_valid(const struct frame_coupon *coupon)
{
    const char *at = coupon->texts;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        bool absent = i == COUPON_TEXT_TITLE && coupon->text_lengths[i] == 0; /* a change may leave the title */
        if (!absent && !coupon_text_valid(i, at, coupon->text_lengths[i]))
            return false;
        at += coupon->text_lengths[i];
    }
    return true;
}

static bool window_valid(const struct frame_coupon *coupon)
{
    if (!window_time_valid(coupon->starts_at_us) || !window_time_valid(coupon->ends_at_us) ||
        !window_time_valid(coupon->redeem_until_us))
        return false;
    return coupon->starts_at_us == TIME_NONE || coupon->ends_at_us == TIME_NONE ||
           coupon->starts_at_us < coupon->ends_at_us;
}

static bool limit_valid(uint32_t limit)
{
    return limit >= 1 && limit <= PER_USER_LIMIT_MAX;
}

static bool has(const struct frame_coupon_request *request, unsigned field)
{
    return (request->fields & field) != 0;
}

static bool change_valid(const struct frame_coupon_request *request)
{
    const struct frame_coupon *coupon = &request->coupon;
    if (has(request, COUPON_FIELD_TITLE) && coupon->text_lengths[COUPON_TEXT_TITLE] == 0)
        return false;
    if (has(request, COUPON_FIELD_QUANTITY) && !quantity_valid(coupon->quantity))
        return false;
    if (has(request, COUPON_FIELD_PER_USER_LIMIT) && !limit_valid(coupon->per_user_limit))
        return false;
    if ((has(request, COUPON_FIELD_STARTS_AT) && !window_time_valid(coupon->starts_at_us)) ||
        (has(request, COUPON_FIELD_ENDS_AT) && !window_time_valid(coupon->ends_at_us)) ||
        (has(request, COUPON_FIELD_REDEEM_UNTIL) && !window_time_valid(coupon->redeem_until_us)))
        return false;
    return coupon->redeem_within_s <= REDEEM_WITHIN_MAX && texts_valid(coupon) &&
           coupon_id_valid(coupon->id, coupon->id_length);
}

static bool policy_valid(const struct frame_coupon *coupon)
{
    return coupon_id_valid(coupon->id, coupon->id_length) && coupon->text_lengths[COUPON_TEXT_TITLE] > 0 &&
           texts_valid(coupon) && quantity_valid(coupon->quantity) && limit_valid(coupon->per_user_limit) &&
           coupon->redeem_within_s <= REDEEM_WITHIN_MAX && window_valid(coupon);
}

static bool flags_valid(const struct frame_coupon *coupon)
{
    return coupon->paused <= 1 && coupon->archived <= 1;
}

bool frame_json_text_valid(enum coupon_text text, const char *bytes, size_t length)
{
    switch (text) {
    case COUPON_TEXT_BENEFIT:
    case COUPON_TEXT_METADATA:
        return length == 0 || frame_json_valid(bytes, length, '{');
    case COUPON_TEXT_SEGMENTS:
        return length == 0 || frame_json_valid(bytes, length, '[');
    default:
        return true;
    }
}

static bool json_valid(const struct frame_coupon *coupon)
{
    const char *at = coupon->texts;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        if (!frame_json_text_valid(i, at, coupon->text_lengths[i]))
            return false;
        at += coupon->text_lengths[i];
    }
    return true;
}

bool frame_coupon_whole(const struct frame_coupon *coupon)
{
    return frame_coupon_lengths_valid(coupon) && flags_valid(coupon) && policy_valid(coupon) && json_valid(coupon) &&
           coupon->returned <= coupon->issued && coupon->redeemed <= coupon->issued - coupon->returned &&
           coupon->issued - coupon->returned <= coupon->quantity;
}

static bool list_valid(const struct frame_coupon_request *request)
{
    const struct frame_coupon *coupon = &request->coupon;
    return coupon->quantity >= 1 && coupon->quantity <= COUPON_LIST_MAX && request->state <= COUPON_ARCHIVED &&
           texts_valid(coupon) && (coupon->id_length == 0 || coupon_id_valid(coupon->id, coupon->id_length));
}

bool frame_coupon_request_valid(const struct frame_coupon_request *request)
{
    const struct frame_coupon *coupon = &request->coupon;
    if (!frame_coupon_lengths_valid(coupon) || !flags_valid(coupon) ||
        !is_blank_or(reference_valid, request->actor, request->actor_length, ACTOR_MAX) ||
        !is_blank_or(origin_id_valid, request->request_id, request->request_id_length, REQUEST_ID_MAX))
        return false;
    switch (request->op) {
    case COUPON_CREATE:
        return policy_valid(coupon);
    case COUPON_CHANGE:
        return request->if_owner <= (request->actor_length > 0) && change_valid(request);
    case COUPON_GET:
        return coupon_id_valid(coupon->id, coupon->id_length);
    case COUPON_LIST:
        return list_valid(request);
    default:
        return false;
    }
}
