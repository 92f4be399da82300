#include "tests/unit/persister/events_fixture.h"

#include <stdio.h>
#include <string.h>

#include "shared/store/erased.h"

struct frame_header *events_header(struct events *events)
{
    return (struct frame_header *)events->bytes;
}

struct frame_events *events_fixed(struct events *events)
{
    return (struct frame_events *)(events->bytes + sizeof(struct frame_header));
}

struct journal_batch_header *events_batch(struct events *events)
{
    return (struct journal_batch_header *)(events->bytes + events->batch_at);
}

void events_begin(struct events *events, uint16_t partition, uint16_t partitions, uint64_t first_seq)
{
    frame_header_write(events_header(events), FRAME_EVENTS, partition, partitions, 0);
    *events_fixed(events) = (struct frame_events){.first_seq = first_seq};
    memset(events_fixed(events)->journal_id, 0x5a, 16);
    events->size = sizeof(struct frame_header) + sizeof(struct frame_events);
    events->next_seq = first_seq;
}

void events_open_batch(struct events *events, int64_t time_us)
{
    events->batch_at = events->size;
    *events_batch(events) = (struct journal_batch_header){.first_seq = events->next_seq, .time_us = time_us};
    events->size += sizeof(struct journal_batch_header);
}

static void count_record(struct events *events, size_t length)
{
    events->size += length;
    events->next_seq++;
    events_batch(events)->count++;
    events_header(events)->count++;
}

void events_add_issue(struct events *events, const char *coupon_id, uint32_t sequence, const char *user_id)
{
    count_record(events, journal_encode_issue(events->bytes + events->size, coupon_id, strlen(coupon_id), user_id,
                                              strlen(user_id), sequence, 1));
}

void events_add_coupon(struct events *events, const char *coupon_id)
{
    struct coupon coupon = {.title = "A coffee",
                            .quantity = 1000,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .created_at_us = EVENTS_TIME_US};
    snprintf(coupon.id, sizeof coupon.id, "%s", coupon_id);
    count_record(events, journal_encode_coupon(events->bytes + events->size, &coupon, NULL));
}

void events_seal(struct events *events)
{
    struct journal_batch_header *header = events_batch(events);
    header->checksum = journal_batch_checksum(header, header->length, events_fixed(events)->journal_id);
}

void events_add_redemption(struct events *events, const char *coupon_id, uint32_t sequence, const char *user_id)
{
    struct journal_record change = {
        .type = JOURNAL_CHANGE,
        .time_us = EVENTS_TIME_US,
        .coupon_id = coupon_id,
        .coupon_id_length = strlen(coupon_id),
        .origin = {"kim", 3, "req-9", 5},
        .change = {.kind = JOURNAL_REDEEMED,
                   .sequence = sequence,
                   .user_id = user_id,
                   .user_id_length = strlen(user_id),
                   .reference = "order-1",
                   .reference_length = 7},
    };
    count_record(events, journal_encode_change(events->bytes + events->size, &change));
}

void events_add_key(struct events *events)
{
    memset(events_fixed(events)->fingerprint_key, 0x11, 16);
}

void events_add_erasure(struct events *events, const char *user_id)
{
    struct journal_record erasure = {
        .type = JOURNAL_ERASURE,
        .erasure = {.user_id = user_id, .user_id_length = strlen(user_id)},
    };
    store_fingerprint(events_fixed(events)->fingerprint_key, user_id, strlen(user_id), erasure.erasure.fingerprint);
    count_record(events, journal_encode_erasure(events->bytes + events->size, &erasure));
}

void events_add_sweep(struct events *events, const char *coupon_id)
{
    struct journal_record sweep = {.type = JOURNAL_SWEEP,
                                   .coupon_id = coupon_id,
                                   .coupon_id_length = strlen(coupon_id),
                                   .sweep = {.until = 9, .reason = ""}};
    count_record(events, journal_encode_sweep(events->bytes + events->size, &sweep));
}

void events_close_batch(struct events *events)
{
    events_batch(events)->length = (uint32_t)(events->size - events->batch_at);
    events_seal(events);
}

void events_end(struct events *events)
{
    events_fixed(events)->last_seq = events->next_seq - 1;
}

void events_coupon_with_issues(struct events *events, uint16_t partition, uint16_t partitions, uint32_t issues)
{
    events_begin(events, partition, partitions, 1);
    events_open_batch(events, EVENTS_TIME_US);
    events_add_coupon(events, "c");
    events_close_batch(events);
    events_open_batch(events, EVENTS_TIME_US + 5);
    for (uint32_t i = 1; i <= issues; i++) {
        char user[24];
        snprintf(user, sizeof user, "u%u", i);
        events_add_issue(events, "c", i, user);
    }
    events_close_batch(events);
    events_end(events);
}
