#include "issuer/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "shared/disk.h"

size_t snapshot_piece_bytes(const struct ledger_piece *piece)
{
    size_t head = sizeof(struct snapshot_block) + 8;
    if (piece->coupon != NULL)
        return head + sizeof(struct snapshot_coupon) + JOURNAL_RECORD_BYTES_MAX;
    return head + sizeof(struct snapshot_users) + (size_t)piece->users.capacity * USER_SLOT_BYTES;
}

static size_t encode_coupon(unsigned char *out, const struct coupon *coupon)
{
    struct snapshot_coupon head = {
        .journal_seq = coupon->journal_seq,
        .updated_at_us = coupon->updated_at_us,
        .issued = coupon->issued,
    };
    memcpy(out, &head, sizeof head);
    return sizeof head + journal_encode_coupon(out + sizeof head, coupon);
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

size_t snapshot_encode(void *out, const struct ledger_piece *piece, const uint8_t journal_id[16])
{
    unsigned char *content = (unsigned char *)out + sizeof(struct snapshot_block);
    if (piece->coupon != NULL)
        return snapshot_block_finish(out, SNAPSHOT_COUPON, encode_coupon(content, piece->coupon), journal_id);
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
        .header = {.version = SNAPSHOT_VERSION,
                   .partition = meta->partition,
                   .partitions = meta->partitions,
                   .from_seq = from_seq},
    };
    memcpy(file->header.magic, SNAPSHOT_MAGIC, sizeof file->header.magic);
    memcpy(file->header.journal_id, meta->journal_id, sizeof file->header.journal_id);
    file->fd = disk->open(path, O_RDWR | O_CREAT | O_TRUNC);
    return file->fd < 0 ? failed(dir, error) : 0;
}

int snapshot_file_append(struct snapshot_file *file, const void *blocks, size_t length, struct error *error)
{
    if (disk_write_all(file->fd, blocks, length, (off_t)file->offset) != 0)
        return error_set(error, "cannot write a snapshot: %s", strerror(errno));
    disk->flush_range(file->fd, (off_t)file->offset, length);
    file->offset += length;
    return 0;
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
    if (disk_write_all(file->fd, header, sizeof *header, 0) != 0 || disk->fsync(file->fd) != 0)
        return failed(dir, error);
    disk->close(file->fd);
    file->fd = -1;
    return disk->rename(from, to) != 0 ? failed(dir, error) : journal_dir_sync(dir, error);
}

void snapshot_file_drop(struct snapshot_file *file, const char *dir)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_unfinished_path(dir, path);
    if (file->fd >= 0)
        disk->close(file->fd);
    file->fd = -1;
    disk->unlink(path);
}
