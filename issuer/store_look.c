#include "issuer/store_look.h"

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/store.h"

#define CONNECT_TIMEOUT_MS 1000 /* an end is never held up for long */
#define IO_TIMEOUT_MS      2000
#define LOG_INTERVAL_US    INT64_C(30000000)

static enum feed_store_look ask(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    int64_t version = 0;
    if (store_connect(store, error) != STORE_OK || store_schema_version(store, &version, error) != STORE_OK)
        return FEED_STORE_AWAY;
    if (version < STORE_SCHEMA_VERSION) {
        error_set(error, "its persister has not made its tables yet");
        return FEED_STORE_WITHOUT_ID;
    }
    return store_read_id(store, id, error) == STORE_OK ? FEED_STORE_FOUND : FEED_STORE_AWAY;
}

static enum feed_store_look look(const struct options *options, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    struct options quick = *options;
    if (quick.store_connect_timeout_ms > CONNECT_TIMEOUT_MS)
        quick.store_connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (quick.store_io_timeout_ms > IO_TIMEOUT_MS)
        quick.store_io_timeout_ms = IO_TIMEOUT_MS;
    struct store *store = store_create(&quick, error);
    if (store == NULL)
        return FEED_STORE_AWAY;
    enum feed_store_look found = ask(store, id, error);
    store_destroy(&store);
    return found;
}

static void answer(zsock_t *pipe, const struct options *options, int64_t *log_after_us)
{
    struct store_look_answer answer = {0};
    struct error error = {{0}};
    answer.look = look(options, answer.id, &error);
    if (answer.look != FEED_STORE_FOUND && clock_mono_us() >= *log_after_us) {
        log_info("issuer", "cannot look yet which store is to be filled: %s", error.text);
        *log_after_us = clock_mono_us() + LOG_INTERVAL_US;
    }
    zframe_t *frame = zframe_new(&answer, sizeof answer);
    CHECK(frame != NULL);
    zframe_send(&frame, pipe, 0);
}

void store_look_actor(zsock_t *pipe, void *args)
{
    const struct options *options = args;
    int64_t log_after_us = 0;
    zsock_signal(pipe, 0);
    for (bool ended = false; !ended;) {
        char *command = zstr_recv(pipe);
        ended = command == NULL || streq(command, "$TERM");
        if (!ended && streq(command, "LOOK"))
            answer(pipe, options, &log_after_us);
        zstr_free(&command);
    }
}
