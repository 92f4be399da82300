#include "persister/persister.h"

#include <czmq.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "persister/retry.h"
#include "persister/writer.h"
#include "shared/clock.h"
#include "shared/process/stop.h"
#include "shared/store/store.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/status_http.h"

#define START_TRIES   5
#define SILENCE_US    INT64_C(60000000)
#define STUCK_WAIT_MS 300 /* for a connection attempt in progress, when stopping */

struct persister {
    /* shared: progress of the start, for readiness */
    atomic_bool started;
    char store[72]; /* constant */

    /* owned by the main thread; constant once it has started */
    const struct options *options;
    struct writer **writers;
    zactor_t **actors;
    size_t count; /* of running writers */
    struct status_http *status;
};

/* --- the first connection, on a thread that may be abandoned: it owns everything it uses --- */

struct first_connection {
    struct options options;
    struct store *store;
    enum store_result result;
    struct error error;
};

static void connect_store(void *arg)
{
    struct first_connection *first = arg;
    first->result = store_connect(first->store, &first->error);
    if (first->result == STORE_OK)
        first->result = store_migrate(first->store, &first->error);
}

static void release(void *arg)
{
    struct first_connection *first = arg;
    store_destroy(&first->store);
    free(first);
}

static struct first_connection *create_first_connection(const struct options *options, struct error *error)
{
    struct first_connection *first = calloc(1, sizeof *first);
    CHECK(first != NULL);
    first->options = *options;
    first->store = store_create(&first->options, error);
    if (first->store)
        return first;
    release(first);
    return NULL;
}

/* Retries a temporary fault a few times: several persisters that create an sqlite store at once lock each other out.
 * False when the process is asked to stop first. */
static bool connect_a_few_times(struct first_connection *first)
{
    struct retry retry;
    retry_init(&retry, first->options.persister_retry_min_ms, first->options.persister_retry_max_ms);
    for (int tries = 1; stop_run(connect_store, release, first); tries++) {
        if (tries == 1 && (first->result == STORE_RETRY || store_awaits_setup(first->store)))
            log_warn("persister", "the store cannot be used yet, retrying until it can: %s", first->error.text);
        if (first->result != STORE_RETRY || tries == START_TRIES)
            return true;
        if (stop_sleep(retry_next_ms(&retry, randombytes_random())))
            continue;
        release(first);
        return false;
    }
    return false;
}

/*
 * Runs before the writers: a store that refuses us is reported at once. One that cannot be reached yet, or lacks its
 * user, privileges or database, is not a reason to end: the writers keep trying, and the first to succeed creates the
 * tables.
 */
static int prepare_store(const struct options *options, struct error *error)
{
    struct first_connection *first = create_first_connection(options, error);
    if (!first)
        return -1;
    if (!connect_a_few_times(first))
        return error_set(error, "stopped while waiting for the store");
    bool may_come = first->result == STORE_RETRY || store_awaits_setup(first->store);
    if (first->result == STORE_OK)
        log_info("persister", "the store is ready: %s", store_describe(first->store));
    int verdict = first->result == STORE_OK || may_come ? 0 : error_set(error, "%s", first->error.text);
    release(first);
    return verdict;
}

static int start_writer(struct persister *persister, struct error *error)
{
    size_t i = persister->count;
    if (writer_create(persister->options, &persister->writers[i], error) != 0)
        return -1;
    persister->actors[i] = zactor_new(writer_actor, persister->writers[i]);
    CHECK(persister->actors[i]);
    persister->count++;
    return 0;
}

/* The issuer sends something to some persister every five seconds, so a silent one is probably gone. */
static void describe_silence(const struct persister *persister, char why[READY_WHY_MAX])
{
    int64_t last_frame_us = 0, now_us = clock_mono_us();
    for (size_t i = 0; i < persister->count; i++) {
        if (writer_last_frame_us(persister->writers[i]) > last_frame_us)
            last_frame_us = writer_last_frame_us(persister->writers[i]);
    }
    if (now_us - last_frame_us > SILENCE_US)
        snprintf(why, READY_WHY_MAX, "nothing received from the issuer for %lld s",
                 (long long)((now_us - last_frame_us) / 1000000));
}

/* Names the cause of the silence. */
static void describe_refusal(const struct persister *persister, char why[READY_WHY_MAX])
{
    for (size_t i = 0; i < persister->count; i++) {
        if (writer_is_refused_by_issuer(persister->writers[i]))
            snprintf(why, READY_WHY_MAX,
                     "the handshake with the issuer fails: cluster/secret_file must be the same for all roles");
    }
}

static void describe_trouble(const struct persister *persister, size_t i, char why[READY_WHY_MAX])
{
    char trouble[WRITER_TROUBLE_MAX];
    writer_trouble(persister->writers[i], trouble);
    snprintf(why, READY_WHY_MAX, "writer %zu cannot use the store: %s", i,
             trouble[0] != '\0' ? trouble : persister->store);
}

bool persister_ready(void *arg, char why[READY_WHY_MAX])
{
    const struct persister *persister = arg;
    if (!atomic_load(&persister->started)) {
        snprintf(why, READY_WHY_MAX, "waiting for the store: %s", persister->store);
        return false;
    }
    for (size_t i = 0; i < persister->count; i++) {
        if (!writer_is_connected(persister->writers[i])) {
            describe_trouble(persister, i, why);
            return false;
        }
        if (writer_is_refused(persister->writers[i])) {
            snprintf(why, READY_WHY_MAX,
                     "the issuer fills another store than this one: give both the same store/… options");
            return false;
        }
        if (writer_meets_foreign_journal(persister->writers[i])) {
            snprintf(why, READY_WHY_MAX,
                     "this store was filled by another journal than the issuer's and accepts no records: %.50s",
                     persister->store);
            return false;
        }
    }
    describe_silence(persister, why);
    describe_refusal(persister, why);
    return true;
}

static int describe_store(struct persister *persister, struct error *error)
{
    struct store *store = store_create(persister->options, error);
    if (!store)
        return -1;
    snprintf(persister->store, sizeof persister->store, "%s", store_describe(store));
    store_destroy(&store);
    return 0;
}

static int start_all(struct persister *persister, struct error *error)
{
    const struct options *options = persister->options;
    const struct status_http_config status = {
        .option = "persister/http", .address = options->persister_http, .ready = persister_ready, .arg = persister};
    if (describe_store(persister, error) != 0 || status_http_open(&status, &persister->status, error) != 0 ||
        prepare_store(options, error) != 0)
        return -1;
    for (int64_t i = 0; i < options->persister_threads; i++) {
        if (start_writer(persister, error) != 0)
            return -1;
    }
    atomic_store(&persister->started, true);
    return 0;
}

int persister_start(const struct options *options, struct persister **out, struct error *error)
{
    size_t threads = (size_t)options->persister_threads;
    struct persister *persister = calloc(1, sizeof *persister);
    CHECK(persister != NULL);
    persister->options = options;
    persister->writers = calloc(threads, sizeof *persister->writers);
    persister->actors = calloc(threads, sizeof *persister->actors);
    CHECK(persister->writers && persister->actors);
    *out = persister;
    if (start_all(persister, error) == 0)
        return 0;
    persister_stop(out);
    return -1;
}

/* A writer that is still connecting has nothing to lose, and may hang for long. */
static bool any_stuck(const struct persister *persister)
{
    for (size_t i = 0; i < persister->count; i++) {
        if (writer_is_stuck(persister->writers[i]))
            return true;
    }
    return false;
}

/* False when one of them had to be abandoned. */
static bool stop_writers(struct persister *persister)
{
    bool all = true;
    for (size_t i = 0; i < persister->count; i++)
        writer_stop(persister->writers[i]);
    for (int ms = 0; ms < STUCK_WAIT_MS && any_stuck(persister); ms += 10)
        zclock_sleep(10);
    for (size_t i = persister->count; i-- > 0;) {
        if (writer_is_stuck(persister->writers[i])) {
            all = false;
            continue;
        }
        zactor_destroy(&persister->actors[i]);
        writer_destroy(&persister->writers[i]);
    }
    return all;
}

/* A persister whose writers may still use it when the process ends; kept reachable, so that it is not reported as a
 * leak. */
static struct persister *volatile left_behind;

void persister_stop(struct persister **persister)
{
    struct persister *self = *persister;
    if (!self)
        return;
    *persister = NULL;
    status_http_close(&self->status);
    if (!stop_writers(self)) {
        left_behind = self;
        stop_abandon();
        return;
    }
    free(self->actors);
    free(self->writers);
    free(self);
}
