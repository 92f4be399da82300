#include "shared/wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

/* Bytes of one record of each kind; 0 for kinds without records. */
static const size_t record_size[] = {
    [FRAME_ISSUE_REQUESTS] = sizeof(struct frame_issue_request),
    [FRAME_ISSUE_REPLIES] = sizeof(struct frame_issue_reply),
    [FRAME_COUPON_REQUESTS] = sizeof(struct frame_coupon_request),
    [FRAME_COUPON_REPLIES] = sizeof(struct frame_coupon_reply),
    [FRAME_EVENTS] = 0,
    [FRAME_ACK] = sizeof(struct frame_ack),
    [FRAME_PING] = 0,
    [FRAME_PONG] = 0,
    [FRAME_BEHIND] = sizeof(struct frame_ack),
    [FRAME_REFUSED] = sizeof(struct frame_ack),
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
    if (header->kind < FRAME_ISSUE_REQUESTS || header->kind > FRAME_REFUSED)
        return FRAME_FAULT_KIND;
    if (header->partitions == 0 || header->partitions > PARTITIONS_MAX || header->partition >= header->partitions)
        return FRAME_FAULT_PARTITION;
    if (header->reserved != 0)
        return FRAME_FAULT_RESERVED;
    return check_clock(header);
}

static enum frame_fault check_size(const struct frame_header *header, size_t body)
{
    switch (header->kind) {
    case FRAME_ISSUE_REQUESTS:
        if (header->count > FRAME_ISSUE_REQUESTS_MAX)
            return FRAME_FAULT_RECORDS;
        break;
    case FRAME_COUPON_REQUESTS:
        if (header->count > FRAME_COUPON_REQUESTS_MAX)
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
    case FRAME_PING:
    case FRAME_PONG:
        return header->count != 0 || body != 0 ? FRAME_FAULT_SIZE : FRAME_OK;
    default:
        break;
    }
    return header->count == 0 || header->count * record_size[header->kind] != body ? FRAME_FAULT_SIZE : FRAME_OK;
}

enum frame_fault frame_check(const void *data, size_t size, struct frame_header *header)
{
    if (size < sizeof *header)
        return FRAME_FAULT_SHORT;
    if (size > FRAME_BYTES_MAX)
        return FRAME_FAULT_LONG;
    memcpy(header, data, sizeof *header);
    enum frame_fault fault = check_header(header);
    return fault != FRAME_OK ? fault : check_size(header, size - sizeof *header);
}

const void *frame_records(const void *data)
{
    return (const unsigned char *)data + sizeof(struct frame_header);
}

bool frame_issue_request_valid(const struct frame_issue_request *request)
{
    return request->op >= ISSUE_POST && request->op <= ISSUE_LOOKUP && request->coupon_id_length <= COUPON_ID_MAX &&
           request->user_id_length <= USER_ID_MAX && coupon_id_valid(request->coupon_id, request->coupon_id_length) &&
           user_id_valid(request->user_id, request->user_id_length);
}

static bool quantity_valid(uint32_t quantity)
{
    return quantity >= 1 && quantity <= QUANTITY_MAX;
}

static bool window_valid(const struct frame_coupon *coupon)
{
    if (!window_time_valid(coupon->starts_at_us) || !window_time_valid(coupon->ends_at_us))
        return false;
    return coupon->starts_at_us == TIME_NONE || coupon->ends_at_us == TIME_NONE ||
           coupon->starts_at_us < coupon->ends_at_us;
}

static bool change_valid(const struct frame_coupon_request *request)
{
    const struct frame_coupon *coupon = &request->coupon;
    uint8_t fields = request->fields;
    if ((fields & COUPON_FIELD_TITLE) && !title_valid(coupon->title, coupon->title_length))
        return false;
    if ((fields & COUPON_FIELD_QUANTITY) && !quantity_valid(coupon->quantity))
        return false;
    if ((fields & COUPON_FIELD_STARTS_AT) && !window_time_valid(coupon->starts_at_us))
        return false;
    if ((fields & COUPON_FIELD_ENDS_AT) && !window_time_valid(coupon->ends_at_us))
        return false;
    return coupon_id_valid(coupon->id, coupon->id_length);
}

static bool policy_valid(const struct frame_coupon *coupon)
{
    return coupon_id_valid(coupon->id, coupon->id_length) && title_valid(coupon->title, coupon->title_length) &&
           quantity_valid(coupon->quantity) && coupon->per_user_limit >= 1 &&
           coupon->per_user_limit <= PER_USER_LIMIT_MAX && window_valid(coupon);
}

bool frame_coupon_whole(const struct frame_coupon *coupon)
{
    return coupon->id_length <= COUPON_ID_MAX && coupon->title_length <= TITLE_MAX && coupon->paused <= 1 &&
           policy_valid(coupon) && coupon->issued <= coupon->quantity;
}

bool frame_coupon_request_valid(const struct frame_coupon_request *request)
{
    const struct frame_coupon *coupon = &request->coupon;
    if (coupon->id_length > COUPON_ID_MAX || coupon->title_length > TITLE_MAX || coupon->paused > 1)
        return false;
    switch (request->op) {
    case COUPON_CREATE:
        return policy_valid(coupon);
    case COUPON_CHANGE:
        return change_valid(request);
    case COUPON_GET:
        return coupon_id_valid(coupon->id, coupon->id_length);
    case COUPON_LIST:
        return coupon->quantity >= 1 && coupon->quantity <= COUPON_LIST_MAX &&
               (coupon->id_length == 0 || coupon_id_valid(coupon->id, coupon->id_length));
    default:
        return false;
    }
}

bool frame_coupon_read(const struct frame_coupon *wire, struct coupon *coupon)
{
    if (wire->id_length > COUPON_ID_MAX || wire->title_length > TITLE_MAX)
        return false;
    memcpy(coupon->id, wire->id, wire->id_length);
    coupon->id[wire->id_length] = '\0';
    memcpy(coupon->title, wire->title, wire->title_length);
    coupon->title[wire->title_length] = '\0';
    coupon->quantity = wire->quantity;
    coupon->issued = wire->issued;
    coupon->per_user_limit = wire->per_user_limit;
    coupon->paused = wire->paused != 0;
    coupon->starts_at_us = wire->starts_at_us;
    coupon->ends_at_us = wire->ends_at_us;
    coupon->created_at_us = wire->created_at_us;
    coupon->updated_at_us = wire->updated_at_us;
    coupon->journal_seq = wire->journal_seq;
    return true;
}

void frame_coupon_write(struct frame_coupon *wire, const struct coupon *coupon)
{
    *wire = (struct frame_coupon){
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .created_at_us = coupon->created_at_us,
        .updated_at_us = coupon->updated_at_us,
        .journal_seq = coupon->journal_seq,
        .quantity = coupon->quantity,
        .issued = coupon->issued,
        .per_user_limit = coupon->per_user_limit,
        .title_length = (uint16_t)strlen(coupon->title),
        .id_length = (uint8_t)strlen(coupon->id),
        .paused = coupon->paused,
    };
    memcpy(wire->id, coupon->id, wire->id_length);
    memcpy(wire->title, coupon->title, wire->title_length);
}
