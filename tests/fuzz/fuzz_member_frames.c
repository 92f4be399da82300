/*
 * What a member hears from hostile or broken other members, as a follower, a standby and an owner: several frames, and
 * between them turns, time, and changes of the row in the store. Ledger and journal stay equal to what a recovery
 * gives; a member confirms only what is on its disk, and no epoch that it has tried to end; an owner's answers wait for
 * its standby; and only batches that contradict the ledger end the process, which leaves a journal without them.
 */
#include "fuzz.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "journal_input.h"
#include "member_fakes.h"
#include "member_scene.h"
#include "memory_disk.h"
#include "shared/journal/reader.h"
#include "simple_ledger.h"

/* The first byte of an input is how the scene begins. Then come steps, each a byte and what it needs. */
enum step {
    STEP_FRAME,  /* flags of member_input.h, size (2), bytes */
    STEP_HONEST, /* kind, sender, detail */
    STEP_WORK,   /* time that has passed, in units of 4 ms */
    STEP_STORE,  /* enum fake_store_mode */
    STEP_ROW,    /* how somebody else changes the row */
    STEP_TURN,   /* whether it has a record */
    STEP_GONE,   /* whose process */
    STEP_LEAVE,  /* a byte without meaning */
    STEPS
};

void fuzz_begin(void)
{
    member_scene_prepare();
}

/* --- steps --- */

static void take_input(struct fuzz_input *input)
{
    static uint8_t frame[UINT16_MAX] __attribute__((aligned(8)));
    const struct member_input receiver = member_scene_about();
    unsigned flags = fuzz_take_byte(input);
    size_t wanted = fuzz_take_u16(input), size;
    const uint8_t *bytes = fuzz_take(input, wanted, &size);
    if (size > 0)
        memcpy(frame, bytes, size);
    size = member_input_fix(&receiver, flags, frame, size);
    member_scene_take(frame, size, (flags & MEMBER_UNALIGNED) != 0);
}

static void take_honest(struct fuzz_input *input)
{
    static const enum frame_kind kinds[] = {FRAME_MEMBER_HEARTBEAT, FRAME_MEMBER_JOIN,     FRAME_MEMBER_CONFIRM,
                                            FRAME_MEMBER_APPEND,    FRAME_MEMBER_DIVERGED, FRAME_MEMBER_FETCH};
    enum frame_kind kind = kinds[fuzz_take_byte(input) % (sizeof kinds / sizeof *kinds)];
    uint8_t from = fuzz_take_byte(input) % 2 == 0 ? SCENE_OWNER : SCENE_OTHER;
    member_scene_say(kind, from, fuzz_take_byte(input));
}

/* Takes over, hands over, names another standby, or the store comes back from a copy. */
static void change_row(unsigned how)
{
    struct member_row row = fakes.row;
    row.epoch++;
    if (how % 4 == 0 && row.standby != MEMBER_NONE) {
        row.owner = fakes.row.standby;
        row.standby = fakes.row.owner;
    } else if (how % 4 == 1 && row.owner != SCENE_SELF) {
        row.standby = SCENE_SELF;
    } else if (how % 4 == 2 && row.owner != SCENE_SELF) {
        row.standby = MEMBER_NONE;
    } else if (how % 4 == 3) {
        row = fakes.row_before;
    } else {
        return;
    }
    fakes_change_row(&row);
}

static void run_step(struct fuzz_input *input)
{
    switch (fuzz_take_byte(input) % STEPS) {
    case STEP_FRAME:
        take_input(input);
        break;
    case STEP_HONEST:
        take_honest(input);
        break;
    case STEP_WORK:
        member_scene_work(fuzz_take_byte(input) * INT64_C(4000));
        break;
    case STEP_STORE:
        fakes.mode = fuzz_take_byte(input) % FAKE_STORE_MODES;
        break;
    case STEP_ROW:
        change_row(fuzz_take_byte(input));
        break;
    case STEP_TURN:
        member_scene_turn(fuzz_take_byte(input) % 2 != 0);
        break;
    case STEP_GONE:
        fakes.gone = fuzz_take_byte(input) % SCENE_MEMBERS;
        break;
    default:
        fuzz_take_byte(input);
        member_leave(scene.member);
        break;
    }
}

/* --- what must hold at the end --- */

/* What the records of a journal amount to. */
struct replayed {
    struct simple_ledger *simple;
    struct term_list terms;
    uint64_t last_seq;
};

/* False for a record that contradicts those before it; no term may be later than `epoch_max`. */
static bool replay(struct replayed *replayed, const void *batch, uint64_t epoch_max)
{
    struct journal_batch_reader records;
    struct journal_record record;
    journal_batch_reader_init(&records, batch);
    while (journal_batch_reader_next(&records, &record)) {
        uint64_t term = record.type == JOURNAL_TERM ? record.term.epoch : 0;
        if (term > epoch_max || (term > 0 && !term_list_add(&replayed->terms, term, record.seq)))
            return false;
        if (!simple_ledger_take(replayed->simple, &record))
            return false;
        replayed->last_seq = record.seq;
    }
    return true;
}

static void replay_journal(struct replayed *replayed)
{
    struct journal_batch_header header;
    struct journal_reader *reader;
    const void *batch;
    *replayed = (struct replayed){.simple = simple_ledger_create()};
    CHECK(journal_reader_open(JOURNAL_INPUT_DIR, &reader, NULL) == 0);
    journal_reader_own(reader, 0);
    while (journal_reader_next(reader, &batch, &header, NULL) == JOURNAL_READ_BATCH)
        CHECK(replay(replayed, batch, UINT64_MAX));
    journal_reader_close(&reader);
}

static void forget_replayed(struct replayed *replayed)
{
    simple_ledger_destroy(&replayed->simple);
    term_list_deinit(&replayed->terms);
}

static void compare(const struct replayed *replayed, struct ledger *ledger)
{
    const struct term_list *terms = ledger_terms(ledger);
    simple_ledger_compare(replayed->simple, ledger);
    CHECK(ledger_check(ledger) == NULL);
    CHECK(terms->count == replayed->terms.count);
    for (size_t i = 0; i < terms->count; i++)
        CHECK(memcmp(&terms->all[i], &replayed->terms.all[i], sizeof terms->all[i]) == 0);
}

static void check_recovery(const struct replayed *replayed)
{
    struct ledger *ledger;
    struct journal *journal = member_scene_recover(&ledger);
    CHECK(journal_written_seq(journal) == replayed->last_seq);
    compare(replayed, ledger);
    ledger_destroy(&ledger);
    journal_abandon(&journal);
}

/* The batches that were to come next contradict the ledger. */
static void check_contradiction(struct replayed *replayed)
{
    struct journal_batch_header header;
    bool fits = true;
    CHECK(scene.frame != NULL && scene.batches != NULL);
    uint8_t *batches = fuzz_copy(scene.batches, scene.batches_size);
    for (size_t at = 0; fits && at < scene.batches_size; at += header.length) {
        CHECK(journal_batch_scan(batches + at, scene.batches_size - at, scene_meta.journal_id, &header, NULL) ==
              JOURNAL_SCAN_BATCH);
        fits = header.first_seq <= replayed->last_seq || replay(replayed, batches + at, scene.said.epoch);
    }
    CHECK(!fits);
    free(batches);
}

static void end_stopped(void)
{
    struct replayed replayed;
    member_scene_close();
    replay_journal(&replayed);
    CHECK(replayed.last_seq >= fakes.confirmed_seq);
    check_recovery(&replayed);
    check_contradiction(&replayed);
    free(scene.frame);
    forget_replayed(&replayed);
}

static void end_running(void)
{
    struct replayed replayed;
    replay_journal(&replayed);
    CHECK(replayed.last_seq == journal_written_seq(scene.journal) && replayed.last_seq >= fakes.confirmed_seq);
    compare(&replayed, scene.ledger);
    member_scene_close();
    if (replayed.last_seq != scene.begin_seq) /* otherwise it was recovered in the beginning */
        check_recovery(&replayed);
    forget_replayed(&replayed);
}

/* --- one input --- */

static void run(struct fuzz_input *input)
{
    unsigned steps = 0;
    member_scene_check();
    while (steps++ < MEMBER_SCENE_STEPS_MAX && input->left > 0 && !member_has_diverged(scene.member)) {
        run_step(input);
        member_scene_check();
    }
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned start = fuzz_take_byte(&input);
    member_scene_open(start);
    if (setjmp(scene_stopped) == 0) {
        member_scene_settle(start);
        run(&input);
        end_running();
    } else {
        end_stopped();
    }
    memory_disk_clear();
}

/* --- seeds --- */

struct seed {
    uint8_t bytes[8192];
    size_t size;
};

static void add(struct seed *seed, const void *bytes, size_t size)
{
    CHECK(seed->size + size <= sizeof seed->bytes);
    memcpy(seed->bytes + seed->size, bytes, size);
    seed->size += size;
}

static void add_step(struct seed *seed, enum step step, uint8_t detail)
{
    const uint8_t bytes[] = {(uint8_t)step, detail};
    add(seed, bytes, sizeof bytes);
}

static void add_honest(struct seed *seed, uint8_t kind, uint8_t from, uint8_t detail)
{
    const uint8_t bytes[] = {STEP_HONEST, kind, from, detail};
    add(seed, bytes, sizeof bytes);
    add_step(seed, STEP_WORK, 5);
}

/* Repaired when it is taken. */
static void add_frame(struct seed *seed, uint8_t flags, enum frame_kind kind, const void *more, size_t size)
{
    struct frame_header header;
    const struct frame_member member = {.from = 2, .turn = 1};
    uint16_t length = (uint16_t)(MEMBER_SCENE_FRAME_FIXED + size);
    const uint8_t step[] = {STEP_FRAME, flags};
    frame_header_write(&header, kind, 0, 1, 1);
    add(seed, step, sizeof step);
    add(seed, &length, sizeof length);
    add(seed, &header, sizeof header);
    add(seed, &member, sizeof member);
    add(seed, more, size);
    add_step(seed, STEP_WORK, 5);
}

/* `length` bytes of a record are behind the room for the header. */
static void add_batch(struct seed *seed, uint8_t flags, const uint8_t *batch, size_t length)
{
    add_frame(seed, flags, FRAME_MEMBER_APPEND, batch, sizeof(struct journal_batch_header) + length);
}

static void seed_following(uint8_t start, uint8_t flags)
{
    static uint8_t batch[1024];
    uint8_t *record = batch + sizeof(struct journal_batch_header);
    static struct seed seed;
    seed.size = 0;
    add(&seed, &start, 1);
    add_batch(&seed, flags, batch, journal_encode_term(record, MEMBER_SCENE_FIRST_EPOCH, "a", 1));
    add_batch(&seed, flags, batch, member_scene_coupon(record));
    add_batch(&seed, flags, batch, member_scene_issue((start & SCENE_EMPTY) != 0 ? 1 : 10, record));
    for (uint8_t detail = 1; detail < 8; detail++)
        add_honest(&seed, 3, SCENE_OWNER, detail);
    add_step(&seed, STEP_GONE, SCENE_OWNER);
    add_step(&seed, STEP_WORK, 20);
    add_step(&seed, STEP_WORK, 1);
    add_step(&seed, STEP_WORK, 1);
    add_step(&seed, STEP_TURN, 1);
    add_frame(&seed, (uint8_t)(flags & ~(unsigned)MEMBER_FIX_OWNER), FRAME_MEMBER_DIVERGED, "", 0);
    add_batch(&seed, flags, batch, member_scene_issue(77, record));
    fuzz_seed(seed.bytes, seed.size);
}

/* A record of a term that is later than its owner's arrives just before the standby takes over. */
static void seed_late_term(uint8_t flags)
{
    static uint8_t batch[256];
    const size_t header = sizeof(struct journal_batch_header);
    const uint8_t start = SCENE_STANDBY;
    static struct seed seed;
    seed.size = 0;
    add(&seed, &start, 1);
    add_step(&seed, STEP_STORE, FAKE_STORE_HANGS);
    add_step(&seed, STEP_WORK, 160);
    add_step(&seed, STEP_WORK, 5);
    size_t length = journal_encode_term(batch + header, MEMBER_SCENE_FIRST_EPOCH + 2, "a", 1);
    add_frame(&seed, flags, FRAME_MEMBER_APPEND, batch, header + length);
    seed.size -= 2; /* not yet the work after it */
    add_step(&seed, STEP_STORE, FAKE_STORE_ANSWERS);
    add_step(&seed, STEP_WORK, 160);
    add_step(&seed, STEP_WORK, 1);
    add_step(&seed, STEP_WORK, 1);
    fuzz_seed(seed.bytes, seed.size);
}

static void seed_owning(uint8_t start, uint8_t flags)
{
    static struct seed seed;
    const struct frame_fetch fetch = {.offset = 8};
    const struct frame_piece piece = {.from_seq = 17, .size = 1};
    seed.size = 0;
    add(&seed, &start, 1);
    for (uint8_t turn = 0; turn < 4; turn++) {
        add_step(&seed, STEP_TURN, turn);
        add_honest(&seed, 2, SCENE_OTHER, 0);
    }
    add_honest(&seed, 1, SCENE_OWNER, 2);
    add_honest(&seed, 5, SCENE_OTHER, 0);
    add_frame(&seed, flags, FRAME_MEMBER_CONFIRM, "", 0);
    add_frame(&seed, flags, FRAME_MEMBER_FETCH, &fetch, sizeof fetch);
    add_frame(&seed, flags, FRAME_MEMBER_PIECE, &piece, sizeof piece);
    add_step(&seed, STEP_STORE, FAKE_STORE_LOSES_ANSWERS);
    add_step(&seed, STEP_WORK, 100);
    add_step(&seed, STEP_STORE, FAKE_STORE_ANSWERS);
    add_step(&seed, STEP_WORK, 5);
    add_step(&seed, STEP_LEAVE, 0);
    add_step(&seed, STEP_WORK, 1);
    add_step(&seed, STEP_ROW, 0);
    add_step(&seed, STEP_WORK, 200);
    fuzz_seed(seed.bytes, seed.size);
}

void fuzz_seeds(void)
{
    const uint8_t all =
        MEMBER_FIX_HEADER | MEMBER_FIX_MEMBER | MEMBER_FIX_ROW | MEMBER_FIX_POSITION | MEMBER_FIX_BATCHES;
    static const uint8_t following[] = {SCENE_FOLLOWER, SCENE_STANDBY}, owning[] = {SCENE_LEADER, SCENE_LEADER_ALONE};
    for (unsigned i = 0; i < 2; i++) {
        seed_following(following[i], all | MEMBER_FIX_OWNER);
        seed_following(following[i] | SCENE_EMPTY, all | MEMBER_FIX_OWNER | MEMBER_UNALIGNED);
        seed_following(following[i] | SCENE_COPYING, all | MEMBER_FIX_OWNER);
        seed_owning(owning[i], all);
        seed_owning(owning[i] | SCENE_ANSWERS_ALONE, all);
        seed_owning(owning[i] | SCENE_ACK_JOURNAL | SCENE_EMPTY, all);
    }
    seed_late_term(all | MEMBER_FIX_OWNER);
}
