#include "member_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "issuer/ledger/change.h"
#include "issuer/recovery/recovery.h"
#include "issuer/snapshot/snapshot.h"
#include "journal_input.h"
#include "journal_sample.h"
#include "member_fakes.h"
#include "memory_disk.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "shared/journal/snapshot_format.h"

#define SEGMENT_BYTES 65536 /* the journal's first segment; shorter than prepared ones, which take long to create */
#define INCARNATION   9
#define SAMPLE_TERM   3
#define SAMPLE_COUPON "B.b-b_B"
#define HEARTBEAT_US  60000
#define BEGIN_US      INT64_C(1000000)

struct member_scene scene;
struct journal_meta scene_meta;
jmp_buf scene_stopped;

static struct options options[4]; /* by SCENE_ACK_JOURNAL and SCENE_ANSWERS_ALONE */
static struct members members;
static struct metrics *metrics;
static uint8_t segment[SEGMENT_BYTES], empty_segment[SEGMENT_BYTES];
static void *snapshot;
static size_t snapshot_size;
static char snapshot_name[JOURNAL_PATH_MAX];
static int64_t now_us;

/* --- once --- */

static int64_t read_clock(void)
{
    return now_us;
}

static void stop(int status)
{
    CHECK(status == 1);
    longjmp(scene_stopped, 1);
}

static void use_disk(void)
{
    static struct disk stopping;
    memory_disk_use();
    stopping = *disk;
    stopping.stop = stop;
    disk = &stopping;
}

static void set(struct options *some, const char *assignment)
{
    CHECK(options_set(some, assignment, NULL) == 0);
}

static void make_options(void)
{
    for (unsigned i = 0; i < 4; i++) {
        options_init(&options[i]);
        set(&options[i], "cluster/members=a=127.0.0.1,b=127.0.0.1:+10,c=127.0.0.1:+20");
        set(&options[i], "issuer/requests=tcp://127.0.0.1:1023");
        set(&options[i], "issuer/member=b");
        set(&options[i], "issuer/standby_timeout_ms=300");
        set(&options[i], "issuer/takeover_ms=600");
        set(&options[i], (i & 1) != 0 ? "issuer/ack=journal" : "issuer/ack=standby");
        set(&options[i], (i & 2) != 0 ? "issuer/alone=answer" : "issuer/alone=refuse");
    }
    CHECK(members_parse(options[0].cluster_members, &members, NULL) == 0);
}

struct journal *member_scene_recover(struct ledger **ledger)
{
    struct journal_config config = journal_sample_config();
    struct recovery_result recovered;
    struct journal *journal;
    CHECK(journal_open(&config, &journal, NULL) == 0);
    CHECK(recovery_run_alone(journal, ledger, NULL, &recovered, NULL, NULL) == 0);
    return journal;
}

/* Cuts a segment that the writer has made. */
static void keep_segment(uint8_t out[SEGMENT_BYTES])
{
    char path[JOURNAL_PATH_MAX];
    struct journal_segment_header header;
    size_t size;
    journal_segment_path(JOURNAL_INPUT_DIR, 1, path);
    const void *bytes = memory_disk_get(path, &size);
    CHECK(bytes != NULL && size >= SEGMENT_BYTES);
    memcpy(out, bytes, SEGMENT_BYTES);
    memcpy(&header, out, sizeof header);
    header.size = SEGMENT_BYTES;
    header.checksum = journal_checksum(&header, sizeof header);
    memcpy(out, &header, sizeof header);
}

static void write_term(struct journal *journal, uint64_t epoch)
{
    CHECK(journal_reserve(journal, journal_bytes_max(0, 1, 0)));
    journal_begin(journal, 5);
    journal_append_term(journal, epoch, "a", 1);
    journal_commit(journal);
}

static void keep_snapshot(void)
{
    struct ledger *ledger;
    struct journal *journal = member_scene_recover(&ledger);
    uint64_t seq = journal_written_seq(journal);
    CHECK(snapshot_write(JOURNAL_INPUT_DIR, &scene_meta, ledger, seq, 50, NULL) == 0);
    snapshot_path(JOURNAL_INPUT_DIR, seq, snapshot_name);
    const void *bytes = memory_disk_get(snapshot_name, &snapshot_size);
    snapshot = fuzz_copy(bytes, snapshot_size);
    ledger_destroy(&ledger);
    journal_abandon(&journal);
}

void member_scene_prepare(void)
{
    use_disk();
    make_options();
    metrics = metrics_create("issuer", 0);
    journal_input_meta(&scene_meta);
    clock_replace(read_clock, read_clock);
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &scene_meta, sizeof scene_meta);
    struct journal *journal = journal_sample_open();
    keep_segment(empty_segment);
    write_term(journal, SAMPLE_TERM);
    journal_sample_coupon(journal, 10, SAMPLE_COUPON, 1000, 9);
    journal_sample_issues(journal, 20, SAMPLE_COUPON, 1, 9);
    journal_abandon(&journal);
    keep_segment(segment);
    keep_snapshot();
    memory_disk_clear();
}

/* --- life --- */

static void write_files(unsigned start)
{
    char path[JOURNAL_PATH_MAX];
    memory_disk_clear();
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &scene_meta, sizeof scene_meta);
    journal_segment_path(JOURNAL_INPUT_DIR, 1, path);
    memory_disk_put(path, (start & SCENE_EMPTY) != 0 ? empty_segment : segment, SEGMENT_BYTES);
    if ((start & SCENE_COPYING) != 0)
        CHECK(journal_copying_begin(JOURNAL_INPUT_DIR, NULL) == 0);
}

static void begin_row(unsigned start)
{
    static const struct member_row rows[] = {
        [SCENE_FOLLOWER] = {MEMBER_SCENE_FIRST_EPOCH, SCENE_OWNER, SCENE_OTHER},
        [SCENE_STANDBY] = {MEMBER_SCENE_FIRST_EPOCH, SCENE_OWNER, SCENE_SELF},
        [SCENE_LEADER] = {MEMBER_SCENE_FIRST_EPOCH, SCENE_SELF, SCENE_OTHER},
        [SCENE_LEADER_ALONE] = {MEMBER_SCENE_FIRST_EPOCH, SCENE_SELF, MEMBER_NONE},
    };
    fakes = (struct fakes){.self = SCENE_SELF, .own_standby = MEMBER_NONE, .gone = MEMBER_NONE};
    fakes.journal = scene.journal;
    fakes.row = fakes.row_before = rows[start & SCENE_ROLE];
}

void member_scene_open(unsigned start)
{
    scene = (struct member_scene){.waits = (start & SCENE_ACK_JOURNAL) == 0, .alone = start & SCENE_ANSWERS_ALONE};
    now_us = BEGIN_US;
    write_files(start);
    scene.journal = member_scene_recover(&scene.ledger);
    scene.begin_seq = journal_written_seq(scene.journal);
    scene.details = details_create();
    begin_row(start);
    const struct member_setup setup = {
        .options = &options[start >> 2 & 3],
        .journal = scene.journal,
        .ledger = scene.ledger,
        .details = scene.details,
        .metrics = metrics,
        .incarnation = INCARNATION,
    };
    scene.member = member_create(&setup, NULL);
    CHECK(scene.member != NULL);
    memory_disk_put(snapshot_name, snapshot, snapshot_size);
}

void member_scene_settle(unsigned start)
{
    for (unsigned i = 0; i < 6; i++)
        member_scene_work(HEARTBEAT_US);
    if ((start & SCENE_ROLE) != SCENE_LEADER)
        return;
    member_scene_say(FRAME_MEMBER_JOIN, SCENE_OTHER, 0);
    member_scene_work(0);
    member_scene_say(FRAME_MEMBER_CONFIRM, SCENE_OTHER, 0);
    member_scene_work(0);
}

void member_scene_close(void)
{
    member_destroy(&scene.member);
    ledger_destroy(&scene.ledger);
    details_destroy(&scene.details);
    journal_abandon(&scene.journal);
    disk->unlink(snapshot_name); /* recovery is to read the journal */
}

/* --- frames --- */

struct member_input member_scene_about(void)
{
    return (struct member_input){
        .members = &members,
        .journal_id = scene_meta.journal_id,
        .row = fakes.row,
        .incarnation = INCARNATION,
        .end_seq = journal_written_seq(scene.journal),
        .end_term = term_list_last(ledger_terms(scene.ledger)).epoch,
        .turns = member_turn(scene.member),
    };
}

/* What the checks have to know of it. */
static void note_frame(const uint8_t *frame, size_t size)
{
    struct frame_header header;
    if (size < MEMBER_SCENE_FRAME_FIXED)
        return;
    memcpy(&header, frame, sizeof header);
    memcpy(&scene.said, frame + sizeof header, sizeof scene.said);
    uint8_t from = members_find_hash(&members, scene.said.from);
    bool is_written = scene.said.turn <= member_turn(scene.member);
    if (header.kind == FRAME_MEMBER_APPEND) {
        scene.told[scene.told_count].incarnation = header.incarnation;
        scene.told[scene.told_count++].turn = scene.said.turn;
    } else if (header.kind == FRAME_MEMBER_CONFIRM && from != MEMBER_NONE && is_written &&
               scene.said.turn > scene.confirmed[from]) {
        scene.confirmed[from] = scene.said.turn;
    }
}

/* Only the owner's records that go on from its very end get into its journal. */
static void check_taken(const struct member_input *before)
{
    if (journal_written_seq(scene.journal) == before->end_seq)
        return;
    CHECK(scene.said.owns && scene.said.from == scene.said.owner && scene.said.to_incarnation == INCARNATION);
    CHECK(scene.said.seq == before->end_seq && scene.said.seq_term == before->end_term);
    CHECK(memcmp(scene.said.journal_id, scene_meta.journal_id, sizeof scene.said.journal_id) == 0);
    CHECK(scene.batches != NULL && member_term(scene.member) == 0);
}

void member_scene_take(const uint8_t *frame, size_t size, bool unaligned)
{
    const struct member_input receiver = member_scene_about();
    size_t before = unaligned ? 1 : 0;
    scene.frame = malloc(before + size + (before + size == 0));
    CHECK(scene.frame != NULL);
    uint8_t *copy = scene.frame + before;
    if (size > 0)
        memcpy(copy, frame, size);
    note_frame(frame, size);
    scene.batches = size > MEMBER_SCENE_FRAME_FIXED ? copy + MEMBER_SCENE_FRAME_FIXED : NULL;
    scene.batches_size = size > MEMBER_SCENE_FRAME_FIXED ? size - MEMBER_SCENE_FRAME_FIXED : 0;
    member_take(scene.member, copy, size, now_us);
    check_taken(&receiver);
    free(scene.frame);
    scene.frame = NULL;
}

size_t member_scene_coupon(uint8_t *out)
{
    static struct coupon coupon;
    coupon = (struct coupon){.id = SAMPLE_COUPON, .title = "t", .number = 2, .quantity = 1000, .per_user_limit = 9};
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    return journal_encode_coupon(out, &coupon, NULL);
}

size_t member_scene_issue(uint32_t sequence, uint8_t *out)
{
    char user[32];
    int length = snprintf(user, sizeof user, "v%u", sequence);
    return journal_encode_issue(out, SAMPLE_COUPON, strlen(SAMPLE_COUPON), user, (size_t)length, sequence, 1);
}

/* A batch that goes on, with one record: a term where one is due, else an issue. Returns its bytes. */
static size_t make_batch(const struct member_input *receiver, uint8_t *batch)
{
    const size_t header = sizeof(struct journal_batch_header);
    const struct ledger_coupon *coupon = ledger_entry(scene.ledger, SAMPLE_COUPON, strlen(SAMPLE_COUPON));
    size_t length;
    memset(batch, 0, header);
    if (receiver->end_term < receiver->row.epoch)
        length = journal_encode_term(batch + header, receiver->row.epoch, "a", 1);
    else
        length = coupon == NULL ? member_scene_coupon(batch + header)
                                : member_scene_issue(coupon->issued + 1, batch + header);
    member_input_seal(receiver, batch, header + length, 1, receiver->end_seq);
    return header + length;
}

/* Puts what follows struct frame_member into `more`; returns how many bytes it is. */
static size_t complete(const struct member_input *receiver, struct frame_member *member, enum frame_kind kind,
                       uint8_t from, unsigned detail, uint8_t *more)
{
    const struct frame_fetch fetch = {.offset = detail % 4 * 64};
    switch (kind) {
    case FRAME_MEMBER_JOIN:
        member->seq -= detail % 4 < member->seq ? detail % 4 : 0;
        term_list_find(ledger_terms(scene.ledger), member->seq, &member->seq_term);
        return 0;
    case FRAME_MEMBER_CONFIRM:
        member->seq = fakes.sent[from].last_seq;
        member->turn = fakes.sent[from].turn;
        return 0;
    case FRAME_MEMBER_APPEND:
        member->turn = detail;
        return detail % 3 == 0 ? 0 : make_batch(receiver, more);
    case FRAME_MEMBER_FETCH:
        memcpy(more, &fetch, sizeof fetch);
        return sizeof fetch;
    default:
        return 0;
    }
}

void member_scene_say(enum frame_kind kind, uint8_t from, unsigned detail)
{
    static uint8_t frame[MEMBER_SCENE_FRAME_FIXED + 1024] __attribute__((aligned(8)));
    const struct member_input receiver = member_scene_about();
    struct frame_member member = member_input_say(&receiver, from);
    struct frame_header header;
    size_t size = complete(&receiver, &member, kind, from, detail, frame + MEMBER_SCENE_FRAME_FIXED);
    frame_header_write(&header, kind, 0, 1, kind != FRAME_MEMBER_APPEND || size > 0 ? 1 : 0);
    header.incarnation = MEMBER_INPUT_INCARNATION;
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, &member, sizeof member);
    member_scene_take(frame, MEMBER_SCENE_FRAME_FIXED + size, false);
}

/* --- as a partition does --- */

void member_scene_work(int64_t passed_us)
{
    now_us += passed_us;
    member_work(scene.member, now_us);
    if (member_begins_term(scene.member))
        member_write_term(scene.member, 100);
    if (member_term(scene.member) != scene.term)
        memset(scene.confirmed, 0, sizeof scene.confirmed);
    scene.term = member_term(scene.member);
}

/* Returns the bytes that were written. */
static size_t write_coupon(void)
{
    static struct coupon result;
    struct coupon policy = {.title = "t", .quantity = 1, .per_user_limit = 1, .redeem_until_us = TIME_NONE};
    policy.starts_at_us = policy.ends_at_us = TIME_NONE;
    snprintf(policy.id, sizeof policy.id, "turn-%u", (unsigned)journal_written_seq(scene.journal));
    if (ledger_decide_create(scene.ledger, &policy, 200, &result) != VERDICT_COUPON_CREATED ||
        !journal_reserve(scene.journal, journal_bytes_max(0, 0, 1)))
        return 0;
    journal_begin(scene.journal, 200);
    result.journal_seq = journal_append_coupon(scene.journal, &result, NULL);
    ledger_apply_coupon(scene.ledger, &result);
    return journal_write(scene.journal);
}

void member_scene_turn(bool has_record)
{
    if (!member_decides(scene.member))
        return;
    member_on_written(scene.member, has_record ? write_coupon() : 0);
    journal_settle(scene.journal);
    member_on_synced(scene.member);
}

/* --- what must hold --- */

/* An owner's answers wait for the standby in the row that it has written. */
static void check_released(void)
{
    uint64_t turn = member_released_turn(scene.member);
    CHECK(turn <= member_turn(scene.member));
    if (!scene.waits || turn == 0)
        return;
    CHECK(fakes.own_standby != MEMBER_NONE || scene.alone);
    CHECK(fakes.own_standby == MEMBER_NONE || turn <= scene.confirmed[fakes.own_standby]);
}

/* A follower has confirmed only turns that it was told of. */
static void check_confirmed_turn(void)
{
    bool told = fakes.confirmed_turn == 0;
    for (unsigned i = 0; i < scene.told_count; i++)
        told |= scene.told[i].incarnation == fakes.confirmed_incarnation && scene.told[i].turn >= fakes.confirmed_turn;
    CHECK(told);
}

void member_scene_check(void)
{
    uint64_t written = journal_written_seq(scene.journal);
    check_released();
    check_confirmed_turn();
    CHECK(journal_synced_seq(scene.journal) <= written && journal_acked_seq(scene.journal) <= written);
    CHECK(!member_decides(scene.member) || member_term(scene.member) > 0);
    CHECK(term_list_last(ledger_terms(scene.ledger)).epoch <= member_epoch(scene.member));
}
