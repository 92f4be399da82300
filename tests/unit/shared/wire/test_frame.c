/*
 * Frames: valid ones pass, all others are rejected with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/wire/frame.h"
#include "shared/wire/frame_member.h"

static unsigned char frame[4 * sizeof(struct frame_coupon_request)];

static size_t make(enum frame_kind kind, uint32_t count, size_t body)
{
    memset(frame, 0, sizeof frame);
    frame_header_write((struct frame_header *)frame, kind, 1, 4, count);
    if (kind != FRAME_EVENTS && kind != FRAME_ACK && kind != FRAME_BEHIND && kind != FRAME_REFUSED)
        frame_header_set_clock(frame, 9, FRAME_CLOCK_US_MAX);
    return sizeof(struct frame_header) + body;
}

static void frame_of_each_kind_passes_with_its_exact_size_only(void **state)
{
    (void)state;
    static const struct {
        enum frame_kind kind;
        uint32_t count;
        size_t body;
    } rows[] = {
        {FRAME_ISSUE_REQUESTS, 2, 256},
        {FRAME_ISSUE_REPLIES, 3, 168},
        {FRAME_COUPON_REQUESTS, 1, 8600},
        {FRAME_CHANGE_REQUESTS, 2, 2 * sizeof(struct frame_change_request)},
        {FRAME_CHANGE_REPLIES, 3, 3 * sizeof(struct frame_change_reply)},
        {FRAME_ACK, 1, 48},
        {FRAME_BEHIND, 1, 48},
        {FRAME_REFUSED, 1, 48},
        {FRAME_PING, 0, 0},
        {FRAME_PONG, 1, sizeof(struct frame_pong)},
    };
    struct frame_header header;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = make(rows[i].kind, rows[i].count, rows[i].body);
        assert_int_equal(frame_check(frame, size, &header), FRAME_OK);
        assert_int_equal(header.partition, 1);
        assert_int_equal(header.partitions, 4);
        assert_int_equal(header.count, rows[i].count);
        assert_int_not_equal(frame_check(frame, size - 1, &header), FRAME_OK);
        assert_int_not_equal(frame_check(frame, size + 1, &header), FRAME_OK);
        size = make(rows[i].kind, rows[i].count + 1, rows[i].body);
        assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    }
}

static void events_need_their_fixed_part_and_a_record_for_what_follows(void **state)
{
    (void)state;
    struct frame_header header;
    assert_int_equal(frame_check(frame, make(FRAME_EVENTS, 1, 96), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make(FRAME_EVENTS, 1, 1000), &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, make(FRAME_EVENTS, 1, 95), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make(FRAME_EVENTS, 0, 96), &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, make(FRAME_EVENTS, 0, 104), &header), FRAME_OK);
}

static void frame_refuses_a_foreign_header(void **state)
{
    (void)state;
    struct frame_header good, header;
    size_t size = make(FRAME_PING, 0, 0);
    memcpy(&good, frame, sizeof good);
    struct frame_header bad[] = {good, good, good, good, good, good, good};
    bad[0].magic++;
    bad[1].version++;
    bad[2].kind = 0;
    bad[3].kind = 99;
    bad[4].partition = 4;
    bad[5].partitions = 0;
    bad[6].flags = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(frame_check(&bad[i], size, &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, 0, &header), FRAME_OK);
}

static void requests_and_replies_tell_of_an_issuers_clock_and_nothing_else_does(void **state)
{
    (void)state;
    struct frame_header header;
    size_t size = make(FRAME_ISSUE_REPLIES, 1, 56);
    frame_header_set_clock(frame, 9, FRAME_CLOCK_US_MAX + 1);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    frame_header_set_clock(frame, 9, -1);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    frame_header_set_clock(frame, 0, 0);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    size = make(FRAME_PING, 0, 0);
    frame_header_set_clock(frame, 0, 0);
    assert_int_equal(frame_check(frame, size, &header), FRAME_OK);
    size = make(FRAME_ACK, 1, 32);
    frame_header_set_clock(frame, 1, 0);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    frame_header_set_clock(frame, 0, 1);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
}

static void replies_end_with_their_times_if_they_are_flagged(void **state)
{
    static const struct frame_times good = {.decided_us = 7, .synced_us = 7, .journal_seq = 3};
    const size_t body = 2 * sizeof(struct frame_issue_reply);
    struct frame_times times;
    struct frame_header header;
    (void)state;
    size_t size = make(FRAME_ISSUE_REPLIES, 2, body);
    assert_false(frame_times_read(frame, size, &times));
    frame_header_set_clock(frame, 9, 5);
    frame_header_set_flags(frame, FRAME_TIMED);
    assert_int_equal(frame_check(frame, size, &header), FRAME_FAULT_SIZE);
    assert_int_equal(frame_check(frame, sizeof header, &header), FRAME_FAULT_SIZE);
    memcpy(frame + size, &good, sizeof good);
    assert_int_equal(frame_check(frame, size + sizeof good, &header), FRAME_OK);
    assert_int_equal(header.count, 2);
    assert_true(frame_times_read(frame, size + sizeof good, &times));
    assert_memory_equal(&times, &good, sizeof good);
    struct frame_times bad[] = {good, good, good, good};
    bad[0].decided_us = 4; /* before the turn began */
    bad[1].synced_us = 6;
    bad[2].synced_us = FRAME_CLOCK_US_MAX + 1;
    bad[3].decided_us = INT64_MIN;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(frame + size, &bad[i], sizeof bad[i]);
        assert_int_equal(frame_check(frame, size + sizeof good, &header), FRAME_FAULT_CLOCK);
    }
}

static void only_requests_and_replies_have_the_flag(void **state)
{
    struct frame_header header;
    (void)state;
    size_t size = make(FRAME_ISSUE_REQUESTS, 1, sizeof(struct frame_issue_request));
    frame_header_set_flags(frame, FRAME_TIMED);
    assert_int_equal(frame_check(frame, size, &header), FRAME_OK);
    frame_header_set_flags(frame, FRAME_TIMED | 2);
    assert_int_equal(frame_check(frame, size, &header), FRAME_FAULT_RESERVED);
    size = make(FRAME_PONG, 1, sizeof(struct frame_pong));
    frame_header_set_flags(frame, FRAME_TIMED);
    assert_int_equal(frame_check(frame, size, &header), FRAME_FAULT_RESERVED);
}

static size_t make_member(enum frame_kind kind, uint32_t count, const struct frame_member *member, size_t more)
{
    size_t size = make(kind, count, sizeof *member + more);
    frame_header_set_clock(frame, 1, 0);
    memcpy(frame + sizeof(struct frame_header), member, sizeof *member);
    return size;
}

static void frames_of_members_are_as_long_as_their_kind_says(void **state)
{
    const struct frame_member good = {.from = 1, .seen_epoch = 5, .epoch = 5, .owner = 1, .standby = 2, .owns = 1};
    struct frame_header header;
    (void)state;
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_HEARTBEAT, 1, &good, 0), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_HEARTBEAT, 0, &good, 0), &header), FRAME_FAULT_SIZE);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_HEARTBEAT, 1, &good, 8), &header), FRAME_FAULT_SIZE);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_APPEND, 0, &good, 0), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_APPEND, 0, &good, 8), &header), FRAME_FAULT_SIZE);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_APPEND, 2, &good, 64), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_APPEND, 2, &good, 0), &header), FRAME_FAULT_SIZE);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_APPEND, 2, &good, 63), &header), FRAME_FAULT_SIZE);
    assert_int_equal(
        frame_check(frame, make_member(FRAME_MEMBER_IDENTITY, 1, &good, sizeof(struct frame_identity)), &header),
        FRAME_OK);
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_IDENTITY, 1, &good, 0), &header), FRAME_FAULT_SIZE);
    size_t size = make_member(FRAME_MEMBER_JOIN, 1, &good, 0);
    assert_int_equal(frame_check(frame, size - 1, &header), FRAME_FAULT_SIZE);
    frame_header_set_clock(frame, 0, 0);
    assert_int_equal(frame_check(frame, size, &header), FRAME_FAULT_INCARNATION);
}

static void requests_that_are_returned_are_whole(void **state)
{
    const size_t body = 2 * sizeof(struct frame_issue_request);
    struct frame_header header;
    (void)state;
    size_t size = make(FRAME_NOT_OWNER, 2, sizeof header + body);
    unsigned char *inner = frame + sizeof header;
    memcpy(inner, frame, sizeof header);
    frame_header_write((struct frame_header *)inner, FRAME_ISSUE_REQUESTS, 1, 4, 2);
    frame_header_set_clock(inner, 8, 5);
    assert_int_equal(frame_check(frame, size, &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, size - 1, &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, sizeof header + 8, &header), FRAME_OK);
    frame_header_write((struct frame_header *)inner, FRAME_ISSUE_REQUESTS, 2, 4, 2);
    frame_header_set_clock(inner, 8, 5);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    frame_header_write((struct frame_header *)inner, FRAME_ISSUE_REPLIES, 1, 4, 2);
    frame_header_set_clock(inner, 8, 5);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
    frame_header_write((struct frame_header *)inner, FRAME_NOT_OWNER, 1, 4, 2);
    frame_header_set_clock(inner, 8, 5);
    assert_int_not_equal(frame_check(frame, size, &header), FRAME_OK);
}

static void a_member_does_not_contradict_itself(void **state)
{
    const struct frame_member good = {.from = 1, .seen_epoch = 5, .epoch = 5, .owner = 1, .standby = 2, .owns = 1};
    struct frame_header header;
    (void)state;
    struct frame_member bad[] = {good, good, good, good, good, good, good};
    bad[0].from = 0;
    bad[1].owner = 3; /* but the sender says that it owns */
    bad[2].seen_epoch = 4;
    bad[3].epoch = bad[3].seen_epoch = 0; /* but there is an owner */
    bad[4].standby = 1;
    bad[5].owns = 2;
    bad[6].reserved[6] = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_HEARTBEAT, 1, &bad[i], 0), &header),
                         FRAME_FAULT_MEMBER);
    const struct frame_member blank = {.from = 1};
    assert_int_equal(frame_check(frame, make_member(FRAME_MEMBER_HEARTBEAT, 1, &blank, 0), &header), FRAME_OK);
    make_member(FRAME_MEMBER_HEARTBEAT, 1, &good, 0);
    frame_header_set_clock(frame, 1, 1);
    assert_int_equal(frame_check(frame, sizeof header + sizeof good, &header), FRAME_FAULT_RESERVED);
}

static void frame_refuses_a_count_that_would_overflow(void **state)
{
    (void)state;
    struct frame_header header;
    assert_int_not_equal(frame_check(frame, make(FRAME_ISSUE_REQUESTS, UINT32_MAX, 128), &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, make(FRAME_COUPON_REQUESTS, UINT32_MAX, 8600), &header), FRAME_OK);
}

static void issue_requests_are_checked_member_by_member(void **state)
{
    (void)state;
    struct frame_issue_request good = {
        .op = ISSUE_POST, .coupon_id_length = 2, .user_id_length = 3, .coupon_id = "C1", .user_id = "a:b"};
    assert_true(frame_issue_request_valid(&good));
    struct frame_issue_request bad[] = {good, good, good, good, good, good, good};
    bad[0].op = 0;
    bad[1].op = 4;
    bad[2].coupon_id_length = 33;
    bad[3].user_id_length = 0;
    bad[4].user_id[1] = ' ';
    bad[5].coupon_id[0] = ':';
    bad[6].nth = NTH_MAX + 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(frame_issue_request_valid(&bad[i]));
}

static struct frame_coupon_request create_request(void)
{
    struct frame_coupon_request request = {.op = COUPON_CREATE};
    struct coupon coupon = {.id = "C1",
                            .title = "T",
                            .quantity = 1,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    frame_coupon_write(&request.coupon, &coupon);
    return request;
}

static void coupon_requests_are_checked_member_by_member(void **state)
{
    (void)state;
    struct frame_coupon_request good = create_request();
    assert_true(frame_coupon_request_valid(&good));
    struct frame_coupon_request bad[] = {good, good, good, good, good, good, good, good, good, good, good, good};
    bad[0].op = 9;
    bad[1].coupon.quantity = 0;
    bad[2].coupon.quantity = QUANTITY_MAX + 1;
    bad[3].coupon.per_user_limit = 0;
    bad[4].coupon.per_user_limit = PER_USER_LIMIT_MAX + 1;
    bad[5].coupon.text_lengths[COUPON_TEXT_TITLE] = TITLE_MAX + 1;
    bad[6].coupon.id_length = 0;
    bad[7].coupon.paused = 2;
    bad[8].coupon.starts_at_us = bad[8].coupon.ends_at_us = 5;
    bad[9].coupon.starts_at_us = -5;
    bad[10].coupon.ends_at_us = TIME_US_MAX + 1;
    bad[11].op = COUPON_CHANGE;
    bad[11].fields = COUPON_FIELD_ENDS_AT;
    bad[11].coupon.ends_at_us = INT64_MAX;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(frame_coupon_request_valid(&bad[i]));
}

static void coupon_comes_through_the_wire_as_it_was(void **state)
{
    (void)state;
    struct coupon coupon = {.id = "C-1",
                            .title = "T\u202ele", /* only in old journals */
                            .quantity = 9,
                            .issued = 3,
                            .per_user_limit = 2,
                            .paused = true,
                            .starts_at_us = 1,
                            .ends_at_us = 2,
                            .redeem_until_us = 3,
                            .created_at_us = 3,
                            .updated_at_us = 4,
                            .journal_seq = 5};
    struct coupon back = {.id = ""};
    struct frame_coupon wire;
    frame_coupon_write(&wire, &coupon);
    assert_true(frame_coupon_whole(&wire));
    assert_true(frame_coupon_read(&wire, &back));
    assert_string_equal(back.id, "C-1");
    assert_string_equal(back.title, "T\u202ele");
    assert_int_equal(back.quantity, 9);
    assert_int_equal(back.issued, 3);
    assert_int_equal(back.per_user_limit, 2);
    assert_true(back.paused);
    assert_int_equal(back.starts_at_us, 1);
    assert_int_equal(back.ends_at_us, 2);
    assert_int_equal(back.created_at_us, 3);
    assert_int_equal(back.updated_at_us, 4);
    assert_int_equal(back.journal_seq, 5);
    wire.id_length = 33;
    assert_false(frame_coupon_read(&wire, &back));
}

/* --- coupon replies: cut after the last text --- */

static size_t coupon_reply(unsigned char *out, const char *title, const char *owner)
{
    struct frame_coupon_reply reply = {.tag = 7, .verdict = VERDICT_FOUND, .now_us = 5};
    struct coupon coupon = {.id = "C", .quantity = 1, .per_user_limit = 1};
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    coupon_text_set(&coupon, COUPON_TEXT_TITLE, title, strlen(title));
    coupon_text_set(&coupon, COUPON_TEXT_OWNER, owner, strlen(owner));
    frame_coupon_write(&reply.coupon, &coupon);
    return frame_coupon_reply_append(out, &reply);
}

static void coupon_replies_are_as_long_as_their_texts(void **state)
{
    (void)state;
    static const char *const titles[] = {"t", "title", "a longer title"};
    struct frame_header header;
    struct frame_coupon_reply reply;
    size_t size = make(FRAME_COUPON_REPLIES, 3, 0);
    for (unsigned i = 0; i < 3; i++)
        size += coupon_reply(frame + size, titles[i], i == 1 ? "owner" : "");
    assert_true(size < sizeof header + 3 * 192);
    assert_int_equal(frame_check(frame, size, &header), FRAME_OK);
    const unsigned char *at = frame_records(frame);
    for (unsigned i = 0; i < 3; i++) {
        struct coupon coupon;
        memset(&reply, 0xa5, sizeof reply);
        at += frame_coupon_reply_next(at, &reply);
        assert_int_equal(reply.tag, 7);
        assert_true(frame_coupon_whole(&reply.coupon));
        assert_true(frame_coupon_read(&reply.coupon, &coupon));
        assert_string_equal(coupon.title, titles[i]);
        assert_string_equal(coupon.owner, i == 1 ? "owner" : "");
    }
    assert_ptr_equal(at, frame + size);
    for (size_t cut = sizeof header; cut < size; cut++)
        assert_int_not_equal(frame_check(frame, cut, &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, size + 8, &header), FRAME_OK);
}

static void a_coupon_reply_with_an_impossible_length_is_refused(void **state)
{
    (void)state;
    struct frame_header header;
    size_t size = make(FRAME_COUPON_REPLIES, 1, 0), length = coupon_reply(frame + size, "title", "");
    unsigned char *field = frame + size + offsetof(struct frame_coupon_reply, length);
    const size_t wrong[] = {0, 8, 144, length - 8, length - 1, length + 1, length + 8, UINT16_MAX};
    assert_int_equal(frame_check(frame, size + length, &header), FRAME_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint16_t announced = (uint16_t)wrong[i];
        memcpy(field, &announced, sizeof announced);
        assert_int_not_equal(frame_check(frame, size + length, &header), FRAME_OK);
    }
    make(FRAME_COUPON_REPLIES, UINT32_MAX, 0);
    coupon_reply(frame + size, "title", "");
    assert_int_not_equal(frame_check(frame, size + length, &header), FRAME_OK);
}

/* --- changes --- */

static void change_requests_are_checked_member_by_member(void **state)
{
    (void)state;
    struct frame_change_request good = {.op = CHANGE_REDEEM,
                                        .coupon_id_length = 1,
                                        .user_id_length = 1,
                                        .reference_length = 1,
                                        .coupon_id = "C",
                                        .user_id = "u",
                                        .reference = "r"};
    assert_true(frame_change_request_valid(&good));
    struct frame_change_request bad[10];
    for (size_t i = 0; i < 10; i++)
        bad[i] = good;
    bad[0].op = 0;
    bad[1].op = UINT8_MAX;
    bad[2].coupon_id_length = COUPON_ID_MAX + 1;
    bad[3].user_id_length = USER_ID_MAX + 1;
    bad[4].reference_length = 0;
    bad[5].reference_length = REFERENCE_MAX + 1;
    bad[6].reason_length = REASON_MAX + 1;
    bad[7].actor_length = 1; /* a NUL */
    bad[8].request_id_length = REQUEST_ID_MAX + 1;
    bad[9].op = CHANGE_SHOW; /* of no issue */
    for (size_t i = 0; i < 10; i++)
        assert_false(frame_change_request_valid(&bad[i]));
    memset(good.request_id, 'i', sizeof good.request_id);
    good.request_id_length = REQUEST_ID_MAX;
    assert_true(frame_change_request_valid(&good));
    good.op = CHANGE_REVOKE;
    good.flags = CHANGE_RESTOCK | CHANGE_AGAIN;
    assert_true(frame_change_request_valid(&good));
    good.flags++;
    assert_false(frame_change_request_valid(&good));
    struct frame_change_request resolve = {.op = CHANGE_RESOLVE, .code = UINT64_MAX};
    assert_true(frame_change_request_valid(&resolve));
    struct frame_change_request erase = {.op = CHANGE_ERASE, .user_id_length = 1, .user_id = "u"};
    assert_true(frame_change_request_valid(&erase));
    erase.user_id_length = 0;
    assert_false(frame_change_request_valid(&erase));
}

static void issues_and_details_in_replies_are_checked(void **state)
{
    (void)state;
    struct frame_issue none = {0};
    struct frame_issue good = {.sequence = 1, .nth = 1, .state = ISSUE_ISSUED, .redeemable_until_us = TIME_NONE};
    assert_true(frame_issue_whole(&none) && frame_issue_whole(&good));
    struct frame_issue bad[] = {good, good, good, good, good, good, none};
    bad[0].state = ISSUE_STATE_COUNT;
    bad[1].sequence = 0;
    bad[2].nth = 0;
    bad[3].nth = NTH_MAX + 1;
    bad[4].issued_at_us = ISSUER_TIME_US_MAX + 1;
    bad[5].redeemable_until_us = -1;
    bad[6].sequence = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(frame_issue_whole(&bad[i]));
    struct frame_details details = {.changed_at_us = 1, .reference_length = 1, .reference = "r"};
    assert_true(frame_details_whole(&details));
    details.reason_length = REASON_MAX + 1;
    assert_false(frame_details_whole(&details));
    details.reason_length = 0;
    details.reference[0] = '\n';
    assert_false(frame_details_whole(&details));
    details.reference_length = 0;
    details.changed_at_us = -1;
    assert_false(frame_details_whole(&details));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_of_each_kind_passes_with_its_exact_size_only),
        cmocka_unit_test(events_need_their_fixed_part_and_a_record_for_what_follows),
        cmocka_unit_test(frame_refuses_a_foreign_header),
        cmocka_unit_test(requests_and_replies_tell_of_an_issuers_clock_and_nothing_else_does),
        cmocka_unit_test(replies_end_with_their_times_if_they_are_flagged),
        cmocka_unit_test(only_requests_and_replies_have_the_flag),
        cmocka_unit_test(frames_of_members_are_as_long_as_their_kind_says),
        cmocka_unit_test(requests_that_are_returned_are_whole),
        cmocka_unit_test(a_member_does_not_contradict_itself),
        cmocka_unit_test(frame_refuses_a_count_that_would_overflow),
        cmocka_unit_test(issue_requests_are_checked_member_by_member),
        cmocka_unit_test(coupon_requests_are_checked_member_by_member),
        cmocka_unit_test(coupon_replies_are_as_long_as_their_texts),
        cmocka_unit_test(a_coupon_reply_with_an_impossible_length_is_refused),
        cmocka_unit_test(change_requests_are_checked_member_by_member),
        cmocka_unit_test(issues_and_details_in_replies_are_checked),
        cmocka_unit_test(coupon_comes_through_the_wire_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
