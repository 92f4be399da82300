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
 *   record             one of the structures below that begin with struct journal_record_header, zero-padded to 8
 *
 * The records of a journal are numbered 1, 2, 3 … (journal sequence); a batch carries the number of its first record.
 */
#ifndef COUPOND_JOURNAL_FORMAT_H
#define COUPOND_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

#define JOURNAL_VERSION          2
#define JOURNAL_VERSION_1        1 /* before issues could be redeemed; still read */
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
    uint8_t code_key[16]; /* key of the issues' codes (shared/code.h); zeros in version 1 */
    uint8_t reserved[48];
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
    JOURNAL_COUPON_1 = 2, /* a coupon's policy as version 1 wrote it; read as a JOURNAL_COUPON without a number */
    JOURNAL_COUPON = 3,   /* a coupon's whole policy, created or changed */
    JOURNAL_CHANGE = 4,   /* an issue redeemed, no longer redeemed, or revoked */
    JOURNAL_ERASURE = 5,  /* a user whose id is to be forgotten */
    JOURNAL_SWEEP = 6,    /* the revocation of all issues of a coupon that are not redeemed begins or ends */
    JOURNAL_TERM = 7,     /* a member begins to decide; none in the journal of an issuer that has no members */
};

struct journal_record_header {
    uint16_t length; /* including the padding */
    uint8_t type;
    uint8_t coupon_id_length; /* 0 in a JOURNAL_ERASURE and a JOURNAL_TERM */
};

enum journal_issue_flag {
    JOURNAL_ISSUE_STAMPED = 1 << 0, /* it has its own time; otherwise the batch's */
    JOURNAL_ISSUE_KEYED = 1 << 1,   /* it was asked for with an idempotency key */
};

/* Followed by the time if stamped, the key if keyed (both 8 bytes), coupon id, user id, padding. */
struct journal_issue_record {
    struct journal_record_header header;
    uint8_t user_id_length;
    uint8_t flags; /* enum journal_issue_flag */
    uint16_t nth;  /* which of the user's issues of this coupon, from 1 */
    uint32_t sequence;
};
_Static_assert(sizeof(struct journal_issue_record) == 12, "journal issue layout");

/* Version 1. Followed by coupon id, title, padding. */
struct journal_coupon_record_1 {
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
_Static_assert(sizeof(struct journal_coupon_record_1) == 40, "journal coupon layout, version 1");

/* Followed by coupon id, the coupon's texts in the order of COUPON_TEXT_TABLE, actor, request id, padding. */
struct journal_coupon_record {
    struct journal_record_header header;
    uint32_t number; /* of the coupon in its partition, from 1; 0 in a snapshot of version 1 */
    uint32_t quantity;
    uint32_t per_user_limit;
    uint32_t redeem_within_s;
    uint8_t paused;
    uint8_t archived;
    uint8_t actor_length;
    uint8_t request_id_length;
    int64_t starts_at_us;
    int64_t ends_at_us;
    int64_t redeem_until_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint16_t text_lengths[COUPON_TEXTS];
    uint8_t reserved[4];
};
_Static_assert(sizeof(struct journal_coupon_record) == 80, "journal coupon layout");

enum journal_change_kind {
    JOURNAL_REDEEMED = 1,
    JOURNAL_UNDONE = 2, /* no longer redeemed */
    JOURNAL_REVOKED = 3,
};

enum journal_change_flag {
    JOURNAL_CHANGE_RESTOCK = 1 << 0, /* revoked: the piece goes back to the stock */
    JOURNAL_CHANGE_AGAIN = 1 << 1,   /* revoked: it does not count for the user's limit any more */
};

/* Followed by coupon id, user id, reference, reason, actor, request id, padding. */
struct journal_change_record {
    struct journal_record_header header;
    uint8_t kind;  /* enum journal_change_kind */
    uint8_t flags; /* enum journal_change_flag */
    uint8_t user_id_length;
    uint8_t reference_length; /* of the redemption that was made or undone; 0 in a revocation */
    uint8_t reason_length;    /* 0 except in a revocation */
    uint8_t actor_length;
    uint8_t request_id_length;
    uint8_t reserved;
    uint32_t sequence;
    int64_t time_us; /* never before that of the issue */
};
_Static_assert(sizeof(struct journal_change_record) == 24, "journal change layout");

/* Followed by user id, actor, request id, padding. */
struct journal_erasure_record {
    struct journal_record_header header;
    uint8_t user_id_length;
    uint8_t actor_length;
    uint8_t request_id_length;
    uint8_t reserved;
    uint8_t fingerprint[16]; /* of the user: the store has it in place of the id ("erased:…") */
};
_Static_assert(sizeof(struct journal_erasure_record) == 24, "journal erasure layout");

/* Followed by coupon id, reason, actor, request id, padding. The revocations themselves are JOURNAL_CHANGE records
 * without a user id. */
struct journal_sweep_record {
    struct journal_record_header header;
    uint8_t ended; /* 0: begins; 1: ended */
    uint8_t flags; /* enum journal_change_flag */
    uint8_t reason_length;
    uint8_t actor_length;
    uint8_t request_id_length;
    uint8_t reserved[3];
    uint32_t until; /* the last sequence that it is about */
};
_Static_assert(sizeof(struct journal_sweep_record) == 16, "journal sweep layout");

/* Followed by the member's name, padding. */
struct journal_term_record {
    struct journal_record_header header;
    uint8_t owner_length;
    uint8_t reserved[3];
    uint64_t epoch; /* of the row that names it (shared/store/ownership.h), from 1 */
};
_Static_assert(sizeof(struct journal_term_record) == 16, "journal term layout");

#define JOURNAL_RECORD_BYTES_MAX 8640u
#define JOURNAL_ISSUE_BYTES_MAX  128u
#define JOURNAL_CHANGE_BYTES_MAX 592u

/* Who asked for a change, and with which request; empty: unknown. Borrowed. */
struct journal_origin {
    const char *actor;
    size_t actor_length;
    const char *request_id;
    size_t request_id_length;
};

/* A record as a value; its pointers are borrowed from the batch. */
struct journal_record {
    enum journal_record_type type;
    uint64_t seq;
    int64_t time_us;
    const char *coupon_id;
    size_t coupon_id_length;
    struct journal_origin origin; /* all but JOURNAL_ISSUE and JOURNAL_TERM */
    struct {                      /* JOURNAL_ISSUE */
        const char *user_id;
        size_t user_id_length;
        uint32_t sequence;
        uint16_t nth;
        bool stamped;         /* it has its own time, not the batch's */
        uint64_t request_key; /* of its idempotency key; 0: none */
    } issue;
    struct { /* JOURNAL_COUPON */
        uint32_t number;
        uint32_t quantity;
        uint32_t per_user_limit;
        uint32_t redeem_within_s;
        bool paused;
        bool archived;
        int64_t starts_at_us, ends_at_us, redeem_until_us, created_at_us;
        const char *texts[COUPON_TEXTS];
        size_t text_lengths[COUPON_TEXTS];
    } coupon;
    struct { /* JOURNAL_CHANGE */
        enum journal_change_kind kind;
        uint32_t sequence;
        bool restock;
        bool again;
        const char *user_id;
        size_t user_id_length;
        const char *reference;
        size_t reference_length;
        const char *reason;
        size_t reason_length;
    } change;
    struct { /* JOURNAL_ERASURE */
        const char *user_id;
        size_t user_id_length;
        uint8_t fingerprint[16];
    } erasure;
    struct { /* JOURNAL_SWEEP */
        bool ended;
        bool restock;
        bool again;
        uint32_t until;
        const char *reason;
        size_t reason_length;
    } sweep;
    struct { /* JOURNAL_TERM */
        uint64_t epoch;
        const char *owner;
        size_t owner_length;
    } term;
};

/* Each appends one record to `out`, which has room for JOURNAL_RECORD_BYTES_MAX, and returns its length. `origin` may
 * be NULL. `stamp_us` is the issue's own time, or JOURNAL_NO_STAMP for the batch's; `record->time_us` that of the
 * change. */
#define JOURNAL_NO_STAMP INT64_MIN
size_t journal_encode_stamped_issue(void *out, const struct journal_record *record, int64_t stamp_us);
size_t journal_encode_issue(void *out, const char *coupon_id, size_t coupon_id_length, const char *user_id,
                            size_t user_id_length, uint32_t sequence, uint16_t nth);
size_t journal_encode_coupon(void *out, const struct coupon *coupon, const struct journal_origin *origin);
size_t journal_encode_change(void *out, const struct journal_record *record);
size_t journal_encode_erasure(void *out, const struct journal_record *record);
size_t journal_encode_sweep(void *out, const struct journal_record *record);
size_t journal_encode_term(void *out, uint64_t epoch, const char *owner, size_t owner_length);

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

/* True when the record carries its own time, rather than the batch's. */
bool journal_record_has_time(const struct journal_record *record);

/* The policy in a JOURNAL_COUPON record, with `issued`, `returned` and `redeemed` 0, which the record does not
 * contain. */
void journal_record_coupon(const struct journal_record *record, struct coupon *coupon);

/* The checksum of one of the structures above. */
uint64_t journal_checksum(const void *structure, size_t size);
uint64_t journal_batch_checksum(const void *batch, size_t length, const uint8_t journal_id[16]);

#endif
