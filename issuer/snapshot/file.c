#include "issuer/snapshot/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/sweep.h"
#include "shared/disk.h"

#define DIRECT_ALIGNMENT 4096         /* of memory, offset and length; sufficient for every device */
#define STAGED_BYTES     (256u << 10) /* per write; small, because the journal's syncs queue behind it */

size_t snapshot_piece_bytes(const struct ledger_piece *piece)
{
    size_t head = sizeof(struct snapshot_block) + 8;
    if (piece->coupon != NULL)
        return head + sizeof(struct snapshot_coupon) + JOURNAL_RECORD_BYTES_MAX;
    if (piece->sweep != NULL)
        return head + JOURNAL_CHANGE_BYTES_MAX;
    if (piece->users.slots == NULL)
        return head + sizeof(struct snapshot_page) + piece->page.count * sizeof(uint64_t);
    return head + sizeof(struct snapshot_users) + (size_t)piece->users.capacity * USER_SLOT_BYTES;
}

static size_t encode_coupon(unsigned char *out, const struct ledger_coupon *entry)
{
    struct coupon coupon;
    struct snapshot_coupon head = {
        .journal_seq = entry->journal_seq,
        .updated_at_us = entry->updated_at_us,
        .issued = entry->issued,
    };
    ledger_coupon_read(entry, &coupon);
    memcpy(out, &head, sizeof head);
    return sizeof head + journal_encode_coupon(out + sizeof head, &coupon, NULL);
}

static size_t encode_users(unsigned char *out, const struct user_block *users)
{
    struct snapshot_users head = {
        .first = users->first,
        .depth = users->depth,
        .capacity = users->capacity,
        .count = users->count,
    };
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, users->slots, (size_t)users->capacity * USER_SLOT_BYTES);
    return sizeof head + (size_t)users->capacity * USER_SLOT_BYTES;
}

static size_t encode_page(unsigned char *out, const struct ledger_page *page)
{
    struct snapshot_page head = {.map = page->map, .number = page->number, .count = page->count};
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, page->entries, page->count * sizeof(uint64_t));
    return sizeof head + page->count * sizeof(uint64_t);
}

static size_t encode_sweep(unsigned char *out, const struct ledger_sweep *sweep)
{
    struct journal_record record;
    ledger_sweep_record(sweep, false, &record);
    return journal_encode_sweep(out, &record);
}

size_t snapshot_encode(void *out, const struct ledger_piece *piece, const uint8_t journal_id[16])
{
    unsigned char *content = (unsigned char *)out + sizeof(struct snapshot_block);
    if (piece->coupon != NULL)
        return snapshot_block_finish(out, SNAPSHOT_COUPON, encode_coupon(content, piece->coupon), journal_id);
    if (piece->sweep != NULL)
        return snapshot_block_finish(out, SNAPSHOT_SWEEP, encode_sweep(content, piece->sweep), journal_id);
    if (piece->users.slots == NULL)
        return snapshot_block_finish(out, SNAPSHOT_PAGE, encode_page(content, &piece->page), journal_id);
    return snapshot_block_finish(out, SNAPSHOT_USERS, encode_users(content, &piece->users), journal_id);
}

static int failed(const char *dir, struct error *error)
{
    return error_set(error, "cannot write a snapshot in %s: %s", dir, strerror(errno));
}

int snapshot_file_begin(struct snapshot_file *file, const char *dir, const struct journal_meta *meta, uint64_t from_seq,
                        struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(dir, path);
    *file = (struct snapshot_file){
        .offset = sizeof(struct snapshot_header),
        .staged_bytes = sizeof(struct snapshot_header), /* zeros until the snapshot is finished */
        .direct = true,
        .header = {.version = SNAPSHOT_VERSION,
                   .partition = meta->partition,
                   .partitions = meta->partitions,
                   .from_seq = from_seq},
    };
    memcpy(file->header.magic, SNAPSHOT_MAGIC, sizeof file->header.magic);
    memcpy(file->header.journal_id, meta->journal_id, sizeof file->header.journal_id);
    int flags = O_RDWR | O_CREAT | O_TRUNC;
    file->fd = disk->open(path, flags | O_DIRECT);
    if (file->fd < 0 && errno == EINVAL) {
        file->direct = false;
        file->fd = disk->open(path, flags);
    }
    if (file->fd < 0)
        return failed(dir, error);
    file->staged = aligned_alloc(DIRECT_ALIGNMENT, STAGED_BYTES);
    CHECK(file->staged != NULL);
    memset(file->staged, 0, sizeof(struct snapshot_header));
    return 0;
}

/* Reopens the file without O_DIRECT. */
static int leave_direct(struct snapshot_file *file, const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(dir, path);
    int fd = disk->open(path, O_RDWR);
    if (fd < 0)
        return -1;
    disk->close(file->fd);
    file->fd = fd;
    file->direct = false;
    return 0;
}

/* Writes the staged bytes. Leaves direct I/O for a length that is not aligned, and after a short write, whose rest is
 * not aligned. */
static int write_staged(struct snapshot_file *file, const char *dir)
{
    off_t offset = (off_t)(file->offset - file->staged_bytes);
    if (file->direct && file->staged_bytes % DIRECT_ALIGNMENT != 0 && leave_direct(file, dir) != 0)
        return -1;
    int result = disk_write_all(file->fd, file->staged, file->staged_bytes, offset);
    if (result != 0 && errno == EINVAL && file->direct) {
        result = leave_direct(file, dir);
        if (result == 0)
            result = disk_write_all(file->fd, file->staged, file->staged_bytes, offset);
    }
    if (result != 0)
        return -1;
    if (!file->direct)
        disk->flush_range(file->fd, offset, file->staged_bytes);
    file->staged_bytes = 0;
    return 0;
}

int snapshot_file_append(struct snapshot_file *file, const char *dir, const void *blocks, size_t length,
                         struct error *error)
{
    for (const unsigned char *from = blocks; length > 0;) {
        size_t room = STAGED_BYTES - file->staged_bytes;
        size_t taken = length < room ? length : room;
        memcpy(file->staged + file->staged_bytes, from, taken);
        file->staged_bytes += taken;
        file->offset += taken;
        from += taken;
        length -= taken;
        if (file->staged_bytes == STAGED_BYTES && write_staged(file, dir) != 0)
            return failed(dir, error);
    }
    return 0;
}

static void close_file(struct snapshot_file *file)
{
    if (file->fd >= 0)
        disk->close(file->fd);
    file->fd = -1;
    free(file->staged);
    file->staged = NULL;
}

int snapshot_file_finish(struct snapshot_file *file, const char *dir, uint64_t until_seq, int64_t time_us,
                         uint64_t coupons, uint64_t users, struct error *error)
{
    char from[JOURNAL_PATH_MAX], to[JOURNAL_PATH_MAX];
    struct snapshot_header *header = &file->header;
    header->until_seq = until_seq;
    header->time_us = time_us;
    header->coupons = coupons;
    header->users = users;
    header->bytes = file->offset;
    header->checksum = journal_checksum(header, sizeof *header);
    snapshot_unfinished_path(dir, from);
    snapshot_path(dir, header->from_seq, to);
    if (write_staged(file, dir) != 0 || (file->direct && leave_direct(file, dir) != 0) ||
        disk_write_all(file->fd, header, sizeof *header, 0) != 0 || disk->fsync(file->fd) != 0)
        return failed(dir, error);
    close_file(file);
    return disk->rename(from, to) != 0 ? failed(dir, error) : journal_dir_sync(dir, error);
}

void snapshot_file_drop(struct snapshot_file *file, const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(dir, path);
    close_file(file);
    disk->unlink(path);
}
