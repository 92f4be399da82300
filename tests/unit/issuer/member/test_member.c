/*
 * Members with real journals: what one answers, another has; and who decides when one is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "issuer/snapshot/snapshot.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "tests/unit/issuer/member/member_fixture.h"

static bool is_standby(unsigned node)
{
    return nodes[node].member != NULL && member_is_standby(nodes[node].member);
}

static bool somebody_is_standby(unsigned owner)
{
    bool found = false;
    for (unsigned i = 0; i < NODES; i++)
        found |= i != owner && is_standby(i);
    return found;
}

static void start_all(void)
{
    member_fixture_start(0);
    member_fixture_until(member_fixture_owns, 0, "the first member owns the partition");
    member_fixture_start(1);
    member_fixture_start(2);
    member_fixture_until(member_fixture_is_safe, 0, "it has a standby");
    member_fixture_until(somebody_is_standby, 0, "the standby knows it");
}

static unsigned standby_of(unsigned owner)
{
    unsigned found = NODES;
    for (unsigned i = 0; i < NODES; i++) {
        if (i != owner && is_standby(i))
            found = i;
    }
    assert_int_not_equal(found, NODES);
    return found;
}

static uint32_t issued(unsigned node)
{
    return ledger_entry(nodes[node].ledger, "noon", 4)->issued;
}

static void write_more_than_a_segment(unsigned node)
{
    for (unsigned i = 0; i < 120; i++) {
        member_fixture_write_issues(node, 1000);
        member_fixture_run(1);
    }
    member_fixture_until(member_fixture_is_released, node, "the standby has all");
}

static void followers_have_what_the_owner_has_answered(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    for (unsigned i = 0; i < 300; i++) {
        member_fixture_run(1); /* the others are not silent meanwhile */
        member_fixture_write_issue(0);
    }
    assert_false(member_fixture_is_released(0));
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    assert_int_equal(issued(standby_of(0)), 300);
    member_fixture_run(500);
    for (unsigned i = 1; i < NODES; i++) {
        assert_int_equal(member_fixture_end(i), member_fixture_end(0));
        assert_int_equal(issued(i), 300);
        assert_false(journal_is_copying(nodes[i].dir));
    }
}

static void the_standby_takes_over_with_everything(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    member_fixture_write_issues(0, 50);
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    unsigned standby = standby_of(0);
    member_fixture_kill(0);
    member_fixture_until(member_fixture_is_safe, standby, "it has taken over, and has a standby of its own");
    assert_int_equal(issued(standby), 50);
    member_fixture_write_issue(standby);
    member_fixture_start(0);
    member_fixture_run(500);
    assert_int_equal(issued(0), 51);
    assert_false(member_fixture_owns(0));
}

static void an_owner_without_a_standby_answers_nothing(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    member_fixture_kill(1);
    member_fixture_kill(2);
    member_fixture_write_issue(0);
    member_fixture_run(1500);
    assert_int_not_equal(member_released_turn(nodes[0].member), member_turn(nodes[0].member));
    assert_false(member_decides(nodes[0].member));
    member_fixture_start(2);
    member_fixture_until(member_fixture_is_safe, 0, "it has a standby again");
    assert_int_equal(issued(2), 1);
}

static void it_answers_alone_where_that_is_wanted(void **state)
{
    (void)state;
    member_fixture_set("issuer/alone=answer");
    member_fixture_start(0);
    member_fixture_until(member_fixture_is_safe, 0, "it decides");
    member_fixture_write_coupon(0);
    member_fixture_write_issue(0);
    assert_true(member_fixture_is_released(0));
}

static void an_owner_that_stood_still_tells_nothing_and_begins_anew(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    unsigned standby = standby_of(0);
    nodes[0].cut_off = nodes[1].cut_off = nodes[2].cut_off = true;
    member_fixture_write_issue(0); /* is written, and nobody hears of it */
    nodes[0].stands_still = true;
    member_fixture_run(200); /* until what it has sent has arrived, and is dropped */
    nodes[1].cut_off = nodes[2].cut_off = false;
    member_fixture_until(member_fixture_is_safe, standby, "it has taken over");
    nodes[0].stands_still = nodes[0].cut_off = false;
    member_fixture_until(member_fixture_has_diverged, 0, "the former owner knows that its journal is void");
    assert_int_equal(member_released_turn(nodes[0].member), 0);
    assert_int_equal(issued(standby), 0);
}

static void handing_over_loses_no_time(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    member_fixture_write_issue(0);
    unsigned standby = standby_of(0);
    member_leave(nodes[0].member);
    assert_false(member_decides(nodes[0].member));
    member_fixture_until(member_fixture_is_safe, standby, "it decides");
    assert_true(member_has_left(nodes[0].member));
    assert_int_equal(issued(standby), 1);
    member_fixture_write_issue(standby);
    member_fixture_until(member_fixture_is_released, standby, "the former owner follows");
}

static void a_member_catches_up_from_the_files(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    unsigned other = 3 - standby_of(0);
    member_fixture_kill(other);
    write_more_than_a_segment(0);
    member_fixture_start(other);
    for (unsigned i = 0; i < 100 && member_fixture_end(other) < member_fixture_end(0); i++)
        member_fixture_run(100);
    assert_int_equal(issued(other), 120000);
}

/* As snapshots and the store allow. */
static void forget_first_segment(unsigned node)
{
    char path[JOURNAL_PATH_MAX];
    struct error error = {""};
    struct ledger *ledger = nodes[node].ledger;
    if (snapshot_write(nodes[node].dir, journal_meta(nodes[node].journal), ledger, member_fixture_end(node), 1,
                       &error) != 0)
        fail_msg("%s", error.text);
    journal_segment_path(nodes[node].dir, 1, path);
    assert_int_equal(unlink(path), 0);
}

static void a_newcomer_begins_with_a_snapshot(void **state)
{
    (void)state;
    member_fixture_start(0);
    member_fixture_until(member_fixture_owns, 0, "the first member owns the partition");
    member_fixture_start(1);
    member_fixture_until(member_fixture_is_safe, 0, "it has a standby");
    member_fixture_write_coupon(0);
    write_more_than_a_segment(0);
    forget_first_segment(0);
    member_fixture_write_issue(0);
    member_fixture_start(2);
    for (unsigned i = 0; i < 100 && member_fixture_end(2) < member_fixture_end(0); i++)
        member_fixture_run(100);
    assert_int_equal(issued(2), 120001);
    assert_false(journal_is_copying(nodes[2].dir));
    assert_null(ledger_check(nodes[2].ledger));
    member_fixture_kill(1); /* the newcomer is as good as the other */
    member_fixture_until(is_standby, 2, "it is named");
    member_fixture_kill(0);
    member_fixture_start(1);
    member_fixture_until(member_fixture_is_safe, 2, "the newcomer decides");
    member_fixture_write_issue(2);
}

static void a_member_that_is_too_far_behind_begins_anew(void **state)
{
    (void)state;
    start_all();
    member_fixture_write_coupon(0);
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    unsigned other = 3 - standby_of(0);
    member_fixture_run(300);
    member_fixture_kill(other);
    write_more_than_a_segment(0);
    forget_first_segment(0);
    member_fixture_start(other);
    member_fixture_until(member_fixture_has_diverged, other, "it knows that no file has what it lacks");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, member_fixture_setup, member_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(followers_have_what_the_owner_has_answered),
        TEST(the_standby_takes_over_with_everything),
        TEST(an_owner_without_a_standby_answers_nothing),
        TEST(it_answers_alone_where_that_is_wanted),
        TEST(an_owner_that_stood_still_tells_nothing_and_begins_anew),
        TEST(handing_over_loses_no_time),
        TEST(a_member_catches_up_from_the_files),
        TEST(a_newcomer_begins_with_a_snapshot),
        TEST(a_member_that_is_too_far_behind_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
