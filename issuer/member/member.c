#include "issuer/member/member.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/member/arbiter.h"
#include "issuer/member/follower.h"
#include "issuer/member/message.h"
#include "issuer/member/sender.h"
#include "shared/clock.h"
#include "shared/journal/notes.h"
#include "shared/telemetry/log.h"

#define HEARTBEATS_MIN 5 /* within issuer/standby_timeout_ms */
#define HEARTBEAT_US   INT64_C(100000)
#define LOOK_US        INT64_C(50000) /* between two looks at connections, which cost system calls */
#define WARN_US        INT64_C(30000000)
#define RENEW_US       INT64_C(2000000) /* of silence, until a connection is made anew */

struct member {
    struct member_context context;
    struct members members;
    struct member_role role;
    struct member_sender *sender;
    struct member_follower *follower;
    struct arbiter *arbiter;
    int64_t heartbeat_us;
    int64_t beat_at_us;
    int64_t look_at_us;
    int64_t warn_at_us;
    int64_t renew_at_us[MEMBERS_MAX];
    enum member_role_state state; /* as last reported */
    struct member_row row;
    /* shared: for readiness */
    _Atomic enum member_role_state told_state;
    _Atomic uint8_t told_owner;
    _Atomic bool told_decides;
    /* owned by the partition's thread */
    uint64_t written_term; /* whose record is in the journal */
    bool diverged;
    bool copying; /* the journal is marked as an unfinished copy */
};

/* --- life --- */

static struct member_config read_config(const struct options *options, const struct members *members)
{
    int64_t shrink_us = options->issuer_standby_timeout_ms * 1000;
    int64_t heartbeat_us = shrink_us / HEARTBEATS_MIN < HEARTBEAT_US ? shrink_us / HEARTBEATS_MIN : HEARTBEAT_US;
    return (struct member_config){
        .self = members_find(members, options->issuer_member),
        .count = members->count,
        .confirms = strcmp(options->issuer_ack, "journal") != 0,
        .alone = strcmp(options->issuer_alone, "answer") == 0,
        .heartbeat_us = heartbeat_us,
        .shrink_us = shrink_us,
        .takeover_us = options->issuer_takeover_ms * 1000,
    };
}

static void init_role(struct member *member, const struct options *options)
{
    const struct member_config config = read_config(options, &member->members);
    const struct member_position end = {term_list_last(ledger_terms(member->context.ledger)).epoch,
                                        journal_written_seq(member->context.journal)};
    member->copying = journal_is_copying(journal_folder(member->context.journal));
    member->heartbeat_us = config.heartbeat_us;
    member->context.self = config.self;
    member_role_init(&member->role, &config, &end, !member->copying, clock_mono_us());
}

struct member *member_create(const struct member_setup *setup, struct error *error)
{
    const struct options *options = setup->options;
    const struct journal_meta *meta = journal_meta(setup->journal);
    struct member *member = calloc(1, sizeof *member);
    CHECK(member != NULL);
    CHECK(members_parse(options->cluster_members, &member->members, error) == 0); /* checked with the options */
    member->context = (struct member_context){
        .members = &member->members,
        .journal = setup->journal,
        .ledger = setup->ledger,
        .details = setup->details,
        .role = &member->role,
        .metrics = setup->metrics,
        .incarnation = setup->incarnation,
    };
    init_role(member, options);
    journal_set_streams(setup->journal, false);
    member->sender = member_sender_create(&member->context);
    member->follower = member_follower_create(&member->context, member->heartbeat_us);
    struct arbiter_subject subject = {options, &member->members, meta->partition, {0}};
    memcpy(subject.journal_id, meta->journal_id, sizeof subject.journal_id);
    if (member_links_create(&member->members, member->context.self, options->issuer_requests, meta->partition,
                            meta->partitions, &member->context.links, error) == 0)
        member->arbiter = arbiter_create(&subject, error);
    if (member->arbiter == NULL)
        member_destroy(&member);
    return member;
}

void member_destroy(struct member **member)
{
    if (*member == NULL)
        return;
    arbiter_destroy(&(*member)->arbiter);
    member_follower_destroy(&(*member)->follower);
    member_sender_destroy(&(*member)->sender);
    member_links_destroy(&(*member)->context.links);
    free(*member);
    *member = NULL;
}

int member_fd(const struct member *member)
{
    return arbiter_fd(member->arbiter);
}

/* --- what others say --- */

static void take(struct member *member, uint8_t from, const struct frame_header *header,
                 const struct frame_member *said, const unsigned char *more, size_t more_bytes, int64_t now_us)
{
    switch (header->kind) {
    case FRAME_MEMBER_JOIN:
        member_sender_on_join(member->sender, from, header->incarnation, said, now_us);
        break;
    case FRAME_MEMBER_FETCH:
        member_sender_on_fetch(member->sender, from, header->incarnation, more);
        break;
    case FRAME_MEMBER_CONFIRM:
        member_sender_on_confirm(member->sender, from, header->incarnation, said, now_us);
        break;
    case FRAME_MEMBER_APPEND:
        member_follower_on_append(member->follower, from, header->incarnation, said, more, more_bytes, header->count,
                                  now_us);
        break;
    case FRAME_MEMBER_DIVERGED:
        member->diverged |= member_follower_on_diverged(member->follower, from, said);
        break;
    default:
        break;
    }
}

static bool is_of_this_journal(const struct member *member, const struct frame_header *header,
                               const struct frame_member *said)
{
    static const uint8_t none[sizeof said->journal_id] = {0};
    return memcmp(said->journal_id, journal_meta(member->context.journal)->journal_id, sizeof said->journal_id) == 0 ||
           ((header->kind == FRAME_MEMBER_JOIN || header->kind == FRAME_MEMBER_FETCH) &&
            memcmp(said->journal_id, none, sizeof none) == 0);
}

bool member_take(struct member *member, const void *data, size_t size, int64_t now_us)
{
    struct frame_header header;
    struct frame_member said;
    struct member_heartbeat heartbeat;
    uint8_t from = MEMBER_NONE;
    if (frame_check(data, size, &header) != FRAME_OK || header.kind < FRAME_MEMBER_HEARTBEAT ||
        header.kind > FRAME_MEMBER_PIECE)
        return false;
    const unsigned char *records = frame_records(data);
    memcpy(&said, records, sizeof said);
    if (header.partition != journal_meta(member->context.journal)->partition ||
        !is_of_this_journal(member, &header, &said) || !member_message_read(&member->context, &said, &from, &heartbeat))
        return false;
    member_role_on_heartbeat(&member->role, from, &heartbeat, now_us);
    take(member, from, &header, &said, records + sizeof said, size - sizeof header - sizeof said, now_us);
    return true;
}

/* --- what is due --- */

static void ask_store(struct member *member, int64_t now_us)
{
    struct member_ask ask;
    enum member_outcome outcome;
    struct member_row row = {0};
    if (arbiter_take(member->arbiter, &ask, &outcome, &row))
        member_role_on_answer(&member->role, &ask, outcome, &row, now_us);
    member_role_tick(&member->role, now_us);
    if (arbiter_is_busy(member->arbiter))
        return;
    member_role_ask(&member->role, &ask);
    if (ask.kind != MEMBER_ASK_NOTHING)
        arbiter_ask(member->arbiter, &ask);
}

/* Of the owner that this member may succeed, and of the standby that it waits for. */
static void look_after(struct member *member, int64_t now_us)
{
    const struct member_row *row = &member->role.row;
    if (now_us < member->look_at_us)
        return;
    member->look_at_us = now_us + LOOK_US;
    for (uint8_t i = 0; i < member->members.count; i++) {
        if ((i == row->owner || i == row->standby) && i != member->context.self &&
            member_links_take_refusal(member->context.links, i, now_us))
            member_role_on_gone(&member->role, i, now_us);
    }
}

static void beat(struct member *member, int64_t now_us)
{
    if (now_us < member->beat_at_us)
        return;
    member->beat_at_us = now_us + member->heartbeat_us;
    const struct frame_member said = member_message(&member->context);
    for (uint8_t i = 0; i < member->members.count; i++) {
        if (i == member->context.self)
            continue;
        member_message_send(&member->context, i, FRAME_MEMBER_HEARTBEAT, &said);
        if (now_us - member->role.peers[i].heard_us > RENEW_US && now_us >= member->renew_at_us[i]) {
            member_links_renew(member->context.links, i);
            member->renew_at_us[i] = now_us + RENEW_US;
        }
    }
    member_links_tick(member->context.links, now_us / 1000);
}

static const char *state_name(enum member_role_state state)
{
    static const char *const names[] = {"follower", "standby", "claiming", "owner"};
    return names[state];
}

static const char *name_of(const struct member *member, uint8_t index)
{
    return index < member->members.count ? member->members.all[index].name : "-";
}

/* Nobody decides until an operator has repaired the row. */
static void warn_of_outdated(struct member *member, int64_t now_us)
{
    const struct member_role *role = &member->role;
    if (role->state != MEMBER_CLAIMING || !member_role_is_outdated(role) || now_us < member->warn_at_us)
        return;
    member->warn_at_us = now_us + WARN_US;
    log_error("issuer",
              "the row of partition %u in issuer_partition is older than what the members have seen, so the store was "
              "restored from an old copy; nobody decides: write the row anew, with a higher epoch epoch=%" PRIu64
              " seen=%" PRIu64,
              journal_meta(member->context.journal)->partition, role->row.epoch, role->seen_epoch);
}

static void report(struct member *member)
{
    const struct member_role *role = &member->role;
    struct metrics *metrics = member->context.metrics;
    metrics_set(metrics, METRIC_ISSUER_MEMBER_ROLE, 0, (int64_t)role->state);
    metrics_set(metrics, METRIC_ISSUER_MEMBER_EPOCH, 0, (int64_t)role->row.epoch);
    metrics_set(metrics, METRIC_ISSUER_MEMBER_STANDBY, 0, role->row.standby != MEMBER_NONE);
    atomic_store_explicit(&member->told_owner, role->row.owner, memory_order_relaxed);
    atomic_store_explicit(&member->told_decides, member_role_decides(role), memory_order_relaxed);
    atomic_store_explicit(&member->told_state, role->state, memory_order_relaxed);
    bool leads = role->state == MEMBER_OWNER && role->row.standby != MEMBER_NONE;
    metrics_set(metrics, METRIC_ISSUER_MEMBER_LAG, 0,
                leads ? (int64_t)member_sender_lag(member->sender, role->row.standby) : 0);
    if (member->state == role->state && member_row_equals(&member->row, &role->row))
        return;
    if (role->state == MEMBER_OWNER && member->state != MEMBER_OWNER)
        metrics_add(metrics, METRIC_ISSUER_MEMBER_TERMS, 0, 1);
    log_info("issuer", "this member is now %s epoch=%" PRIu64 " owner=%s standby=%s partition=%u",
             state_name(role->state), role->row.epoch, name_of(member, role->row.owner),
             name_of(member, role->row.standby), journal_meta(member->context.journal)->partition);
    member->state = role->state;
    member->row = role->row;
    member->beat_at_us = 0; /* the others should know at once */
}

/* Answers and the stream of a term end with it. */
static void end_term(struct member *member)
{
    if (member->context.turns == 0)
        return;
    journal_set_streams(member->context.journal, false);
    member_sender_forget(member->sender);
    member->context.turns = 0;
    member->written_term = 0;
}

/* A copy is finished once it has everything that was answered. */
static void note_complete(struct member *member)
{
    const char *dir = journal_folder(member->context.journal);
    struct error error = {""};
    if (!member->copying || !member->role.complete)
        return;
    const char *wrong = ledger_check(member->context.ledger);
    if (wrong != NULL)
        member_follower_give_up(&member->context, wrong);
    if (journal_copying_end(dir, &error) == 0)
        member->copying = false;
    else
        log_warn("issuer", "cannot note that the copy is complete: %s", error.text);
}

void member_work(struct member *member, int64_t now_us)
{
    look_after(member, now_us);
    ask_store(member, now_us);
    if (member->role.state == MEMBER_OWNER) {
        if (member->role.term != member->written_term)
            end_term(member);
        member_sender_work(member->sender);
    } else {
        end_term(member);
        member_follower_work(member->follower, now_us);
        note_complete(member);
    }
    journal_limit_stream(member->context.journal, member_role_confirmed_seq(&member->role));
    beat(member, now_us);
    warn_of_outdated(member, now_us);
    report(member);
}

int member_wait_ms(const struct member *member, int64_t now_us)
{
    int64_t due_us = member->beat_at_us < member->look_at_us ? member->beat_at_us : member->look_at_us;
    int64_t wait_us = due_us - now_us;
    return wait_us <= 0 ? 0 : (int)((wait_us + 999) / 1000);
}

/* --- deciding --- */

bool member_decides(const struct member *member)
{
    return member_role_decides(&member->role) && !member_begins_term(member);
}

bool member_begins_term(const struct member *member)
{
    return member->role.state == MEMBER_OWNER && member->role.term != member->written_term;
}

void member_write_term(struct member *member, int64_t wall_us)
{
    struct journal *journal = member->context.journal;
    const char *name = name_of(member, member->context.self);
    end_term(member);
    if (!journal_reserve(journal, journal_bytes_max(0, 1, 0)))
        return; /* the disk is full: later */
    journal_begin(journal, wall_us);
    uint64_t seq = journal_append_term(journal, member->role.term, name, strlen(name));
    CHECK(term_list_add(ledger_terms(member->context.ledger), member->role.term, seq));
    size_t bytes = journal_write(journal);
    member->written_term = member->role.term;
    member_on_written(member, bytes);
    journal_settle(journal);
    member_on_synced(member);
    journal_set_streams(journal, true);
}

void member_on_written(struct member *member, size_t bytes)
{
    member->context.turns++;
    member_role_on_written(&member->role, member->context.turns);
    member_sender_on_written(member->sender, bytes);
}

void member_on_synced(struct member *member)
{
    const struct member_position end = {member->role.term, journal_written_seq(member->context.journal)};
    member_role_on_synced(&member->role, member->context.turns, &end);
}

uint64_t member_turn(const struct member *member)
{
    return member->context.turns;
}

uint64_t member_released_turn(const struct member *member)
{
    return member->context.turns == 0 ? 0 : member_role_released_turn(&member->role);
}

uint64_t member_term(const struct member *member)
{
    return member->written_term;
}

bool member_is_standby(const struct member *member)
{
    return member->role.state == MEMBER_STANDBY;
}

uint64_t member_epoch(const struct member *member)
{
    return member->role.seen_epoch;
}

/* --- leaving --- */

void member_leave(struct member *member)
{
    member_role_leave(&member->role);
}

bool member_has_left(const struct member *member)
{
    return member->role.state != MEMBER_OWNER ||
           (member->role.row.standby == MEMBER_NONE && !member->role.change.pending);
}

void member_describe(const struct member *member, char *text, size_t size)
{
    unsigned partition = journal_meta(member->context.journal)->partition;
    uint8_t owner = atomic_load_explicit(&member->told_owner, memory_order_relaxed);
    text[0] = '\0';
    switch (atomic_load_explicit(&member->told_state, memory_order_relaxed)) {
    case MEMBER_FOLLOWER:
        if (owner == MEMBER_NONE || owner == member->context.self)
            snprintf(text, size, "partition %u: no member is known to decide", partition);
        else
            snprintf(text, size, "partition %u: follows %.64s", partition, name_of(member, owner));
        break;
    case MEMBER_STANDBY:
        snprintf(text, size, "partition %u: standby of %.64s", partition, name_of(member, owner));
        break;
    case MEMBER_CLAIMING:
        snprintf(text, size, "partition %u: waiting for the store, to decide", partition);
        break;
    case MEMBER_OWNER:
        if (!atomic_load_explicit(&member->told_decides, memory_order_relaxed))
            snprintf(text, size, "partition %u: no standby, so requests are refused", partition);
    }
}

bool member_has_diverged(const struct member *member)
{
    return member->diverged;
}
