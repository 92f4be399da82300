#include "issuer/issuer.h"

#include <czmq.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "issuer/issuer_clock.h"
#include "issuer/member/start.h"
#include "issuer/partition.h"
#include "issuer/recovery/earlier.h"
#include "issuer/recovery/progress.h"
#include "issuer/store/check.h"
#include "issuer/stream.h"
#include "issuer/verification/verification.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/journal.h"
#include "shared/process/memory.h"
#include "shared/store/store.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/status_http.h"
#include "shared/wire/peer.h"

enum issuer_phase { PHASE_RECOVERING, PHASE_ASKING_STORE, PHASE_COMPLETING, PHASE_DECIDING };

struct issuer {
    /* shared: progress of the start, for readiness */
    _Atomic enum issuer_phase phase;
    struct recovery_progress progress[PARTITIONS_MAX];
    struct recovery_earlier_progress earlier;
    char store[72]; /* written before the phase that uses it */
    struct issuer_clock *clock;

    /* owned by the main thread; the actors own the contents while they run */
    uint16_t partitions_count;
    struct journal *journals[PARTITIONS_MAX];
    struct partition *partitions[PARTITIONS_MAX];
    zactor_t *partition_actors[PARTITIONS_MAX];
    struct store_check *store_check;
    struct stream *stream;
    zactor_t *stream_actor;
    struct status_http *status;
    struct verification *verification;
    bool guarded; /* peer_guard_begin() was called */
    const struct options *options;
};

/* Opens one partition on its own thread. */
struct opening {
    struct issuer *issuer;
    const struct options *options;
    uint16_t index;
    pthread_t thread;
    bool started;
    int result;
    struct error error;
};

static int open_partition(struct issuer *issuer, uint16_t index, const struct options *options, struct error *error)
{
    char dir[JOURNAL_PATH_MAX];
    journal_partition_dir(options->issuer_journal_dir, index, dir);
    if (options->cluster_members[0] != '\0' && member_start(options, index, dir, error) != 0)
        return -1;
    struct journal_config config = {
        .dir = dir,
        .partition = index,
        .partitions = issuer->partitions_count,
        .segment_bytes = (size_t)options->issuer_segment_mb << 20,
        .sync_interval_ms = options_sync_interval_ms(options),
        .metrics = metrics_create("issuer", index),
        .signal = stream_signal(issuer->stream),
    };
    if (journal_open(&config, &issuer->journals[index], error) != 0)
        return -1;
    return partition_create(options, issuer->journals[index], issuer->clock, &issuer->progress[index],
                            &issuer->partitions[index], error);
}

static void *opening_main(void *arg)
{
    struct opening *opening = arg;
    opening->result = open_partition(opening->issuer, opening->index, opening->options, &opening->error);
    if (opening->result == 0)
        recovery_progress_note(&opening->issuer->progress[opening->index], RECOVERY_DONE, 0, 0);
    return NULL;
}

/* Opens all partitions in parallel, since recovery of long journals takes long. */
static int open_partitions(struct issuer *issuer, const struct options *options, struct error *error)
{
    struct opening *openings = calloc(issuer->partitions_count, sizeof *openings);
    CHECK(openings != NULL);
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        struct opening *opening = &openings[i];
        *opening = (struct opening){.issuer = issuer, .options = options, .index = i, .result = -1};
        int reason = pthread_create(&opening->thread, NULL, opening_main, opening);
        opening->started = reason == 0;
        if (reason != 0)
            error_set(&opening->error, "cannot start a thread: %s", strerror(reason));
    }
    int result = 0;
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        if (openings[i].started)
            pthread_join(openings[i].thread, NULL);
        if (openings[i].result != 0 && result == 0)
            result = error_set(error, "%s", openings[i].error.text);
    }
    free(openings);
    return result;
}

static int add_to_stream(struct issuer *issuer, struct error *error)
{
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        if (stream_add(issuer->stream, issuer->journals[i], journal_folder(issuer->journals[i]), error) != 0)
            return -1;
    }
    return 0;
}

/* Before any folder is created: with a wrong number, those of further partitions would stay behind, and with a lower
 * one, partitions would silently get no service. What else is wrong with a folder is reported when it is opened. */
static int check_partitions(const struct issuer *issuer, const struct options *options, struct error *error)
{
    char dir[JOURNAL_PATH_MAX];
    struct journal_meta meta;
    struct error ignored;
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        journal_partition_dir(options->issuer_journal_dir, i, dir);
        if (journal_meta_read(dir, &meta, &ignored) == 0 &&
            journal_meta_check_partitions(&meta, dir, issuer->partitions_count, error) != 0)
            return -1;
    }
    journal_partition_dir(options->issuer_journal_dir, issuer->partitions_count, dir);
    if (access(dir, F_OK) != 0)
        return 0;
    return error_set(error, "%s exists, but issuer/partitions is %u: the number is fixed for the life of a journal",
                     dir, issuer->partitions_count);
}

static int describe_store(struct issuer *issuer, const struct options *options, struct error *error)
{
    struct store *store = store_create(options, error);
    if (store == NULL)
        return -1;
    snprintf(issuer->store, sizeof issuer->store, "%s", store_describe(store));
    store_destroy(&store);
    return 0;
}

/* Whether a member's journal is that of its store, the row in the store says (issuer/member/start.h). A follower's is
 * behind the store, and that is no fault. */
static int check_store(struct issuer *issuer, const struct options *options, struct error *error)
{
    if (options->cluster_members[0] != '\0')
        return 0;
    issuer->phase = PHASE_ASKING_STORE;
    switch (store_check_run(issuer->store_check, options, issuer->journals, issuer->partitions_count, error)) {
    case STORE_CHECK_FAILED:
        return -1;
    case STORE_CHECK_OUTSTANDING:
        stream_await_comparison(issuer->stream);
        return 0;
    case STORE_CHECK_DONE:
        break;
    }
    return 0;
}

/* Adds what journals of version 1 forgot. */
static int complete_ledgers(struct issuer *issuer, const struct options *options, struct error *error)
{
    struct recovery_earlier_part parts[PARTITIONS_MAX];
    issuer->phase = PHASE_COMPLETING;
    for (uint16_t i = 0; i < issuer->partitions_count; i++)
        parts[i] = (struct recovery_earlier_part){issuer->journals[i], partition_ledger(issuer->partitions[i])};
    return recovery_earlier_run(options, parts, issuer->partitions_count, &issuer->earlier, error);
}

static int open_all(struct issuer *issuer, const struct options *options, struct error *error)
{
    if (check_partitions(issuer, options, error) != 0 ||
        stream_create(options, issuer->clock, issuer->store_check, &issuer->stream, error) != 0)
        return -1;
    if (open_partitions(issuer, options, error) != 0)
        return -1;
    if (describe_store(issuer, options, error) != 0)
        return -1;
    if (check_store(issuer, options, error) != 0 || complete_ledgers(issuer, options, error) != 0)
        return -1;
    return add_to_stream(issuer, error);
}

/* Reports a full disk, but stays ready: holders and refusals are still answered. */
static bool describe_full(const struct issuer *issuer, char why[READY_WHY_MAX])
{
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        if (!journal_is_full(issuer->journals[i]))
            continue;
        snprintf(why, READY_WHY_MAX, "the disk has no room for the journal of partition %u: new issues are refused", i);
        return true;
    }
    return false;
}

static bool describe_memory(char why[READY_WHY_MAX])
{
    char text[128];
    if (!*memory_scarce())
        return false;
    memory_describe(text);
    snprintf(why, READY_WHY_MAX, "memory is scarce, new issues, changes and coupons are refused: %.62s", text);
    return true;
}

/* The first endpoint that other machines can reach without a secret; NULL: none. */
static const char *find_open_endpoint(const struct options *options)
{
    const char *const endpoints[] = {options->issuer_requests, options->issuer_events, options->issuer_acks};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (peer_is_open_to_all(endpoints[i]))
            return endpoints[i];
    }
    return NULL;
}

static void describe_open(const struct issuer *issuer, char why[READY_WHY_MAX])
{
    const char *endpoint = find_open_endpoint(issuer->options);
    if (why[0] == '\0' && endpoint != NULL)
        snprintf(why, READY_WHY_MAX, "%.60s accepts every peer: set cluster/secret_file", endpoint);
}

static void warn_of_open(const struct options *options, struct metrics *metrics)
{
    const char *endpoint = find_open_endpoint(options);
    metrics_set(metrics, METRIC_ISSUER_UNAUTHENTICATED, 0, endpoint != NULL);
    if (endpoint != NULL)
        log_warn(
            "issuer",
            "no cluster/secret_file is set: any peer that can reach %s can issue and create coupons and acknowledge "
            "records; create a secret with coupond keygen, and set cluster/secret_file for all roles",
            endpoint);
}

/* Not a reason to stop deciding, but operators must know. */
static void describe_other_store(const struct issuer *issuer, char why[READY_WHY_MAX])
{
    char id[STORE_ID_TEXT_MAX];
    if (stream_sees_other_store(issuer->stream, id))
        snprintf(why, READY_WHY_MAX, "a persister fills another store, id %s: its acknowledgements are ignored", id);
}

/* It may turn out to be the wrong journal, and then every decision until then is void. */
static void describe_uncompared(const struct issuer *issuer, char why[READY_WHY_MAX])
{
    if (stream_is_uncompared(issuer->stream))
        snprintf(why, READY_WHY_MAX, "not compared with the store yet: %.72s", issuer->store);
}

static void describe_members(const struct issuer *issuer, char why[READY_WHY_MAX])
{
    for (uint16_t i = 0; i < issuer->partitions_count && why[0] == '\0'; i++)
        partition_describe(issuer->partitions[i], why, READY_WHY_MAX);
}

static void describe_lacking(struct issuer *issuer, char why[READY_WHY_MAX])
{
    uint64_t lacking = issuer->earlier.lacking - issuer->earlier.added;
    if (why[0] == '\0' && lacking > 0)
        snprintf(why, READY_WHY_MAX, "%" PRIu64 " earlier issues are unknown since the upgrade: see the log", lacking);
}

bool issuer_ready(void *arg, char why[READY_WHY_MAX])
{
    struct issuer *issuer = arg;
    enum issuer_phase phase = issuer->phase;
    switch (phase) {
    case PHASE_RECOVERING:
        recovery_progress_describe(issuer->progress, issuer->partitions_count, why, READY_WHY_MAX);
        return false;
    case PHASE_ASKING_STORE:
        snprintf(why, READY_WHY_MAX, "waiting for the store, to compare the journal with it: %s", issuer->store);
        return false;
    case PHASE_COMPLETING:
        snprintf(why, READY_WHY_MAX, "reading issues that a journal of version 1 forgot: %" PRIu64 " of %" PRIu64,
                 (uint64_t)issuer->earlier.added, (uint64_t)issuer->earlier.lacking);
        return false;
    case PHASE_DECIDING:
        describe_other_store(issuer, why);
        describe_uncompared(issuer, why);
        if (!describe_full(issuer, why) && why[0] == '\0' && !describe_memory(why))
            issuer_clock_describe(issuer->clock, why, READY_WHY_MAX);
        describe_lacking(issuer, why);
        describe_members(issuer, why);
        describe_open(issuer, why);
    }
    return true;
}

static int open_verification(struct issuer *issuer, struct metrics *metrics, struct error *error)
{
    issuer->verification = verification_create(issuer->options, metrics, error);
    if (issuer->verification == NULL)
        return -1;
    partition_set_verification(issuer->partitions[0], issuer->verification);
    return 0;
}

static void start_actors(struct issuer *issuer)
{
    for (uint16_t i = 0; i < issuer->partitions_count; i++) {
        issuer->partition_actors[i] = zactor_new(partition_actor, issuer->partitions[i]);
        CHECK(issuer->partition_actors[i] != NULL);
    }
    issuer->stream_actor = zactor_new(stream_actor, issuer->stream);
    CHECK(issuer->stream_actor != NULL);
}

struct issuer *issuer_create(const struct options *options)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    CHECK(issuer != NULL);
    memory_begin(NULL, (uint64_t)options->issuer_memory_mb_max << 20);
    issuer->partitions_count = (uint16_t)options->issuer_partitions;
    issuer->options = options;
    issuer->store_check = store_check_create();
    issuer->clock = issuer_clock_create(options->issuer_clock_settle_ms);
    return issuer;
}

int issuer_open(struct issuer *issuer, struct error *error)
{
    const struct options *options = issuer->options;
    memory_check(clock_mono_us(), MEMORY_CHECK_MS);
    struct metrics *metrics = metrics_create("issuer", -1);
    warn_of_open(options, metrics);
    peer_guard_begin(metrics);
    issuer->guarded = true;
    const struct status_http_config status = {
        .option = "issuer/http", .address = options->issuer_http, .ready = issuer_ready, .arg = issuer};
    if (status_http_open(&status, &issuer->status, error) != 0 || open_all(issuer, options, error) != 0 ||
        open_verification(issuer, metrics, error) != 0)
        return -1;
    start_actors(issuer);
    issuer->phase = PHASE_DECIDING;
    log_info("issuer", "%s requests=%s partitions=%u sync=%s journal=%s",
             options->issuer_member[0] == '\0' ? "deciding" : "running as a member", options->issuer_requests,
             issuer->partitions_count, options->issuer_sync, options->issuer_journal_dir);
    return 0;
}

int issuer_start(const struct options *options, struct issuer **issuer, struct error *error)
{
    struct issuer *self = issuer_create(options);
    if (issuer_open(self, error) != 0) {
        issuer_stop(&self);
        return -1;
    }
    *issuer = self;
    return 0;
}

void issuer_stop(struct issuer **issuer)
{
    struct issuer *self = *issuer;
    if (self == NULL)
        return;
    status_http_close(&self->status);
    for (uint16_t i = 0; i < self->partitions_count; i++) { /* all at once: members take a moment to hand over */
        if (self->partition_actors[i] != NULL)
            zstr_send(self->partition_actors[i], "$TERM");
    }
    for (uint16_t i = 0; i < self->partitions_count; i++)
        zactor_destroy(&self->partition_actors[i]);
    verification_destroy(&self->verification);
    zactor_destroy(&self->stream_actor);
    for (uint16_t i = 0; i < self->partitions_count; i++) {
        partition_destroy(&self->partitions[i]);
        journal_close(&self->journals[i]); /* may still use the stream's signal */
    }
    stream_destroy(&self->stream);
    store_check_destroy(&self->store_check);
    if (self->guarded)
        peer_guard_end();
    issuer_clock_destroy(&self->clock);
    free(self);
    *issuer = NULL;
}
