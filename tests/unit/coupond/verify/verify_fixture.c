#include "tests/unit/coupond/verify/verify_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void verify_fixture_add_journal(struct fixture *fixture, uint64_t acked)
{
    struct journal_meta meta = {.partition = 0, .partitions = 1};
    memset(meta.journal_id, 0x5a, sizeof meta.journal_id);
    verify_add_journal(&fixture->verify, &meta, acked);
    struct store_journal stored = {.partition = 0, .partitions = 1, .last_seq = acked};
    memcpy(stored.journal_id, meta.journal_id, sizeof stored.journal_id);
    verify_store_journal(&fixture->verify, &stored);
}

int verify_fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    verify_init(&fixture->verify, 42);
    fixture->time_us = TIME_US;
    fixture->policy = (struct coupon){.id = "c",
                                      .title = "A coffee",
                                      .quantity = 3,
                                      .per_user_limit = 1,
                                      .starts_at_us = TIME_NONE,
                                      .ends_at_us = TIME_NONE,
                                      .redeem_until_us = TIME_NONE,
                                      .created_at_us = TIME_US,
                                      .updated_at_us = TIME_US,
                                      .journal_seq = 1};
    verify_fixture_add_journal(fixture, 1000);
    *state = fixture;
    return 0;
}

int verify_fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    verify_deinit(&fixture->verify);
    free(fixture);
    return 0;
}

/* --- helpers --- */

void verify_fixture_store_coupon(struct fixture *fixture, uint32_t issued)
{
    struct coupon there = fixture->policy;
    there.issued = issued;
    verify_store_coupon(&fixture->verify, &there);
}

void verify_fixture_store_row(struct fixture *fixture, uint32_t sequence, const char *user, uint64_t journal_seq)
{
    struct store_issue issue = {.coupon_id = "c",
                                .coupon_id_length = 1,
                                .user_id = user,
                                .user_id_length = (uint8_t)strlen(user),
                                .nth = 1,
                                .sequence = sequence,
                                .issued_at_us = TIME_US,
                                .journal_seq = journal_seq};
    verify_store_issue(&fixture->verify, &issue);
}

void verify_fixture_name_row(struct fixture *fixture, uint32_t sequence, const char *user, uint64_t journal_seq)
{
    struct store_issue issue = {.coupon_id = "c",
                                .coupon_id_length = 1,
                                .user_id = user,
                                .user_id_length = (uint8_t)strlen(user),
                                .nth = 1,
                                .sequence = sequence,
                                .issued_at_us = TIME_US,
                                .journal_seq = journal_seq};
    verify_name_row(&fixture->verify, &issue);
}

void verify_fixture_journal_policy(struct fixture *fixture)
{
    const struct coupon *policy = &fixture->policy;
    struct journal_record record = {.type = JOURNAL_COUPON,
                                    .seq = ++fixture->seq,
                                    .time_us = fixture->time_us,
                                    .coupon_id = policy->id,
                                    .coupon_id_length = strlen(policy->id),
                                    .coupon = {.number = policy->number,
                                               .texts = {policy->title, "", "", "", "", ""},
                                               .text_lengths = {strlen(policy->title)},
                                               .redeem_until_us = TIME_NONE,
                                               .quantity = policy->quantity,
                                               .per_user_limit = policy->per_user_limit,
                                               .paused = policy->paused,
                                               .starts_at_us = policy->starts_at_us,
                                               .ends_at_us = policy->ends_at_us,
                                               .created_at_us = policy->created_at_us}};
    verify_journal_record(&fixture->verify, 0, &record);
}

void verify_fixture_journal_nth(struct fixture *fixture, uint32_t sequence, const char *user, uint16_t nth)
{
    struct journal_record record = {
        .type = JOURNAL_ISSUE,
        .seq = ++fixture->seq,
        .time_us = fixture->time_us,
        .coupon_id = "c",
        .coupon_id_length = 1,
        .issue = {.user_id = user, .user_id_length = strlen(user), .sequence = sequence, .nth = nth}};
    verify_journal_record(&fixture->verify, 0, &record);
}

void verify_fixture_journal_issue(struct fixture *fixture, uint32_t sequence, const char *user)
{
    verify_fixture_journal_nth(fixture, sequence, user, 1);
}

void verify_fixture_end(struct fixture *fixture)
{
    fixture->verify.journals[0].acked = fixture->seq < 1000 ? fixture->seq : 1000;
    verify_journal_end(&fixture->verify, 0, fixture->seq + 1, NULL);
    verify_finish(&fixture->verify);
}

void verify_fixture_assert_only(const struct fixture *fixture, enum finding kind, const char *words)
{
    const struct findings *findings = &fixture->verify.findings;
    for (int i = 0; i < FINDING_COUNT; i++)
        if (i != (int)kind && findings->kinds[i].count > 0)
            fail_msg("found %s: %s", finding_name((enum finding)i), findings->kinds[i].lines[0]);
    assert_int_equal(findings->kinds[kind].count, 1);
    assert_int_equal(findings->count, 1);
    if (!strstr(findings->kinds[kind].lines[0], words))
        fail_msg("\"%s\" does not say \"%s\"", findings->kinds[kind].lines[0], words);
}

void verify_fixture_keep_two(struct fixture *fixture)
{
    verify_fixture_store_coupon(fixture, 2);
    verify_fixture_store_row(fixture, 1, "anna", 2);
    verify_fixture_store_row(fixture, 2, "bob", 3);
    verify_fixture_journal_policy(fixture);
    verify_fixture_journal_issue(fixture, 1, "anna");
    verify_fixture_journal_issue(fixture, 2, "bob");
}

void verify_fixture_begin_unstored(struct fixture *fixture)
{
    fixture->verify.journals[0].acked = 0;
    verify_fixture_journal_policy(fixture);
}

void verify_fixture_end_unstored(struct fixture *fixture)
{
    verify_journal_end(&fixture->verify, 0, fixture->seq + 1, NULL);
    verify_finish(&fixture->verify);
}
