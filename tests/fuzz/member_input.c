#include "member_input.h"

#include <string.h>

#include "shared/journal/format.h"

#define FIXED_BYTES (sizeof(struct frame_header) + sizeof(struct frame_member))

/* --- batches --- */

void member_input_seal(const struct member_input *about, uint8_t *batch, size_t length, uint32_t count, uint64_t seq)
{
    struct journal_batch_header header;
    memcpy(&header, batch, sizeof header);
    header.length = (uint32_t)length;
    header.count = count;
    header.first_seq = seq + 1;
    header.synced_seq = header.synced_seq <= seq ? header.synced_seq : seq;
    header.time_us = header.time_us < 0 ? 0 : header.time_us % 1000;
    memcpy(batch, &header, sizeof header);
    header.checksum = journal_batch_checksum(batch, length, about->journal_id);
    memcpy(batch, &header, sizeof header);
}

/* The records of a batch that can be decoded, and their bytes. */
static uint32_t count_records(const uint8_t *records, size_t size, size_t *used)
{
    struct journal_record record;
    uint32_t count = 0;
    size_t length;
    for (*used = 0; (length = journal_decode_record(records + *used, size - *used, &record)) > 0; *used += length)
        count++;
    return count;
}

/* Each batch ends after the last record that can be decoded. Returns the bytes of all, and how many they are. */
static size_t fix_batches(const struct member_input *about, uint8_t *batches, size_t size, uint32_t *count)
{
    const size_t header = sizeof(struct journal_batch_header);
    uint64_t seq = about->end_seq;
    size_t at = 0, used;
    for (*count = 0; size - at >= header; ++*count, at += header + used) {
        uint32_t records = count_records(batches + at + header, size - at - header, &used);
        if (records == 0)
            break;
        member_input_seal(about, batches + at, header + used, records, seq);
        seq += records;
    }
    return at;
}

/* --- struct frame_member --- */

/* 1 for one number in eight. */
static uint64_t rarely(uint64_t number)
{
    return number % 8 == 7;
}

static uint64_t some_name(const struct member_input *about, uint64_t number)
{
    return about->members->all[number % about->members->count].hash;
}

/* Near that of the store, rarely any. */
static uint64_t some_epoch(const struct member_input *about, uint64_t number)
{
    return rarely(number) ? number : about->row.epoch - 1 + number % 4;
}

static void fix_names(const struct member_input *about, struct frame_member *member)
{
    member->from = some_name(about, member->from);
    member->epoch = some_epoch(about, member->epoch);
    member->owner = some_name(about, member->owner);
    member->standby = member->standby % 4 == 0 ? 0 : some_name(about, member->standby);
    member->to_incarnation = about->incarnation + rarely(member->to_incarnation);
    member->owns &= 1;
    memset(member->reserved, 0, sizeof member->reserved);
    memcpy(member->journal_id, about->journal_id, sizeof member->journal_id);
}

static void fix_row(const struct member_input *about, struct frame_member *member)
{
    member->epoch = about->row.epoch;
    member->owner = members_hash(about->members, about->row.owner);
    member->standby = members_hash(about->members, about->row.standby);
    member->confirmed = about->row.epoch;
}

/* At the end of the journal, or next to it. */
static void fix_position(const struct member_input *about, struct frame_member *member)
{
    static const int64_t beside[] = {0, 0, 0, 0, 0, 1, -1, -2};
    member->seq = about->end_seq + (uint64_t)beside[member->seq % 8];
    member->seq_term = about->end_term + (uint64_t)beside[member->seq_term % 8];
    member->turn %= about->turns + 2;
}

static void fix_member(const struct member_input *about, unsigned flags, struct frame_member *member)
{
    if (flags & MEMBER_FIX_MEMBER)
        fix_names(about, member);
    if (flags & MEMBER_FIX_ROW)
        fix_row(about, member);
    if (flags & MEMBER_FIX_OWNER) {
        member->owns = 1;
        member->from = member->owner;
        member->term = member->term == 0 || member->term > member->epoch ? member->epoch : member->term;
    }
    if (flags & MEMBER_FIX_POSITION)
        fix_position(about, member);
    if ((flags & MEMBER_FIX_MEMBER) == 0)
        return;
    member->owner = member->owns ? member->from : member->owner;
    member->standby = member->standby == member->owner ? 0 : member->standby;
    member->seen_epoch = member->epoch < UINT64_MAX ? member->epoch + member->seen_epoch % 2 : UINT64_MAX;
}

/* --- frames --- */

/* The bytes that a frame of this kind has, if there are so many. */
static size_t whole_size(unsigned kind, size_t size)
{
    size_t wanted = kind == FRAME_MEMBER_APPEND     ? FIXED_BYTES + (size - FIXED_BYTES) / 8 * 8
                    : kind == FRAME_MEMBER_PIECE    ? size
                    : kind == FRAME_MEMBER_IDENTITY ? FIXED_BYTES + sizeof(struct frame_identity)
                    : kind == FRAME_MEMBER_FETCH    ? FIXED_BYTES + sizeof(struct frame_fetch)
                                                    : FIXED_BYTES;
    return wanted < size ? wanted : size;
}

static size_t fix_header(struct frame_header *header, size_t size)
{
    unsigned kind = FRAME_MEMBER_HEARTBEAT + (header->kind - FRAME_MEMBER_HEARTBEAT) % 8u;
    uint64_t incarnation = MEMBER_INPUT_INCARNATION + rarely(header->incarnation);
    uint32_t count = kind == FRAME_MEMBER_APPEND ? header->count : 1;
    if (kind == FRAME_MEMBER_PIECE && size >= FIXED_BYTES + sizeof(struct frame_piece))
        count = (uint32_t)(size - FIXED_BYTES - sizeof(struct frame_piece));
    frame_header_write(header, (enum frame_kind)kind, 0, 1, count);
    header->incarnation = incarnation;
    return whole_size(kind, size);
}

size_t member_input_fix(const struct member_input *about, unsigned flags, uint8_t *frame, size_t size)
{
    struct frame_header header;
    struct frame_member member;
    if (size < FIXED_BYTES)
        return size;
    memcpy(&header, frame, sizeof header);
    memcpy(&member, frame + sizeof header, sizeof member);
    if (flags & MEMBER_FIX_HEADER)
        size = fix_header(&header, size);
    fix_member(about, flags, &member);
    if ((flags & MEMBER_FIX_BATCHES) && header.kind == FRAME_MEMBER_APPEND)
        size = FIXED_BYTES + fix_batches(about, frame + FIXED_BYTES, size - FIXED_BYTES, &header.count);
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, &member, sizeof member);
    return size;
}

struct frame_member member_input_say(const struct member_input *about, uint8_t from)
{
    struct frame_member member = {
        .to_incarnation = about->incarnation,
        .from = members_hash(about->members, from),
        .seen_epoch = about->row.epoch,
        .seq = about->end_seq,
        .seq_term = about->end_term,
        .owns = about->row.owner == from,
    };
    fix_row(about, &member);
    member.term = member.owns ? member.epoch : 0;
    memcpy(member.journal_id, about->journal_id, sizeof member.journal_id);
    return member;
}
