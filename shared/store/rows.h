/*
 * The values that go in and out of a store: rows, the batch that carries them, and its result. Pure values.
 */
#ifndef COUPOND_STORE_ROWS_H
#define COUPOND_STORE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/journal/format.h"
#include "shared/member_name.h"
#include "shared/store/id.h"

#define STORE_SCHEMA_VERSION 4

enum store_result {
    STORE_OK = 0,
    STORE_RETRY,    /* a temporary fault, such as a deadlock; the batch is in the store as a whole or not at all */
    STORE_FAILED,   /* a lasting fault, such as access denied or a newer schema; nothing was written, as below */
    STORE_FOREIGN,  /* another journal fills the store, or one with another number of partitions */
    STORE_OTHER,    /* the batch is meant for a store with another id */
    STORE_BEHIND,   /* the store lacks acknowledged records: it came back empty or from a backup */
    STORE_REJECTED, /* some rows can never be stored: one contradicts a stored row, or the server rejects the data */
};

/* The policy of a coupon; borrows its texts, which are not terminated. A struct coupon would be forty times as large,
 * and a frame may contain tens of thousands. */
struct store_coupon {
    char id[COUPON_ID_MAX + 1];
    bool paused;
    bool archived;
    uint32_t number;
    uint32_t quantity;
    uint32_t per_user_limit;
    uint32_t redeem_within_s;
    int64_t starts_at_us;
    int64_t ends_at_us;
    int64_t redeem_until_us;
    int64_t created_at_us;
    int64_t updated_at_us;
    uint64_t journal_seq;
    const char *texts[COUPON_TEXTS];
    uint16_t text_lengths[COUPON_TEXTS];
    struct journal_origin origin;
};

struct store_issue {
    const char *coupon_id;
    const char *user_id; /* "erased:…" (shared/store/erased.h) once the user was erased */
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint16_t nth;
    uint32_t sequence;
    int64_t issued_at_us;
    uint64_t journal_seq;
    uint64_t request_key; /* 0: none */
};

/* What became of an issue: the row of a JOURNAL_CHANGE record. Its pointers are borrowed. */
struct store_change {
    const char *coupon_id;
    const char *user_id; /* of the issue; not stored: read from coupon_issue, "" when the issue is not there */
    const char *reference;
    const char *reason;
    const char *actor;
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint8_t reference_length; /* of the redemption that was made or, in the state ISSUE_ISSUED, undone */
    uint8_t reason_length;
    uint8_t actor_length;
    uint8_t state; /* enum issue_state */
    bool restock;
    bool again;
    uint32_t sequence;
    int64_t changed_at_us;
    uint64_t journal_seq;
};

/* A user whose id is to be forgotten: the row of a JOURNAL_ERASURE record. Its pointers are borrowed. */
struct store_erasure {
    const char *user_id; /* not stored; NULL when read */
    const char *actor;
    const char *request_id;
    uint8_t user_id_length;
    uint8_t actor_length;
    uint8_t request_id_length;
    uint8_t fingerprint[16];
    int64_t erased_at_us;
    uint64_t journal_seq;
};

/* A policy that a coupon had or has; read only. */
struct store_history_row {
    const char *coupon_id;
    const char *actor;
    const char *request_id;
    const char *policy; /* a JSON object (shared/store/policy_json.h) */
    size_t policy_length;
    uint8_t coupon_id_length;
    uint8_t actor_length;
    uint8_t request_id_length;
    int64_t changed_at_us;
    uint64_t journal_seq;
};

#define STORE_REASON_MAX 511 /* bytes of a dead letter's reason */

/*
 * A journal record that could not be stored, with reason and time. Its pointers are borrowed. The columns differ by the
 * type of the record (store_letter_type): a coupon has neither user nor sequence, an issue has all, a change no `nth`
 * and perhaps no user, an erasure only the user.
 */
struct store_dead_letter {
    uint8_t journal_id[16];
    uint64_t journal_seq;
    uint16_t partition;
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint16_t nth;
    uint16_t record_length;
    uint32_t sequence;
    int64_t recorded_at_us;
    int64_t dead_at_us;
    const char *coupon_id;
    const char *user_id;
    const void *record; /* as in the journal */
    const char *reason; /* UTF-8 */
};

enum store_scope {
    STORE_FRAME,  /* all of records first_seq to last_seq, stored or dead: checks and advances the journal's row */
    STORE_PART,   /* some of them: checks the journal's row and leaves it */
    STORE_LETTER, /* the record first_seq = last_seq from dead_letter: skips the check of the journal's row */
};

/*
 * One transaction: changed policies, issues, changes of issues, erasures, and the journal that they come from. With
 * STORE_FRAME and STORE_LETTER, only the records in `dead` of first_seq to last_seq remain dead letters.
 */
struct store_batch {
    enum store_scope scope;
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint8_t store_id[STORE_ID_BYTES]; /* of the intended store; zeros: any store */
    uint8_t fingerprint_key[16];      /* the journal's keys; zeros: unknown */
    uint8_t code_key[16];
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t acked_seq; /* the issuer assumes that the store has every record up to this one */
    uint64_t gone_seq;  /* records up to this one cannot be sent again, whether the store has them or not */
    const struct store_coupon *coupons; /* in journal order, like all arrays; one coupon may occur more than once */
    size_t coupons_count;
    const struct store_issue *issues;
    size_t issues_count;
    const struct store_change *changes; /* one issue may occur more than once */
    size_t changes_count;
    const struct store_erasure *erasures;
    size_t erasures_count;
    const struct store_dead_letter *dead; /* replaces an existing one */
    size_t dead_count;
};

/* What the store knows of a journal that has been written to it. */
struct store_journal {
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint8_t fingerprint_key[16]; /* zeros: unknown */
    uint8_t code_key[16];        /* likewise */
    uint64_t last_seq;           /* every record up to this one is stored or a dead letter */
    uint64_t newest_seq;         /* the newest such record, with possible gaps before it; read only */
    uint64_t erased_seq;         /* the newest erasure; read only */
};

/* The row of a record of that type; each borrows its texts. */
struct store_coupon store_coupon_of(const struct journal_record *record);
struct store_issue store_issue_of(const struct journal_record *record);
struct store_change store_change_of(const struct journal_record *record);
struct store_erasure store_erasure_of(const struct journal_record *record);
/* The JOURNAL_CHANGE record of a row; borrows its texts. */
struct journal_record store_change_record(const struct store_change *change);

/* The row of a coupon; borrows its texts. */
struct store_coupon store_coupon_borrow(const struct coupon *coupon);
/* True when all columns are equal, except for the origin. */
bool store_coupon_equal(const struct store_coupon *a, const struct store_coupon *b);

/* Compares by (coupon_id, sequence), like memcmp. */
int store_issue_compare(const struct store_issue *a, const struct store_issue *b);
bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b);
/* True when both are the same issue of the same user: (coupon_id, user_id, nth). */
bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b);
/* True when all columns are equal. */
bool store_issue_equal(const struct store_issue *a, const struct store_issue *b);

/* Compares by (coupon_id, sequence), like memcmp. */
int store_change_compare(const struct store_change *a, const struct store_change *b);
bool store_change_same_coupon(const struct store_change *a, const struct store_change *b);
/* True when all columns are equal, or `b` is `a` after its actor was erased. */
bool store_change_equal(const struct store_change *a, const struct store_change *b);
/* The column `state`, as in the HTTP API. The reverse returns ISSUE_NONE for anything else. */
const char *store_state_name(enum issue_state state);
enum issue_state store_state_of(const char *name, size_t length);

/* JOURNAL_COUPON, JOURNAL_ISSUE, JOURNAL_CHANGE or JOURNAL_ERASURE. */
enum journal_record_type store_letter_type(const struct store_dead_letter *letter);

/* A request key as the column has it: 8 bytes, the most significant first, so that it reads like the number. */
#define STORE_REQUEST_KEY_BYTES 8
void store_request_key_write(uint64_t key, char out[STORE_REQUEST_KEY_BYTES]);
uint64_t store_request_key_read(const char bytes[STORE_REQUEST_KEY_BYTES]);

/* False for zeros. */
bool store_key_is_known(const uint8_t key[16]);

/* Who decides a partition (shared/store/ownership.h). */
struct store_ownership {
    uint16_t partition;
    uint8_t journal_id[16];
    uint64_t epoch;
    char owner[MEMBER_NAME_MAX + 1];
    char standby[MEMBER_NAME_MAX + 1]; /* "": nobody */
};

#endif
