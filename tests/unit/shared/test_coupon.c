/* Ids, titles, states and partitions of coupons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/coupon.h"

static void coupon_id_takes_its_alphabet_and_length_only(void **state)
{
    (void)state;
    const char *good = "ABCXYZabcxyz0189-_.";
    assert_true(coupon_id_valid(good, strlen(good)));
    for (unsigned c = 0; c < 256; c++) {
        char id = (char)c;
        bool expected =
            id != '.' && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", id) && id != '\0';
        assert_int_equal(coupon_id_valid(&id, 1), expected);
        bool user_expected = expected || id == ':' || id == '@';
        assert_int_equal(user_id_valid(&id, 1), user_expected);
    }
    assert_false(coupon_id_valid("..", 2));
    assert_false(user_id_valid("..", 2));
    assert_true(coupon_id_valid("...", 3));
    assert_true(coupon_id_valid(".a", 2));
    char longest[65];
    memset(longest, 'a', sizeof longest);
    assert_false(coupon_id_valid(longest, 0));
    assert_true(coupon_id_valid(longest, 32));
    assert_false(coupon_id_valid(longest, 33));
    assert_true(user_id_valid(longest, 64));
    assert_false(user_id_valid(longest, 65));
}

static void title_takes_well_formed_utf8_without_controls(void **state)
{
    (void)state;
    static const struct {
        const char *title;
        bool valid;
    } rows[] = {
        {"Plain", true},
        {"\xec\x84\xa0\xec\xb0\xa9\xec\x88\x9c", true},
        {"\xf0\x9f\x8e\x9f", true},
        {"", false},
        {"a\nb", false},
        {"a\x7f", false},
        {"\xc2\x85", false},         /* a C1 control */
        {"\xc0\xaf", false},         /* overlong */
        {"\xe0\x80\xaf", false},     /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xec\x84", false},         /* truncated */
        {"\x80", false},
        {"\xff", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(title_valid(rows[i].title, strlen(rows[i].title)), rows[i].valid);
    char longest[TITLE_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(title_valid(longest, TITLE_MAX));
    assert_false(title_valid(longest, TITLE_MAX + 1));
}

static void a_title_cannot_be_set_to_what_misleads_its_reader(void **state)
{
    static const char *const good[] = {"커피 ☕",
                                       "👩‍💻",
                                       "a\u200cb",
                                       "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F ok",
                                       "葛\U000E0100",
                                       "❤\ufe0f",
                                       "می\u200cخواهم",
                                       "ᠠ\u180b",
                                       " a\u3000",
                                       "한글",
                                       "\u1112\u1161\u11ab"}; /* a syllable of three letters */
    static const char *const kept[] = {"a\u202eb",   "\u200b", "\ufffe",
                                       "\U000E0001", "\u3164", " "}; /* from old journals */
    static const char *const bad[] = {
        "a\u202eb",
        "a\u202ab",
        "\u2066x",
        "x\u2069",
        "\ufeffx",
        "a\u200eb",
        "a\u200fb",
        "a\u2028b",
        "a\u2029b",
        "\u061cx",
        "\ufff9",
        "x\ufffb",
        "a\tb",
        "\xc2\x85",
        "",
        "a\u00adb",
        "\u200b",
        "a\u2060",
        "\u2064",
        "\ufdd0",
        "\ufdef",
        "\ufffe",
        "\uffff",
        "\U0001fffe",
        "\U0010ffff",
        "\U000E0001",
        "a\U000E0067",
        "\U000E007F",
        "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E0067\U000E0067\U000E0067",
        "🏴x\U000E0067",
        "\u3164",
        "a\u3164",
        "a\u115fb",
        "a\u1160b",
        "a\uffa0b",
        "a\u034fb",
        "a\u180eb",
        "a\u17b4",
        "a\u17b5",
        "a\ufff0",
        "a\U0001bca0"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(title_settable(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(title_settable(bad[i], strlen(bad[i])));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_true(title_valid(kept[i], strlen(kept[i])));
}

static void a_title_has_something_to_see(void **state)
{
    static const char *const bad[] = {" ",      "   ",    "\xc2\xa0",      "\u1680", "\u2003", "\u200a",       "\u202f",
                                      "\u205f", "\u3000", " \u3000\u2009", "\u2800", "\u200d", "\u200c\ufe0f", "\ufe0f",
                                      "\u180b", "\u180f", " \U000E0100"};
    static const char *const good[] = {" .", "\u3000a", "\u2801", "\u200da"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(title_settable(bad[i], strlen(bad[i])));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(title_settable(good[i], strlen(good[i])));
}

static void state_names_the_first_reason_not_to_issue(void **state)
{
    (void)state;
    struct coupon coupon = {.quantity = 1, .starts_at_us = 10, .ends_at_us = 20};
    assert_int_equal(coupon_state(&coupon, 9), COUPON_SCHEDULED);
    assert_int_equal(coupon_state(&coupon, 10), COUPON_OPEN);
    assert_int_equal(coupon_state(&coupon, 20), COUPON_ENDED);
    coupon.issued = 1;
    assert_int_equal(coupon_state(&coupon, 10), COUPON_SOLD_OUT);
    assert_int_equal(coupon_state(&coupon, 9), COUPON_SCHEDULED);
    coupon.paused = true;
    assert_int_equal(coupon_state(&coupon, 10), COUPON_PAUSED);
    assert_int_equal(coupon_state(&coupon, 20), COUPON_ENDED);
    coupon.starts_at_us = coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    coupon.paused = false;
    coupon.issued = 0;
    assert_int_equal(coupon_state(&coupon, INT64_MAX), COUPON_OPEN);
    assert_string_equal(coupon_state_name(COUPON_SOLD_OUT), "sold_out");
}

static void partitions_are_fixed_and_all_in_use(void **state)
{
    (void)state;
    /* Part of the format: a coupon must never move to another partition. Values of XXH64 with seed 0, modulo. */
    assert_int_equal(coupon_partition("A0001", 5, 1), 0);
    assert_int_equal(coupon_partition("A0001", 5, 64), 2);
    assert_int_equal(coupon_partition("B0001", 5, 64), 15);
    assert_int_equal(coupon_partition("summer-2026.final_x", 19, 64), 52);
    unsigned seen[4] = {0};
    for (unsigned i = 0; i < 1000; i++) {
        char id[16];
        int length = snprintf(id, sizeof id, "C%u", i);
        seen[coupon_partition(id, (size_t)length, 4)]++;
    }
    for (unsigned p = 0; p < 4; p++)
        assert_true(seen[p] > 150);
}

static void verdicts_have_names(void **state)
{
    (void)state;
    assert_string_equal(verdict_name(VERDICT_ALREADY_ISSUED), "already_issued");
    assert_string_equal(verdict_name((enum verdict)200), "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coupon_id_takes_its_alphabet_and_length_only),
        cmocka_unit_test(title_takes_well_formed_utf8_without_controls),
        cmocka_unit_test(a_title_cannot_be_set_to_what_misleads_its_reader),
        cmocka_unit_test(a_title_has_something_to_see),
        cmocka_unit_test(state_names_the_first_reason_not_to_issue),
        cmocka_unit_test(partitions_are_fixed_and_all_in_use),
        cmocka_unit_test(verdicts_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
