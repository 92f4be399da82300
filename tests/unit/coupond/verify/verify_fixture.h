/* A journal under construction, its store, and the findings of verify. */
#ifndef COUPOND_VERIFY_FIXTURE_H
#define COUPOND_VERIFY_FIXTURE_H

#include "coupond/verify/finish.h"
#include "coupond/verify/verify.h"

#define TIME_US INT64_C(1763691900000000)

struct fixture {
    struct verify verify;
    uint64_t seq;
    int64_t time_us;
    struct coupon policy;
};

/* Partition 0 of 1; the store has everything up to record `acked`. */
void verify_fixture_add_journal(struct fixture *fixture, uint64_t acked);

/* cmocka's setup and teardown. */
int verify_fixture_setup(void **state);
int verify_fixture_teardown(void **state);

/* The store's row of coupon "c" with the count `issued`. */
void verify_fixture_store_coupon(struct fixture *fixture, uint32_t issued);

/* Adds a row of the store that verify compares with the journal. */
void verify_fixture_store_row(struct fixture *fixture, uint32_t sequence, const char *user, uint64_t journal_seq);

/* Adds a row that is read only to name a violation. */
void verify_fixture_name_row(struct fixture *fixture, uint32_t sequence, const char *user, uint64_t journal_seq);

/* Appends the fixture's policy as the next journal record. */
void verify_fixture_journal_policy(struct fixture *fixture);

/* Appends an issue as the next journal record. */
void verify_fixture_journal_nth(struct fixture *fixture, uint32_t sequence, const char *user, uint16_t nth);

void verify_fixture_journal_issue(struct fixture *fixture, uint32_t sequence, const char *user);

/* Ends journal and check: the findings are complete. */
void verify_fixture_end(struct fixture *fixture);

/* Asserts exactly one finding, of this kind, whose sentence contains `words`. */
void verify_fixture_assert_only(const struct fixture *fixture, enum finding kind, const char *words);

/* Journal and store of coupon "c" with two issues, to anna and bob. */
void verify_fixture_keep_two(struct fixture *fixture);

/* Only the journal, nothing acknowledged. */
void verify_fixture_begin_unstored(struct fixture *fixture);

void verify_fixture_end_unstored(struct fixture *fixture);

#endif
