/*
 * One member of a cluster in one partition, around its role (role.h): takes what the others say, says what is due, puts
 * questions to the store, and tells its partition whether it decides and which answers may leave. Owned by the
 * partition's thread; never blocks.
 */
#ifndef COUPOND_MEMBER_H
#define COUPOND_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "issuer/turn/details.h"
#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct member;

/* All borrowed; they must outlive the member. The journal is replayed into the ledger. */
struct member_setup {
    const struct options *options;
    struct journal *journal;
    struct ledger *ledger;
    struct details *details;
    struct metrics *metrics;
    uint64_t incarnation; /* of this start: random, not 0 */
};

/* NULL and `error` when an endpoint is invalid or a thread cannot be started. */
struct member *member_create(const struct member_setup *setup, struct error *error);
void member_destroy(struct member **member);

/* Readable when the store has answered: then member_work() is due. */
int member_fd(const struct member *member);

/* Takes a frame if it is one of members; false: it is not, or it is malformed, which others will find. */
bool member_take(struct member *member, const void *data, size_t size, int64_t now_us);
/* Call after frames were taken, and at least every member_wait_ms(). `now_us` is monotonic. */
void member_work(struct member *member, int64_t now_us);
int member_wait_ms(const struct member *member, int64_t now_us);

/* True when turns may be decided. Before the first turn of a term, its record has to be written: member_begins_term().
 */
bool member_decides(const struct member *member);
/* True when the next batch has to be that of a new term: member_write_term() does that, at `wall_us`. */
bool member_begins_term(const struct member *member);
void member_write_term(struct member *member, int64_t wall_us);
/* A turn was decided and written, but not synced: call between the two, with the bytes written. */
void member_on_written(struct member *member, size_t bytes);
/* It is synced, as far as issuer/sync wants that. */
void member_on_synced(struct member *member);
/* The number of the last turn written, in this term; and of the last one whose answers may leave. */
uint64_t member_turn(const struct member *member);
uint64_t member_released_turn(const struct member *member);
/* Changes whenever answers that still wait are void, because the term has ended. */
uint64_t member_term(const struct member *member);
/* True while the row that it knows names this member as standby. */
bool member_is_standby(const struct member *member);
/* The highest epoch that this member knows of. */
uint64_t member_epoch(const struct member *member);

/* The issuer stops: hands over, if there is a standby. */
void member_leave(struct member *member);
/* True when it does not own anything any more, or nobody can take over. */
bool member_has_left(const struct member *member);

/* Any thread: what operators should know, such as "partition 0: follows a"; "" for an owner that decides. */
void member_describe(const struct member *member, char *text, size_t size);

/* The journal has records that were never answered, and must be thrown aside: the process has to begin anew. */
bool member_has_diverged(const struct member *member);

#endif
