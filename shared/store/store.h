/*
 * The store: the database that the persister fills and that `verify` reads. One interface, two stores: `mysql` (MySQL
 * and MariaDB) and `sqlite`. A store is used by one thread.
 */
#ifndef COUPOND_STORE_H
#define COUPOND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"
#include "shared/error.h"
#include "shared/journal/format.h"
#include "shared/options/options.h"

#define STORE_SCHEMA_VERSION 3
#define STORE_ID_BYTES       16 /* random; a store has one for life, and its backups have the same; zeros: none */

enum store_result {
    STORE_OK = 0,
    STORE_RETRY, /* a passing fault: connection, deadlock, lock wait, disk; nothing of the batch is in the store, or all
                    of it */
    STORE_FAILED,  /* a fault that will not pass by itself: no such database, access denied, a newer schema; nothing was
                      written, as with all that follow */
    STORE_FOREIGN, /* another journal fills the store, or one of another number of partitions */
    STORE_OTHER,   /* the batch is meant for another store: this one has another id */
    STORE_BEHIND,  /* the store has less than was acknowledged: it came back empty or from a backup */
    STORE_REJECTED, /* some of these rows can never be stored: one contradicts a row that is there, or the server
                       refuses the data */
};

struct store_issue {
    const char *coupon_id;
    const char *user_id;
    uint8_t coupon_id_length;
    uint8_t user_id_length;
    uint16_t nth;
    uint32_t sequence;
    int64_t issued_at_us;
    uint64_t journal_seq;
};

/* The row of a JOURNAL_ISSUE record; borrows its ids. */
struct store_issue store_issue_of(const struct journal_record *record);
/* Compares by (coupon_id, sequence), as memcmp does. */
int store_issue_compare(const struct store_issue *a, const struct store_issue *b);

#define STORE_REASON_MAX 511 /* bytes of a dead letter's reason */

/* A record of a journal that could not be stored, why, and when. Borrows what it points to. */
struct store_dead_letter {
    uint8_t journal_id[16];
    uint64_t journal_seq;
    uint16_t partition;
    uint8_t coupon_id_length;
    uint8_t user_id_length; /* 0: the record is a coupon's, and there is neither sequence nor nth */
    uint16_t nth;
    uint16_t record_length;
    uint32_t sequence;
    int64_t recorded_at_us;
    int64_t dead_at_us;
    const char *coupon_id;
    const char *user_id;
    const void *record; /* as it stands in the journal */
    const char *reason; /* UTF-8 */
};

enum store_scope {
    STORE_FRAME,  /* all of records first_seq to last_seq, stored or dead: the journal's row is judged and moves on */
    STORE_PART,   /* some of them: the journal's row is judged, and stays */
    STORE_LETTER, /* the record first_seq = last_seq out of dead_letter: whoever fills the store now does not matter */
};

/*
 * One transaction: the policies that changed, the issues, and whose they are. `coupon.issued` is ignored: it follows
 * from the issues. With STORE_FRAME and STORE_LETTER, records first_seq to last_seq are dead letters afterwards only if
 * they are in `dead`.
 */
struct store_batch {
    enum store_scope scope;
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint8_t store_id[STORE_ID_BYTES]; /* of the store that the batch is meant for; zeros: whichever it comes to */
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t acked_seq;           /* the issuer believes that the store has every record up to this one */
    uint64_t gone_seq;            /* but it cannot be sent those up to this one again, whether it has them or not */
    const struct coupon *coupons; /* in journal order; one coupon may stand here more than once */
    size_t coupons_count;
    const struct store_issue *issues; /* in journal order */
    size_t issues_count;
    const struct store_dead_letter *dead; /* one that is there already is replaced */
    size_t dead_count;
};

/* What the store knows of a journal that was written to it. */
struct store_journal {
    uint16_t partition;
    uint16_t partitions;
    uint8_t journal_id[16];
    uint64_t last_seq;   /* every record up to this one is in the store, or a dead letter */
    uint64_t newest_seq; /* the last record that is, where some before it may lack; read, not written */
};

struct store;

bool store_id_is_known(const uint8_t id[STORE_ID_BYTES]);
#define STORE_ID_TEXT_MAX (2 * STORE_ID_BYTES + 1)
/* Hexadecimal, as it stands in schema_version. */
void store_id_format(const uint8_t id[STORE_ID_BYTES], char out[STORE_ID_TEXT_MAX]);
bool store_id_parse(const char *text, uint8_t id[STORE_ID_BYTES]);

/* Makes a store after options->store_*; nothing is opened yet. NULL and `error` when the options make no sense. */
struct store *store_create(const struct options *options, struct error *error);
/* Closes and frees; NULL is welcome, *store becomes NULL. */
void store_destroy(struct store **store);

/* "mysql coupond@127.0.0.1:3306/coupond" or "sqlite ./var/coupond.db"; for messages, without secrets. */
const char *store_describe(const struct store *store);

/* Connects, or connects again. */
enum store_result store_connect(struct store *store, struct error *error);
/* After store_connect() or store_migrate() has failed: the server is there, but not, or not yet, its user, rights or
 * database, or a table was changed. */
bool store_awaits_setup(const struct store *store);
/* Creates the schema or migrates it to STORE_SCHEMA_VERSION; safe when several do so at once. */
enum store_result store_migrate(struct store *store, struct error *error);
/* STORE_OK when the schema is there at STORE_SCHEMA_VERSION, and its tables are what they must be; creates nothing. For
 * readers. */
enum store_result store_check_schema(struct store *store, struct error *error);
/* The version of the schema that is there; 0 when there is none. */
enum store_result store_schema_version(struct store *store, int64_t *version, struct error *error);

/* The store's id; STORE_FAILED when it has none, or no schema, yet. */
enum store_result store_read_id(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error);

/*
 * Writes a batch in one transaction. Idempotent and commutative: rows that are there already are left alone, a policy
 * never goes back to an older journal_seq, `issued` never goes down. Connects by itself when the connection was lost.
 */
enum store_result store_write(struct store *store, const struct store_batch *batch, struct error *error);
/* The id that the last write found the store to have; zeros before the first. */
const uint8_t *store_id(const struct store *store);
/* After STORE_BEHIND: the last record up to which the store has everything; 0 when it does not know the journal. */
uint64_t store_behind_seq(const struct store *store);

/*
 * Each coupon, in the byte order of ids, whose record is a dead letter of that journal and which is therefore not in
 * the store: its issues cannot be stored either. `reason` is why. Outside of a reading snapshot.
 */
enum store_result store_each_dead_coupon(struct store *store, const uint8_t journal_id[16],
                                         bool (*each)(void *arg, const char *coupon_id, const char *reason), void *arg,
                                         struct error *error);

/*
 * Hands a partition over to another journal, whose records up to `last_seq` are in the store: its row is replaced, or
 * made. In one transaction.
 */
enum store_result store_adopt_journal(struct store *store, const struct store_journal *journal, struct error *error);

/*
 * Reading, in one consistent snapshot between begin and end: first the journals, then the coupons in the byte order of
 * their ids, then the issues ordered by (coupon_id, sequence). Rows are handed on as they come, none is kept. A
 * callback that returns false ends the walk early (STORE_OK).
 */
enum store_result store_read_begin(struct store *store, struct error *error);
enum store_result store_each_journal(struct store *store, bool (*each)(void *arg, const struct store_journal *),
                                     void *arg, struct error *error);
enum store_result store_each_coupon(struct store *store, bool (*each)(void *arg, const struct coupon *), void *arg,
                                    struct error *error);
enum store_result store_each_issue(struct store *store, bool (*each)(void *arg, const struct store_issue *), void *arg,
                                   struct error *error);
/* Dead letters ordered by (journal_id, journal_seq), so a coupon comes before its issues: those behind `after`, or from
 * the first when that is NULL, and at most `limit`, 0 meaning all. */
enum store_result store_each_dead_letter(struct store *store, const struct store_dead_letter *after, size_t limit,
                                         bool (*each)(void *arg, const struct store_dead_letter *), void *arg,
                                         struct error *error);
void store_read_end(struct store *store);

#endif
