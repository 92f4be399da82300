#include "issuer/store_check.h"

#include <czmq.h>
#include <inttypes.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/journal_dir.h"
#include "shared/log.h"

#define WAIT_US            INT64_C(30000000) /* for a store that starts beside us, when the journals are new */
#define REPORT_US          INT64_C(2000000)
#define PAUSE_MS           200
#define CONNECT_TIMEOUT_MS 1000 /* a start is never held up for long */
#define IO_TIMEOUT_MS      5000

#define REBUILD "`coupond issuer --rebuild-from-store` builds the journals from the store"

struct store_check {
    struct journal *const *journals;
    size_t count;
    bool any_new;
    const char *store;
    struct error *error;
    bool refused;
};

const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta, uint64_t written_seq)
{
    bool same = memcmp(stored->journal_id, meta->journal_id, sizeof stored->journal_id) == 0;
    if (stored->partitions != meta->partitions)
        return "the store was filled with another number of partitions: set issuer/partitions to that";
    if (!same && written_seq == 0)
        return "this journal is empty, but the store holds coupons of another one. Was its disk lost? " REBUILD
               "; for a new beginning give it an empty database";
    if (!same)
        return "the store was filled by another journal: bring back the one that belongs to it, or use the store of "
               "this one";
    if (stored->last_seq > written_seq)
        return "the store has records that this journal lacks: it is an older copy. Bring back the newest, or " REBUILD;
    return NULL;
}

static bool check_journal(void *arg, const struct store_journal *stored)
{
    struct store_check *check = arg;
    const char *wrong = "the store was filled with more partitions: set issuer/partitions to that";
    uint64_t written_seq = 0;
    if (stored->partition < check->count) {
        const struct journal *journal = check->journals[stored->partition];
        written_seq = journal_written_seq(journal);
        wrong = store_check_judge(stored, journal_meta(journal), written_seq);
    }
    if (wrong == NULL)
        return true;
    error_set(check->error, "partition %u beside %s (store has record %" PRIu64 ", journal %" PRIu64 "): %s",
              stored->partition, check->store, stored->last_seq, written_seq, wrong);
    check->refused = true;
    return false;
}

/* One look. STORE_OK when it could be asked, whatever it said. */
static enum store_result ask(struct store *store, struct store_check *check, struct error *error)
{
    int64_t version = 0;
    enum store_result result = store_connect(store, error);
    if (result == STORE_OK)
        result = store_schema_version(store, &version, error);
    if (result != STORE_OK || version == 0)
        return result;
    result = store_read_begin(store, error);
    if (result == STORE_OK)
        result = store_each_journal(store, check_journal, check, error);
    store_read_end(store);
    return result;
}

/* Asks until the store answers, for as long as it is worth waiting. */
static enum store_result ask_patiently(struct store *store, struct store_check *check, struct error *error)
{
    int64_t began = clock_mono_us(), reported = began;
    enum store_result result;
    while ((result = ask(store, check, error)) != STORE_OK && check->any_new && clock_mono_us() - began < WAIT_US) {
        if (clock_mono_us() - reported >= REPORT_US) {
            log_info("issuer", "waiting for the store, to tell whether it holds coupons already: %s", error->text);
            reported = clock_mono_us();
        }
        zclock_sleep(PAUSE_MS);
    }
    return result;
}

static int conclude(const struct store_check *check, enum store_result result, const struct error *reason,
                    struct error *error)
{
    if (result == STORE_OK)
        return check->refused ? -1 : 0;
    if (!check->any_new) {
        log_warn("issuer", "the journals could not be compared with the store, deciding goes on: %s", reason->text);
        return 0;
    }
    return error_set(error,
                     "cannot tell whether the store holds coupons of another journal, and this one is empty: %s; start "
                     "the database first, or set issuer/check_store to 0 when no other journal ever filled it",
                     reason->text);
}

/* It has no records, and was never compared with a store: the stream makes the file `acked` only after that. */
static bool is_new(const struct journal *journal)
{
    return journal_written_seq(journal) == 0 && !journal_acked_exists(journal_folder(journal));
}

int store_check_run(const struct options *options, struct journal *const journals[], size_t count, struct error *error)
{
    if (!options->issuer_check_store)
        return 0;
    struct options quick = *options;
    struct store_check check = {.journals = journals, .count = count, .error = error};
    struct error reason = {{0}};
    if (quick.store_connect_timeout_ms > CONNECT_TIMEOUT_MS)
        quick.store_connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (quick.store_io_timeout_ms > IO_TIMEOUT_MS)
        quick.store_io_timeout_ms = IO_TIMEOUT_MS;
    for (size_t i = 0; i < count; i++)
        check.any_new = check.any_new || is_new(journals[i]);
    struct store *store = store_create(&quick, error);
    if (store == NULL)
        return -1;
    check.store = store_describe(store);
    enum store_result result = ask_patiently(store, &check, &reason);
    int verdict = conclude(&check, result, &reason, error);
    store_destroy(&store);
    return verdict;
}
