/*
 * Frames: valid ones pass, all others are rejected with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/wire/frame.h"

static unsigned char frame[4096];

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
        {FRAME_ISSUE_REQUESTS, 2, 224},  {FRAME_ISSUE_REPLIES, 3, 96}, {FRAME_COUPON_REQUESTS, 1, 616},
        {FRAME_COUPON_REPLIES, 2, 1248}, {FRAME_ACK, 1, 48},           {FRAME_BEHIND, 1, 48},
        {FRAME_REFUSED, 1, 48},          {FRAME_PING, 0, 0},           {FRAME_PONG, 0, 0},
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
    assert_int_equal(frame_check(frame, make(FRAME_EVENTS, 1, 64), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make(FRAME_EVENTS, 1, 1000), &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, make(FRAME_EVENTS, 1, 63), &header), FRAME_OK);
    assert_int_equal(frame_check(frame, make(FRAME_EVENTS, 0, 64), &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, make(FRAME_EVENTS, 0, 72), &header), FRAME_OK);
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
    bad[6].reserved = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(frame_check(&bad[i], size, &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, 0, &header), FRAME_OK);
}

static void requests_and_replies_tell_of_an_issuers_clock_and_nothing_else_does(void **state)
{
    (void)state;
    struct frame_header header;
    size_t size = make(FRAME_ISSUE_REPLIES, 1, 32);
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

static void frame_refuses_a_count_that_would_overflow(void **state)
{
    (void)state;
    struct frame_header header;
    assert_int_not_equal(frame_check(frame, make(FRAME_ISSUE_REQUESTS, UINT32_MAX, 112), &header), FRAME_OK);
    assert_int_not_equal(frame_check(frame, make(FRAME_COUPON_REPLIES, UINT32_MAX, 624), &header), FRAME_OK);
}

static void issue_requests_are_checked_member_by_member(void **state)
{
    (void)state;
    struct frame_issue_request good = {
        .op = ISSUE_POST, .coupon_id_length = 2, .user_id_length = 3, .coupon_id = "C1", .user_id = "a:b"};
    assert_true(frame_issue_request_valid(&good));
    struct frame_issue_request bad[] = {good, good, good, good, good, good};
    bad[0].op = 0;
    bad[1].op = 4;
    bad[2].coupon_id_length = 33;
    bad[3].user_id_length = 0;
    bad[4].user_id[1] = ' ';
    bad[5].coupon_id[0] = ':';
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
                            .ends_at_us = TIME_NONE};
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
    bad[5].coupon.title_length = TITLE_MAX + 1;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_of_each_kind_passes_with_its_exact_size_only),
        cmocka_unit_test(events_need_their_fixed_part_and_a_record_for_what_follows),
        cmocka_unit_test(frame_refuses_a_foreign_header),
        cmocka_unit_test(requests_and_replies_tell_of_an_issuers_clock_and_nothing_else_does),
        cmocka_unit_test(frame_refuses_a_count_that_would_overflow),
        cmocka_unit_test(issue_requests_are_checked_member_by_member),
        cmocka_unit_test(coupon_requests_are_checked_member_by_member),
        cmocka_unit_test(coupon_comes_through_the_wire_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
