/*
 * The bytes of a journal: segments, batches, records. Pure: bytes in, values out.
 *
 *   partition folder   meta             struct journal_meta: the identity of the journal
 *                      lock             locked by its issuer (fcntl)
 *                      acked            struct journal_acked: what the store holds
 *                      uncompared, former_stores   journal/notes.h
 *                      <first seq, 20 digits>.segment
 *   segment            struct journal_segment_header, then batches, then zeros up to the fixed size
 *   batch              struct journal_batch_header, then `count` records: the decisions of one turn of the issuer,
 *                      with one time, one checksum and one write
 *   record             struct journal_issue_record or struct journal_coupon_record, zero-padded to 8 bytes
 *
 * The records of a journal are numbered 1, 2, 3 … (journal sequence); a batch carries the number of its first record.
 */
#ifndef COUPOND_JOURNAL_FORMAT_H
#define COUPOND_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

#define JOURNAL_VERSION          1
#define JOURNAL_META_MAGIC       "CPNDMETA"
#define JOURNAL_ACKED_MAGIC      "CPNDACKD"
#define JOURNAL_ACKED_VERSION    2
#define JOURNAL_SEGMENT_MAGIC    "CPNDSEGM"
#define JOURNAL_UNCOMPARED_MAGIC "CPNDUNCO"
#define JOURNAL_FORMER_MAGIC     "CPNDFORM"
#define JOURNAL_FORMER_STORES    8 /* the oldest merges into `others_seq` to make room for one more */

struct journal_meta {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint32_t version;
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];      /* random */
    uint8_t fingerprint_key[16]; /* random, SipHash key of the user sets */
    int64_t created_at_us;
    uint8_t reserved[64];
};
_Static_assert(sizeof(struct journal_meta) == 128, "journal meta layout");

struct journal_acked {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint32_t version;
    uint32_t reserved;
    uint8_t journal_id[16];
    uint8_t store_id[16]; /* of the store that has them; zeros: unknown */
    uint64_t seq;         /* every record up to this one is in the store */
};
_Static_assert(sizeof(struct journal_acked) == 64, "journal acked layout");

/* The journal made decisions before it was compared with its store, and that comparison is still due. */
struct journal_uncompared {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint8_t journal_id[16];
    uint64_t seq; /* the last record before those decisions */
};
_Static_assert(sizeof(struct journal_uncompared) == 40, "journal uncompared layout");

/* The stores that the journal filled before its current one. Each may have records up to `seq`, but none later: a store
 * that returns with later records was filled by a newer copy of the folder. */
struct journal_former_stores {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint8_t journal_id[16];
    uint8_t present_id[16]; /* the store that the journal now fills; overrides the unsynced `acked` */
    uint64_t others_seq;    /* the same for any store not listed here; UINT64_MAX: unknown */
    uint64_t count;
    struct journal_former_store {
        uint8_t store_id[16];
        uint64_t seq;                /* UINT64_MAX: it may be receiving more; the final value follows */
    } stores[JOURNAL_FORMER_STORES]; /* oldest first */
};
_Static_assert(sizeof(struct journal_former_stores) == 256, "journal former stores layout");

/* The format before stores had ids; still read, no longer written. */
struct journal_acked_1 {
    uint64_t checksum; /* XXH3-64 of what follows */
    uint8_t journal_id[16];
    uint64_t seq;
};
_Static_assert(sizeof(struct journal_acked_1) == 32, "journal acked layout, version 1");

struct journal_segment_header {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint32_t version;
    uint16_t partition;
    uint16_t reserved;
    uint8_t journal_id[16];
    uint64_t first_seq;
    uint64_t size; /* bytes of the file */
    uint8_t padding[8];
};
_Static_assert(sizeof(struct journal_segment_header) == 64, "journal segment layout");

struct journal_batch_header {
    uint64_t checksum; /* XXH3-64 of what follows up to `length`, seeded with the journal id's first 8 bytes */
    uint32_t length;   /* of the batch with this header and its padding, a multiple of 8 */
    uint32_t count;    /* records; 0: a seal, written when the journal is closed properly */
    uint64_t first_seq;
    int64_t time_us;     /* of every record without its own; may be earlier than that of an earlier batch */
    uint64_t synced_seq; /* every record up to this one was synced before this batch was written */
};
_Static_assert(sizeof(struct journal_batch_header) == 40, "journal batch layout");

enum journal_record_type {
    JOURNAL_ISSUE = 1,
    JOURNAL_COUPON = 2, /* a coupon's whole policy, created or changed */
};

struct journal_record_header {
    uint16_t length; /* including the padding */
    uint8_t type;
    uint8_t coupon_id_length;
};

/* Followed by issued_at_us if stamped, coupon id, user id, padding. */
struct journal_issue_record {
    struct journal_record_header header;
    uint8_t user_id_length;
    uint8_t stamped; /* 1: the issue has its own time, in the next 8 bytes; 0: the batch's */
    uint16_t nth;    /* which of the user's issues of this coupon, from 1 */
    uint32_t sequence;
};
_Static_assert(sizeof(struct journal_issue_record) == 12, "journal issue layout");

/* Followed by coupon id, title, padding. */
struct journal_coupon_record {
    struct journal_record_header header;
    uint32_t quantity;
    uint32_t per_user_limit;
    uint16_t title_length;
    uint8_t paused;
    uint8_t reserved;
    int64_t starts_at_us;
    int64_t ends_at_us;
    int64_t created_at_us; /* updated_at is the batch's time */
};
_Static_assert(sizeof(struct journal_coupon_record) == 40, "journal coupon layout");

#define JOURNAL_RECORD_BYTES_MAX 640u

/* A record as a value; its pointers are borrowed from the batch. */
struct journal_record {
    enum journal_record_type type;
    uint64_t seq;
    int64_t time_us;
    const char *coupon_id;
    size_t coupon_id_length;
    struct { /* JOURNAL_ISSUE */
        const char *user_id;
        size_t user_id_length;
        uint32_t sequence;
        uint16_t nth;
        bool stamped; /* it has its own time, not the batch's */
    } issue;
    struct { /* JOURNAL_COUPON */
        const char *title;
        size_t title_length;
        uint32_t quantity;
        uint32_t per_user_limit;
        bool paused;
        int64_t starts_at_us, ends_at_us, created_at_us;
    } coupon;
};

/* Appends one record to `out`, which has room for JOURNAL_RECORD_BYTES_MAX. Returns its length. `stamp_us` is the
 * issue's own time, or JOURNAL_NO_STAMP for the batch's. */
#define JOURNAL_NO_STAMP INT64_MIN
size_t journal_encode_stamped_issue(void *out, const struct journal_record *record, int64_t stamp_us);
size_t journal_encode_issue(void *out, const char *coupon_id, size_t coupon_id_length, const char *user_id,
                            size_t user_id_length, uint32_t sequence, uint16_t nth);
size_t journal_encode_coupon(void *out, const struct coupon *coupon);

enum journal_scan {
    JOURNAL_SCAN_BATCH, /* a whole batch: valid checksum, well-formed records */
    JOURNAL_SCAN_END,   /* zeros: nothing written here */
    JOURNAL_SCAN_BAD,   /* anything else: torn or damaged */
};

/* Examines the `available` bytes at `data`, which is aligned to 8. JOURNAL_SCAN_BATCH copies the header to `header`;
 * JOURNAL_SCAN_BAD sets `reason`, unless NULL, to a short description. */
enum journal_scan journal_batch_scan(const void *data, size_t available, const uint8_t journal_id[16],
                                     struct journal_batch_header *header, const char **reason);

/* Walks the records of a batch that journal_batch_scan() passed. */
struct journal_batch_reader {
    struct journal_batch_header header;
    const unsigned char *cursor;
    uint32_t left;
};
void journal_batch_reader_init(struct journal_batch_reader *reader, const void *batch);
bool journal_batch_reader_next(struct journal_batch_reader *reader, struct journal_record *record);

/* Decodes the record at `bytes`, which is at most `available` long. The caller sets its sequence, and its time unless
 * it is stamped. Returns its length, 0 when it is malformed. */
size_t journal_decode_record(const void *bytes, size_t available, struct journal_record *record);

/* The policy in a JOURNAL_COUPON record, with `issued` 0, which the record does not contain. */
void journal_record_coupon(const struct journal_record *record, struct coupon *coupon);

/* The checksum of one of the structures above. */
uint64_t journal_checksum(const void *structure, size_t size);
uint64_t journal_batch_checksum(const void *batch, size_t length, const uint8_t journal_id[16]);

#endif
