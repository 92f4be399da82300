#include "persister/persister.h"

#include <czmq.h>
#include <sodium.h>

#include "persister/retry.h"
#include "persister/writer.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/status_http.h"
#include "shared/store.h"

#define START_TRIES 5
#define SILENCE_US  INT64_C(60000000)

struct persister {
    const struct options *options;
    struct writer **writers;
    zactor_t **actors;
    size_t count; /* of those that run */
    struct status_http *status;
};

/* A fault that passes gets a few tries: several persisters that create an sqlite store at once lock each other out. */
static enum store_result migrate_store(struct store *store, const struct options *options, struct error *error)
{
    struct retry retry;
    retry_init(&retry, options->persister_retry_min_ms, options->persister_retry_max_ms);
    for (int tries = 1;; tries++) {
        enum store_result result = store_connect(store, error);
        if (result == STORE_OK)
            result = store_migrate(store, error);
        if (result != STORE_RETRY || tries == START_TRIES)
            return result;
        zclock_sleep((int)retry_next_ms(&retry, randombytes_random()));
    }
}

/*
 * Before any thread runs: a store that refuses us is told at once, to whoever starts us. One that cannot be reached yet
 * is no reason to end: its writers go on trying, and the first of them to get through makes the tables.
 */
static int prepare_store(const struct options *options, struct error *error)
{
    struct store *store = store_create(options, error);
    if (!store)
        return -1;
    enum store_result result = migrate_store(store, options, error);
    if (result == STORE_OK)
        log_info("persister", "store is ready: %s", store_describe(store));
    else if (result == STORE_RETRY)
        log_warn("persister", "no store yet, trying for as long as it takes: %s", error->text);
    store_destroy(&store);
    return result == STORE_OK || result == STORE_RETRY ? 0 : error_prefix(error, "persister");
}

static int start_writer(struct persister *persister, struct error *error)
{
    size_t i = persister->count;
    if (writer_create(&persister->writers[i], persister->options, error) != 0)
        return -1;
    persister->actors[i] = zactor_new(writer_actor, persister->writers[i]);
    CHECK(persister->actors[i]);
    persister->count++;
    return 0;
}

/* The issuer sends something to somebody every five seconds, so a silent one is most likely gone. */
static void describe_silence(const struct persister *persister, char why[128])
{
    int64_t heard_us = 0, now_us = clock_mono_us();
    for (size_t i = 0; i < persister->count; i++) {
        if (writer_heard_us(persister->writers[i]) > heard_us)
            heard_us = writer_heard_us(persister->writers[i]);
    }
    if (now_us - heard_us > SILENCE_US)
        snprintf(why, 128, "no word of the issuer for %lld s", (long long)((now_us - heard_us) / 1000000));
}

bool persister_ready(void *arg, char why[128])
{
    const struct persister *persister = arg;
    for (size_t i = 0; i < persister->count; i++) {
        if (!writer_is_connected(persister->writers[i])) {
            snprintf(why, 128, "writer %zu has no connection to the store", i);
            return false;
        }
    }
    describe_silence(persister, why);
    return true;
}

int persister_start(struct persister **out, const struct options *options, struct error *error)
{
    if (prepare_store(options, error) != 0)
        return -1;
    size_t threads = (size_t)options->persister_threads;
    struct persister *persister = calloc(1, sizeof *persister);
    CHECK(persister);
    persister->options = options;
    persister->writers = calloc(threads, sizeof *persister->writers);
    persister->actors = calloc(threads, sizeof *persister->actors);
    CHECK(persister->writers && persister->actors);
    *out = persister;
    int result = 0;
    for (size_t i = 0; i < threads && result == 0; i++)
        result = start_writer(persister, error);
    const struct status_http_config status = {
        .option = "persister/http", .address = options->persister_http, .ready = persister_ready, .arg = persister};
    if (result == 0)
        result = status_http_open(&persister->status, &status, error);
    if (result != 0)
        persister_stop(out);
    return result;
}

void persister_stop(struct persister **persister)
{
    struct persister *self = *persister;
    if (!self)
        return;
    status_http_close(&self->status);
    for (size_t i = self->count; i-- > 0;) {
        zactor_destroy(&self->actors[i]);
        writer_destroy(&self->writers[i]);
    }
    free(self->actors);
    free(self->writers);
    free(self);
    *persister = NULL;
}
