/*
 * Child processes: this program runs itself again, as a child that does what its arguments say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/process/child.h"

#define LONG_MS 600000

/* --- the child --- */

static void print_open_files(void)
{
    for (int fd = 3; fd < 64; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    }
}

static void echo_input(void)
{
    char bytes[256];
    size_t length = fread(bytes, 1, sizeof bytes, stdin);
    fwrite(bytes, 1, length, stdout);
}

static int act(const char *what)
{
    child_follow_parent();
    if (strcmp(what, "say") == 0)
        printf("out");
    else if (strcmp(what, "echo") == 0)
        echo_input();
    else if (strcmp(what, "complain") == 0)
        fputs("first\nsecond \033[1m\n", stderr);
    else if (strcmp(what, "files") == 0)
        print_open_files();
    else if (strcmp(what, "variable") == 0)
        printf("%s %s", getenv("TOLD"), getenv("PARENT_OF_COUPOND") == NULL ? "followed" : "left");
    else if (strcmp(what, "die") == 0)
        raise(SIGKILL);
    else if (strcmp(what, "flood") == 0)
        for (;;)
            puts("more and more");
    else if (strcmp(what, "stay") == 0)
        pause();
    else if (strcmp(what, "cling") == 0) {
        signal(SIGTERM, SIG_IGN);
        fputs("clings\n", stderr);
        for (;;)
            pause();
    }
    return strcmp(what, "complain") == 0 ? 2 : 0;
}

/* --- helpers --- */

static struct child child;
static char lines[256];

static void on_line(void *arg, const char *line)
{
    (void)arg;
    strncat(lines, line, sizeof lines - strlen(lines) - 2);
    strcat(lines, "|");
    if (strcmp(line, "clings") == 0)
        child_stop(&child);
}

static void run_for(const char *what, const char *input, int64_t limit_ms, struct child_end *end)
{
    const char *const arguments[] = {"coupond", "act", what, NULL};
    char told[] = "TOLD=it";
    char *const environment[] = {told, NULL};
    const struct child_config config = {.arguments = arguments,
                                        .environment = environment,
                                        .input = input,
                                        .output_max = 1000,
                                        .limit_ms = limit_ms,
                                        .grace_ms = 50,
                                        .nice = 1,
                                        .on_line = on_line};
    struct error error = {""};
    lines[0] = '\0';
    assert_int_equal(child_run(&child, &config, end, &error), 0);
}

static struct child_end run(const char *what, const char *input)
{
    struct child_end end;
    run_for(what, input, LONG_MS, &end);
    return end;
}

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return child_init(&child, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    child_deinit(&child);
    return 0;
}

/* --- tests --- */

static void output_and_exit_status_come_back(void **state)
{
    (void)state;
    struct child_end end = run("say", NULL);
    assert_int_equal(end.fate, CHILD_EXITED);
    assert_int_equal(end.status, 0);
    assert_string_equal(end.output, "out");
    assert_int_equal(end.output_length, 3);
    child_end_deinit(&end);
}

static void lines_of_standard_error_are_handed_over_as_plain_text(void **state)
{
    (void)state;
    struct child_end end = run("complain", NULL);
    assert_int_equal(end.status, 2);
    assert_string_equal(lines, "first|second ?[1m|");
    assert_string_equal(end.line, "second ?[1m");
    child_end_deinit(&end);
}

static void the_input_arrives_and_ends(void **state)
{
    (void)state;
    struct child_end end = run("echo", "a secret");
    assert_string_equal(end.output, "a secret");
    child_end_deinit(&end);
}

static void a_child_that_reads_nothing_does_no_harm(void **state)
{
    (void)state;
    struct child_end end = run("say", "a secret");
    assert_int_equal(end.fate, CHILD_EXITED);
    child_end_deinit(&end);
}

static void no_descriptor_of_the_parent_is_open(void **state)
{
    (void)state;
    int fd = dup(STDERR_FILENO);
    struct child_end end = run("files", NULL);
    assert_string_equal(end.output, "");
    child_end_deinit(&end);
    close(fd);
}

static void the_environment_is_the_given_one(void **state)
{
    (void)state;
    struct child_end end = run("variable", NULL);
    assert_string_equal(end.output, "it followed");
    child_end_deinit(&end);
}

static void a_signal_is_told(void **state)
{
    (void)state;
    struct child_end end = run("die", NULL);
    assert_int_equal(end.fate, CHILD_KILLED);
    assert_int_equal(end.status, SIGKILL);
    child_end_deinit(&end);
}

static void too_much_output_ends_the_child(void **state)
{
    (void)state;
    struct child_end end = run("flood", NULL);
    assert_int_equal(end.fate, CHILD_WORDY);
    assert_true(end.output_length <= 1000);
    child_end_deinit(&end);
}

static void the_time_limit_ends_the_child(void **state)
{
    (void)state;
    struct child_end end;
    run_for("stay", NULL, 1, &end);
    assert_int_equal(end.fate, CHILD_LATE);
    child_end_deinit(&end);
}

static void a_child_that_ignores_the_end_is_killed(void **state)
{
    (void)state;
    struct child_end end = run("cling", NULL);
    assert_int_equal(end.fate, CHILD_STOPPED);
    assert_int_equal(end.status, SIGKILL);
    child_end_deinit(&end);
}

static void after_the_stop_later_children_end_at_once(void **state)
{
    (void)state;
    child_stop(&child);
    struct child_end end = run("stay", NULL);
    assert_int_equal(end.fate, CHILD_STOPPED);
    child_end_deinit(&end);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(output_and_exit_status_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_standard_error_are_handed_over_as_plain_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_input_arrives_and_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_reads_nothing_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_descriptor_of_the_parent_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_is_the_given_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_much_output_ends_the_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_time_limit_ends_the_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_ignores_the_end_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_the_stop_later_children_end_at_once, set_up, tear_down),
    };
    if (argc > 2 && strcmp(argv[1], "act") == 0)
        return act(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
