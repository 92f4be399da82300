/*
 * The codes of issues: they lead back to their issue and to no other, and a mistyped one is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/code.h"
#include "shared/limits.h"

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t other_key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17};
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* --- helpers --- */

struct issue {
    uint32_t coupon;
    uint32_t sequence;
};

static struct issue open_code(const uint8_t with[16], uint16_t partitions, uint64_t code)
{
    struct issue issue;
    code_open(with, partitions, code, &issue.coupon, &issue.sequence);
    return issue;
}

static bool is(struct issue issue, uint32_t coupon, uint32_t sequence)
{
    return issue.coupon == coupon && issue.sequence == sequence;
}

static bool parses(const char *text, uint64_t *code)
{
    return code_parse(text, strlen(text), code);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* --- numbers --- */

static void a_code_leads_back_to_its_issue_with_any_number_of_partitions(void **state)
{
    (void)state;
    for (uint16_t partitions = 1; partitions <= PARTITIONS_MAX; partitions++) {
        uint32_t coupons[] = {1, 2, code_coupons_max(partitions) / 2, code_coupons_max(partitions)};
        uint32_t sequences[] = {1, 2, 1000, QUANTITY_MAX, UINT32_MAX};
        for (uint16_t partition = 0; partition < partitions; partition++) {
            for (unsigned i = 0; i < 4 * 5; i++) {
                uint64_t code = code_make(key, partition, partitions, coupons[i / 5], sequences[i % 5]);
                assert_true(code < CODE_NUMBER_END);
                assert_int_equal(code_partition(code, partitions), partition);
                assert_true(is(open_code(key, partitions, code), coupons[i / 5], sequences[i % 5]));
            }
        }
    }
}

static void at_least_131072_coupons_of_a_partition_have_codes(void **state)
{
    (void)state;
    assert_int_equal(code_coupons_max(1), 8388608);
    for (uint16_t partitions = 1; partitions <= PARTITIONS_MAX; partitions++)
        assert_true(code_coupons_max(partitions) >= 131072);
    assert_int_equal(code_coupons_max(PARTITIONS_MAX), 131072);
}

static void no_two_issues_have_the_same_code(void **state)
{
    (void)state;
    enum { PARTITIONS = 3, COUPONS = 20, SEQUENCES = 2000, CODES = PARTITIONS * COUPONS * SEQUENCES };
    uint64_t *codes = malloc(CODES * sizeof *codes);
    size_t count = 0;
    for (uint16_t partition = 0; partition < PARTITIONS; partition++) {
        for (uint32_t coupon = 1; coupon <= COUPONS; coupon++) {
            for (uint32_t sequence = 1; sequence <= SEQUENCES; sequence++)
                codes[count++] = code_make(key, partition, PARTITIONS, coupon, sequence);
        }
    }
    qsort(codes, count, sizeof *codes, compare);
    for (size_t i = 1; i < count; i++)
        assert_true(codes[i - 1] < codes[i]);
    free(codes);
}

/* Of 55 bits about half change from one issue to the next. */
static void codes_of_neighbours_have_nothing_in_common(void **state)
{
    (void)state;
    unsigned changed = 0, least = CODE_BITS;
    for (uint32_t sequence = 1; sequence <= 1000; sequence++) {
        uint64_t code = code_make(key, 0, 1, 1, sequence), next = code_make(key, 0, 1, 1, sequence + 1);
        unsigned bits = (unsigned)__builtin_popcountll(code ^ next);
        changed += bits;
        least = bits < least ? bits : least;
    }
    assert_in_range(changed, 26500, 28500);
    assert_true(least >= 8);
}

static void a_code_opens_to_another_issue_with_another_key_or_number_of_partitions(void **state)
{
    (void)state;
    for (uint32_t sequence = 1; sequence <= 2000; sequence++) {
        uint64_t code = code_make(key, 1, 4, 7, sequence);
        assert_false(is(open_code(other_key, 4, code), 7, sequence));
        assert_false(is(open_code(key, 5, code), 7, sequence));
        assert_int_not_equal(code_make(other_key, 1, 4, 7, sequence), code);
    }
}

/* The same issue of two partitions: each code leads to its own. */
static void partitions_with_one_key_share_no_code(void **state)
{
    (void)state;
    for (uint32_t sequence = 1; sequence <= 2000; sequence++) {
        uint64_t code = code_make(key, 0, 2, 7, sequence), other = code_make(key, 1, 2, 7, sequence);
        assert_int_not_equal(code, other);
        assert_int_not_equal(code_partition(code, 2), code_partition(other, 2));
    }
}

/* A number beyond the permuted ones opens, too, but is not the code of what it opens to. */
static void a_number_that_is_no_code_is_found_by_making_it_again(void **state)
{
    (void)state;
    for (uint16_t partitions = 1; partitions <= PARTITIONS_MAX; partitions++) {
        uint64_t beyond = (uint64_t)code_coupons_max(partitions) * (UINT64_C(1) << 32) * partitions;
        for (uint64_t number = beyond; number < CODE_NUMBER_END && number < beyond + 100; number++) {
            struct issue issue = open_code(key, partitions, number);
            if (issue.sequence == 0)
                continue;
            assert_true(issue.coupon >= 1 && issue.coupon <= code_coupons_max(partitions));
            uint64_t made =
                code_make(key, code_partition(number, partitions), partitions, issue.coupon, issue.sequence);
            assert_int_not_equal(made, number);
        }
    }
}

/* --- characters --- */

static void a_code_is_written_with_twelve_characters_and_read_back(void **state)
{
    (void)state;
    uint64_t numbers[] = {0, 1, 31, 32, CODE_NUMBER_END / 3, CODE_NUMBER_END - 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[CODE_LENGTH + 1] = "";
        uint64_t code;
        code_format(numbers[i], text);
        assert_int_equal(strspn(text, alphabet), CODE_LENGTH);
        assert_true(parses(text, &code));
        assert_int_equal(code, numbers[i]);
    }
}

static void every_single_wrong_character_is_found(void **state)
{
    (void)state;
    for (uint32_t sequence = 1; sequence <= 200; sequence++) {
        char text[CODE_LENGTH + 1] = "";
        uint64_t code;
        code_format(code_make(key, 0, 1, 3, sequence), text);
        for (unsigned at = 0; at < CODE_LENGTH; at++) {
            char right = text[at];
            for (const char *wrong = alphabet; *wrong != '\0'; wrong++) {
                text[at] = *wrong;
                assert_int_equal(parses(text, &code), *wrong == right);
            }
            text[at] = right;
        }
    }
}

static void nearly_every_exchange_of_two_neighbours_is_found(void **state)
{
    (void)state;
    unsigned exchanged = 0, missed = 0;
    for (uint32_t sequence = 1; sequence <= 2000; sequence++) {
        char text[CODE_LENGTH + 1] = "";
        uint64_t code;
        code_format(code_make(key, 0, 1, 3, sequence), text);
        for (unsigned at = 0; at + 1 < CODE_LENGTH; at++) {
            char left = text[at];
            if (left == text[at + 1])
                continue;
            text[at] = text[at + 1];
            text[at + 1] = left;
            exchanged++;
            missed += parses(text, &code);
            text[at + 1] = text[at];
            text[at] = left;
        }
    }
    assert_true(missed * 20 < exchanged);
}

static void case_hyphens_and_characters_that_look_alike_do_not_matter(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_code;
    } rows[] = {
        {"000000000010", false},  {"00000000001Q", false}, {"00000000000-0", true},
        {"OOOO-OOOO-OOOO", true}, {"oooooooooooo", true},  {"---000000000000--", true},
    };
    uint64_t code, same;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parses(rows[i].text, &code), rows[i].is_code);
        assert_true(!rows[i].is_code || code == 0);
    }
    assert_true(parses("000000000013", &code));
    assert_int_equal(code, 1);
    const char *alike[] = {"00000000001-3", "oOoOoOoOoOi3", "OOOOOOOOOOI3", "0000-0000-00L3", "0000 0000 0013"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(parses(alike[i], &same));
        assert_int_equal(same, code);
    }
    assert_false(parses(alike[4], &same)); /* spaces are not skipped */
    char upper[CODE_LENGTH + 1] = "", lower[CODE_LENGTH + 1] = "";
    code_format(CODE_NUMBER_END - 1, upper);
    for (unsigned i = 0; i < CODE_LENGTH; i++)
        lower[i] = (char)(upper[i] >= 'A' ? upper[i] - 'A' + 'a' : upper[i]);
    assert_true(parses(lower, &code));
    assert_int_equal(code, CODE_NUMBER_END - 1);
}

static void a_text_of_another_length_or_with_a_foreign_character_is_no_code(void **state)
{
    (void)state;
    const char *wrong[] = {"",
                           "-",
                           "0",
                           "00000000000",
                           "0000000000000",
                           "0000000000000000000000000",
                           "U",
                           "u",
                           "00000u000000",
                           "0000000 0000",
                           "00000000000\xc3\xb6",
                           "00000000000!"};
    uint64_t code;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(parses(wrong[i], &code));
    assert_false(code_parse("00000\0"
                            "000000",
                            12, &code));
    assert_false(code_parse("000000000000", 11, &code));
}

/* A wrong code takes the same way through gateway and issuer as a right one. */
static void a_wrong_code_gives_a_number_all_the_same(void **state)
{
    (void)state;
    char longest[4096];
    uint64_t code;
    memset(longest, 'Z', sizeof longest);
    assert_false(code_parse(longest, sizeof longest, &code));
    assert_int_equal(code, CODE_NUMBER_END - 1);
    assert_false(parses("0000000000Z!", &code));
    assert_int_equal(code, 31);
    assert_false(parses("", &code));
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_leads_back_to_its_issue_with_any_number_of_partitions),
        cmocka_unit_test(at_least_131072_coupons_of_a_partition_have_codes),
        cmocka_unit_test(no_two_issues_have_the_same_code),
        cmocka_unit_test(codes_of_neighbours_have_nothing_in_common),
        cmocka_unit_test(a_code_opens_to_another_issue_with_another_key_or_number_of_partitions),
        cmocka_unit_test(partitions_with_one_key_share_no_code),
        cmocka_unit_test(a_number_that_is_no_code_is_found_by_making_it_again),
        cmocka_unit_test(a_code_is_written_with_twelve_characters_and_read_back),
        cmocka_unit_test(every_single_wrong_character_is_found),
        cmocka_unit_test(nearly_every_exchange_of_two_neighbours_is_found),
        cmocka_unit_test(case_hyphens_and_characters_that_look_alike_do_not_matter),
        cmocka_unit_test(a_text_of_another_length_or_with_a_foreign_character_is_no_code),
        cmocka_unit_test(a_wrong_code_gives_a_number_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
