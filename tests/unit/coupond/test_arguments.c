/* The command line that all commands share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"

static const char *dir;
static bool json, pretty;
static const struct argument own[] = {{.name = "--dir", .value = &dir},
                                      {.name = "--json", .flag = &json},
                                      {.name = "--pretty", .flag = &pretty, .requires = "--json"},
                                      {.name = NULL}};

static struct arguments arguments;
static struct error error;

static int parse(size_t positionals_max, char *const *words)
{
    int argc = 0;
    while (words[argc] != NULL)
        argc++;
    dir = NULL;
    json = pretty = false;
    error.text[0] = '\0';
    return arguments_parse(&arguments, argc, (char **)(uintptr_t)words, own, positionals_max, &error);
}

#define PARSE(positionals_max, ...) parse(positionals_max, (char *const[]){"command", ##__VA_ARGS__, NULL})

static void arguments_take_both_ways_to_give_a_value(void **state)
{
    (void)state;
    assert_int_equal(PARSE(0, "--config", "a", "--dir=b=c", "--set", "x/y=1", "--set=x/y=2", "--json"), 0);
    assert_string_equal(arguments.config, "a");
    assert_string_equal(dir, "b=c");
    assert_true(json);
    assert_int_equal(arguments.sets_count, 2);
    assert_string_equal(arguments.sets[1], "x/y=2");
}

static void arguments_take_words_as_far_as_they_are_expected(void **state)
{
    (void)state;
    assert_int_equal(PARSE(2, "dump", "--", "--dir"), 0);
    assert_int_equal(arguments.positionals_count, 2);
    assert_string_equal(arguments.positionals[1], "--dir");
    assert_int_equal(PARSE(1, "dump", "dir"), -1);
    assert_string_equal(error.text, "argument 2 is unexpected; options begin with --");
}

static void unknown_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE(0, "--dirs", "x"), -1);
    assert_string_equal(error.text, "unknown option --dirs; did you mean --dir?");
    assert_int_equal(PARSE(0, "-x"), -1);
    assert_string_equal(error.text, "unknown option -x");
    assert_int_equal(PARSE(0, "--dir"), -1);
    assert_string_equal(error.text, "--dir: a value is missing");
    assert_int_equal(PARSE(0, "--dir", "a", "--dir=b"), -1);
    assert_string_equal(error.text, "--dir is given twice");
    assert_int_equal(PARSE(0, "--json=yes"), -1);
    assert_string_equal(error.text, "--json takes no value");
}

static void a_flag_may_require_another(void **state)
{
    (void)state;
    assert_int_equal(PARSE(0, "--pretty", "--check-config"), -1);
    assert_string_equal(error.text, "--pretty requires --json");
    assert_int_equal(PARSE(0, "--pretty", "--json"), 0);
    assert_true(pretty);
    assert_int_equal(PARSE(0, "--pretty", "--help"), 0);
}

static void arguments_are_applied_in_rising_order(void **state)
{
    (void)state;
    struct options options;
    setenv("COUPOND_GATEWAY_THREADS", "3", 1);
    setenv("COUPOND_ISSUER_PARTITIONS", "4", 1);
    assert_int_equal(PARSE(0, "--set", "gateway/threads=5"), 0);
    int result = arguments_load(&arguments, "dev", &options, &error);
    unsetenv("COUPOND_GATEWAY_THREADS");
    unsetenv("COUPOND_ISSUER_PARTITIONS");
    assert_int_equal(result, 0);
    assert_int_equal(options.gateway_threads, 5);
    assert_int_equal(options.issuer_partitions, 4);
}

static void arguments_name_a_bad_set(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(PARSE(0, "--set", "gateway/threads=0"), 0);
    assert_int_equal(arguments_load(&arguments, "dev", &options, &error), -1);
    assert_string_equal(error.text, "--set: gateway/threads: 0 is out of bounds, 1 to 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_take_both_ways_to_give_a_value),
        cmocka_unit_test(arguments_take_words_as_far_as_they_are_expected),
        cmocka_unit_test(unknown_arguments_are_refused),
        cmocka_unit_test(a_flag_may_require_another),
        cmocka_unit_test(arguments_are_applied_in_rising_order),
        cmocka_unit_test(arguments_name_a_bad_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
