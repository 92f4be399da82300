#include "issuer/member/follower.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/member/message.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/telemetry/log.h"

#define WARN_US INT64_C(10000000) /* between two equal warnings */

struct member_follower {
    struct member_context *context;
    int64_t heartbeat_us;
    int64_t join_at_us;
    int64_t warn_at_us;
    uint8_t joins; /* whom it asks */
    /* the owner whose batches were taken last */
    struct member_row row;
    uint64_t incarnation;
    uint64_t term;
    uint64_t turn; /* the latest turn of it that the journal contains */
    uint64_t answered_seq;
    bool confirms; /* something is to be synced and confirmed */
    unsigned char *aligned;
    size_t aligned_size;
};

struct member_follower *member_follower_create(struct member_context *context, int64_t heartbeat_us)
{
    struct member_follower *follower = calloc(1, sizeof *follower);
    CHECK(follower != NULL);
    follower->context = context;
    follower->heartbeat_us = heartbeat_us;
    follower->row.owner = follower->row.standby = follower->joins = MEMBER_NONE;
    return follower;
}

void member_follower_destroy(struct member_follower **follower)
{
    if (*follower == NULL)
        return;
    free((*follower)->aligned);
    free(*follower);
    *follower = NULL;
}

static struct member_position end_of(const struct member_context *context)
{
    return (struct member_position){term_list_last(ledger_terms(context->ledger)).epoch,
                                    journal_written_seq(context->journal)};
}

/* --- taking --- */

void member_follower_give_up(const struct member_context *context, const char *what)
{
    log_error("issuer",
              "the owner's journal contradicts the ledger after record %" PRIu64 ", stopping: %s partition=%u",
              journal_written_seq(context->journal), what, journal_meta(context->journal)->partition);
    disk->stop(1);
    abort();
}

/* NULL, or why the record contradicts the ledger. A later term would contradict the one that this member may begin. */
static const char *replay(const struct member_follower *follower, const struct journal_record *record)
{
    if (record->type == JOURNAL_TERM && record->term.epoch > follower->row.epoch)
        return "a term that is later than its owner's";
    return ledger_replay(follower->context->ledger, record);
}

static void apply(const struct member_follower *follower, const void *batch)
{
    struct member_context *context = follower->context;
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        const char *wrong = replay(follower, &record);
        if (wrong != NULL)
            member_follower_give_up(context, wrong);
        if (record.type == JOURNAL_CHANGE)
            details_add(context->details, &record);
    }
}

/* ZeroMQ's buffers have any alignment. */
static const unsigned char *align(struct member_follower *follower, const void *batches, size_t size)
{
    if ((uintptr_t)batches % 8 == 0)
        return batches;
    if (follower->aligned_size < size) {
        free(follower->aligned);
        follower->aligned = malloc(size);
        CHECK(follower->aligned != NULL);
        follower->aligned_size = size;
    }
    memcpy(follower->aligned, batches, size);
    return follower->aligned;
}

/* The owner sends it again and again. */
static void warn(struct member_follower *follower, const char *why)
{
    int64_t now_us = clock_mono_us();
    if (now_us < follower->warn_at_us)
        return;
    follower->warn_at_us = now_us + WARN_US;
    log_warn("issuer", "cannot take a batch of the owner: %s partition=%u", why,
             journal_meta(follower->context->journal)->partition);
}

/* False when a batch cannot be taken; those before it were. */
static bool copy(struct member_follower *follower, const void *batches, size_t size, uint32_t count)
{
    struct member_context *context = follower->context;
    const unsigned char *at = align(follower, batches, size), *end = at + size;
    for (uint32_t i = 0; i < count; i++) {
        struct journal_batch_header header;
        struct error error = {""};
        bool full = false;
        if (journal_copy_batch(context->journal, at, (size_t)(end - at), &full, &error) != 0) {
            warn(follower, error.text);
            return false;
        }
        apply(follower, at); /* first: a journal that contains a contradiction could not be replayed */
        journal_write(context->journal);
        memcpy(&header, at, sizeof header);
        at += header.length;
    }
    return at == end;
}

/* Each start of an owner, and each term, numbers its turns anew. */
static void meet_owner(struct member_follower *follower, const struct member_heartbeat *heartbeat, uint64_t incarnation,
                       uint64_t term)
{
    if (term != follower->term || incarnation != follower->incarnation)
        follower->turn = 0;
    follower->term = term;
    follower->incarnation = incarnation;
    follower->row = heartbeat->row;
    follower->answered_seq = heartbeat->answered_seq;
}

/* The store is ahead of a member that is behind. But what this journal lacks, a stream could not go on from. */
static void note_acked(struct journal *journal, uint64_t acked_seq)
{
    uint64_t written = journal_written_seq(journal);
    journal_note_acked(journal, acked_seq < written ? acked_seq : written);
}

void member_follower_on_append(struct member_follower *follower, uint8_t from, uint64_t incarnation,
                               const struct frame_member *member, const void *batches, size_t size, uint32_t count,
                               int64_t now_us)
{
    struct member_context *context = follower->context;
    struct member_heartbeat heartbeat;
    struct member_position end = end_of(context);
    uint8_t sender;
    if (!member_message_read(context, member, &sender, &heartbeat) || member->to_incarnation != context->incarnation ||
        !member_role_follows(context->role, from, &heartbeat) || member->seq != end.seq || member->seq_term != end.term)
        return; /* a gap, or what it has already: it will ask to join again */
    meet_owner(follower, &heartbeat, incarnation, member->term);
    follower->join_at_us = now_us + 2 * follower->heartbeat_us;
    follower->confirms = true;
    if (count > 0 && !copy(follower, batches, size, count))
        return;
    follower->turn = member->turn > follower->turn ? member->turn : follower->turn;
    note_acked(context->journal, member->acked_seq);
}

bool member_follower_on_diverged(const struct member_follower *follower, uint8_t from,
                                 const struct frame_member *member)
{
    const struct member_context *context = follower->context;
    const struct member_position end = end_of(context);
    struct member_heartbeat heartbeat;
    uint8_t sender;
    return member_message_read(context, member, &sender, &heartbeat) &&
           member->to_incarnation == context->incarnation && member->seq == end.seq && member->seq_term == end.term &&
           member_role_follows(context->role, from, &heartbeat) && member_role_may_discard(context->role);
}

/* --- confirming --- */

/* What was taken while it followed is confirmed only while it still follows. */
static void confirm(struct member_follower *follower)
{
    struct member_context *context = follower->context;
    const struct member_heartbeat owner = {.row = follower->row, .owns = true};
    const struct member_position end = end_of(context);
    follower->confirms = false;
    journal_settle(context->journal);
    if (!member_role_follows(context->role, follower->row.owner, &owner))
        return;
    member_role_on_followed(context->role, &end, follower->answered_seq);
    struct frame_member member = member_message(context);
    member.to_incarnation = follower->incarnation;
    member.confirmed = follower->row.epoch;
    member.turn = follower->turn;
    member.seq = end.seq;
    member_message_send(context, follower->row.owner, FRAME_MEMBER_CONFIRM, &member);
}

/* What it has from now on is what it may not lose any more: it was synced before. */
static void join(struct member_follower *follower, int64_t now_us)
{
    struct member_context *context = follower->context;
    const struct member_position end = end_of(context);
    follower->join_at_us = now_us + follower->heartbeat_us;
    struct frame_member member = member_message(context);
    member.seq = end.seq;
    member.seq_term = end.term;
    member_message_send(context, context->role->row.owner, FRAME_MEMBER_JOIN, &member);
}

void member_follower_work(struct member_follower *follower, int64_t now_us)
{
    uint8_t owner = follower->context->role->row.owner;
    if (owner != follower->joins)
        follower->join_at_us = 0;
    follower->joins = owner;
    if (follower->confirms)
        confirm(follower);
    if (now_us >= follower->join_at_us && owner != MEMBER_NONE && owner != follower->context->self)
        join(follower, now_us);
}
