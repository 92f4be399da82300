#include "issuer/member/sender.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/member/message.h"
#include "issuer/member/newcomer.h"
#include "shared/disk.h"
#include "shared/journal/reader.h"
#include "shared/telemetry/log.h"

#define CHUNK_BYTES (512u << 10) /* of one frame to a member that is behind; a batch more may be in it */
#define CHUNKS_MAX  4            /* unconfirmed */
#define CHUNK_ROOM  (CHUNK_BYTES + JOURNAL_BATCH_BYTES_MAX)
_Static_assert(CHUNK_ROOM + sizeof(struct frame_member) + sizeof(struct frame_header) <= FRAME_BYTES_MAX,
               "a chunk fits into a frame");

struct follower {
    bool joined;
    uint64_t incarnation;
    uint64_t sent_seq;
    uint64_t sent_turn;
    uint64_t chunk_ends[CHUNKS_MAX]; /* of the unconfirmed ones */
    unsigned chunks;
    struct journal_reader *reader; /* NULL: not needed yet */
    uint64_t reader_seq;           /* the next record that it reads; 0: it has to be placed */
};

struct member_sender {
    struct member_context *context;
    struct follower followers[MEMBERS_MAX];
    unsigned char *chunk;
};

struct member_sender *member_sender_create(struct member_context *context)
{
    struct member_sender *sender = calloc(1, sizeof *sender);
    CHECK(sender != NULL);
    sender->context = context;
    return sender;
}

void member_sender_destroy(struct member_sender **sender)
{
    if (*sender == NULL)
        return;
    member_sender_forget(*sender);
    free((*sender)->chunk);
    free(*sender);
    *sender = NULL;
}

static void forget(struct follower *follower)
{
    journal_reader_close(&follower->reader);
    *follower = (struct follower){0};
}

void member_sender_forget(struct member_sender *sender)
{
    for (uint8_t i = 0; i < MEMBERS_MAX; i++)
        forget(&sender->followers[i]);
}

/* --- joining --- */

static bool has_journal(const struct frame_member *member)
{
    static const uint8_t none[sizeof member->journal_id] = {0};
    return memcmp(member->journal_id, none, sizeof none) != 0;
}

void member_sender_on_join(struct member_sender *sender, uint8_t from, uint64_t incarnation,
                           const struct frame_member *member, int64_t now_us)
{
    struct member_context *context = sender->context;
    if (context->role->state != MEMBER_OWNER || context->turns == 0)
        return;
    if (!has_journal(member)) {
        member_newcomer_identify(context, from, incarnation);
        return;
    }
    uint64_t term = 0;
    bool matches = member->seq <= journal_written_seq(context->journal) &&
                   term_list_find(ledger_terms(context->ledger), member->seq, &term) && term == member->seq_term;
    struct follower *follower = &sender->followers[from];
    forget(follower);
    member_role_on_joining(context->role, from, member->seq, matches, now_us);
    follower->joined = matches;
    follower->incarnation = incarnation;
    follower->sent_seq = member->seq;
    if (matches)
        return;
    struct frame_member answer = member_message(context);
    answer.to_incarnation = incarnation;
    answer.seq = member->seq;
    answer.seq_term = member->seq_term;
    member_message_send(context, from, FRAME_MEMBER_DIVERGED, &answer);
}

void member_sender_on_fetch(const struct member_sender *sender, uint8_t from, uint64_t incarnation, const void *fetch)
{
    if (sender->context->role->state == MEMBER_OWNER && sender->context->turns > 0)
        member_newcomer_serve(sender->context, from, incarnation, fetch);
}

static void drop_confirmed_chunks(struct follower *follower, uint64_t seq)
{
    unsigned done = 0;
    while (done < follower->chunks && follower->chunk_ends[done] <= seq)
        done++;
    follower->chunks -= done;
    memmove(follower->chunk_ends, follower->chunk_ends + done, follower->chunks * sizeof *follower->chunk_ends);
}

void member_sender_on_confirm(struct member_sender *sender, uint8_t from, uint64_t incarnation,
                              const struct frame_member *member, int64_t now_us)
{
    struct follower *follower = &sender->followers[from];
    const struct member_confirmation confirmation = {member->confirmed, member->turn, member->seq};
    if (!follower->joined || follower->incarnation != incarnation ||
        member->to_incarnation != sender->context->incarnation || member->seq > follower->sent_seq ||
        member->turn > sender->context->turns)
        return;
    drop_confirmed_chunks(follower, member->seq);
    member_role_on_confirmation(sender->context->role, from, &confirmation, now_us);
}

/* --- sending --- */

static bool send(const struct member_context *context, uint8_t to, struct follower *follower, uint32_t count,
                 const void *batches, size_t bytes, uint64_t last_seq)
{
    uint64_t written = journal_written_seq(context->journal);
    struct frame_member member = member_message(context);
    member.to_incarnation = follower->incarnation;
    member.seq = follower->sent_seq;
    term_list_find(ledger_terms(context->ledger), follower->sent_seq, &member.seq_term);
    member.turn = last_seq == written && member_role_sends_all(context->role, to) ? context->turns : 0;
    if (!member_links_send(context->links, to, FRAME_MEMBER_APPEND, context->incarnation, &member, count, batches,
                           bytes))
        return false;
    follower->sent_seq = last_seq;
    follower->sent_turn = member.turn > 0 ? member.turn : follower->sent_turn;
    return true;
}

void member_sender_on_written(struct member_sender *sender, size_t bytes)
{
    const struct member_context *context = sender->context;
    uint64_t written = journal_written_seq(context->journal);
    size_t size = 0;
    const struct journal_batch_header *batch = journal_written_batch(context->journal, &size);
    for (uint8_t i = 0; i < context->members->count; i++) {
        struct follower *follower = &sender->followers[i];
        if (!follower->joined || !member_role_sends_all(context->role, i))
            continue;
        if (bytes == 0 && follower->sent_seq == written)
            send(context, i, follower, 0, NULL, 0, written);
        else if (bytes > 0 && follower->sent_seq + 1 == batch->first_seq)
            send(context, i, follower, 1, batch, size, written);
    }
}

/* JOURNAL_READ_DAMAGED: no file has what follows any more. */
static enum journal_read place(const struct member_context *context, struct follower *follower)
{
    struct error error = {""};
    if (follower->reader == NULL &&
        journal_reader_open(journal_folder(context->journal), &follower->reader, &error) != 0)
        return JOURNAL_READ_FAILED;
    return journal_reader_seek(follower->reader, follower->sent_seq + 1, &error);
}

/* The batches that follow, whole ones, up to record `until`, which ends one. */
static size_t read_chunk(struct member_sender *sender, struct follower *follower, uint64_t until, uint32_t *count,
                         uint64_t *last_seq)
{
    struct journal_batch_header header;
    struct error error = {""};
    const void *batch = NULL;
    size_t used = 0;
    *count = 0;
    *last_seq = follower->sent_seq;
    while (*last_seq < until && used < CHUNK_BYTES &&
           journal_reader_next(follower->reader, &batch, &header, &error) == JOURNAL_READ_BATCH) {
        if (header.first_seq != *last_seq + 1) /* the place was within a batch */
            break;
        memcpy(sender->chunk + used, batch, header.length);
        used += header.length;
        *last_seq += header.count;
        ++*count;
    }
    return used;
}

/* It is too far behind: it has to begin with a snapshot. */
static void send_away(struct member_sender *sender, uint8_t to, struct follower *follower)
{
    struct frame_member member = member_message(sender->context);
    log_info("issuer", "member %s lacks records after %" PRIu64 ", which are only in a snapshot partition=%u",
             sender->context->members->all[to].name, follower->sent_seq,
             journal_meta(sender->context->journal)->partition);
    member.to_incarnation = follower->incarnation;
    member.seq = follower->sent_seq;
    term_list_find(ledger_terms(sender->context->ledger), follower->sent_seq, &member.seq_term);
    member_message_send(sender->context, to, FRAME_MEMBER_DIVERGED, &member);
    forget(follower);
}

/* False: nothing can be read now. */
static bool find_place(struct member_sender *sender, uint8_t to, struct follower *follower)
{
    if (follower->reader_seq == follower->sent_seq + 1)
        return true;
    enum journal_read found = place(sender->context, follower);
    if (found == JOURNAL_READ_DAMAGED)
        send_away(sender, to, follower);
    return found == JOURNAL_READ_BATCH;
}

/* Sends from the files. False when nothing more can be sent now. */
static bool send_chunk(struct member_sender *sender, uint8_t to, struct follower *follower, uint64_t until)
{
    uint32_t count = 0;
    uint64_t last_seq = 0;
    if (!find_place(sender, to, follower))
        return false;
    if (sender->chunk == NULL)
        sender->chunk = malloc(CHUNK_ROOM);
    CHECK(sender->chunk != NULL);
    size_t bytes = read_chunk(sender, follower, until, &count, &last_seq);
    follower->reader_seq = 0;
    if (count == 0 || !send(sender->context, to, follower, count, sender->chunk, bytes, last_seq))
        return false;
    follower->reader_seq = last_seq + 1;
    follower->chunk_ends[follower->chunks++] = last_seq;
    return true;
}

static void work_one(struct member_sender *sender, uint8_t to, struct follower *follower)
{
    const struct member_context *context = sender->context;
    uint64_t written = journal_written_seq(context->journal);
    bool all = member_role_sends_all(context->role, to);
    uint64_t until = all ? written : member_role_confirmed_seq(context->role);
    while (follower->sent_seq < until && follower->chunks < CHUNKS_MAX && send_chunk(sender, to, follower, until))
        continue;
    if (follower->joined && all && follower->sent_seq == written && follower->sent_turn < context->turns)
        send(context, to, follower, 0, NULL, 0, written);
}

void member_sender_work(struct member_sender *sender)
{
    if (sender->context->role->state != MEMBER_OWNER || sender->context->turns == 0)
        return;
    for (uint8_t i = 0; i < sender->context->members->count; i++) {
        if (sender->followers[i].joined)
            work_one(sender, i, &sender->followers[i]);
    }
}

uint64_t member_sender_lag(const struct member_sender *sender, uint8_t member)
{
    uint64_t written = journal_written_seq(sender->context->journal);
    uint64_t seq = sender->context->role->peers[member].seq;
    return written > seq ? written - seq : 0;
}
