/* The pure parts of Redis: values, replies, and fetches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/policy/fetch.h"
#include "gateway/policy/value.h"
#include "gateway/redis/reader.h"

/* --- fixture --- */

static struct coupon coupon;
static char bytes[POLICY_VALUE_MAX];
static size_t length;
static struct redis_reader *reader;

static int set_up(void **state)
{
    (void)state;
    coupon = (struct coupon){.id = "A-1",
                             .title = "\xed\x95\x9c",
                             .quantity = 9,
                             .issued = 4,
                             .per_user_limit = 2,
                             .paused = true,
                             .starts_at_us = 5,
                             .ends_at_us = TIME_US_MAX,
                             .redeem_until_us = TIME_NONE,
                             .created_at_us = 3,
                             .updated_at_us = 4,
                             .journal_seq = UINT64_MAX};
    length = policy_value_write(bytes, &coupon, 1763691900000000);
    reader = redis_reader_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_reader_destroy(&reader);
    return 0;
}

/* --- helpers --- */

static struct span span(const char *text)
{
    return (struct span){text, strlen(text)};
}

static bool reads(size_t size, const char *id)
{
    int64_t issuer_us = 0;
    char *copy = malloc(size + (size == 0));
    bool is_one = false;
    memcpy(copy, bytes, size); /* with nothing behind it */
    struct coupon read;
    is_one = policy_value_read((struct span){copy, size}, span(id), &read, &issuer_us);
    free(copy);
    return is_one;
}

static struct frame_coupon *fixed(void)
{
    return (struct frame_coupon *)(bytes + POLICY_VALUE_ORDER_LENGTH);
}

/* The next reply in these bytes; NULL with the resulting `failed`. */
static const struct redis_reply *reply(const char *text, bool *failed)
{
    *failed = !redis_reader_feed(reader, text, strlen(text));
    return *failed ? NULL : redis_reader_next(reader, failed);
}

static void assert_nonsense(const char *text)
{
    bool failed = false;
    assert_null(reply(text, &failed));
    assert_true(failed);
    redis_reader_reset(reader);
}

/* --- tests: values --- */

static void a_value_reads_back_as_it_was(void **state)
{
    int64_t issuer_us = 0;
    (void)state;
    struct coupon read;
    assert_true(policy_value_read((struct span){bytes, length}, span("A-1"), &read, &issuer_us));
    assert_string_equal(read.id, coupon.id);
    assert_string_equal(read.title, coupon.title);
    assert_int_equal(read.quantity, 9);
    assert_int_equal(read.issued, 4);
    assert_int_equal(read.per_user_limit, 2);
    assert_true(read.paused);
    assert_true(read.starts_at_us == 5 && read.ends_at_us == TIME_US_MAX);
    assert_true(read.created_at_us == 3 && read.updated_at_us == 4);
    assert_true(read.journal_seq == UINT64_MAX);
    assert_true(issuer_us == 1763691900000000);
}

static void values_are_ordered_as_text_by_sequence_and_time(void **state)
{
    static const struct {
        uint64_t seq;
        int64_t us;
    } rising[] = {{0, 5}, {9, 9}, {10, 1}, {10, 10}, {10, 1763691900000000}, {1000, 0}, {UINT64_MAX, 0}};
    char before[POLICY_VALUE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        coupon.journal_seq = rising[i].seq;
        policy_value_write(bytes, &coupon, rising[i].us);
        if (i > 0)
            assert_true(memcmp(before, bytes, POLICY_VALUE_ORDER_LENGTH) < 0);
        memcpy(before, bytes, sizeof before);
    }
}

static void the_value_of_another_coupon_is_none(void **state)
{
    (void)state;
    assert_true(reads(length, "A-1"));
    assert_false(reads(length, "A-2"));
    assert_false(reads(length, "A-"));
    assert_false(reads(length, ""));
}

static void a_value_cut_anywhere_is_none(void **state)
{
    (void)state;
    for (size_t size = 0; size < length; size++)
        assert_false(reads(size, "A-1"));
    assert_false(reads(length + 1, "A-1"));
}

static void a_value_out_of_bounds_is_none(void **state)
{
    (void)state;
#define REFUSED(change)                                                                                                \
    do {                                                                                                               \
        policy_value_write(bytes, &coupon, 1);                                                                         \
        assert_true(reads(length, "A-1"));                                                                             \
        change;                                                                                                        \
        assert_false(reads(length, "A-1"));                                                                            \
    } while (0)
    REFUSED(bytes[7] = '1');              /* another version */
    REFUSED(bytes[8] = '9');              /* a sequence beyond 64 bits */
    REFUSED(bytes[10] = ' ');             /* not a digit */
    REFUSED(memset(bytes + 28, '9', 20)); /* an impossible time */
    REFUSED(fixed()->quantity = 0);
    REFUSED(fixed()->quantity = QUANTITY_MAX + 1);
    REFUSED(fixed()->issued = 10);
    REFUSED(fixed()->per_user_limit = 0);
    REFUSED(fixed()->per_user_limit = PER_USER_LIMIT_MAX + 1);
    REFUSED(fixed()->paused = 2);
    REFUSED(fixed()->starts_at_us = -1);
    REFUSED(fixed()->ends_at_us = 5);
    REFUSED(fixed()->created_at_us = -1);
    REFUSED(fixed()->updated_at_us = INT64_MAX);
    REFUSED(fixed()->text_lengths[COUPON_TEXT_TITLE] = 0);
    REFUSED(fixed()->text_lengths[COUPON_TEXT_TITLE] = UINT16_MAX);
    REFUSED(fixed()->id_length = UINT8_MAX);
    REFUSED(bytes[length - 1] = (char)0xff); /* invalid UTF-8 */
#undef REFUSED
}

/* --- tests: replies --- */

static void replies_of_all_kinds_are_read(void **state)
{
    bool failed = false;
    const struct redis_reply *r = NULL;
    (void)state;
    r = reply("+PONG\r\n-ERR no\r\n$-1\r\n:5\r\n$3\r\na\rb\r\n*-1\r\n*2\r\n$1\r\nx\r\n$-1\r\n", &failed);
    assert_int_equal(r->top.kind, REDIS_STATUS);
    assert_true(span_equals(redis_text(&r->top), span("PONG")));
    assert_int_equal((r = redis_reader_next(reader, &failed))->top.kind, REDIS_ERROR);
    assert_int_equal((r = redis_reader_next(reader, &failed))->top.kind, REDIS_NIL);
    assert_int_equal((r = redis_reader_next(reader, &failed))->top.kind, REDIS_INTEGER);
    assert_int_equal((r = redis_reader_next(reader, &failed))->top.kind, REDIS_TEXT);
    assert_true(span_equals(redis_text(&r->top), span("a\rb")));
    assert_int_equal((r = redis_reader_next(reader, &failed))->top.kind, REDIS_NIL);
    r = redis_reader_next(reader, &failed);
    assert_int_equal(r->top.kind, REDIS_ARRAY);
    assert_int_equal(r->parts_count, 2);
    assert_true(span_equals(redis_text(&r->parts[0]), span("x")));
    assert_int_equal(r->parts[1].kind, REDIS_NIL);
    assert_null(redis_reader_next(reader, &failed));
    assert_false(failed);
}

static void a_reply_may_come_byte_by_byte(void **state)
{
    const char text[] = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n";
    const struct redis_reply *r = NULL;
    bool failed = false;
    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_null(r);
        assert_true(redis_reader_feed(reader, text + i, 1));
        r = redis_reader_next(reader, &failed);
        assert_false(failed);
    }
    assert_non_null(r);
    assert_true(span_equals(redis_text(&r->parts[2]), span("hi")));
}

static void long_texts_and_large_arrays_are_cut(void **state)
{
    char text[REDIS_TEXT_MAX * 2];
    const struct redis_reply *r = NULL;
    bool failed = false;
    (void)state;
    memset(text, 'x', sizeof text);
    assert_null(reply("*5\r\n$2048\r\n", &failed));
    assert_true(redis_reader_feed(reader, text, sizeof text));
    r = reply("\r\n:1\r\n*1\r\n$1\r\ny\r\n:1\r\n:1\r\n", &failed);
    assert_int_equal(r->parts_count, 5);
    assert_true(r->parts[0].cut);
    assert_int_equal(r->parts[0].length, REDIS_TEXT_MAX);
    assert_int_equal(r->parts[2].kind, REDIS_ARRAY);      /* its contents are not kept */
    assert_null(reply("*2147483647\r\n:1\r\n", &failed)); /* announces many, but allocates nothing */
    assert_false(failed);
}

static void nonsense_ends_it(void **state)
{
    char text[4096];
    bool failed = false;
    (void)state;
    assert_nonsense("HTTP/1.1 200 OK\r\n");
    assert_nonsense("$-5\r\n");
    assert_nonsense("*99999999999999999999\r\n");
    assert_nonsense("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
    memset(text, 'x', sizeof text);
    assert_null(reply("$500000000\r\n", &failed));
    for (size_t fed = 0; fed <= REDIS_REPLY_MAX && !failed; fed += sizeof text) {
        assert_true(redis_reader_feed(reader, text, sizeof text));
        assert_null(redis_reader_next(reader, &failed));
    }
    assert_true(failed); /* no more of it is kept */
}

/* --- tests: fetches --- */

static void a_fetch_is_found_by_its_tag_until_it_ends(void **state)
{
    static struct policy_fetches fetches;
    struct policy_fetch *fetch = policy_fetch_place(&fetches, span("A"));
    uint64_t tag = 0;
    (void)state;
    policy_fetch_begin(fetch, span("A"), 3);
    fetch->stage = FETCH_ISSUER;
    tag = policy_fetch_tag(&fetches, fetch);
    assert_ptr_equal(policy_fetch_find(&fetches, tag), fetch);
    assert_true(policy_fetch_is_tag(tag));
    assert_false(policy_fetch_is_tag((uint64_t)7 << 32 | 999999)); /* an exchange's */
    assert_null(policy_fetch_find(&fetches, tag | 0x7fffffff));
    for (uint64_t waiter = 0; waiter < 100; waiter++)
        policy_fetch_wait(fetch, waiter);
    assert_int_equal(fetch->waiters_count, 100);
    assert_int_equal(fetch->waiters[99], 99);
    policy_fetch_end(fetch);
    assert_null(policy_fetch_find(&fetches, tag));
    policy_fetch_begin(fetch, span("A"), 3);
    fetch->stage = FETCH_REDIS;
    assert_null(policy_fetch_find(&fetches, tag)); /* a late reply to the previous fetch */
    assert_int_equal(fetch->waiters_count, 0);
    policy_fetches_deinit(&fetches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_reads_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_ordered_as_text_by_sequence_and_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_value_of_another_coupon_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_cut_anywhere_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_out_of_bounds_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replies_of_all_kinds_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_may_come_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts_and_large_arrays_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_ends_it, set_up, tear_down),
        cmocka_unit_test(a_fetch_is_found_by_its_tag_until_it_ends),
    };
    return cmocka_run_group_tests_name("policy_redis", tests, NULL, NULL);
}
