#include "shared/journal/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/journal/segment.h"
#include "shared/journal/state.h"
#include "shared/telemetry/log.h"

_Noreturn void journal_give_up(const struct journal *journal, const char *what)
{
    log_error("journal", "%s failed, stopping so that nothing is acknowledged that is not on disk: %s dir=%s", what,
              strerror(errno), journal->dir);
    disk->stop(1);
    abort();
}

/* --- opening --- */

static int check_identity(const struct journal *journal, struct error *error)
{
    const struct journal_meta *meta = &journal->meta;
    if (journal_meta_check_partitions(meta, journal->dir, journal->config.partitions, error) != 0)
        return -1;
    if (meta->partition != journal->config.partition)
        return error_set(error, "%s is the journal of partition %u, not %u: was the folder renamed?", journal->dir,
                         meta->partition, journal->config.partition);
    return 0;
}

/* A folder with segments but without meta has lost its identity; a new identity would orphan the segments. */
static int create_identity(struct journal *journal, struct error *error)
{
    uint64_t *segments;
    size_t count;
    if (journal_segments_list(journal->dir, &segments, &count, error) != 0)
        return -1;
    free(segments);
    if (count > 0)
        return error_set(error, "%s has segments but its file meta is missing: restore it from a backup", journal->dir);
    if (journal_meta_make(journal->config.partition, journal->config.partitions, &journal->meta, error) != 0)
        return -1;
    return journal_meta_write(journal->dir, &journal->meta, error);
}

static int identify(struct journal *journal, struct error *error)
{
    if (journal_dir_create(journal->dir, error) != 0)
        return -1;
    journal->lock_fd = journal_dir_lock(journal->dir, error);
    if (journal->lock_fd < 0)
        return -1;
    journal->dir_fd = disk->open_dir(journal->dir);
    int result = journal_meta_read(journal->dir, &journal->meta, error);
    if (result == 0)
        return check_identity(journal, error) == 0 ? journal_meta_upgrade(journal->dir, &journal->meta, error) : -1;
    return result < 0 ? -1 : create_identity(journal, error);
}

int journal_open(const struct journal_config *config, struct journal **journal, struct error *error)
{
    struct journal *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->config = *config;
    self->lock_fd = self->dir_fd = self->active_fd = self->prepared_fd = self->retired_fd = -1;
    self->next_seq = 1;
    self->last_time_us = INT64_MIN;
    self->stream_limit = UINT64_MAX;
    self->streams = true;
    snprintf(self->dir, sizeof self->dir, "%s", config->dir);
    self->config.dir = self->dir;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->writer_wakes, NULL);
    self->batch = malloc(JOURNAL_BATCH_BYTES_MAX);
    CHECK(self->batch != NULL);
    if (identify(self, error) != 0) {
        journal_close(&self);
        return -1;
    }
    *journal = self;
    return 0;
}

const struct journal_meta *journal_meta(const struct journal *journal)
{
    return &journal->meta;
}

const char *journal_folder(const struct journal *journal)
{
    return journal->dir;
}

/* --- segments --- */

/* Takes the prepared segment, waiting while it is being prepared; -1 when the disk has no room for it. */
static int take_prepared(struct journal *journal)
{
    if (journal->config.worker_by_hand)
        journal_work(journal);
    pthread_mutex_lock(&journal->mutex);
    while (journal->prepared_fd < 0 && !journal->prepare_failed)
        pthread_cond_wait(&journal->writer_wakes, &journal->mutex);
    int fd = journal->prepared_fd;
    atomic_store_explicit(&journal->full, fd < 0, memory_order_relaxed);
    pthread_mutex_unlock(&journal->mutex);
    return fd;
}

/* Makes the prepared segment the active one. The previous one is closed, or left to the worker to sync. */
static void replace_active(struct journal *journal, int fd)
{
    if (journal->config.worker_by_hand)
        journal_sync_written(journal);
    pthread_mutex_lock(&journal->mutex);
    while (journal->retired_fd >= 0)
        pthread_cond_wait(&journal->writer_wakes, &journal->mutex);
    int old = journal->active_fd;
    if (!journal_syncs_itself(journal) && old >= 0)
        journal->retired_fd = old;
    journal->active_fd = fd;
    journal_segment_path(journal->dir, journal->next_seq, journal->active_path);
    journal->prepared_fd = -1;
    pthread_mutex_unlock(&journal->mutex);
    journal_worker_wake(journal);
    if (journal_syncs_itself(journal) && old >= 0)
        disk->close(old);
}

static int sync_folder(const struct journal *journal, struct error *error)
{
    if (journal->dir_fd < 0)
        return journal_dir_sync(journal->dir, error);
    return disk->fsync(journal->dir_fd) == 0 ? 0 : error_set(error, "syncing the folder");
}

bool journal_roll(struct journal *journal)
{
    int fd = take_prepared(journal);
    if (fd < 0)
        return false;
    /* A later segment proves that this one was synced, so sync it first. */
    if (journal_syncs_itself(journal))
        journal_settle(journal);
    else if (journal->active_fd >= 0 && disk->fdatasync(journal->active_fd) != 0)
        journal_give_up(journal, "fdatasync");
    struct error error;
    if (journal_segment_activate(fd, journal->dir, &journal->meta, journal->next_seq, journal->config.segment_bytes,
                                 &error) != 0 ||
        sync_folder(journal, &error) != 0)
        journal_give_up(journal, error.text);
    replace_active(journal, fd);
    journal->segment_size = journal->config.segment_bytes;
    journal->offset = sizeof(struct journal_segment_header);
    return true;
}

/* --- writing --- */

size_t journal_bytes_max(size_t issues, size_t changes, size_t coupons)
{
    return sizeof(struct journal_batch_header) + issues * JOURNAL_ISSUE_BYTES_MAX + changes * JOURNAL_CHANGE_BYTES_MAX +
           coupons * JOURNAL_RECORD_BYTES_MAX;
}

bool journal_reserve(struct journal *journal, size_t bytes)
{
    CHECK(bytes <= JOURNAL_BATCH_BYTES_MAX);
    CHECK(sizeof(struct journal_segment_header) + bytes <= journal->config.segment_bytes);
    return journal->offset + bytes <= journal->segment_size || journal_roll(journal);
}

void journal_begin(struct journal *journal, int64_t time_us)
{
    CHECK(time_us >= 0 && time_us <= ISSUER_TIME_US_MAX);
    journal->last_time_us = time_us;
    journal->used = sizeof journal->header;
    journal->header = (struct journal_batch_header){
        .first_seq = journal->next_seq,
        .time_us = time_us,
        .synced_seq = journal_synced_seq(journal),
    };
}

static uint64_t appended(struct journal *journal, size_t length)
{
    journal->used += length;
    journal->header.count++;
    CHECK(journal->offset + journal->used <= journal->segment_size);
    return journal->next_seq++;
}

uint64_t journal_append_issue(struct journal *journal, const char *coupon_id, size_t coupon_id_length,
                              const char *user_id, size_t user_id_length, uint32_t sequence, uint16_t nth)
{
    CHECK(journal->used + JOURNAL_ISSUE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_issue(journal->batch + journal->used, coupon_id, coupon_id_length, user_id,
                                                  user_id_length, sequence, nth));
}

uint64_t journal_append_stamped_issue(struct journal *journal, const struct journal_record *record, int64_t stamp_us)
{
    CHECK(journal->used + JOURNAL_ISSUE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_stamped_issue(journal->batch + journal->used, record, stamp_us));
}

uint64_t journal_append_coupon(struct journal *journal, const struct coupon *coupon,
                               const struct journal_origin *origin)
{
    CHECK(journal->used + JOURNAL_RECORD_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_coupon(journal->batch + journal->used, coupon, origin));
}

uint64_t journal_append_change(struct journal *journal, const struct journal_record *record)
{
    CHECK(journal->used + JOURNAL_CHANGE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_change(journal->batch + journal->used, record));
}

uint64_t journal_append_erasure(struct journal *journal, const struct journal_record *record)
{
    CHECK(journal->used + JOURNAL_CHANGE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_erasure(journal->batch + journal->used, record));
}

uint64_t journal_append_sweep(struct journal *journal, const struct journal_record *record)
{
    CHECK(journal->used + JOURNAL_CHANGE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_sweep(journal->batch + journal->used, record));
}

uint64_t journal_append_term(struct journal *journal, uint64_t epoch, const char *owner, size_t owner_length)
{
    CHECK(journal->used + JOURNAL_CHANGE_BYTES_MAX <= JOURNAL_BATCH_BYTES_MAX);
    return appended(journal, journal_encode_term(journal->batch + journal->used, epoch, owner, owner_length));
}

/* What a copy must not believe: a valid checksum proves who wrote the batch, not that it belongs here. */
static int check_copy(const struct journal *journal, const struct journal_batch_header *header, struct error *error)
{
    if (header->count == 0)
        return error_set(error, "a batch without records is not copied");
    if (header->first_seq != journal->next_seq)
        return error_set(error, "the batch begins with record %" PRIu64 ", and %" PRIu64 " is next", header->first_seq,
                         journal->next_seq);
    if (header->time_us < 0 || header->time_us > ISSUER_TIME_US_MAX)
        return error_set(error, "the time of record %" PRIu64 " is impossible", header->first_seq);
    if (sizeof(struct journal_segment_header) + header->length > journal->config.segment_bytes)
        return error_set(error,
                         "the batch of record %" PRIu64 " does not fit into a segment: issuer/segment_mb has to be "
                         "the same for all members",
                         header->first_seq);
    return 0;
}

int journal_copy_batch(struct journal *journal, const void *batch, size_t available, bool *full, struct error *error)
{
    struct journal_batch_header header;
    const char *reason = "nothing is there";
    *full = false;
    if (journal_batch_scan(batch, available, journal->meta.journal_id, &header, &reason) != JOURNAL_SCAN_BATCH)
        return error_set(error, "not a batch of this journal: %s", reason);
    if (check_copy(journal, &header, error) != 0)
        return -1;
    if (!journal_reserve(journal, header.length)) {
        *full = true;
        return error_set(error, "the disk has no room for the journal");
    }
    journal_begin(journal, header.time_us);
    memcpy(journal->batch + journal->used, (const unsigned char *)batch + sizeof header, header.length - sizeof header);
    journal->used = header.length;
    journal->header.count = header.count;
    journal->next_seq += header.count;
    return 0;
}

static void write_batch(struct journal *journal)
{
    journal->header.length = (uint32_t)journal->used;
    memcpy(journal->batch, &journal->header, sizeof journal->header);
    journal->header.checksum = journal_batch_checksum(journal->batch, journal->used, journal->meta.journal_id);
    memcpy(journal->batch, &journal->header, sizeof journal->header);
    if (disk_write_all(journal->active_fd, journal->batch, journal->used, (off_t)journal->offset) != 0)
        journal_give_up(journal, "write");
    journal->offset += journal->used;
    journal->bytes += journal->used;
}

size_t journal_write(struct journal *journal)
{
    if (journal->header.count == 0)
        return 0;
    write_batch(journal);
    atomic_store_explicit(&journal->written_seq, journal->next_seq - 1, memory_order_release);
    journal->header.count = 0;
    return journal->used;
}

void journal_settle(struct journal *journal)
{
    uint64_t seq = journal_written_seq(journal);
    if (!journal_syncs_itself(journal) || seq == journal_synced_seq(journal))
        return;
    journal_sync_file(journal, journal->active_fd);
    journal_publish_synced(journal, seq);
}

size_t journal_commit(struct journal *journal)
{
    size_t bytes = journal_write(journal);
    if (bytes > 0)
        journal_settle(journal);
    return bytes;
}

const void *journal_written_batch(const struct journal *journal, size_t *size)
{
    *size = journal->used;
    return journal->batch;
}

uint64_t journal_bytes(const struct journal *journal)
{
    return journal->bytes;
}

int64_t journal_last_time_us(const struct journal *journal)
{
    return journal->last_time_us;
}

uint64_t journal_written_seq(const struct journal *journal)
{
    return atomic_load_explicit(&journal->written_seq, memory_order_acquire);
}

void journal_note_acked(struct journal *journal, uint64_t seq)
{
    atomic_store_explicit(&journal->acked_seq, seq, memory_order_relaxed);
}

uint64_t journal_acked_seq(const struct journal *journal)
{
    return atomic_load_explicit(&journal->acked_seq, memory_order_relaxed);
}

uint64_t journal_synced_seq(const struct journal *journal)
{
    return atomic_load(&journal->synced_seq);
}

bool journal_is_full(const struct journal *journal)
{
    return atomic_load_explicit(&journal->full, memory_order_relaxed);
}

/* --- closing --- */

/* A final batch without records proves that everything before it was synced. */
static void seal(struct journal *journal)
{
    journal_sync_written(journal);
    /* An empty segment already proves that the previous one was synced. If seals filled it, the next segment would get
     * the same name. */
    if (journal->offset == sizeof(struct journal_segment_header) ||
        journal->offset + sizeof journal->header > journal->segment_size)
        return;
    journal_begin(journal, journal->last_time_us > 0 ? journal->last_time_us : 0);
    write_batch(journal);
    journal_sync_file(journal, journal->active_fd);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        disk->close(fd);
}

/* Releases everything; the files stay unchanged. */
static void release(struct journal **journal)
{
    struct journal *self = *journal;
    close_fd(self->prepared_fd);
    close_fd(self->retired_fd);
    close_fd(self->active_fd);
    close_fd(self->lock_fd);
    close_fd(self->dir_fd);
    pthread_cond_destroy(&self->writer_wakes);
    pthread_mutex_destroy(&self->mutex);
    free(self->batch);
    free(self);
    *journal = NULL;
}

void journal_close(struct journal **journal)
{
    struct journal *self = *journal;
    if (self == NULL)
        return;
    if (self->running) {
        journal_worker_stop(self);
        seal(self);
    }
    if (self->prepared_fd >= 0)
        journal_segment_discard(self->dir);
    release(journal);
}

void journal_abandon(struct journal **journal)
{
    if (*journal == NULL)
        return;
    if ((*journal)->running)
        journal_worker_stop(*journal);
    release(journal);
}
