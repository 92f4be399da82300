/* A turn of a partition: takes frames, decides, writes the journal and answers, without sockets. */
#include "issuer/turn/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "scratch.h"
#include "shared/clock.h"
#include "shared/error.h"
#include "shared/options/options.h"
#include "shared/wire/frame.h"

#define FRAMES_MAX  64
#define INCARNATION 1

struct bench {
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct turn *turn;
    size_t frames;
    size_t requests; /* per frame */
    uint32_t users;
    bool holders; /* the requests come from holders of the coupon */
    uint64_t random;
    zmq_msg_t messages[FRAMES_MAX];
};

static void fill_message(struct bench *bench, zmq_msg_t *message)
{
    CHECK(zmq_msg_init_size(message,
                            sizeof(struct frame_header) + bench->requests * sizeof(struct frame_issue_request)) == 0);
    char *data = zmq_msg_data(message);
    frame_header_write((struct frame_header *)data, FRAME_ISSUE_REQUESTS, 0, 1, (uint32_t)bench->requests);
    frame_header_set_clock(data, INCARNATION, clock_boot_us());
    for (size_t i = 0; i < bench->requests; i++) {
        struct frame_issue_request request = {.op = ISSUE_POST,
                                              .wait_us = UINT32_MAX,
                                              .coupon_id_length = sizeof MICRO_COUPON - 1,
                                              .user_id_length = MICRO_USER,
                                              .coupon_id = MICRO_COUPON};
        scratch_user(request.user_id,
                     bench->holders ? (uint32_t)(scratch_random(&bench->random) % bench->users) + 1 : ++bench->users);
        memcpy(data + sizeof(struct frame_header) + i * sizeof request, &request, sizeof request);
    }
}

/* Creates the messages of a turn, and the next segment when there is none. */
static void prepare(void *arg)
{
    struct bench *bench = arg;
    for (size_t i = 0; i < bench->frames; i++)
        fill_message(bench, &bench->messages[i]);
    journal_work(bench->journal);
}

static void run(void *arg)
{
    struct bench *bench = arg;
    for (size_t i = 0; i < bench->frames; i++) {
        zmq_msg_t gateway;
        zmq_msg_init_size(&gateway, 5);
        turn_take(bench->turn, &gateway, &bench->messages[i], true);
    }
    CHECK(turn_frames(bench->turn) == bench->frames);
    turn_decide(bench->turn, clock_wall_us(), clock_boot_us());
    turn_end(bench->turn);
}

static void open_bench(struct bench *bench, const char *folder, int64_t sync_interval_ms)
{
    bench->journal = scratch_journal(folder, sync_interval_ms);
    bench->ledger = ledger_create(journal_meta(bench->journal)->fingerprint_key);
    struct coupon coupon = scratch_coupon();
    ledger_apply_coupon(bench->ledger, &coupon);
    bench->details = details_create();
    struct turn_config config = {.journal = bench->journal,
                                 .ledger = bench->ledger,
                                 .details = bench->details,
                                 .metrics = metrics_create("issuer", -1),
                                 .requests_max = FRAME_ISSUE_REQUESTS_MAX,
                                 .incarnation = INCARNATION};
    bench->turn = turn_create(&config);
}

static void close_bench(struct bench *bench)
{
    turn_destroy(&bench->turn);
    ledger_destroy(&bench->ledger);
    details_destroy(&bench->details);
    journal_close(&bench->journal);
}

static void measure(struct micro *micro, size_t frames, size_t requests, int64_t sync_interval_ms)
{
    char folder[SCRATCH_PATH_MAX];
    bool synced = sync_interval_ms == SYNC_ALWAYS;
    struct bench bench = {.frames = frames, .requests = requests};
    struct micro_work work = {.clock = synced ? MICRO_WALL : MICRO_CPU,
                              .operations = frames * requests,
                              .operations_max = 2000000,
                              .prepare = prepare,
                              .run = run,
                              .arg = &bench};
    scratch_folder(micro, folder);
    open_bench(&bench, folder, sync_interval_ms);
    micro_measure(micro, &work, "new users, %zu × %zu%s", frames, requests, synced ? ", synced" : "");
    bench.holders = true;
    micro_measure(micro, &work, "holders, %zu × %zu%s", frames, requests, synced ? ", synced" : "");
    close_bench(&bench);
    scratch_remove(folder);
}

void micro_turn(struct micro *micro)
{
    static const struct {
        size_t frames;
        size_t requests;
    } sizes[] = {{1, 1}, {64, 1}, {1, 64}, {1, 1000}, {4, 1000}};
    for (int synced = 0; synced < 2; synced++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            measure(micro, sizes[i].frames, sizes[i].requests, synced ? SYNC_ALWAYS : SYNC_OS);
    }
}
