#include "issuer/store/history.h"

#include <inttypes.h>
#include <string.h>

#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "shared/telemetry/log.h"

static bool is_same(const uint8_t a[STORE_ID_BYTES], const uint8_t b[STORE_ID_BYTES])
{
    return memcmp(a, b, STORE_ID_BYTES) == 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Notes the stores to which nothing is being sent. */
static bool note_open_ends(struct journal_former_stores *former, uint64_t seq)
{
    bool any = false;
    for (size_t i = 0; i < former->count; i++) {
        any = any || former->stores[i].seq == UINT64_MAX;
        former->stores[i].seq = least(former->stores[i].seq, seq);
    }
    return any;
}

/* NULL when it is not among them. */
static struct journal_former_store *find_former(struct journal_former_stores *former, const uint8_t id[STORE_ID_BYTES])
{
    for (size_t i = 0; i < former->count; i++) {
        if (is_same(former->stores[i].store_id, id))
            return &former->stores[i];
    }
    return NULL;
}

/* The note is on disk before the store gets anything; `acked` is not synced, so a power loss may have undone it. */
static void choose_present(struct store_history *history)
{
    const uint8_t *noted = history->former.present_id;
    bool outdated = !store_id_is_known(history->present) || find_former(&history->former, history->present) != NULL;
    if (store_id_is_known(noted) && outdated)
        memcpy(history->present, noted, sizeof history->present);
}

int store_history_read(struct store_history *history, const struct journal *journal, struct error *error)
{
    const struct journal_meta *meta = journal_meta(journal);
    const char *dir = journal_folder(journal);
    uint64_t written = journal_written_seq(journal), noted = written;
    *history = (struct store_history){.journal = journal};
    int found = journal_uncompared_read(dir, meta->journal_id, &noted, error);
    if (found < 0 || journal_former_read(dir, meta->journal_id, &history->former, error) != 0)
        return -1;
    history->unnoted = note_open_ends(&history->former, written);
    history->outstanding = found == 1;
    /* A release without such notes may have sent more. */
    uint64_t acked = journal_acked_read(dir, meta->journal_id, history->present);
    choose_present(history);
    history->sure_seq = least(noted < acked ? acked : noted, written);
    return 0;
}

/* A store that is neither the present one nor noted has received nothing in this process. */
uint64_t store_history_bound(const struct store_history *history, const uint8_t id[STORE_ID_BYTES])
{
    struct journal_former_stores former = history->former;
    uint64_t sent = history->outstanding ? history->sure_seq : journal_written_seq(history->journal);
    const struct journal_former_store *found = find_former(&former, id);
    if (found != NULL)
        return least(sent, found->seq);
    if (is_same(history->present, id))
        return sent;
    return least(store_id_is_known(history->present) ? history->sure_seq : sent, former.others_seq);
}

bool store_history_is_new(const struct store_history *history)
{
    return history->sure_seq == 0 && !history->outstanding && !store_id_is_known(history->present);
}

bool store_history_is_other(const struct store_history *history, const uint8_t id[STORE_ID_BYTES])
{
    return store_id_is_known(history->present) && !is_same(history->present, id);
}

bool store_history_is_settled(const struct store_history *history, const uint8_t id[STORE_ID_BYTES])
{
    return !history->outstanding && is_same(history->present, id);
}

int store_history_put_off(struct store_history *history, struct error *error)
{
    history->outstanding = true;
    return journal_uncompared_write(journal_folder(history->journal), journal_meta(history->journal)->journal_id,
                                    history->sure_seq, error);
}

static void remove_former(struct journal_former_stores *former, struct journal_former_store *store)
{
    size_t index = (size_t)(store - former->stores);
    memmove(store, store + 1, (former->count - index - 1) * sizeof *store);
    former->count--;
}

static void add_former(struct journal_former_stores *former, const uint8_t id[STORE_ID_BYTES], uint64_t seq)
{
    if (find_former(former, id) != NULL)
        return; /* it was left earlier and has received nothing since */
    if (former->count == JOURNAL_FORMER_STORES) {
        former->others_seq = least(former->others_seq, former->stores[0].seq);
        remove_former(former, &former->stores[0]);
    }
    struct journal_former_store *store = &former->stores[former->count++];
    *store = (struct journal_former_store){.seq = seq};
    memcpy(store->store_id, id, sizeof store->store_id);
}

static void log_left(const struct store_history *history, const uint8_t id[STORE_ID_BYTES])
{
    char left[STORE_ID_TEXT_MAX], now[STORE_ID_TEXT_MAX];
    store_id_format(history->present, left);
    store_id_format(id, now);
    log_warn(
        "issuer",
        "the store has the id %s, but this journal filled the one with the id %s; stop the issuer unless that store "
        "is lost: it may contain issues that this journal lacks partition=%u",
        now, left, journal_meta(history->journal)->partition);
}

/* Follows another store: the present one becomes a former one. */
static int follow(struct store_history *history, const uint8_t id[STORE_ID_BYTES], struct error *error)
{
    struct journal_former_stores former = history->former;
    uint64_t bound = store_history_bound(history, history->present);
    struct journal_former_store *again = find_former(&former, id);
    if (again != NULL)
        remove_former(&former, again);
    if (history->sure_seq > 0 || store_id_is_known(history->present)) /* an unknown store may have been left */
        former.others_seq = least(former.others_seq, history->sends ? bound : history->sure_seq);
    if (store_history_is_other(history, id))
        add_former(&former, history->present, history->sends ? UINT64_MAX : bound);
    memcpy(former.present_id, id, sizeof former.present_id);
    if (journal_former_write(journal_folder(history->journal), &former, error) != 0)
        return -1;
    if (store_history_is_other(history, id))
        log_left(history, id);
    history->former = former;
    memcpy(history->present, id, sizeof history->present);
    return 0;
}

int store_history_settle(struct store_history *history, const uint8_t id[STORE_ID_BYTES], struct error *error)
{
    bool news = !is_same(history->present, id) || find_former(&history->former, id) != NULL;
    if (news && store_id_is_known(id) && follow(history, id, error) != 0)
        return -1;
    if (history->unnoted && journal_former_write(journal_folder(history->journal), &history->former, error) != 0)
        return -1;
    if (journal_uncompared_remove(journal_folder(history->journal), error) != 0)
        return -1;
    history->unnoted = history->outstanding = false;
    history->sends = true;
    return 0;
}

int store_history_followed(struct store_history *history, struct error *error)
{
    if (!note_open_ends(&history->former, journal_written_seq(history->journal)))
        return 0;
    return journal_former_write(journal_folder(history->journal), &history->former, error);
}

int store_history_remove_notes(struct store_history *history, struct error *error)
{
    history->former.count = 0;
    history->former.others_seq = UINT64_MAX;
    history->outstanding = false;
    const char *dir = journal_folder(history->journal);
    return journal_former_write(dir, &history->former, error) != 0 ? -1 : journal_uncompared_remove(dir, error);
}
