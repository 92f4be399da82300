#include "issuer/member/arbiter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/process/stop.h"
#include "shared/store/ownership.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/pulse.h"
#include "shared/worker.h"

#define CONNECT_TIMEOUT_MS 1000
#define IO_TIMEOUT_MS      2000
#define TROUBLE_MAX        256
#define END_US             INT64_C(500000) /* for a call in progress, when the issuer stops */
#define WAIT_MIN_US        INT64_C(50000)  /* after a failure; doubles */
#define WAIT_MAX_US        INT64_C(1000000)
#define TURN_US            (INT64_C(1000) * PULSE_TURN_MS_MAX)

enum arbiter_state { IDLE, ASKED, ANSWERED };

struct arbiter {
    /* shared: constant; copies, since a call that hangs is abandoned and may outlive the member */
    struct options options; /* with short time limits; the store borrows them */
    struct members members;
    struct arbiter_subject subject;
    int fd;

    /* shared: under the mutex; `state` is also read without, so that the partition takes no lock in vain */
    pthread_mutex_t mutex;
    _Atomic enum arbiter_state state;
    struct member_ask ask;
    enum member_outcome outcome;
    struct member_row row;

    /* owned by the thread */
    struct store *store;   /* NULL: not connected */
    int64_t wait_us;       /* after the last failure; 0: it did not fail */
    int64_t not_before_us; /* the next attempt; monotonic */
    struct pulse *pulse;
    char trouble[TROUBLE_MAX];

    struct worker worker;
};

/* --- the store --- */

/* The options with short time limits. A store borrows them, so they have to outlive it. */
static struct options quick(const struct options *options)
{
    struct options copy = *options;
    if (copy.store_connect_timeout_ms > CONNECT_TIMEOUT_MS)
        copy.store_connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (copy.store_io_timeout_ms > IO_TIMEOUT_MS)
        copy.store_io_timeout_ms = IO_TIMEOUT_MS;
    return copy;
}

/* NULL and `error` when it does not answer. The store borrows `options`. */
static struct store *connect_store(const struct options *options, struct error *error)
{
    struct store *store = store_create(options, error);
    if (store != NULL && store_connect(store, error) != STORE_OK)
        store_destroy(&store);
    return store;
}

/* --- names --- */

static const char *name_of(const struct members *members, uint8_t member)
{
    return member < members->count ? members->all[member].name : "";
}

static struct store_ownership to_names(const struct arbiter_subject *subject, const struct member_row *row)
{
    struct store_ownership names = {.partition = subject->partition, .epoch = row->epoch};
    memcpy(names.journal_id, subject->journal_id, sizeof names.journal_id);
    strcpy(names.owner, name_of(subject->members, row->owner));
    strcpy(names.standby, name_of(subject->members, row->standby));
    return names;
}

/* False and `error` for names that are not in the list. */
static bool from_names(const struct arbiter_subject *subject, const struct store_ownership *names,
                       struct member_row *row, struct error *error)
{
    *row = (struct member_row){names->epoch, members_find(subject->members, names->owner), MEMBER_NONE};
    if (names->standby[0] != '\0')
        row->standby = members_find(subject->members, names->standby);
    if (row->owner != MEMBER_NONE && (names->standby[0] == '\0' || row->standby != MEMBER_NONE))
        return true;
    error_set(error, "the store names %s and %s, of which cluster/members lacks one", names->owner,
              names->standby[0] != '\0' ? names->standby : "nobody");
    return false;
}

static bool is_of_journal(const struct arbiter_subject *subject, const struct store_ownership *names)
{
    static const uint8_t any[sizeof names->journal_id] = {0};
    return memcmp(subject->journal_id, any, sizeof any) == 0 ||
           memcmp(subject->journal_id, names->journal_id, sizeof any) == 0;
}

/* --- one question --- */

static enum member_outcome read_row(const struct arbiter *arbiter, struct member_row *row, struct error *error)
{
    struct store_ownership names;
    bool found = false;
    if (store_ownership_read(arbiter->store, arbiter->subject.partition, &names, &found, error) != STORE_OK)
        return MEMBER_UNKNOWN;
    if (!found) {
        error_set(error, "the store has no row for this partition in issuer_partition");
        return MEMBER_UNKNOWN;
    }
    if (!is_of_journal(&arbiter->subject, &names)) {
        error_set(error, "the store's row for this partition is about another journal");
        return MEMBER_UNKNOWN;
    }
    return from_names(&arbiter->subject, &names, row, error) ? MEMBER_MATCHED : MEMBER_UNKNOWN;
}

static enum member_outcome change_row(const struct arbiter *arbiter, const struct member_ask *ask, struct error *error)
{
    struct store_ownership to = to_names(&arbiter->subject, &ask->to);
    struct store_ownership from = ask->kind == MEMBER_ASK_TOUCH ? to : to_names(&arbiter->subject, &ask->from);
    bool matched = false;
    if (store_ownership_change(arbiter->store, &from, &to, &matched, error) != STORE_OK)
        return MEMBER_UNKNOWN;
    return matched ? MEMBER_MATCHED : MEMBER_OTHER;
}

static void note_trouble(struct arbiter *arbiter, const char *text)
{
    if (strcmp(arbiter->trouble, text) == 0)
        return;
    snprintf(arbiter->trouble, sizeof arbiter->trouble, "%s", text);
    if (text[0] != '\0')
        log_warn("issuer", "the store cannot say who decides: %s partition=%u", text, arbiter->subject.partition);
    else
        log_info("issuer", "the store says again who decides partition=%u", arbiter->subject.partition);
}

/* The pulse is excused: the calls have time limits of their own. */
static enum member_outcome put(struct arbiter *arbiter, const struct member_ask *ask, struct member_row *row)
{
    struct error error = {""};
    enum member_outcome outcome = MEMBER_UNKNOWN;
    pulse_excuse(arbiter->pulse, true);
    if (arbiter->store == NULL)
        arbiter->store = connect_store(&arbiter->options, &error);
    if (arbiter->store != NULL)
        outcome = ask->kind == MEMBER_ASK_READ ? read_row(arbiter, row, &error) : change_row(arbiter, ask, &error);
    if (outcome != MEMBER_OTHER) /* which does not say what the row is */
        note_trouble(arbiter, error.text);
    if (outcome == MEMBER_UNKNOWN)
        store_destroy(&arbiter->store);
    pulse_excuse(arbiter->pulse, false);
    return outcome;
}

/* --- the thread --- */

/* Signals under the mutex: an answer that was taken before its signal would leave one without an answer. */
static void answer(struct arbiter *arbiter, enum member_outcome outcome, const struct member_row *row)
{
    uint64_t one = 1;
    pthread_mutex_lock(&arbiter->mutex);
    arbiter->outcome = outcome;
    arbiter->row = *row;
    arbiter->state = ANSWERED;
    if (write(arbiter->fd, &one, sizeof one) < 0)
        log_debug("issuer", "the partition was told already");
    pthread_mutex_unlock(&arbiter->mutex);
}

static bool take_question(struct arbiter *arbiter, struct member_ask *ask)
{
    pthread_mutex_lock(&arbiter->mutex);
    bool asked = arbiter->state == ASKED;
    *ask = arbiter->ask;
    pthread_mutex_unlock(&arbiter->mutex);
    return asked;
}

static void note_outcome(struct arbiter *arbiter, enum member_outcome outcome)
{
    int64_t wait_us = arbiter->wait_us == 0 ? WAIT_MIN_US : 2 * arbiter->wait_us;
    arbiter->wait_us = outcome != MEMBER_UNKNOWN ? 0 : wait_us > WAIT_MAX_US ? WAIT_MAX_US : wait_us;
    arbiter->not_before_us = clock_mono_us() + arbiter->wait_us;
}

/* After a failure the answer comes at once, but the next question waits: between cycles, where a stop ends the wait. */
static int64_t work(void *arg)
{
    struct arbiter *arbiter = arg;
    struct member_ask ask;
    struct member_row row = {.owner = MEMBER_NONE, .standby = MEMBER_NONE};
    pulse_beat(arbiter->pulse);
    if (!take_question(arbiter, &ask))
        return TURN_US;
    int64_t left_us = arbiter->not_before_us - clock_mono_us();
    if (left_us > 0)
        return left_us < TURN_US ? left_us : TURN_US;
    enum member_outcome outcome = put(arbiter, &ask, &row);
    note_outcome(arbiter, outcome);
    answer(arbiter, outcome, &row);
    return TURN_US;
}

/* --- life --- */

static void release(struct arbiter *arbiter)
{
    store_destroy(&arbiter->store);
    pulse_destroy(&arbiter->pulse);
    pthread_mutex_destroy(&arbiter->mutex);
    close(arbiter->fd);
    free(arbiter);
}

struct arbiter *arbiter_create(const struct arbiter_subject *subject, struct error *error)
{
    struct arbiter *arbiter = calloc(1, sizeof *arbiter);
    CHECK(arbiter != NULL);
    arbiter->options = quick(subject->options);
    arbiter->members = *subject->members;
    arbiter->subject = *subject;
    arbiter->subject.options = &arbiter->options;
    arbiter->subject.members = &arbiter->members;
    CHECK(pthread_mutex_init(&arbiter->mutex, NULL) == 0);
    arbiter->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(arbiter->fd >= 0);
    arbiter->pulse = pulse_create("arbiter", subject->partition);
    if (worker_start(&arbiter->worker, work, arbiter, error) == 0)
        return arbiter;
    release(arbiter);
    return NULL;
}

/* A question that the thread has not begun is dropped. */
static void drop_question(struct arbiter *arbiter)
{
    pthread_mutex_lock(&arbiter->mutex);
    arbiter->state = IDLE;
    pthread_mutex_unlock(&arbiter->mutex);
}

void arbiter_destroy(struct arbiter **arbiter)
{
    if (*arbiter == NULL)
        return;
    drop_question(*arbiter);
    if (worker_finish(&(*arbiter)->worker, END_US))
        release(*arbiter);
    else
        stop_abandon();
    *arbiter = NULL;
}

int arbiter_fd(const struct arbiter *arbiter)
{
    return arbiter->fd;
}

/* --- the partition's side --- */

bool arbiter_is_busy(const struct arbiter *arbiter)
{
    return atomic_load(&arbiter->state) != IDLE;
}

void arbiter_ask(struct arbiter *arbiter, const struct member_ask *ask)
{
    pthread_mutex_lock(&arbiter->mutex);
    CHECK(arbiter->state == IDLE && ask->kind != MEMBER_ASK_NOTHING);
    arbiter->ask = *ask;
    arbiter->state = ASKED;
    pthread_mutex_unlock(&arbiter->mutex);
    worker_wake(&arbiter->worker);
}

bool arbiter_take(struct arbiter *arbiter, struct member_ask *ask, enum member_outcome *outcome, struct member_row *row)
{
    uint64_t count;
    if (atomic_load(&arbiter->state) != ANSWERED)
        return false;
    pthread_mutex_lock(&arbiter->mutex);
    *ask = arbiter->ask;
    *outcome = arbiter->outcome;
    *row = arbiter->row;
    arbiter->state = IDLE;
    if (read(arbiter->fd, &count, sizeof count) < 0)
        log_debug("issuer", "an answer without its signal");
    pthread_mutex_unlock(&arbiter->mutex);
    return true;
}

/* --- without an arbiter --- */

static enum store_result look(const struct arbiter_subject *subject, struct store *store, struct member_row *row,
                              uint8_t journal_id[16], bool *found, struct error *error)
{
    struct store_ownership names;
    enum store_result result = store_ownership_read(store, subject->partition, &names, found, error);
    if (result != STORE_OK || !*found)
        return result;
    memcpy(journal_id, names.journal_id, sizeof names.journal_id);
    return from_names(subject, &names, row, error) ? STORE_OK : STORE_FOREIGN;
}

struct filled {
    uint16_t partition;
    bool found;
};

static bool note_journal(void *arg, const struct store_journal *stored)
{
    struct filled *filled = arg;
    filled->found |= stored->partition == filled->partition;
    return true;
}

/* A new journal would be another one than that which has filled the store: whoever has that must begin. */
static enum store_result refuse_filled(const struct arbiter_subject *subject, struct store *store, struct error *error)
{
    struct filled filled = {subject->partition, false};
    int64_t version = 0;
    enum store_result result = store_schema_version(store, &version, error);
    if (result != STORE_OK || version < STORE_SCHEMA_VERSION)
        return result; /* without tables nothing has filled it */
    result = store_read_begin(store, error);
    if (result == STORE_OK)
        result = store_each_journal(store, note_journal, &filled, error);
    store_read_end(store);
    if (result != STORE_OK || !filled.found)
        return result;
    error_set(error,
              "this member has no journal of partition %u, but the store was filled by one: start the member "
              "that has it first",
              subject->partition);
    return STORE_FOREIGN;
}

enum store_result arbiter_look(const struct arbiter_subject *subject, struct member_row *row, uint8_t journal_id[16],
                               bool *found, struct error *error)
{
    const struct options limits = quick(subject->options);
    struct store *store = connect_store(&limits, error);
    *found = false;
    if (store == NULL)
        return STORE_RETRY;
    enum store_result result = look(subject, store, row, journal_id, found, error);
    if (result == STORE_OK && !*found)
        result = refuse_filled(subject, store, error);
    store_destroy(&store);
    return result;
}

enum store_result arbiter_begin(const struct arbiter_subject *subject, uint8_t owner, struct member_row *row,
                                uint8_t journal_id[16], struct error *error)
{
    const struct member_row first = {1, owner, MEMBER_NONE};
    const struct store_ownership names = to_names(subject, &first);
    const struct options limits = quick(subject->options);
    struct store *store = connect_store(&limits, error);
    bool found = false;
    if (store == NULL)
        return STORE_RETRY;
    enum store_result result = store_ownership_create(store, &names, error);
    if (result == STORE_OK)
        result = look(subject, store, row, journal_id, &found, error);
    store_destroy(&store);
    return result == STORE_OK && !found ? STORE_RETRY : result;
}
