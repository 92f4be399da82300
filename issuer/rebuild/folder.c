#include "issuer/rebuild/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "issuer/snapshot/load.h"
#include "issuer/snapshot/snapshot.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/notes.h"
#include "shared/journal/reader.h"
#include "shared/journal/segment.h"
#include "shared/telemetry/log.h"

/* --- what stands there --- */

/* The last readable record; 0 when there is none. */
static uint64_t read_to_end(const char *dir, bool *sound)
{
    struct journal_reader *reader;
    struct journal_batch_header header;
    struct journal_position position = {0};
    struct error error;
    const void *batch;
    enum journal_read read = JOURNAL_READ_FAILED;
    if (journal_reader_open(dir, &reader, &error) == 0) {
        while ((read = journal_reader_next(reader, &batch, &header, &error)) == JOURNAL_READ_BATCH)
            ;
        journal_reader_position(reader, &position);
    }
    journal_reader_close(&reader);
    *sound = read == JOURNAL_READ_END || read == JOURNAL_READ_TORN;
    return position.next_seq > 0 ? position.next_seq - 1 : 0;
}

/* UINT64_MAX for the store that the journal currently fills. */
static uint64_t bound_of_former(const char *dir, const struct journal_meta *meta,
                                const struct journal_former_stores *former, const uint8_t store_id[STORE_ID_BYTES])
{
    uint8_t present[STORE_ID_BYTES];
    for (size_t i = 0; i < former->count; i++) {
        if (memcmp(former->stores[i].store_id, store_id, STORE_ID_BYTES) == 0)
            return former->stores[i].seq;
    }
    journal_acked_read(dir, meta->journal_id, present);
    bool filled =
        memcmp(present, store_id, STORE_ID_BYTES) == 0 || memcmp(former->present_id, store_id, STORE_ID_BYTES) == 0;
    return filled ? UINT64_MAX : former->others_seq;
}

/* Lowers the bound by decisions made without this store while it may have had newer records of this journal: they are
 * void. False when the bound is unknown. */
static bool leave_out_uncompared(const char *dir, const struct journal_meta *meta,
                                 const uint8_t store_id[STORE_ID_BYTES], uint64_t *last_seq)
{
    struct journal_former_stores former;
    struct error error;
    uint64_t seq = UINT64_MAX;
    if (journal_uncompared_read(dir, meta->journal_id, &seq, &error) < 0 ||
        journal_former_read(dir, meta->journal_id, &former, &error) != 0) {
        log_warn("issuer", "%s", error.text);
        return false;
    }
    uint64_t bound = bound_of_former(dir, meta, &former, store_id);
    seq = bound < seq ? bound : seq;
    *last_seq = seq < *last_seq ? seq : *last_seq;
    return true;
}

int rebuild_folder_check(const char *dir, const struct store_journal *stored, const uint8_t store_id[STORE_ID_BYTES],
                         struct error *error)
{
    bool sound, known = stored->partitions > 0;
    if (journal_dir_is_locked(dir))
        return error_set(error, "%s is in use by an issuer: stop that one first", dir);
    struct journal_meta meta;
    struct error ignored;
    if (journal_meta_read(dir, &meta, &ignored) != 0)
        return REBUILD_FOLDER_LOST;
    if (known && memcmp(meta.journal_id, stored->journal_id, sizeof meta.journal_id) != 0)
        return REBUILD_FOLDER_FOREIGN;
    log_info("issuer", "reading the existing journal: %s", dir);
    uint64_t last_seq = read_to_end(dir, &sound);
    if (leave_out_uncompared(dir, &meta, store_id, &last_seq) && sound && last_seq >= stored->last_seq &&
        last_seq >= stored->newest_seq)
        return REBUILD_FOLDER_SOUND;
    log_warn("issuer", "replacing the journal %s: it is valid up to record %" PRIu64 ", the store has record %" PRIu64,
             dir, last_seq, stored->last_seq);
    return REBUILD_FOLDER_LOST;
}

/* --- the new one --- */

static int write_acked(const char *dir, const struct journal_meta *meta, uint64_t seq, struct error *error)
{
    int fd = journal_acked_open(dir, error);
    if (fd < 0)
        return -1;
    static const uint8_t any_store[16]; /* the issuer finds out the store's id at its start */
    int result = journal_acked_write(fd, meta->journal_id, any_store, seq);
    int reason = errno;
    disk->close(fd);
    return result == 0 ? journal_acked_sync(dir, error)
                       : error_set(error, "cannot write %s/acked: %s", dir, strerror(reason));
}

static int write_segment(const char *dir, const struct journal_meta *meta, uint64_t first_seq, size_t bytes,
                         struct error *error)
{
    int fd = journal_segment_prepare(dir, bytes, NULL, NULL, error);
    if (fd < 0)
        return -1;
    int result = journal_segment_activate(fd, dir, meta, first_seq, bytes, error);
    if (result == 0)
        result = journal_dir_sync(dir, error);
    disk->close(fd);
    return result;
}

static bool remove_entry(void *arg, const char *name)
{
    char path[JOURNAL_PATH_MAX + 300];
    snprintf(path, sizeof path, "%s/%s", (const char *)arg, name);
    disk->unlink(path); /* leaves subdirectories alone */
    return true;
}

/* A new journal must pass its own reader before it replaces the old one. The ledger is freed first, since two may not
 * fit into memory. */
static int read_back(const char *dir, const struct journal_meta *meta, struct ledger **ledger, uint64_t last_seq,
                     struct error *error)
{
    ledger_destroy(ledger);
    *ledger = ledger_create(meta->fingerprint_key);
    struct snapshot_header header;
    if (snapshot_load(dir, last_seq, meta, *ledger, &header, NULL, NULL, error) == 0)
        return 0;
    return error_prefix(error, "cannot read the rebuilt journal back, keeping the old one");
}

static int write_contents(const char *dir, const struct journal_meta *meta, struct ledger **ledger, uint64_t last_seq,
                          int64_t last_time_us, size_t segment_bytes, struct error *error)
{
    if (journal_dir_create(dir, error) != 0)
        return -1;
    disk->list(dir, remove_entry, (void *)(uintptr_t)dir); /* left by an interrupted rebuild */
    if (last_seq > 0 &&
        (snapshot_write(dir, meta, *ledger, last_seq, last_time_us, error) != 0 ||
         write_segment(dir, meta, last_seq + 1, segment_bytes, error) != 0 ||
         write_acked(dir, meta, last_seq, error) != 0 || read_back(dir, meta, ledger, last_seq, error) != 0))
        return -1;
    return journal_meta_write(dir, meta, error);
}

/* "<dir>.replaced-20261121T114500Z" */
static void replaced_path(const char *dir, char out[JOURNAL_PATH_MAX + 40])
{
    char time[RFC3339_MAX], compact[RFC3339_MAX];
    size_t length = 0;
    rfc3339_format(clock_wall_us(), time);
    for (size_t i = 0; i < 19; i++) {
        if (time[i] != '-' && time[i] != ':')
            compact[length++] = time[i];
    }
    compact[length] = '\0';
    snprintf(out, JOURNAL_PATH_MAX + 40, "%s.replaced-%sZ", dir, compact);
}

static int put_aside(const char *dir, struct error *error)
{
    char replaced[JOURNAL_PATH_MAX + 40];
    if (!disk->exists(dir))
        return 0;
    replaced_path(dir, replaced);
    if (disk->rename(dir, replaced) != 0)
        return error_set(error, "cannot move %s to %s: %s", dir, replaced, strerror(errno));
    log_info("issuer", "kept the previous content of %s in %s", dir, replaced);
    return 0;
}

int rebuild_folder_write(const char *dir, const struct journal_meta *meta, struct ledger **ledger, uint64_t last_seq,
                         int64_t last_time_us, size_t segment_bytes, struct error *error)
{
    char made[JOURNAL_PATH_MAX];
    if (snprintf(made, sizeof made, "%s.rebuilding", dir) >= JOURNAL_PATH_MAX)
        return error_set(error, "the path %s is too long", dir);
    if (write_contents(made, meta, ledger, last_seq, last_time_us, segment_bytes, error) != 0 ||
        put_aside(dir, error) != 0)
        return -1;
    if (disk->rename(made, dir) != 0)
        return error_set(error, "cannot move %s to %s: %s", made, dir, strerror(errno));
    return journal_dir_sync_parent(dir, error);
}
