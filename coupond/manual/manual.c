/*
 * coupond_manual TEMPLATE DATE: prints the template with its parts inserted; @VERSION@ and @DATE@ may be anywhere in a
 * line. Exit status: 1 when the template cannot be read or the output cannot be written.
 */
#include "coupond/manual/manual.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

static const struct part {
    const char *line;
    void (*print)(FILE *out);
} parts[] = {
    {"@COMMANDS@\n", manual_print_commands},
    {"@COMMON_OPTIONS@\n", manual_print_common_options},
    {"@GENERAL_OPTIONS@\n", manual_print_general_options},
    {"@OPTIONS@\n", manual_print_options},
    {"@FIRST_WORDS@\n", manual_print_first_words},
    {"@COMMAND_ARMS@\n", manual_print_command_arms},
    {"@OPTION_NAMES@\n", manual_print_option_names},
    {"@OPTION_ARMS@\n", manual_print_option_arms},
};

static bool print_part(const char *line)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(parts[i].line, line) == 0) {
            parts[i].print(stdout);
            return true;
        }
    }
    return false;
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void print_line(const char *line, const char *date)
{
    for (; *line != '\0'; line++) {
        if (begins_with(line, "@VERSION@")) {
            fputs(COUPOND_VERSION, stdout);
            line += strlen("@VERSION@") - 1;
        } else if (begins_with(line, "@DATE@")) {
            fputs(date, stdout);
            line += strlen("@DATE@") - 1;
        } else {
            putchar(*line);
        }
    }
}

int main(int argc, char **argv)
{
    char line[LINE_MAX_BYTES];
    if (argc != 3) {
        fputs("usage: coupond_manual TEMPLATE DATE\n", stderr);
        return EXIT_FAILURE;
    }
    FILE *template = fopen(argv[1], "r");
    if (template == NULL) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, template) != NULL) {
        if (!print_part(line))
            print_line(line, argv[2]);
    }
    bool whole = !ferror(template);
    fclose(template);
    return whole && fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
