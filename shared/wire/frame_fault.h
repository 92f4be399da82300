/*
 * Reasons for dropping a frame, one row each, with the text for the log and the label of the metric. An actor counts
 * all frames that it drops and logs the first for each reason, so that a peer cannot flood the log.
 */
#ifndef COUPOND_FRAME_FAULT_H
#define COUPOND_FRAME_FAULT_H

#include <stdint.h>

#include "shared/telemetry/metrics.h"

#define FRAME_FAULT_TABLE(X)                                                                                           \
    X(PARTS, MALFORMED, "it does not have exactly one part")                                                           \
    X(SHORT, MALFORMED, "it is shorter than a header")                                                                 \
    X(LONG, MALFORMED, "it is longer than a frame may be")                                                             \
    X(MAGIC, MALFORMED, "it does not begin with coupond's magic number")                                               \
    X(VERSION, MALFORMED, "its format has another version")                                                            \
    X(KIND, MALFORMED, "its kind is unknown")                                                                          \
    X(RECEIVER, MALFORMED, "its kind is for another receiver")                                                         \
    X(PARTITION, MALFORMED, "its partition does not exist")                                                            \
    X(RESERVED, MALFORMED, "its reserved bytes are not zero")                                                          \
    X(INCARNATION, MALFORMED, "its incarnation of the issuer is missing")                                              \
    X(CLOCK, MALFORMED, "its clock is out of range")                                                                   \
    X(RECORDS, MALFORMED, "it has more records than a frame may hold")                                                 \
    X(SIZE, MALFORMED, "its size does not match its number of records")                                                \
    X(ISSUE_REQUEST, MALFORMED, "an issue request in it is malformed")                                                 \
    X(CHANGE_REQUEST, MALFORMED, "a change request in it is malformed")                                                \
    X(COUPON_REQUEST, MALFORMED, "a coupon request in it is malformed")                                                \
    X(VERIFICATION_REQUEST, MALFORMED, "a verification request in it is malformed")                                    \
    X(MEMBER, MALFORMED, "what it says of members contradicts itself")                                                 \
    X(SEQUENCES, MALFORMED, "its first sequence, last sequence and number of records do not agree")                    \
    X(ACKNOWLEDGED, MALFORMED, "it contains records that its header calls acknowledged")                               \
    X(JOURNAL_BATCH, MALFORMED, "a journal batch in it is damaged")                                                    \
    X(GAP, MALFORMED, "its journal batches leave out a sequence")                                                      \
    X(TIME, MALFORMED, "a time in it is out of range")                                                                 \
    X(STORE, MALFORMED, "it names no store")                                                                           \
    X(OTHER_PARTITIONS, MISDIRECTED, "its sender has another number of partitions; set the same issuer/partitions")    \
    X(OTHER_PARTITION, MISDIRECTED, "it is meant for another partition")                                               \
    X(OTHER_COUPON, MISDIRECTED, "a coupon in it belongs to another partition")                                        \
    X(OTHER_JOURNAL, MISDIRECTED, "it is about another journal")                                                       \
    X(OTHER_MEMBERS, MISDIRECTED, "its sender is not in this member's list; set the same cluster/members")

enum frame_fault {
    FRAME_OK, /* none */
#define X(id, drop, text) FRAME_FAULT_##id,
    FRAME_FAULT_TABLE(X)
#undef X
        FRAME_FAULT_COUNT
};

/* The reason as a sentence about "it", the frame; FRAME_OK has one, too. A constant string. */
const char *frame_fault_text(enum frame_fault fault);

/* Owned by the thread of the actor that drops frames. */
struct frame_drops {
    const char *role; /* of the log lines */
    struct metrics *metrics;
    enum metric metric; /* a counter with the labels DROP */
    uint32_t logged;    /* a bit for each fault */
};

/* Counts a dropped frame. Logs the first with each fault; `format` adds the frame's origin to that line. */
void frame_drops_add(struct frame_drops *drops, enum frame_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
