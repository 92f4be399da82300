/*
 * One run of the simulation: the real turn, journal, feed and delivery in one thread, on a virtual clock, disk, network
 * and store, all driven by one seed. A fault ends the run with a message.
 */
#ifndef COUPOND_SIM_H
#define COUPOND_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_random.h"

#define SIM_PARTITIONS_MAX 3
#define SIM_PERSISTERS_MAX 3
#define SIM_GATEWAYS_MAX   3

/* The events of a run, with their names in a summary. */
#define SIM_FAULT_TABLE(X)                                                                                             \
    X(KILLED, "issuer killed in a disk operation")                                                                     \
    X(KILLED_AT_START, "issuer killed while it started")                                                               \
    X(KILLED_AT_STOP, "issuer killed while it stopped")                                                                \
    X(POWER_LOST, "power lost with it")                                                                                \
    X(TORN_WRITE, "unsynced write torn by the loss of power")                                                          \
    X(NAME_LOST, "unsynced name lost with the power")                                                                  \
    X(SHORT_WRITE, "write cut short")                                                                                  \
    X(INTERRUPTED, "write interrupted")                                                                                \
    X(SYNC_FAILED, "sync failed")                                                                                      \
    X(STOPPED_ITSELF, "issuer stopped itself after a fault of the disk")                                               \
    X(START_REFUSED, "start refused because of a fault of the disk")                                                   \
    X(DISK_FULL, "no room on the disk")                                                                                \
    X(OVERLOADED, "issue refused because the disk is full")                                                            \
    X(STOPPED, "issuer stopped in order")                                                                              \
    X(ISSUER_PAUSED, "issuer stood still")                                                                             \
    X(PERSISTER_KILLED, "persister killed")                                                                            \
    X(PERSISTER_PAUSED, "persister stood still")                                                                       \
    X(CLOCK_BACK, "clock set back")                                                                                    \
    X(CLOCK_FORWARD, "clock set forward")                                                                              \
    X(REQUEST_LOST, "requests lost")                                                                                   \
    X(REQUEST_DOUBLED, "requests delivered twice")                                                                     \
    X(REPLY_LOST, "replies lost")                                                                                      \
    X(EVENTS_LOST, "events lost")                                                                                      \
    X(EVENTS_DOUBLED, "events delivered twice")                                                                        \
    X(ACK_LOST, "acknowledgement lost")                                                                                \
    X(ACK_DOUBLED, "acknowledgement delivered twice")                                                                  \
    X(REORDERED, "message overtook another")                                                                           \
    X(LATE, "reply after its request had been answered")                                                               \
    X(LINK_HELD, "messages to and from a gateway held back")                                                           \
    X(DEADLINE_PASSED, "request refused after its deadline")                                                           \
    X(OTHER_INCARNATION, "request refused that was meant for the issuer before its restart")                           \
    X(RESTARTED, "gateway noticed that the issuer had restarted")                                                      \
    X(STORE_AWAY, "transaction failed")                                                                                \
    X(COMMIT_UNKNOWN, "connection lost after the commit")                                                              \
    X(STORE_EMPTIED, "store came back empty")                                                                          \
    X(STORE_OLDER, "store came back from a backup")                                                                    \
    X(REFUSED, "frame refused because it is meant for another store")                                                  \
    X(PROBED, "issuer read the id of its store")                                                                       \
    X(COMPARED_LATE, "issuer compared with its store after the start")                                                 \
    X(BEHIND, "persister reported that the store lacks records")                                                       \
    X(ROW_REJECTED, "row refused for ever")                                                                            \
    X(SEGMENT_BEGUN, "segment begun")                                                                                  \
    X(SEGMENT_REMOVED, "segment removed")                                                                              \
    X(SNAPSHOT_WRITTEN, "snapshot written")                                                                            \
    X(SNAPSHOT_DAMAGED, "newest of two snapshots damaged")                                                             \
    X(SNAPSHOT_LOADED, "start with a snapshot")                                                                        \
    X(GONE, "records gone with the store that were in no segment any more")                                            \
    X(DIVIDED, "start with a ledger that was recovered in parts")                                                      \
    X(REPEATED, "request with the key of an earlier issue")                                                            \
    X(REDEEMED, "issue redeemed")                                                                                      \
    X(REDEEMED_SO, "redemption repeated")                                                                              \
    X(EXPIRED, "redemption of an expired issue refused")                                                               \
    X(UNDONE, "redemption undone")                                                                                     \
    X(REVOKED, "issue revoked")                                                                                        \
    X(REFUSED_FOR, "request refused because the issue is revoked")                                                     \
    X(SWEPT, "all issues of a coupon revoked")                                                                         \
    X(SWEEP_INTERRUPTED, "start during the revocation of all issues of a coupon")                                      \
    X(RESOLVED, "code resolved")                                                                                       \
    X(NOT_ELIGIBLE, "request refused because of the coupon's segments")                                                \
    X(SEGMENTS_LEARNED, "request sent again with the segments that the coupon has now")                                \
    X(FORBIDDEN, "change refused because the coupon is somebody else's")                                               \
    X(ERASED, "user erased")                                                                                           \
    X(LOST_UNSYNCED, "answered records lost with the power, as the sync policy allows")

enum sim_fault {
#define X(id, text) SIM_##id,
    SIM_FAULT_TABLE(X)
#undef X
        SIM_FAULT_COUNT
};

/* The settings of this run, derived from its seed; rates are per 1000 steps. Each run leaves most faults out. */
struct sim_plan {
    uint16_t partitions;
    unsigned persisters;
    unsigned gateways;
    int64_t sync_interval_ms;
    size_t requests_max;
    size_t segment_bytes;
    uint64_t snapshot_bytes; /* of journal between two snapshots */
    size_t rows_max;
    unsigned in_flight_max;
    int64_t gather_us;
    unsigned coupons;
    unsigned coupons_first; /* created before anything else; the others among the issues */
    unsigned users;
    unsigned operations;
    uint32_t creates, changes; /* of coupons, per 1000 operations */
    uint32_t redemptions;      /* and other changes of issues, per 1000 of the rest */
    uint32_t sweeps;           /* and erasures, per 1000 of those */
    uint32_t keyed;            /* per 1000 requests for an issue */
    uint32_t limit_max;        /* of a coupon's issues to one user */
    size_t sweep_records;      /* of one step */
    uint32_t changes_a_frame, coupons_a_frame;
    int64_t delay_us_max;
    uint32_t lose, repeat; /* per 1000 messages */
    uint32_t hold_link;
    uint32_t kill, stop, pause_issuer, lose_power;
    uint32_t kill_persister, pause_persister;
    uint32_t step_clock;
    int64_t clock_settle_us;
    bool damage_snapshot; /* once, while the issuer is down */
    uint32_t short_write, interrupted, sync_error, fill_disk;
    uint32_t store_fails, commit_unknown, empty_store, older_store, reject_rows;
    bool second_store; /* the last of several persisters fills another database */
};

struct sim {
    uint64_t seed;
    struct sim_random random;
    struct sim_plan plan;
    int64_t mono_us;
    int64_t wall_us;
    int64_t booted_us; /* when the issuer's machine was started, by mono_us */
    bool quiet;        /* no faults any more */
    bool verbose;
    uint64_t trace; /* hash of the trace */
    uint64_t counts[SIM_FAULT_COUNT];
    char failure[512]; /* "": no fault found */

    struct sim_network *network;
    struct sim_gateways *gateways;
    struct sim_clients *clients;
    struct sim_issuer *issuer;
    struct sim_database *database;
    struct sim_persisters *persisters;
};

void sim_plan_make(struct sim_plan *plan, struct sim_random *random);

/* Records the first fault; the run ends soon. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool sim_failed(const struct sim *sim)
{
    return sim->failure[0] != '\0';
}

/* A step of the trace. Printed when the run is verbose. */
void sim_trace(struct sim *sim, const char *what, uint64_t a, uint64_t b);
/* A fault happened. */
void sim_count(struct sim *sim, enum sim_fault fault);
/* The issuer machine's clock for deadlines. */
static inline int64_t sim_boot_us(const struct sim *sim)
{
    return sim->mono_us - sim->booted_us;
}
/* True when a fault with this rate should happen now. */
bool sim_strikes(struct sim *sim, uint32_t per_mille);

const char *sim_fault_name(enum sim_fault fault);

#endif
