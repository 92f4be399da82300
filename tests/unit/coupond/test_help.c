#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coupond/help.h"

/* --- fixture --- */

static const struct help_option few_options[] = {
    {"--dir", "DIR", "where it lives"},
    HELP_SET,
    HELP_HELP,
    HELP_END,
};

static const struct help few = {
    .name = "few",
    .words = "list|retry",
    .about = "One.\n\nTwo.",
    .options = few_options,
    .exit_status = "0 kept",
};

static char *print(const struct help *help)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    help_print(out, help);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* --- tests --- */

static void usage_paragraphs_options_and_status_are_printed(void **state)
{
    (void)state;
    char *text = print(&few);
    assert_string_equal(text, "usage: coupond few list|retry [--dir DIR] [--set section/name=value]…\n"
                              "\n"
                              "One.\n"
                              "\n"
                              "Two.\n"
                              "\n"
                              "  --dir DIR                 where it lives\n"
                              "  --set section/name=value  sets one option; may be given again for others\n"
                              "  --help                    prints this help\n"
                              "\n"
                              "Exit status: 0 kept.\n");
    free(text);
}

static void lines_end_before_the_edge(void **state)
{
    (void)state;
    char words[600] = "";
    while (strlen(words) + 8 < sizeof words)
        strcat(words, strlen(words) % 3 == 0 ? "a word " : "… and ");
    words[strlen(words) - 1] = '\0';
    const struct help_option options[] = {{"--option", NULL, words}, HELP_END};
    const struct help help = {.name = "long", .about = words, .options = options};
    char *text = print(&help);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t columns = 0;
        for (const char *c = line; *c != '\0'; c++)
            columns += ((unsigned char)*c & 0xc0) != 0x80;
        assert_in_range(columns, 1, 100);
        assert_int_not_equal(line[strlen(line) - 1], ' ');
    }
    free(text);
}

static void a_wide_option_has_a_line_of_its_own(void **state)
{
    (void)state;
    const struct help_option options[] = {
        {"--an-option-with-a-long-name", "VALUE", "its text"}, {"--short", NULL, "its own"}, HELP_END};
    const struct help help = {.name = "wide", .about = "All.", .options = options};
    char *text = print(&help);
    assert_non_null(strstr(text, "\n  --an-option-with-a-long-name VALUE\n           its text\n  --short  its own\n"));
    free(text);
}

static void a_usage_with_many_options_is_short(void **state)
{
    (void)state;
    const struct help_option options[] = {
        {"--a", NULL, "a"}, {"--b", NULL, "b"}, {"--c", NULL, "c"}, {"--d", NULL, "d"}, {"--e", NULL, "e"},
        {"--f", NULL, "f"}, {"--g", NULL, "g"}, {"--h", NULL, "h"}, {"--i", NULL, "i"}, HELP_END};
    const struct help help = {.name = "many", .about = "All.", .options = options};
    char *text = print(&help);
    assert_memory_equal(text, "usage: coupond many [OPTION]…\n", strlen("usage: coupond many [OPTION]…\n"));
    free(text);
}

static void a_second_usage_has_a_line_of_its_own(void **state)
{
    (void)state;
    const struct help_option options[] = {{"--key", "NAME", "a key"}, HELP_END};
    const struct help help = {
        .name = "two", .words = "FILE", .instead = "--key NAME", .about = "All.", .options = options};
    char *text = print(&help);
    static const char usage[] = "usage: coupond two FILE\n       coupond two --key NAME\n\nAll.\n";
    assert_memory_equal(text, usage, sizeof usage - 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_paragraphs_options_and_status_are_printed),
        cmocka_unit_test(lines_end_before_the_edge),
        cmocka_unit_test(a_wide_option_has_a_line_of_its_own),
        cmocka_unit_test(a_usage_with_many_options_is_short),
        cmocka_unit_test(a_second_usage_has_a_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
