#include "issuer/snapshot/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "shared/disk.h"

#define PROGRESS_BYTES (16u << 20)

/* The content of a block, after its header. */
struct content {
    const unsigned char *bytes;
    size_t length;
};

static const char *read_coupon(const struct content *content, struct coupon *coupon)
{
    struct snapshot_coupon head;
    if (content->length < sizeof head)
        return "a coupon is cut off";
    memcpy(&head, content->bytes, sizeof head);
    struct journal_record record;
    size_t length = journal_decode_record(content->bytes + sizeof head, content->length - sizeof head, &record);
    if (length == 0 || record.type != JOURNAL_COUPON || sizeof head + length != content->length ||
        head.updated_at_us < 0 || head.updated_at_us > ISSUER_TIME_US_MAX)
        return "a coupon is malformed";
    record.seq = head.journal_seq;
    record.time_us = head.updated_at_us;
    journal_record_coupon(&record, coupon);
    coupon->issued = head.issued;
    return NULL;
}

static const char *read_users(const struct content *content, struct user_block *users)
{
    struct snapshot_users head;
    if (content->length < sizeof head)
        return "a table of users is cut off";
    memcpy(&head, content->bytes, sizeof head);
    *users = (struct user_block){
        .first = head.first,
        .depth = head.depth,
        .capacity = head.capacity,
        .count = head.count,
        .slots = content->bytes + sizeof head,
    };
    size_t slots = (size_t)head.capacity * USER_SLOT_BYTES;
    bool fits = head.capacity <= USER_BLOCK_CAPACITY_MAX && slots <= content->length - sizeof head &&
                content->length - sizeof head - slots < 8;
    return fits ? NULL : "the length of a table of users does not match its header";
}

static const char *read_page(const struct content *content, struct ledger_page *page)
{
    struct snapshot_page head;
    if (content->length < sizeof head)
        return "a page of a map is cut off";
    memcpy(&head, content->bytes, sizeof head);
    *page = (struct ledger_page){(enum coupon_map)head.map, head.number, head.count, content->bytes + sizeof head};
    bool fits = head.count <= SEQUENCE_PAGE_ENTRIES && content->length == sizeof head + head.count * sizeof(uint64_t);
    return fits ? NULL : "the length of a map's page does not match its header";
}

static const char *load_sweep(struct ledger *ledger, const struct content *content)
{
    struct journal_record record;
    if (journal_decode_record(content->bytes, content->length, &record) != content->length)
        return "a sweep is malformed";
    record.seq = 0;
    return ledger_load_sweep(ledger, &record);
}

static const char *load_block(struct ledger *ledger, const struct content *content, uint32_t kind,
                              struct snapshot_header *counted)
{
    struct coupon coupon;
    struct user_block users;
    struct ledger_page page;
    const char *wrong;
    switch (kind) {
    case SNAPSHOT_COUPON:
        wrong = read_coupon(content, &coupon);
        counted->coupons++;
        return wrong != NULL ? wrong : ledger_load_coupon(ledger, &coupon);
    case SNAPSHOT_USERS:
        wrong = read_users(content, &users);
        counted->users += wrong == NULL ? users.count : 0;
        return wrong != NULL ? wrong : ledger_load_users(ledger, &users);
    case SNAPSHOT_PAGE:
        wrong = read_page(content, &page);
        return wrong != NULL ? wrong : ledger_load_page(ledger, &page);
    case SNAPSHOT_SWEEP:
        return load_sweep(ledger, content);
    default:
        return "a block has an unknown kind";
    }
}

const char *snapshot_load_bytes(const void *bytes, size_t size, uint64_t from_seq, const struct journal_meta *meta,
                                struct ledger *ledger, struct snapshot_header *header, size_t *offset,
                                snapshot_progress_fn progress, void *arg)
{
    *offset = 0;
    if (size < sizeof *header)
        return "the file is too short";
    memcpy(header, bytes, sizeof *header);
    const char *wrong = snapshot_header_check(header, meta, from_seq, size);
    if (wrong != NULL)
        return wrong;
    struct snapshot_header counted = {0};
    size_t reported = 0;
    for (*offset = sizeof *header; *offset < size;) {
        struct snapshot_block block;
        wrong = snapshot_block_check(bytes, size, *offset, meta->journal_id, &block);
        if (wrong != NULL)
            return wrong;
        struct content content = {(const unsigned char *)bytes + *offset + sizeof block, block.length - sizeof block};
        wrong = load_block(ledger, &content, block.kind, &counted);
        if (wrong != NULL)
            return wrong;
        *offset += block.length;
        if (progress != NULL && *offset - reported >= PROGRESS_BYTES && !progress(arg, reported = *offset, size))
            return "loading was cancelled";
    }
    if (counted.coupons != header->coupons || counted.users != header->users)
        return "the number of coupons or users does not match the header";
    return ledger_load_end(ledger, header->until_seq);
}

static enum snapshot_loaded map_file(const char *path, const void **bytes, size_t *size, struct error *error)
{
    int fd = disk->open(path, O_RDONLY);
    int64_t length = fd < 0 ? -1 : disk->size(fd);
    *bytes = length > 0 ? disk->map(fd, (size_t)length) : NULL;
    int reason = errno;
    if (fd >= 0)
        disk->close(fd);
    *size = (size_t)length;
    if (*bytes != NULL)
        return SNAPSHOT_LOADED;
    if (length == 0)
        error_set(error, "%s is damaged at offset 0: the file is empty", path);
    else
        error_set(error, "cannot read %s: %s", path, strerror(reason));
    return length == 0 ? SNAPSHOT_DAMAGED : SNAPSHOT_UNREADABLE;
}

enum snapshot_loaded snapshot_load(const char *dir, uint64_t from_seq, const struct journal_meta *meta,
                                   struct ledger *ledger, struct snapshot_header *header, snapshot_progress_fn progress,
                                   void *arg, struct error *error)
{
    char path[JOURNAL_PATH_MAX];
    const void *bytes;
    size_t size = 0, offset;
    snapshot_path(dir, from_seq, path);
    enum snapshot_loaded mapped = map_file(path, &bytes, &size, error);
    if (mapped != SNAPSHOT_LOADED)
        return mapped;
    const char *wrong = snapshot_load_bytes(bytes, size, from_seq, meta, ledger, header, &offset, progress, arg);
    disk->unmap((void *)(uintptr_t)bytes, size);
    if (wrong == NULL)
        return SNAPSHOT_LOADED;
    error_set(error, "%s is damaged at offset %zu: %s", path, offset, wrong);
    return SNAPSHOT_DAMAGED;
}
