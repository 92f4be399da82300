#include "issuer/member/role.h"

#include <string.h>

#include "shared/error.h"

#define COURT_AGAIN_HEARTBEATS 10 /* before a member that did not answer is courted again */

/* --- life --- */

void member_role_init(struct member_role *role, const struct member_config *config, const struct member_position *end,
                      bool complete, int64_t now_us)
{
    CHECK(config->count <= MEMBERS_MAX && config->self < config->count);
    *role = (struct member_role){
        .config = *config,
        .row = {.owner = MEMBER_NONE, .standby = MEMBER_NONE},
        .reading = true,
        .started_us = now_us,
        .owner_heard_us = now_us,
        .end = *end,
        .seen_epoch = end->term,
        .complete = complete,
        .courted = MEMBER_NONE,
    };
    for (uint8_t i = 0; i < MEMBERS_MAX; i++)
        role->peers[i].heard_us = INT64_MIN / 2;
}

static bool is_silent(const struct member_role *role, uint8_t member, int64_t after_us, int64_t now_us)
{
    return now_us - role->peers[member].heard_us > after_us;
}

/* --- the row --- */

static void see_epoch(struct member_role *role, uint64_t epoch)
{
    role->seen_epoch = epoch > role->seen_epoch ? epoch : role->seen_epoch;
}

/* The state of a member that does not own anything. */
static void follow_row(struct member_role *role)
{
    role->state = MEMBER_FOLLOWER;
    role->leaving = false;
    if (role->row.owner == role->config.self && role->complete)
        role->state = MEMBER_CLAIMING;
    else if (role->row.standby == role->config.self)
        role->state = MEMBER_STANDBY;
}

/* Adopts a row that is newer than the known one. */
static void learn_row(struct member_role *role, const struct member_row *row, int64_t now_us)
{
    see_epoch(role, row->epoch);
    if (row->epoch <= role->row.epoch || role->change.pending)
        return;
    role->row = *row;
    role->owner_heard_us = now_us;
    follow_row(role);
}

static void become_owner(struct member_role *role, int64_t now_us)
{
    role->state = MEMBER_OWNER;
    role->term = role->row.epoch;
    role->written_turn = role->synced_turn = 0;
    role->synced_seq = role->earlier_seq = role->end.seq;
    role->confirmed_seq = 0;
    role->courted = MEMBER_NONE;
    role->court_at_us = now_us;
    role->leaving = false;
    for (uint8_t i = 0; i < role->config.count; i++) {
        role->peers[i].matches = false;
        role->peers[i].turn = role->peers[i].seq = 0;
    }
}

static void begin_change(struct member_role *role, uint8_t owner, uint8_t standby)
{
    const struct member_row to = {role->row.epoch + 1, owner, standby};
    member_change_begin(&role->change, &role->row, &to);
}

/* Somebody else has changed the row. */
static void lose(struct member_role *role)
{
    role->state = MEMBER_FOLLOWER;
    role->leaving = false;
    role->reading = true;
    role->read_at_us = 0;
}

/* --- the store --- */

void member_role_ask(const struct member_role *role, struct member_ask *ask)
{
    if (role->change.pending)
        member_change_ask(&role->change, ask);
    else
        *ask = (struct member_ask){.kind = role->reading ? MEMBER_ASK_READ : MEMBER_ASK_NOTHING};
}

/* An earlier start may have made this change, and decided since. Only a change that this one makes gives it a term. */
static void take_change(struct member_role *role, enum member_changed changed, int64_t now_us)
{
    bool acquires = role->state == MEMBER_CLAIMING;
    role->row = role->change.to;
    role->row_since_us = role->owner_heard_us = now_us;
    see_epoch(role, role->row.epoch);
    if (role->row.owner != role->config.self)
        follow_row(role);
    else if (acquires && changed == MEMBER_CHANGE_MADE)
        become_owner(role, now_us);
}

/* What was read may be outdated, hence never replaces a newer row. The standby succeeds the owner only if the store
 * answers and still names both: otherwise a false alarm would mute a standby that is needed. */
static void take_reading(struct member_role *role, const struct member_row *row, int64_t now_us)
{
    role->reading = false;
    role->read_at_us = now_us + role->config.takeover_us;
    if (row->epoch > role->row.epoch) {
        if (role->state == MEMBER_OWNER)
            role->state = MEMBER_FOLLOWER;
        learn_row(role, row, now_us);
        return;
    }
    bool overdue = now_us - role->owner_heard_us > role->config.takeover_us;
    if (role->state == MEMBER_STANDBY && overdue && role->complete && member_row_equals(row, &role->row))
        role->state = MEMBER_CLAIMING;
}

void member_role_on_answer(struct member_role *role, const struct member_ask *ask, enum member_outcome outcome,
                           const struct member_row *row, int64_t now_us)
{
    if (ask->kind == MEMBER_ASK_READ) {
        if (outcome == MEMBER_MATCHED && !role->change.pending)
            take_reading(role, row, now_us);
        return;
    }
    enum member_changed changed = member_change_on_answer(&role->change, outcome);
    if (changed == MEMBER_CHANGE_LOST)
        lose(role);
    else if (changed != MEMBER_CHANGE_OPEN)
        take_change(role, changed, now_us);
}

/* --- the others --- */

static uint64_t all_answered_seq(const struct member_role *role)
{
    return role->confirmed_seq > role->earlier_seq ? role->confirmed_seq : role->earlier_seq;
}

void member_role_heartbeat(const struct member_role *role, struct member_heartbeat *heartbeat)
{
    *heartbeat = (struct member_heartbeat){
        .seen_epoch = role->seen_epoch,
        .row = role->row,
        .owns = role->state == MEMBER_OWNER,
        .answered_seq = role->state == MEMBER_OWNER ? all_answered_seq(role) : 0,
    };
}

void member_role_on_heartbeat(struct member_role *role, uint8_t from, const struct member_heartbeat *heartbeat,
                              int64_t now_us)
{
    role->peers[from].heard_us = now_us;
    see_epoch(role, heartbeat->seen_epoch);
    if (role->state == MEMBER_OWNER) {
        role->reading |= heartbeat->seen_epoch > role->row.epoch && !role->change.pending;
        return;
    }
    learn_row(role, &heartbeat->row, now_us);
    if (heartbeat->owns && member_row_equals(&heartbeat->row, &role->row) && from == role->row.owner)
        role->owner_heard_us = now_us;
}

void member_role_on_gone(struct member_role *role, uint8_t member, int64_t now_us)
{
    role->peers[member].heard_us = now_us - role->config.shrink_us - 1;
    if (role->state <= MEMBER_STANDBY && member == role->row.owner) {
        role->owner_heard_us = now_us - role->config.takeover_us - 1;
        role->read_at_us = now_us;
    }
}

/* An owner that stood still does not know yet that it is none any more. A member that was restarted meanwhile has
 * forgotten the row, but not the term at the end of its journal. */
bool member_role_follows(const struct member_role *role, uint8_t from, const struct member_heartbeat *heartbeat)
{
    return heartbeat->owns && from == heartbeat->row.owner && heartbeat->row.epoch >= role->seen_epoch &&
           heartbeat->row.epoch > role->muted_epoch && role->state <= MEMBER_STANDBY && !role->change.pending;
}

void member_role_on_followed(struct member_role *role, const struct member_position *end, uint64_t answered_seq)
{
    role->end = *end;
    role->complete |= end->seq >= answered_seq;
}

bool member_role_may_discard(const struct member_role *role)
{
    return role->state == MEMBER_FOLLOWER && !role->change.pending && role->row.epoch > 0 &&
           role->row.owner != role->config.self && role->row.standby != role->config.self;
}

void member_role_on_discarded(struct member_role *role)
{
    role->end = (struct member_position){0};
    role->complete = false;
}

/* --- an owner: what may leave --- */

bool member_role_decides(const struct member_role *role)
{
    const struct member_row *row = &role->row;
    return role->state == MEMBER_OWNER && !role->leaving &&
           (!role->config.confirms || role->config.alone || row->standby != MEMBER_NONE);
}

void member_role_on_written(struct member_role *role, uint64_t turn)
{
    role->written_turn = turn;
}

/* The rows that the store may have. */
static unsigned possible_rows(const struct member_role *role, struct member_row rows[2])
{
    rows[0] = role->row;
    rows[1] = role->change.to;
    return role->change.pending ? 2 : 1;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t member_role_released_turn(const struct member_role *role)
{
    struct member_row rows[2];
    uint64_t turn = role->state == MEMBER_OWNER ? role->synced_turn : 0;
    if (!role->config.confirms)
        return turn;
    unsigned count = possible_rows(role, rows);
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].owner != role->config.self || (rows[i].standby == MEMBER_NONE && !role->config.alone))
            return 0;
        if (rows[i].standby != MEMBER_NONE)
            turn = least(turn, role->peers[rows[i].standby].turn);
    }
    return role->courted == MEMBER_NONE ? turn : least(turn, role->peers[role->courted].turn);
}

/* Nobody but the owner can have the records that no standby has; so without one, whatever is synced counts. */
static void update_confirmed(struct member_role *role)
{
    struct member_row rows[2];
    uint64_t seq = role->synced_seq;
    if (role->state != MEMBER_OWNER)
        return;
    unsigned count = possible_rows(role, rows);
    for (unsigned i = 0; i < count && role->config.confirms; i++) {
        if (rows[i].owner == role->config.self && rows[i].standby != MEMBER_NONE)
            seq = least(seq, role->peers[rows[i].standby].seq);
    }
    if (role->courted != MEMBER_NONE)
        seq = least(seq, role->peers[role->courted].seq);
    role->confirmed_seq = seq > role->confirmed_seq ? seq : role->confirmed_seq;
}

uint64_t member_role_confirmed_seq(const struct member_role *role)
{
    return role->confirmed_seq;
}

void member_role_on_synced(struct member_role *role, uint64_t turn, const struct member_position *end)
{
    role->synced_turn = turn;
    role->synced_seq = end->seq;
    role->end = *end;
    update_confirmed(role);
}

void member_role_on_confirmation(struct member_role *role, uint8_t from, const struct member_confirmation *confirmation,
                                 int64_t now_us)
{
    struct member_peer *peer = &role->peers[from];
    if (role->state != MEMBER_OWNER || confirmation->epoch < role->term || !peer->matches)
        return;
    peer->heard_us = now_us;
    peer->turn = confirmation->turn > peer->turn ? confirmation->turn : peer->turn;
    peer->seq = confirmation->seq > peer->seq ? confirmation->seq : peer->seq;
    update_confirmed(role);
}

void member_role_on_joining(struct member_role *role, uint8_t from, uint64_t seq, bool matches, int64_t now_us)
{
    struct member_peer *peer = &role->peers[from];
    peer->heard_us = now_us;
    peer->matches = matches;
    peer->seq = matches ? seq : 0;
    peer->turn = 0;
}

bool member_role_sends_all(const struct member_role *role, uint8_t to)
{
    struct member_row rows[2];
    unsigned count = possible_rows(role, rows);
    bool named = role->courted == to;
    for (unsigned i = 0; i < count; i++)
        named |= rows[i].standby == to;
    return named && (role->row.standby == MEMBER_NONE || role->row.standby == to);
}

void member_role_leave(struct member_role *role)
{
    role->leaving = true;
}

/* --- an owner: its standby --- */

static bool is_fit(const struct member_role *role, uint8_t member, int64_t now_us)
{
    const struct member_peer *peer = &role->peers[member];
    return member != role->config.self && peer->matches && !is_silent(role, member, role->config.shrink_us, now_us);
}

/* The follower that has most; MEMBER_NONE: there is none that has every record up to `seq`. */
static uint8_t find_follower(const struct member_role *role, uint64_t seq, int64_t now_us)
{
    uint8_t found = MEMBER_NONE;
    for (uint8_t i = 0; i < role->config.count; i++) {
        if (i == role->row.standby || !is_fit(role, i, now_us) || role->peers[i].seq < seq)
            continue;
        if (found == MEMBER_NONE || role->peers[i].seq > role->peers[found].seq)
            found = i;
    }
    return found;
}

static void stop_courting(struct member_role *role, int64_t now_us)
{
    role->courted = MEMBER_NONE;
    role->court_at_us = now_us + COURT_AGAIN_HEARTBEATS * role->config.heartbeat_us;
}

/* Names a standby. From the moment when it is chosen, answers wait for it; it is named once it has what was answered
 * before. */
static void court(struct member_role *role, int64_t now_us)
{
    uint8_t courted = role->courted;
    if (courted == MEMBER_NONE) {
        role->courted = now_us >= role->court_at_us ? find_follower(role, 0, now_us) : MEMBER_NONE;
        role->courted_seq = role->synced_seq;
    } else if (!is_fit(role, courted, now_us)) {
        stop_courting(role, now_us);
    } else if (role->peers[courted].seq >= role->courted_seq) {
        begin_change(role, role->config.self, courted);
        role->courted = MEMBER_NONE;
    }
}

/* Everything that was answered is confirmed; so whoever has that may be named instead of a silent standby. */
static void replace_standby(struct member_role *role, int64_t now_us)
{
    uint8_t standby = role->row.standby;
    bool silent = is_silent(role, standby, role->config.shrink_us, now_us);
    uint8_t next = find_follower(role, all_answered_seq(role), now_us);
    int64_t patience_us = !silent               ? role->config.shrink_us /* for it to join */
                          : next != MEMBER_NONE ? 0
                                                : 2 * role->config.heartbeat_us; /* for others to join */
    if (!is_fit(role, standby, now_us) && now_us - role->row_since_us >= patience_us)
        begin_change(role, role->config.self, next);
}

/* Everything is answered, and the standby has it, too: they change places. */
static void hand_over(struct member_role *role, int64_t now_us)
{
    uint8_t standby = role->row.standby;
    if (standby == MEMBER_NONE || !is_fit(role, standby, now_us) || role->synced_turn < role->written_turn ||
        role->peers[standby].turn < role->written_turn || role->peers[standby].seq < role->synced_seq)
        return;
    begin_change(role, standby, role->config.self);
}

static void lead(struct member_role *role, int64_t now_us)
{
    update_confirmed(role);
    if (role->change.pending)
        return;
    if (role->row.standby == MEMBER_NONE)
        court(role, now_us);
    else
        replace_standby(role, now_us);
    if (!role->change.pending && role->leaving)
        hand_over(role, now_us);
}

/* --- a follower --- */

/* A store that was restored from an old copy names a former owner: whoever has seen later epochs knows better. */
bool member_role_is_outdated(const struct member_role *role)
{
    return role->seen_epoch > role->row.epoch || role->end.term > role->row.epoch;
}

/* An owner claims its row after a restart, when it has heard the others. The standby of a silent owner changes places
 * with it: the former owner has all that was answered, too. Nobody else is sure to have it: an earlier start may have
 * asked for this change, which may happen only now, and this start may have confirmed more since. */
static void claim(struct member_role *role, int64_t now_us)
{
    bool own = role->row.owner == role->config.self;
    if (now_us - role->started_us < 3 * role->config.heartbeat_us || role->change.pending)
        return;
    if (member_role_is_outdated(role)) {
        role->reading |= now_us >= role->read_at_us;
        return;
    }
    role->muted_epoch = role->row.epoch;
    begin_change(role, role->config.self, own ? role->row.standby : role->row.owner);
}

static void watch_owner(struct member_role *role, int64_t now_us)
{
    if (now_us - role->owner_heard_us > role->config.takeover_us && now_us >= role->read_at_us)
        role->reading = true;
}

void member_role_tick(struct member_role *role, int64_t now_us)
{
    switch (role->state) {
    case MEMBER_OWNER:
        lead(role, now_us);
        break;
    case MEMBER_CLAIMING:
        claim(role, now_us);
        break;
    case MEMBER_STANDBY:
    case MEMBER_FOLLOWER:
        watch_owner(role, now_us);
        break;
    }
}
