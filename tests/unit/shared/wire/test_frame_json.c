/* What is JSON and what is not: by examples, and by comparison with a parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "shared/limits.h"
#include "shared/wire/frame_json.h"

/* --- helpers --- */

static bool valid(const char *text)
{
    return frame_json_valid(text, strlen(text), text[0] == '[' ? '[' : '{');
}

static bool parses(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    json_decref(value);
    return value != NULL;
}

static const char *const good[] = {
    "{}",
    "[]",
    "{\"a\":1,\"b\":[true,false,null,{}],\"c\":{\"d\":[]}}",
    "[-0,0.5,-1.25e+3,1E-7,10,9]",
    " [ 1 , { \"a\" : \"b\" } ] ",
    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\\uFFfd\"]",
    "{\"\":\"커피 ☕\"}",
    "[[[[]]],{\"a\":[{}]}]",
};

static const char *const bad[] = {
    "{",
    "}",
    "[",
    "{]",
    "[}",
    "{}{}",
    "{} x",
    "[],",
    "{},\"owner\":\"me\"",
    "{}}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "[01]",
    "[+1]",
    "[-]",
    "[1.]",
    "[.5]",
    "[1e]",
    "[1e+]",
    "[0x1]",
    "[tru]",
    "[truex]",
    "[nul",
    "[NaN]",
    "[\"]",
    "[\"a]",
    "[\"\\\"]",
    "[\"\\x\"]",
    "[\"\\u12\"]",
    "[\"\\u12g4\"]",
    "[\"\\u0000\"]",
    "[\"\\ud800\"]",
    "[\"\\udc00\"]",
    "[\"\\ud800\\u0041\"]",
    "[\"a\nb\"]",
    "['a']",
    "[1//2]",
    "\"a\"",
    "1",
    "",
};

/* --- tests --- */

static void json_is_told_from_what_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (good[i][0] != ' ' && !valid(good[i]))
            fail_msg("%s is JSON", good[i]);
        assert_true(parses(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (valid(bad[i]))
            fail_msg("%s is no JSON", bad[i]);
    }
}

static void the_value_is_of_the_kind_that_is_asked_for(void **state)
{
    (void)state;
    assert_false(frame_json_valid("{}", 2, '['));
    assert_false(frame_json_valid("[]", 2, '{'));
    assert_false(frame_json_valid(NULL, 0, '{'));
}

/* Every text that differs from JSON in one byte, and every one that is cut off. */
static void a_parser_agrees_about_altered_texts(void **state)
{
    static const char bytes[] = "{}[],:\"\\ue0-.1 atn/";
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[128];
        size_t length = strlen(good[i]);
        for (size_t at = 0; at < length; at++) {
            bool ascii = (unsigned char)good[i][at] < 0x80; /* the texts are UTF-8 */
            for (size_t b = 0; ascii && b < sizeof bytes; b++) {
                strcpy(text, good[i]);
                text[at] = bytes[b]; /* the last one cuts the text off */
                bool expected = parses(text) && (text[0] == '{' || text[0] == '[');
                if (valid(text) != expected)
                    fail_msg("%s is %sJSON", text, expected ? "" : "no ");
            }
        }
    }
}

static void the_deepest_text_that_fits_is_accepted(void **state)
{
    char text[METADATA_MAX];
    (void)state;
    memset(text, '[', METADATA_MAX / 2);
    memset(text + METADATA_MAX / 2, ']', METADATA_MAX / 2);
    assert_true(frame_json_valid(text, METADATA_MAX, '['));
    assert_false(frame_json_valid(text, METADATA_MAX - 1, '['));
    memset(text, '[', METADATA_MAX);
    assert_false(frame_json_valid(text, METADATA_MAX, '['));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_told_from_what_is_not),
        cmocka_unit_test(the_value_is_of_the_kind_that_is_asked_for),
        cmocka_unit_test(a_parser_agrees_about_altered_texts),
        cmocka_unit_test(the_deepest_text_that_fits_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
