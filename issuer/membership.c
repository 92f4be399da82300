#include "issuer/membership.h"

#include <inttypes.h>
#include <stdlib.h>

#include "issuer/held.h"
#include "issuer/issuer_clock.h"
#include "issuer/member/anew.h"
#include "shared/clock.h"
#include "shared/telemetry/log.h"

#define HELD_BYTES_MAX (64u << 20) /* of answers; beyond it requests are returned */

struct membership {
    struct member_setup setup;
    struct member *member;
    struct held *held;
    uint64_t held_term; /* of what is held */
    struct turn *turn;
    struct issuer_clock *clock;
    membership_send_fn send;
    void *arg;
};

/* --- life --- */

struct membership *membership_create(const struct member_setup *setup, struct issuer_clock *clock,
                                     membership_send_fn send, void *arg, struct error *error)
{
    struct membership *membership = calloc(1, sizeof *membership);
    CHECK(membership != NULL);
    *membership = (struct membership){.setup = *setup, .clock = clock, .send = send, .arg = arg};
    membership->held = held_create();
    membership->member = member_create(setup, error);
    if (membership->member == NULL)
        membership_destroy(&membership);
    return membership;
}

void membership_destroy(struct membership **membership)
{
    if (*membership == NULL)
        return;
    member_destroy(&(*membership)->member);
    held_destroy(&(*membership)->held);
    free(*membership);
    *membership = NULL;
}

void membership_set_turn(struct membership *membership, struct turn *turn)
{
    membership->turn = turn;
}

/* Without a store that says who else may be the standby, a silent one is waited for, for as long as it takes. */
static bool decides(const struct membership *membership)
{
    return member_decides(membership->member) && held_bytes(membership->held) < HELD_BYTES_MAX;
}

void membership_on_written(void *arg)
{
    struct membership *membership = arg;
    if (decides(membership))
        member_on_written(membership->member, turn_bytes(membership->turn));
}

int membership_fd(const struct membership *membership)
{
    return member_fd(membership->member);
}

/* --- frames --- */

static void send(struct membership *membership, zmq_msg_t *gateway, zmq_msg_t *reply)
{
    if (!membership->send(membership->arg, gateway, reply))
        metrics_add(membership->setup.metrics, METRIC_ISSUER_REPLIES_DROPPED, 0, 1);
}

bool membership_take(struct membership *membership, zmq_msg_t *gateway, zmq_msg_t *request)
{
    zmq_msg_t returned;
    zmq_msg_init(&returned);
    bool taken = member_take(membership->member, zmq_msg_data(request), zmq_msg_size(request), clock_mono_us());
    if (!taken && !decides(membership) && turn_return(membership->turn, request, clock_boot_us(), &returned)) {
        send(membership, gateway, &returned);
        taken = true;
    }
    zmq_msg_close(&returned);
    if (taken) {
        zmq_msg_close(gateway);
        zmq_msg_close(request);
    }
    return taken;
}

/* --- answers --- */

static void release(struct membership *membership)
{
    zmq_msg_t *gateway, *reply;
    uint64_t turn = member_released_turn(membership->member);
    while (held_first(membership->held, turn, &gateway, &reply)) {
        send(membership, gateway, reply);
        held_drop_first(membership->held);
    }
}

/* What was decided in a term that is over, and never confirmed, gets no answer. */
static void drop_void(struct membership *membership)
{
    uint64_t term = member_term(membership->member);
    if (membership->held_term == term)
        return;
    size_t dropped = held_drop_all(membership->held);
    if (dropped > 0)
        log_warn("issuer", "answers that no standby has confirmed are void answers=%zu partition=%u", dropped,
                 journal_meta(membership->setup.journal)->partition);
    metrics_add(membership->setup.metrics, METRIC_ISSUER_REPLIES_DROPPED, 0, dropped);
    membership->held_term = term;
}

void membership_work(struct membership *membership)
{
    struct member *member = membership->member;
    release(membership); /* what is confirmed by now, before the role may end */
    member_work(member, clock_mono_us());
    if (member_begins_term(member)) {
        struct journal *journal = membership->setup.journal;
        issuer_clock_note_journal(membership->clock, journal_meta(journal)->partition, journal_last_time_us(journal));
        member_write_term(member, issuer_clock_now_us(membership->clock));
    }
    if (member_has_diverged(member))
        member_begin_anew(membership->setup.journal);
    drop_void(membership);
    release(membership);
    turn_set_member(membership->turn, member_epoch(member), decides(membership));
}

int membership_wait_ms(const struct membership *membership)
{
    return member_wait_ms(membership->member, clock_mono_us());
}

bool membership_answer(struct membership *membership)
{
    if (!decides(membership))
        return false; /* only pongs, which say just that */
    member_on_synced(membership->member);
    for (size_t i = 0; i < turn_frames(membership->turn); i++) {
        zmq_msg_t *gateway, *reply;
        turn_answer(membership->turn, i, &gateway, &reply);
        held_add(membership->held, member_turn(membership->member), gateway, reply);
    }
    release(membership);
    return true;
}

void membership_describe(const struct membership *membership, char *text, size_t size)
{
    member_describe(membership->member, text, size);
}

/* --- leaving --- */

bool membership_leave(struct membership *membership)
{
    member_leave(membership->member);
    return member_has_left(membership->member);
}
