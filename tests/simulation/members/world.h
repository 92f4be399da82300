/*
 * Several members of one partition in one thread: their roles by the real code, journals as lists of records, the row
 * in a store whose writes may have unknown outcomes, and a network that delays, loses and cuts in each direction. One
 * seed determines everything. The checker judges every answer.
 */
#ifndef COUPOND_SIM_MEMBERS_WORLD_H
#define COUPOND_SIM_MEMBERS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/member/role.h"
#include "tests/simulation/sim_random.h"

#define NODES_MAX    5
#define RECORDS_MAX  4096
#define USERS_MAX    2000
#define MESSAGES_MAX 2048
#define ASKED_MAX    64
#define TURNS_MAX    256
#define NOBODY       (-1)

enum fault {
    FAULT_KILLED,
    FAULT_POWER_LOST,
    FAULT_TAIL_LOST,
    FAULT_DISK_LOST,
    FAULT_PAUSED,
    FAULT_LINK_CUT,
    FAULT_MESSAGE_LOST,
    FAULT_HANDED_OVER,
    FAULT_TAKEN_OVER,
    FAULT_RECLAIMED,
    FAULT_NAMED,
    FAULT_SHRUNK,
    FAULT_REPLACED,
    FAULT_FENCED,
    FAULT_DISCARDED,
    FAULT_STORE_AWAY,
    FAULT_UNKNOWN_MADE,
    FAULT_UNKNOWN_LATER,
    FAULT_UNKNOWN_NEVER,
    FAULT_STALE_READ,
    FAULT_STORE_RESTORED,
    FAULT_COUNT
};

/* A record of a journal: an issue, or the beginning of a term. */
struct record {
    uint64_t term;
    int user; /* NOBODY: a term begins */
};

struct journal_list {
    struct record records[RECORDS_MAX];
    uint64_t count;
    uint64_t of_user[USERS_MAX]; /* the sequence of its record; 0: none */
    int issued;
};

enum result { RESULT_ISSUED, RESULT_HELD, RESULT_SOLD_OUT, RESULT_FOUND, RESULT_NOT_FOUND };

struct request {
    int user;
    bool lookup;
    uint64_t began; /* order of events */
    uint64_t turn;
    enum result result;
    uint64_t seq; /* of the user's record */
};

struct turn {
    uint64_t number;
    uint64_t end; /* records of the journal after it */
};

struct node {
    uint8_t index;
    bool up;
    int64_t start_at_us;
    int64_t still_until_us;
    uint32_t incarnation;
    /* the disk */
    struct journal_list journal;
    uint64_t synced; /* records that survive a loss of power */
    bool complete;
    /* the process */
    struct member_role role;
    bool begun; /* as an owner: the term has its record */
    uint64_t turns;
    struct turn unsynced[TURNS_MAX];
    size_t unsynced_count;
    uint64_t turn_followed;     /* the latest turn of the owner that its journal contains */
    struct member_row followed; /* the row of the owner whose records it has taken */
    uint64_t answered_seq, followed_seq, followed_term;
    uint32_t followed_incarnation;
    bool confirms;   /* something is to be synced and confirmed */
    uint64_t taking; /* the epoch that it has tried to succeed */
    uint64_t streamed;
    struct request waiting[ASKED_MAX]; /* for a turn */
    size_t waiting_count;
    struct request decided[TURNS_MAX];
    size_t decided_count;
    uint64_t sent[NODES_MAX]; /* records sent to a follower */
    bool joined[NODES_MAX];
    uint32_t joined_incarnation[NODES_MAX];
    int64_t beat_at_us;
    int64_t join_at_us;
    /* its question to the store */
    bool asking;
    struct member_ask ask;
    int64_t answer_at_us;
};

enum message_kind { MESSAGE_HEARTBEAT, MESSAGE_JOIN, MESSAGE_APPEND, MESSAGE_CONFIRM, MESSAGE_DIVERGED };

struct message {
    enum message_kind kind;
    uint8_t from, to;
    uint32_t to_incarnation; /* 0: any */
    uint32_t from_incarnation;
    int64_t due_us;
    struct member_heartbeat heartbeat;
    struct member_confirmation confirmation;
    uint64_t turn;  /* of an APPEND: the journal contains it afterwards */
    uint64_t after; /* of an APPEND: its records come after so many; of a JOIN: so many the journal has */
    uint64_t after_term;
    uint64_t term; /* of the owner */
    uint64_t count;
    struct record records[16];
};

struct plan {
    uint8_t nodes;
    bool alone;
    uint32_t kill, lose_power, lose_disk, pause, cut, lose, leave;
    uint32_t store_away, unknown, stale;
    uint32_t restore; /* of an old copy of the store; only where somebody always remembers */
    int64_t delay_us_max;
    int quantity;
};

struct world {
    uint64_t seed;
    struct sim_random random;
    struct plan plan;
    bool verbose;
    bool quiet;
    int64_t now_us;
    uint64_t order;
    char failure[256];
    uint64_t counts[FAULT_COUNT];
    struct node nodes[NODES_MAX];
    int64_t cut_until_us[NODES_MAX][NODES_MAX];
    struct message messages[MESSAGES_MAX];
    size_t messages_count;
    /* the store */
    struct member_row rows[4096]; /* by epoch */
    uint64_t epoch;
    uint64_t epoch_max;         /* before the store was restored */
    struct member_ask late[16]; /* writes whose answer was lost, and that may still happen */
    size_t late_count;
    int database[RECORDS_MAX]; /* what persisters stored; -2: nothing */
    uint64_t database_count;
    /* what clients were told */
    uint64_t told_seq[USERS_MAX]; /* 0: nothing */
    uint64_t told_order[USERS_MAX];
    int told_count;
    uint64_t sold_out_order; /* 0: never */
    uint64_t answers;
    uint64_t answers_quiet;
    bool begun[4096]; /* terms */
};

void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_count(struct world *world, enum fault fault);
bool world_strikes(struct world *world, uint32_t per_mille);
void world_trace(const struct world *world, const struct node *node, const char *what, uint64_t a, uint64_t b);

/* nodes.c */
void node_start(struct world *world, struct node *node);
void node_work(struct world *world, struct node *node);
void node_stop(struct world *world, struct node *node, bool power, bool disk);
/* True when losing its disk loses nothing that was answered, as the row promises. */
bool node_may_lose_disk(const struct world *world, const struct node *node);

/* net.c */
void net_send(struct world *world, const struct message *message);
bool net_take(struct world *world, uint8_t to, struct message *message);

/* store.c */
void store_begin(struct world *world, struct node *node);
void store_work(struct world *world, struct node *node);
/* Late writes happen. */
void store_happen(struct world *world);
/* An old copy of the store is restored; what it had meanwhile is known to members only. */
void store_restore(struct world *world);
/* An operator writes the row anew, after the latest one that there was. */
void store_repair(struct world *world);
const struct member_row *store_row(const struct world *world);

/* judge.c */
void judge_answer(struct world *world, const struct node *node, const struct request *request);
void judge_term(struct world *world, const struct node *node);
void judge_confirmation(struct world *world, const struct node *node);
void judge_discard(struct world *world, const struct node *node);
void judge_stream(struct world *world, struct node *node);
void judge_end(struct world *world);

#endif
