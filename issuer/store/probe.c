#include "issuer/store/probe.h"

#include <stdlib.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/store/store.h"
#include "shared/telemetry/log.h"

#define CONNECT_TIMEOUT_MS 1000 /* must not delay the end */
#define IO_TIMEOUT_MS      2000
#define LOG_INTERVAL_US    INT64_C(30000000)

/* The wrong journal decides: every further issue would break a promise. */
static _Noreturn void leave_wrong_journal(const struct error *error)
{
    log_error("issuer", "the store is reachable again but belongs to other journals; stopping: %s", error->text);
    disk->stop(1);
    abort();
}

/* Makes the comparison that the start could not make, or the one with another store. True when it succeeded. */
static bool compare(struct store_probe *self, struct store *store, const uint8_t id[STORE_ID_BYTES],
                    struct error *error)
{
    bool outstanding = store_check_is_outstanding(self->check);
    switch (store_check_again(self->check, store, id, error)) {
    case STORE_CHECK_FAILED:
        leave_wrong_journal(error);
    case STORE_CHECK_OUTSTANDING:
        return false;
    case STORE_CHECK_DONE:
        break;
    }
    if (outstanding)
        log_info("issuer", "the journals were compared with the store and match: %s", store_describe(store));
    return true;
}

static enum feed_store_probe ask(struct store_probe *self, struct store *store, uint8_t id[STORE_ID_BYTES],
                                 struct error *error)
{
    int64_t version = 0;
    if (store_connect(store, error) != STORE_OK || store_schema_version(store, &version, error) != STORE_OK)
        return FEED_STORE_AWAY;
    if (version < STORE_SCHEMA_VERSION) {
        error_set(error, "its persister has not created its tables yet");
        return FEED_STORE_WITHOUT_ID;
    }
    bool found = store_read_id(store, id, error) == STORE_OK && compare(self, store, id, error);
    return found ? FEED_STORE_FOUND : FEED_STORE_AWAY;
}

static enum feed_store_probe probe(struct store_probe *self, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    struct options quick = *self->options;
    if (quick.store_connect_timeout_ms > CONNECT_TIMEOUT_MS)
        quick.store_connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (quick.store_io_timeout_ms > IO_TIMEOUT_MS)
        quick.store_io_timeout_ms = IO_TIMEOUT_MS;
    struct store *store = store_create(&quick, error);
    if (store == NULL)
        return FEED_STORE_AWAY;
    enum feed_store_probe found = ask(self, store, id, error);
    store_destroy(&store);
    return found;
}

static void answer(zsock_t *pipe, struct store_probe *self)
{
    struct store_probe_answer answer = {0};
    struct error error = {{0}};
    answer.probe = probe(self, answer.id, &error);
    answer.compared = !store_check_is_outstanding(self->check);
    if (answer.probe != FEED_STORE_FOUND && clock_mono_us() >= self->log_after_us) {
        log_info("issuer", "cannot determine yet which store to fill: %s", error.text);
        self->log_after_us = clock_mono_us() + LOG_INTERVAL_US;
    }
    zframe_t *frame = zframe_new(&answer, sizeof answer);
    CHECK(frame != NULL);
    zframe_send(&frame, pipe, 0);
}

void store_probe_actor(zsock_t *pipe, void *args)
{
    struct store_probe *self = args;
    zsock_signal(pipe, 0);
    for (bool ended = false; !ended;) {
        char *command = zstr_recv(pipe);
        ended = command == NULL || streq(command, "$TERM");
        if (!ended && streq(command, "PROBE"))
            answer(pipe, self);
        else if (!ended && streq(command, "FOLLOWED"))
            store_check_followed(self->check);
        zstr_free(&command);
    }
}
