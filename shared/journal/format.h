/*
 * The bytes of a journal: segments, batches, records. Pure: bytes in, values out.
 *
 *   partition folder/  meta                     struct journal_meta: who this journal is
 *                      lock                     flock(2)ed by its issuer
 *                      acked                    struct journal_acked: what the store holds
 *                      <first seq, 20 digits>.segment
 *   segment            struct journal_segment_header, then batches, then zeros up to the fixed size
 *   batch              struct journal_batch_header, then `count` records; one batch is what one turn of the issuer
 * decided: it has one time, one checksum, one write record             struct journal_issue_record or struct
 * journal_coupon_record, padded with zeros to 8 bytes
 *
 * The records of a journal are numbered 1, 2, 3 … (journal sequence); a batch bears the number of its first.
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
#define JOURNAL_FORMER_STORES    8 /* the oldest becomes one of the others for one more */

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
    uint8_t store_id[16]; /* of the store that has it; zeros: not known */
    uint64_t seq;         /* every record up to this one is in the store */
};
_Static_assert(sizeof(struct journal_acked) == 64, "journal acked layout");

/* The journal decided before it was compared with its store, and that comparison is still to come. */
struct journal_uncompared {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint8_t journal_id[16];
    uint64_t seq; /* the last record before that */
};
_Static_assert(sizeof(struct journal_uncompared) == 40, "journal uncompared layout");

/* The stores that the journal filled before its present one. Each may have its records up to `seq`, and none later: one
 * that has, when it is back, was filled by a newer copy of the folder. */
struct journal_former_stores {
    uint64_t checksum; /* XXH3-64 of what follows */
    char magic[8];
    uint8_t journal_id[16];
    uint8_t
        present_id[16];  /* the store that the journal fills since; it counts more than what `acked`, unsynced, says */
    uint64_t others_seq; /* the same for any store that is not named here; UINT64_MAX: that is not known */
    uint64_t count;
    struct journal_former_store {
        uint8_t store_id[16];
        uint64_t seq;                /* UINT64_MAX: it may have got more meanwhile, how much is about to be noted */
    } stores[JOURNAL_FORMER_STORES]; /* the oldest first */
};
_Static_assert(sizeof(struct journal_former_stores) == 256, "journal former stores layout");

/* As it was before stores had ids; read, no longer written. */
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
    uint32_t count;    /* records; 0: a seal, written when the journal is closed in order */
    uint64_t first_seq;
    int64_t time_us;     /* of every record in the batch that bears none of its own; may be before an earlier batch's */
    uint64_t synced_seq; /* every record up to this one was synced before this batch was written */
};
_Static_assert(sizeof(struct journal_batch_header) == 40, "journal batch layout");

enum journal_record_type {
    JOURNAL_ISSUE = 1,
    JOURNAL_COUPON = 2, /* a coupon's policy, created or changed: the whole of it */
};

struct journal_record_header {
    uint16_t length; /* with the padding */
    uint8_t type;
    uint8_t coupon_id_length;
};

/* then, when it is stamped, issued_at_us; then coupon id, user id, padding */
struct journal_issue_record {
    struct journal_record_header header;
    uint8_t user_id_length;
    uint8_t stamped; /* 1: the issue bears a time of its own, 8 bytes behind this; 0: the batch's */
    uint16_t nth;    /* which of the user's issues of this coupon, from 1 */
    uint32_t sequence;
};
_Static_assert(sizeof(struct journal_issue_record) == 12, "journal issue layout");

/* then coupon id, title, padding */
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

/* A record as a value: borrowed pointers into the batch. */
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
        bool stamped; /* its time is its own, not the batch's */
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
 * issue's own time, JOURNAL_NO_STAMP: it is the batch's. */
#define JOURNAL_NO_STAMP INT64_MIN
size_t journal_encode_stamped_issue(void *out, const struct journal_record *record, int64_t stamp_us);
size_t journal_encode_issue(void *out, const char *coupon_id, size_t coupon_id_length, const char *user_id,
                            size_t user_id_length, uint32_t sequence, uint16_t nth);
size_t journal_encode_coupon(void *out, const struct coupon *coupon);

enum journal_scan {
    JOURNAL_SCAN_BATCH, /* a whole batch, its checksum right, its records well-formed */
    JOURNAL_SCAN_END,   /* zeros: nothing was written here */
    JOURNAL_SCAN_BAD,   /* something else: torn or damaged */
};

/*
 * Looks at the `available` bytes at `data`, 8-aligned. For JOURNAL_SCAN_BATCH the header is copied to `header`; for
 * JOURNAL_SCAN_BAD `reason`, where not NULL, says in a few words what is wrong.
 */
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

/* Decodes the record at `bytes`, at most `available` long; its sequence, and its time unless it is stamped, are the
 * caller's. Returns its length, 0 when it is malformed. */
size_t journal_decode_record(const void *bytes, size_t available, struct journal_record *record);

/* The policy in a JOURNAL_COUPON record; what is issued is not in it and becomes 0. */
void journal_record_coupon(const struct journal_record *record, struct coupon *coupon);

/* The checksums of the structures above. */
uint64_t journal_checksum(const void *structure, size_t size);
uint64_t journal_batch_checksum(const void *batch, size_t length, const uint8_t journal_id[16]);

#endif
