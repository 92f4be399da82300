/*
 * A follower whose owner says what it should not: what contradicts the follower's ledger ends its process, and nothing
 * of that stays in its journal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/members.h"
#include "shared/wire/frame_member.h"
#include "tests/unit/issuer/member/member_fixture.h"

#define FIXED_BYTES (sizeof(struct frame_header) + sizeof(struct frame_member))
#define BATCH_BYTES 256

/* --- fixture --- */

static jmp_buf stopped;
static struct disk stopping;

static void stop(int status)
{
    assert_int_equal(status, 1);
    longjmp(stopped, 1);
}

static int setup(void **state)
{
    stopping = disk_posix;
    stopping.stop = stop;
    disk = &stopping;
    return member_fixture_setup(state);
}

static int teardown(void **state)
{
    int result = member_fixture_teardown(state);
    disk = &disk_posix;
    return result;
}

/* --- helpers --- */

static bool is_standby(unsigned node)
{
    return member_is_standby(nodes[node].member);
}

/* Node 0 is the owner, and gone; node 1 is its standby, and has an issue. */
static void start_standby(void)
{
    member_fixture_start(0);
    member_fixture_until(member_fixture_owns, 0, "the first member owns the partition");
    member_fixture_start(1);
    member_fixture_until(member_fixture_is_safe, 0, "it has a standby");
    member_fixture_until(is_standby, 1, "the standby knows it");
    member_fixture_write_coupon(0);
    member_fixture_write_issue(0);
    member_fixture_until(member_fixture_is_released, 0, "the standby has all");
    member_fixture_kill(0);
}

/* What node 0 would say to node 1, after the end of its journal. */
static struct frame_member owner_says(void)
{
    const struct node *node = &nodes[1];
    struct members members;
    struct error error;
    assert_int_equal(members_parse(node->options.cluster_members, &members, &error), 0);
    uint64_t epoch = member_epoch(node->member);
    struct frame_member member = {
        .to_incarnation = node->incarnation,
        .from = members_hash(&members, 0),
        .seen_epoch = epoch,
        .epoch = epoch,
        .owner = members_hash(&members, 0),
        .standby = members_hash(&members, 1),
        .term = epoch,
        .seq = member_fixture_end(1),
        .seq_term = term_list_last(ledger_terms(node->ledger)).epoch,
        .owns = 1,
    };
    memcpy(member.journal_id, journal_meta(node->journal)->journal_id, sizeof member.journal_id);
    return member;
}

/* Seals the batch of one record, whose `length` bytes are behind the room for its header. */
static size_t seal(unsigned char *batch, size_t length)
{
    struct journal_batch_header header = {
        .length = (uint32_t)(sizeof header + length), .count = 1, .first_seq = member_fixture_end(1) + 1, .time_us = 1};
    const uint8_t *journal_id = journal_meta(nodes[1].journal)->journal_id;
    memcpy(batch, &header, sizeof header);
    header.checksum = journal_batch_checksum(batch, header.length, journal_id);
    memcpy(batch, &header, sizeof header);
    return header.length;
}

static void append(const struct frame_member *member, const void *batch, size_t size)
{
    unsigned char frame[FIXED_BYTES + BATCH_BYTES];
    struct frame_header header;
    frame_header_write(&header, FRAME_MEMBER_APPEND, 0, 1, size > 0 ? 1 : 0);
    header.incarnation = 77;
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, member, sizeof *member);
    if (size > 0)
        memcpy(frame + FIXED_BYTES, batch, size);
    assert_true(member_take(nodes[1].member, frame, FIXED_BYTES + size, clock_mono_us()));
}

/* Its process ends, and its journal is as it was before. */
static void refuses(const void *batch, size_t size)
{
    const struct frame_member member = owner_says();
    uint64_t end = member_fixture_end(1);
    if (setjmp(stopped) == 0) {
        append(&member, batch, size);
        fail_msg("the batch was taken");
    }
    member_fixture_kill(1);
    member_fixture_start(1);
    assert_int_equal(member_fixture_end(1), end);
    assert_int_equal(ledger_entry(nodes[1].ledger, "noon", 4)->issued, 1);
}

/* --- tests --- */

static void takes_what_goes_on(void **state)
{
    (void)state;
    unsigned char batch[BATCH_BYTES];
    start_standby();
    const struct frame_member member = owner_says();
    uint64_t end = member_fixture_end(1);
    size_t length = journal_encode_issue(batch + sizeof(struct journal_batch_header), "noon", 4, "x", 1, 2, 1);
    append(&member, batch, seal(batch, length));
    assert_int_equal(member_fixture_end(1), end + 1);
}

static void keeps_a_contradiction_out_of_the_journal(void **state)
{
    (void)state;
    unsigned char batch[BATCH_BYTES];
    start_standby();
    size_t length = journal_encode_issue(batch + sizeof(struct journal_batch_header), "noon", 4, "x", 1, 3, 1);
    refuses(batch, seal(batch, length));
}

/* Otherwise the term that it begins when it takes over would not be later than the journal's last. */
static void refuses_a_term_later_than_its_owners(void **state)
{
    (void)state;
    unsigned char batch[BATCH_BYTES];
    start_standby();
    uint64_t epoch = member_epoch(nodes[1].member) + 1;
    size_t length = journal_encode_term(batch + sizeof(struct journal_batch_header), epoch, "a", 1);
    refuses(batch, seal(batch, length));
}

/* Otherwise its stream could not go on from there when it takes over. */
static void believes_in_no_acknowledgement_of_what_it_lacks(void **state)
{
    (void)state;
    start_standby();
    struct frame_member member = owner_says();
    member.acked_seq = member_fixture_end(1) - 1;
    append(&member, NULL, 0);
    assert_int_equal(journal_acked_seq(nodes[1].journal), member.acked_seq);
    member.acked_seq = UINT64_MAX;
    append(&member, NULL, 0);
    assert_int_equal(journal_acked_seq(nodes[1].journal), member_fixture_end(1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_what_goes_on),
        TEST(keeps_a_contradiction_out_of_the_journal),
        TEST(refuses_a_term_later_than_its_owners),
        TEST(believes_in_no_acknowledgement_of_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
