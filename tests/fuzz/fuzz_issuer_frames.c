/*
 * Request frames that a partition receives from any peer: several messages, several turns. An accepted frame is
 * answered record for record; the journal contains exactly the issues, policies, redemptions, revocations and erasures
 * that the answers report; and its replay keeps the promises and gives the same ledger.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/change.h"
#include "issuer/recovery/recovery.h"
#include "issuer/turn/turn.h"
#include "journal_input.h"
#include "memory_disk.h"
#include "shared/code.h"
#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "shared/options/options.h"
#include "shared/wire/frame_verification.h"
#include "simple_ledger.h"

#define SEGMENT_BYTES 65536 /* the journal's first segment; shorter than prepared ones, which take long to create */
#define TAG           UINT64_C(0x7461677461677461)
#define TURNS_MAX     8
#define INCARNATION   2
#define START_US      2000

static struct metrics *metrics;
static struct details *details;
static unsigned char segment[SEGMENT_BYTES];

/* A message of an input: flags for repairs and the end of the turn, its size, its bytes. */
enum { FIX_HEADER = 1 << 0, FIX_COUNT = 1 << 1, LAST_OF_TURN = 1 << 2, ONE_PART = 1 << 3, FIX_LENGTHS = 1 << 4 };

static struct journal *open_journal(void)
{
    struct journal_config config = {.dir = JOURNAL_INPUT_DIR,
                                    .partitions = 1,
                                    .segment_bytes = 2u << 20,
                                    .sync_interval_ms = SYNC_ALWAYS,
                                    .worker_by_hand = true};
    struct journal *journal;
    CHECK(journal_open(&config, &journal, NULL) == 0);
    return journal;
}

void fuzz_begin(void)
{
    struct journal_segment_header header = {.version = JOURNAL_VERSION, .first_seq = 1, .size = sizeof segment};
    memory_disk_use();
    metrics = metrics_create("issuer", 0);
    details = details_create();
    struct journal_meta meta;
    journal_input_meta(&meta);
    memcpy(header.magic, JOURNAL_SEGMENT_MAGIC, sizeof header.magic);
    memcpy(header.journal_id, meta.journal_id, sizeof header.journal_id);
    header.checksum = journal_checksum(&header, sizeof header);
    memcpy(segment, &header, sizeof header);
}

/* An empty journal. */
static void write_journal(void)
{
    struct journal_meta meta;
    char path[JOURNAL_PATH_MAX];
    journal_input_meta(&meta);
    journal_segment_path(JOURNAL_INPUT_DIR, 1, path);
    memory_disk_clear();
    CHECK(memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta));
    CHECK(memory_disk_put(path, segment, sizeof segment));
}

/* --- seeds --- */

struct seed {
    unsigned char bytes[65536];
    size_t size;
};

static void add_message(struct seed *seed, unsigned flags, enum frame_kind kind, const void *records, size_t size,
                        uint32_t count)
{
    struct frame_header header;
    uint16_t length = (uint16_t)(sizeof header + size);
    frame_header_write(&header, kind, 0, 1, count);
    frame_header_set_clock(&header, INCARNATION, START_US);
    seed->bytes[seed->size++] = (unsigned char)flags;
    memcpy(seed->bytes + seed->size, &length, sizeof length);
    memcpy(seed->bytes + seed->size + sizeof length, &header, sizeof header);
    seed->size += sizeof length + sizeof header;
    if (size > 0)
        memcpy(seed->bytes + seed->size, records, size);
    seed->size += size;
}

static void add_coupon(struct seed *seed, unsigned flags, enum coupon_op op, const char *id, uint32_t quantity)
{
    struct frame_coupon_request request = {.tag = TAG, .op = (uint8_t)op, .fields = 31, .wait_us = 500};
    struct coupon coupon = {.title = "t",
                            .quantity = quantity,
                            .per_user_limit = 2,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    frame_coupon_write(&request.coupon, &coupon);
    add_message(seed, flags, FRAME_COUPON_REQUESTS, &request, sizeof request, 1);
}

static void add_issues(struct seed *seed, unsigned flags, const char *id, const char *users)
{
    struct frame_issue_request requests[16];
    uint32_t count = 0;
    for (; *users != '\0'; users++, count++) {
        requests[count] = (struct frame_issue_request){.tag = TAG, .op = (uint8_t)(1 + count % 3), .wait_us = 500};
        requests[count].coupon_id_length = (uint8_t)strlen(id);
        requests[count].user_id_length = 1;
        memcpy(requests[count].coupon_id, id, strlen(id));
        requests[count].user_id[0] = *users;
    }
    add_message(seed, flags, FRAME_ISSUE_REQUESTS, requests, count * sizeof *requests, count);
}

static void add_change(struct seed *seed, unsigned flags, enum change_op op, const char *user, uint32_t sequence)
{
    struct frame_change_request request = {.tag = TAG,
                                           .op = (uint8_t)op,
                                           .coupon_id_length = 1,
                                           .user_id_length = 1,
                                           .reference_length = op == CHANGE_REDEEM || op == CHANGE_UNDO,
                                           .wait_us = 500,
                                           .sequence = sequence,
                                           .flags = op == CHANGE_REVOKE ? CHANGE_RESTOCK | CHANGE_AGAIN : 0,
                                           .coupon_id = "A",
                                           .reference = "r"};
    request.user_id[0] = *user;
    add_message(seed, flags, FRAME_CHANGE_REQUESTS, &request, sizeof request, 1);
}

static void seed_changes(struct seed *seed)
{
    const unsigned fixed = FIX_HEADER | FIX_COUNT;
    seed->size = 0;
    add_coupon(seed, fixed | LAST_OF_TURN, COUPON_CREATE, "A", 3);
    add_issues(seed, fixed | LAST_OF_TURN, "A", "abcadb");
    add_change(seed, fixed, CHANGE_REDEEM, "a", 0);
    add_change(seed, fixed, CHANGE_REVOKE, "b", 0);
    add_change(seed, fixed | LAST_OF_TURN, CHANGE_UNDO, "a", 0);
    add_change(seed, fixed, CHANGE_REVOKE, "a", 1);
    add_change(seed, fixed, CHANGE_SHOW, "a", 1);
    add_change(seed, fixed, CHANGE_RESOLVE, "a", 0);
    add_issues(seed, fixed | LAST_OF_TURN, "A", "bdaabb");
    add_change(seed, fixed | LAST_OF_TURN, CHANGE_ERASE, "a", 0);
    add_change(seed, fixed | LAST_OF_TURN, CHANGE_SWEEP, "a", 0);
    add_change(seed, fixed | LAST_OF_TURN, CHANGE_SWEPT, "a", 0);
    fuzz_seed(seed->bytes, seed->size);
}

void fuzz_seeds(void)
{
    static struct seed seed;
    seed_changes(&seed);
    seed.size = 0;
    add_coupon(&seed, FIX_HEADER | FIX_COUNT | LAST_OF_TURN, COUPON_CREATE, "A", 3);
    add_issues(&seed, FIX_HEADER | FIX_COUNT, "A", "abcabc");
    add_issues(&seed, FIX_HEADER | FIX_COUNT | LAST_OF_TURN, "A", "aaadef");
    add_coupon(&seed, FIX_HEADER | FIX_COUNT | LAST_OF_TURN, COUPON_CHANGE, "A", 9);
    add_coupon(&seed, LAST_OF_TURN, COUPON_LIST, "", 5);
    fuzz_seed(seed.bytes, seed.size);
    seed.size = 0;
    add_coupon(&seed, LAST_OF_TURN, COUPON_GET, "A", 1);
    add_message(&seed, FIX_HEADER, FRAME_PING, NULL, 0, 0);
    struct frame_verification_request verification = {
        .tag = TAG, .op = VERIFICATION_READ, .actor_length = 1, .wait_us = 500, .actor = "a"};
    add_message(&seed, FIX_HEADER, FRAME_VERIFICATION_REQUESTS, &verification, sizeof verification, 1);
    add_issues(&seed, ONE_PART, "A", "a");
    add_issues(&seed, LAST_OF_TURN, "nowhere", "ab");
    fuzz_seed(seed.bytes, seed.size);
}

/* --- from an input to messages --- */

static size_t record_size(unsigned kind)
{
    return kind == FRAME_ISSUE_REQUESTS          ? sizeof(struct frame_issue_request)
           : kind == FRAME_CHANGE_REQUESTS       ? sizeof(struct frame_change_request)
           : kind == FRAME_COUPON_REQUESTS       ? sizeof(struct frame_coupon_request)
           : kind == FRAME_VERIFICATION_REQUESTS ? sizeof(struct frame_verification_request)
                                                 : 0;
}

static void fix_change_lengths(uint8_t *bytes)
{
    struct frame_change_request request;
    memcpy(&request, bytes, sizeof request);
    request.coupon_id_length %= COUPON_ID_MAX + 1;
    request.user_id_length %= USER_ID_MAX + 1;
    request.reference_length %= REFERENCE_MAX + 1;
    request.reason_length %= REASON_MAX + 1;
    request.actor_length %= ACTOR_MAX + 1;
    request.request_id_length %= REQUEST_ID_MAX + 1;
    memcpy(bytes, &request, sizeof request);
}

static void fix_coupon_lengths(uint8_t *bytes)
{
    static struct frame_coupon_request request;
    memcpy(&request, bytes, sizeof request);
    request.actor_length %= ACTOR_MAX + 1;
    request.request_id_length %= REQUEST_ID_MAX + 1;
    request.coupon.id_length %= COUPON_ID_MAX + 1;
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        request.coupon.text_lengths[i] %= (uint16_t)(coupon_text_max(i) + 1);
    memcpy(bytes, &request, sizeof request);
}

/* Repairs the lengths of ids and texts. */
static void fix_lengths(unsigned kind, uint8_t *records, size_t size)
{
    for (size_t at = 0; at + record_size(kind) <= size && record_size(kind) > 0; at += record_size(kind)) {
        if (kind == FRAME_ISSUE_REQUESTS) {
            records[at + offsetof(struct frame_issue_request, coupon_id_length)] %= COUPON_ID_MAX + 1;
            records[at + offsetof(struct frame_issue_request, user_id_length)] %= USER_ID_MAX + 1;
        } else if (kind == FRAME_CHANGE_REQUESTS) {
            fix_change_lengths(records + at);
        } else if (kind == FRAME_VERIFICATION_REQUESTS) {
            records[at + offsetof(struct frame_verification_request, actor_length)] %= ACTOR_MAX + 1;
            records[at + offsetof(struct frame_verification_request, request_id_length)] %= REQUEST_ID_MAX + 1;
        } else {
            fix_coupon_lengths(records + at);
        }
    }
}

/* Returns the frame's size, cut to whole records when the count is repaired. */
static size_t fix(unsigned flags, uint8_t *frame, size_t size)
{
    struct frame_header header;
    if (size < sizeof header)
        return size;
    memcpy(&header, frame, sizeof header);
    size_t record = record_size(header.kind);
    if (flags & FIX_HEADER) {
        header.magic = FRAME_MAGIC;
        header.version = FRAME_VERSION;
        header.partition = 0;
        header.flags &= FRAME_TIMED;
        header.partitions = 1;
        header.incarnation = INCARNATION + (header.incarnation & 1);
        header.clock_us = START_US + header.clock_us % 1024;
    }
    if ((flags & FIX_COUNT) && record > 0) {
        header.count = (uint32_t)((size - sizeof header) / record);
        size = sizeof header + header.count * record;
    }
    if (flags & FIX_LENGTHS)
        fix_lengths(header.kind, frame + sizeof header, size - sizeof header);
    memcpy(frame, &header, sizeof header);
    return size;
}

static void take_message(struct turn *turn, unsigned flags, struct fuzz_input *input)
{
    size_t wanted = fuzz_take_u16(input), length;
    const uint8_t *bytes = fuzz_take(input, wanted, &length);
    uint8_t *frame = fuzz_copy(bytes, length);
    zmq_msg_t gateway, request;
    length = fix(flags, frame, length);
    zmq_msg_init_size(&gateway, 5);
    memcpy(zmq_msg_data(&gateway), "gate1", 5);
    zmq_msg_init_size(&request, length);
    memcpy(zmq_msg_data(&request), frame, length);
    free(frame);
    turn_take(turn, &gateway, &request, (flags & ONE_PART) == 0);
    CHECK(zmq_msg_size(&gateway) == 0 && zmq_msg_size(&request) == 0);
    zmq_msg_close(&gateway);
    zmq_msg_close(&request);
}

/* --- what must hold of answers --- */

/* Everything that was granted. */
struct granted {
    uint64_t issues;
    uint64_t policies;
    uint64_t changes;
    uint64_t erasures;
};

static void check_issue_replies(struct granted *granted, const char *records, uint32_t count)
{
    struct frame_issue_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof reply, sizeof reply);
        CHECK(reply.verdict > VERDICT_NONE && reply.verdict < VERDICT_COUNT);
        granted->issues += reply.verdict == VERDICT_ISSUED;
        if (reply.verdict == VERDICT_ISSUED || reply.verdict == VERDICT_ALREADY_ISSUED ||
            reply.verdict == VERDICT_FOUND)
            CHECK(reply.issue.sequence >= 1 && reply.issue.issued_at_us <= reply.now_us);
    }
}

static void check_change_replies(struct granted *granted, const char *records, uint32_t count)
{
    struct frame_change_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof reply, sizeof reply);
        CHECK(reply.verdict > VERDICT_NONE && reply.verdict < VERDICT_COUNT);
        bool changed = ledger_change_changes((enum verdict)reply.verdict);
        granted->changes += changed;
        granted->erasures += reply.verdict == VERDICT_ERASED;
        CHECK(frame_details_whole(&reply.details));
        CHECK(!changed || (frame_issue_whole(&reply.issue) && reply.issue.state != ISSUE_NONE));
        CHECK(reply.issue.code < CODE_NUMBER_END && reply.coupon_id_length <= COUPON_ID_MAX);
    }
}

static void check_coupon_replies(struct granted *granted, const char *records, uint32_t count)
{
    struct frame_coupon_reply reply;
    struct coupon coupon;
    for (uint32_t i = 0; i < count; i++) {
        records += frame_coupon_reply_next(records, &reply);
        CHECK(reply.verdict < VERDICT_COUNT);
        CHECK(frame_coupon_read(&reply.coupon, &coupon));
        CHECK(coupon.issued - coupon.returned <= coupon.quantity);
        granted->policies += reply.verdict == VERDICT_COUPON_CREATED || reply.verdict == VERDICT_COUPON_CHANGED;
    }
}

static void check_answers(struct turn *turn, struct granted *granted)
{
    for (size_t i = 0; i < turn_frames(turn); i++) {
        zmq_msg_t *gateway, *reply;
        struct frame_header header;
        turn_answer(turn, i, &gateway, &reply);
        CHECK(zmq_msg_size(gateway) == 5);
        CHECK(frame_check(zmq_msg_data(reply), zmq_msg_size(reply), &header) == FRAME_OK);
        if (header.kind == FRAME_ISSUE_REPLIES)
            check_issue_replies(granted, frame_records(zmq_msg_data(reply)), header.count);
        else if (header.kind == FRAME_CHANGE_REPLIES)
            check_change_replies(granted, frame_records(zmq_msg_data(reply)), header.count);
        else if (header.kind == FRAME_COUPON_REPLIES)
            check_coupon_replies(granted, frame_records(zmq_msg_data(reply)), header.count);
        else
            CHECK(header.kind == FRAME_PONG || header.kind == FRAME_VERIFICATION_REPLIES);
    }
}

/* --- what must hold of the journal --- */

static void count_record(struct granted *written, const struct journal_record *record)
{
    written->issues += record->type == JOURNAL_ISSUE;
    written->policies += record->type == JOURNAL_COUPON;
    written->changes += record->type == JOURNAL_CHANGE && record->change.user_id_length > 0; /* not by a sweep */
    written->erasures += record->type == JOURNAL_ERASURE;
}

/* The journal must contain exactly what was granted, and the simple ledger must accept all of it. */
static void check_journal(const struct granted *granted, const struct ledger *ledger)
{
    struct journal_reader *reader;
    struct granted written = {0};
    struct simple_ledger *simple = simple_ledger_create();
    const void *batch;
    CHECK(journal_reader_open(JOURNAL_INPUT_DIR, &reader, NULL) == 0);
    journal_reader_own(reader, 0);
    struct journal_batch_header header;
    struct journal_record record;
    while (journal_reader_next(reader, &batch, &header, NULL) == JOURNAL_READ_BATCH) {
        struct journal_batch_reader records;
        journal_batch_reader_init(&records, batch);
        while (journal_batch_reader_next(&records, &record)) {
            count_record(&written, &record);
            CHECK(simple_ledger_take(simple, &record));
        }
    }
    CHECK(memcmp(&written, granted, sizeof written) == 0);
    simple_ledger_compare(simple, ledger);
    simple_ledger_destroy(&simple);
    journal_reader_close(&reader);
}

/* --- one input --- */

static void run_turns(struct turn *turn, struct fuzz_input *input, struct granted *granted)
{
    int64_t now_us = START_US;
    for (unsigned turns = 0; turns < TURNS_MAX && input->left > 0; turns++) {
        unsigned flags = 0;
        while (input->left > 0 && turn_takes_more(turn) && (flags & LAST_OF_TURN) == 0) {
            flags = fuzz_take_byte(input);
            take_message(turn, flags, input);
        }
        now_us += flags;
        turn_decide(turn, now_us, now_us);
        check_answers(turn, granted);
        turn_end(turn);
    }
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct granted granted = {0};
    write_journal();
    struct journal *journal = open_journal();
    struct recovery_result recovered;
    struct ledger *ledger;
    CHECK(recovery_run_alone(journal, &ledger, NULL, &recovered, NULL, NULL) == 0);
    details_forget(details, UINT64_MAX);
    struct turn_config config = {.journal = journal,
                                 .ledger = ledger,
                                 .details = details,
                                 .metrics = metrics,
                                 .requests_max = 64,
                                 .incarnation = INCARNATION};
    struct turn *turn = turn_create(&config);
    run_turns(turn, &input, &granted);
    turn_destroy(&turn);
    journal_abandon(&journal);
    check_journal(&granted, ledger);
    ledger_destroy(&ledger);
    memory_disk_clear();
}
