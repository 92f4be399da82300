/*
 * One member with a journal on the memory disk, and what happens to it: frames of the two others, time, turns. It is
 * run as its partition runs it.
 */
#ifndef COUPOND_FUZZ_MEMBER_SCENE_H
#define COUPOND_FUZZ_MEMBER_SCENE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "issuer/member/member.h"
#include "member_input.h"

#define MEMBER_SCENE_STEPS_MAX   48
#define MEMBER_SCENE_FIRST_EPOCH 5 /* of the row that the store begins with */
#define MEMBER_SCENE_FRAME_FIXED (sizeof(struct frame_header) + sizeof(struct frame_member))

/* Places in cluster/members, named for their roles at the beginning of most inputs. */
enum { SCENE_OWNER, SCENE_SELF, SCENE_OTHER, SCENE_MEMBERS };

/* How it begins. */
enum member_scene_start {
    SCENE_FOLLOWER = 0,
    SCENE_STANDBY = 1,
    SCENE_LEADER = 2, /* an owner with a standby */
    SCENE_LEADER_ALONE = 3,
    SCENE_ROLE = 3,
    SCENE_ACK_JOURNAL = 1 << 2,
    SCENE_ANSWERS_ALONE = 1 << 3,
    SCENE_COPYING = 1 << 4,
    SCENE_EMPTY = 1 << 5, /* its journal */
};

struct member_scene {
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct member *member;
    uint64_t begin_seq; /* where its journal ended in the beginning */
    bool waits;         /* answers wait for the standby */
    bool alone;         /* without one they do not */
    uint64_t term;
    uint64_t confirmed[SCENE_MEMBERS]; /* the highest turn of this term that each has confirmed */
    struct {
        uint64_t incarnation;
        uint64_t turn;
    } told[2 * MEMBER_SCENE_STEPS_MAX]; /* by APPENDs */
    unsigned told_count;
    /* while a frame is taken; kept when the process is ended meanwhile */
    uint8_t *frame;
    const uint8_t *batches; /* in it; NULL: none */
    size_t batches_size;
    struct frame_member said;
};

extern struct member_scene scene;
extern struct journal_meta scene_meta;
/* Where the member goes that ends its process. Set it before anything is taken. */
extern jmp_buf scene_stopped;

/* Once. */
void member_scene_prepare(void);
/* `start` is of enum member_scene_start. The role follows with member_scene_settle(), as far as nothing prevents it. */
void member_scene_open(unsigned start);
void member_scene_settle(unsigned start);
/* Leaves the files, and the frame. */
void member_scene_close(void);

/* What the member's journal gives: opens it, which must be possible. */
struct journal *member_scene_recover(struct ledger **ledger);

/* What repairs of a frame refer to. */
struct member_input member_scene_about(void);
/* The member takes a copy that ends where the frame ends, at any address. */
void member_scene_take(const uint8_t *frame, size_t size, bool unaligned);
/* Each writes a record: a coupon that the journal has, unless it is empty, and an issue of it. Returns its bytes. */
size_t member_scene_coupon(uint8_t *out);
size_t member_scene_issue(uint32_t sequence, uint8_t *out);
/* What a member that is not at fault says. */
void member_scene_say(enum frame_kind kind, uint8_t from, unsigned detail);
void member_scene_work(int64_t passed_us);
void member_scene_turn(bool has_record);
/* What must hold after each step. */
void member_scene_check(void);

#endif
