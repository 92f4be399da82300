#include "member_fakes.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/member/arbiter.h"

struct fakes fakes;

/* --- the store --- */

struct arbiter {
    bool busy;
    struct member_ask ask;
    enum member_outcome outcome;
    struct member_row row;
};

static struct arbiter arbiter;

struct arbiter *arbiter_create(const struct arbiter_subject *subject, struct error *error)
{
    (void)subject, (void)error;
    arbiter = (struct arbiter){0};
    return &arbiter;
}

void arbiter_destroy(struct arbiter **self)
{
    *self = NULL;
}

int arbiter_fd(const struct arbiter *self)
{
    (void)self;
    return -1;
}

bool arbiter_is_busy(const struct arbiter *self)
{
    return self->busy;
}

void fakes_change_row(const struct member_row *row)
{
    fakes.row_before = fakes.row;
    fakes.row = *row;
}

static enum member_outcome change_row(const struct member_ask *ask)
{
    const struct member_row *from = ask->kind == MEMBER_ASK_TOUCH ? &ask->to : &ask->from;
    if (!member_row_equals(&fakes.row, from))
        return MEMBER_OTHER;
    if (ask->kind == MEMBER_ASK_CHANGE)
        fakes_change_row(&ask->to);
    if (ask->to.owner == fakes.self)
        fakes.own_standby = ask->to.standby;
    return MEMBER_MATCHED;
}

static void answer(struct arbiter *self)
{
    self->row = fakes.mode == FAKE_STORE_IS_OUTDATED ? fakes.row_before : fakes.row;
    self->outcome = MEMBER_MATCHED;
    if (fakes.mode != FAKE_STORE_LOSES_QUESTIONS && self->ask.kind != MEMBER_ASK_READ)
        self->outcome = change_row(&self->ask);
    if (fakes.mode == FAKE_STORE_LOSES_QUESTIONS || fakes.mode == FAKE_STORE_LOSES_ANSWERS)
        self->outcome = MEMBER_UNKNOWN;
}

/* From here on it confirms nothing of the epoch that it tries to end. */
void arbiter_ask(struct arbiter *self, const struct member_ask *ask)
{
    CHECK(!self->busy && ask->kind != MEMBER_ASK_NOTHING);
    if (ask->kind != MEMBER_ASK_READ && ask->to.owner == fakes.self && ask->from.epoch > fakes.muted_epoch)
        fakes.muted_epoch = ask->from.epoch;
    self->ask = *ask;
    self->busy = true;
}

bool arbiter_take(struct arbiter *self, struct member_ask *ask, enum member_outcome *outcome, struct member_row *row)
{
    if (!self->busy || fakes.mode == FAKE_STORE_HANGS)
        return false;
    answer(self);
    *ask = self->ask;
    *outcome = self->outcome;
    *row = self->row;
    self->busy = false;
    return true;
}

/* --- what the member sends --- */

static unsigned char frame[FRAME_BYTES_MAX];

/* The confirmed records are on the disk, and the epoch is not one that it has tried to end. */
static void check_confirm(const struct frame_member *member)
{
    CHECK(member->seq == journal_synced_seq(fakes.journal));
    CHECK(member->confirmed > fakes.muted_epoch);
    fakes.confirmed_seq = member->seq > fakes.confirmed_seq ? member->seq : fakes.confirmed_seq;
    fakes.confirmed_turn = member->turn;
    fakes.confirmed_incarnation = member->to_incarnation;
}

/* The batches go on from the point that the message names. */
static void check_append(uint8_t to, const struct frame_member *member, uint32_t count, const unsigned char *batches,
                         size_t size)
{
    uint64_t last_seq = member->seq;
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct journal_batch_header header;
        CHECK(journal_batch_scan(batches + at, size - at, member->journal_id, &header, NULL) == JOURNAL_SCAN_BATCH);
        CHECK(header.first_seq == last_seq + 1);
        last_seq += header.count;
        at += header.length;
    }
    CHECK(at == size && last_seq <= journal_written_seq(fakes.journal));
    CHECK(member->turn == 0 || last_seq == journal_written_seq(fakes.journal));
    fakes.sent[to] = (struct fake_sent){last_seq, member->turn > 0 ? member->turn : fakes.sent[to].turn};
}

bool member_links_send(struct member_links *links, uint8_t to, enum frame_kind kind, uint64_t incarnation,
                       const struct frame_member *member, uint32_t count, const void *more, size_t more_bytes)
{
    struct frame_header header;
    size_t fixed = sizeof header + sizeof *member;
    (void)links;
    CHECK(to < MEMBERS_MAX && to != fakes.self && fixed + more_bytes <= sizeof frame);
    frame_header_write(&header, kind, 0, 1, count);
    header.incarnation = incarnation;
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, member, sizeof *member);
    if (more_bytes > 0)
        memcpy(frame + fixed, more, more_bytes);
    CHECK(frame_check(frame, fixed + more_bytes, &header) == FRAME_OK);
    if (kind == FRAME_MEMBER_CONFIRM)
        check_confirm(member);
    if (kind == FRAME_MEMBER_APPEND)
        check_append(to, member, count, frame + fixed, more_bytes);
    return true;
}

/* --- links --- */

int member_links_create(const struct members *members, uint8_t self, const char *requests, uint16_t partition,
                        uint16_t partitions, struct member_links **links, struct error *error)
{
    (void)members, (void)self, (void)requests, (void)partition, (void)partitions, (void)error;
    *links = NULL;
    return 0;
}

void member_links_destroy(struct member_links **links)
{
    *links = NULL;
}

void member_links_tick(struct member_links *links, int64_t now_ms)
{
    (void)links, (void)now_ms;
}

bool member_links_take_refusal(struct member_links *links, uint8_t to, int64_t now_us)
{
    (void)links, (void)now_us;
    bool refused = fakes.gone == to;
    fakes.gone = refused ? MEMBER_NONE : fakes.gone;
    return refused;
}

void member_links_renew(struct member_links *links, uint8_t to)
{
    (void)links, (void)to;
}
