/*
 * `coupond top`: readings → model → view, once per interval, until the user quits. Redraws the screen on a terminal;
 * elsewhere prints a line or a JSON object per interval. Exit status: 0; with --once 1 when no member answers; 2 for
 * invalid arguments.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "coupond/commands.h"
#include "coupond/top/keys.h"
#include "coupond/top/members.h"
#include "coupond/top/plain.h"
#include "coupond/top/reader.h"
#include "coupond/top/screen.h"
#include "coupond/top/terminal.h"
#include "shared/clock.h"
#include "shared/mask.h"

#define LINES_A_HEAD     20
#define ONCE_COUPONS_MAX 50

struct settings {
    int64_t interval_us;
    bool once;
    bool json;
    bool live; /* draws on a terminal */
    struct canvas_look look;
};

struct top {
    struct settings settings;
    struct top_members members;
    struct top_reader *readers[TOP_MEMBERS_MAX];
    struct top_model model;
    struct top_reading reading; /* the reading that is being copied */
    struct top_view view;
    struct canvas canvas;
    int notify_fd;
    int signal_fd; /* -1: default signal handling */
    uint64_t rounds;
    uint64_t lines;
    unsigned first_coupon; /* first one on the screen */
    bool wipe;
    bool quit;
};

static const struct help_option top_options[] = {
    {"--interval", "SECONDS", "between two readings, 0.1 to 3600, default 1"},
    {"--once", NULL, "one reading, after one interval, as text; exit 1 when no member answers"},
    {"--json", NULL, "one JSON object per reading"},
    {"--no-color", NULL, "no colors; NO_COLOR in the environment does the same"},
    HELP_CONFIG,
    HELP_SET,
    HELP_CHECK,
    HELP_HELP,
    HELP_END,
};

const struct help help_top = {
    .name = "top",
    .summary = "a live view of a running system: stock, rates, latency, backlog, members",
    .words = "[URL]…",
    .about = "Shows a running system by its metrics: coupons, rates by outcome, latency, batches, backlog, members. "
             "URL is a member's status address, http://HOST:PORT. The default is the addresses in the configuration: "
             "127.0.0.1:8090 (gateway/operator_http), 127.0.0.1:9101 (issuer) and 127.0.0.1:9102 (persister).\n\n"
             "On a terminal the arrow keys, Page Up and Down, Home and End scroll the coupons, and q or Ctrl-C quits; "
             "elsewhere it prints one line per reading.",
    .options = top_options,
};

static int refuse(const struct error *error)
{
    fprintf(stderr, "coupond top: %s\n", error->text);
    return EXIT_USAGE;
}

/* --- showing --- */

static void show_screen(struct top *top)
{
    int rows, columns;
    top_terminal_size(&rows, &columns);
    canvas_init(&top->canvas, rows, columns);
    top_screen_draw(&top->view, "q quits", top->first_coupon, &top->canvas);
    if (!top_terminal_show(&top->canvas, &top->settings.look, top->wipe))
        top->quit = true;
    top->wipe = false;
}

static void show_once(struct top *top)
{
    int rows, columns;
    top_terminal_size(&rows, &columns);
    canvas_init(&top->canvas, top_screen_rows(&top->view, ONCE_COUPONS_MAX), columns);
    top_screen_draw(&top->view, "", 0, &top->canvas);
    canvas_write(&top->canvas, &top->settings.look, stdout);
}

static void show_line(struct top *top)
{
    if (top->lines++ % LINES_A_HEAD == 0)
        top_line_print_head(stdout);
    top_line_print(&top->view, top->settings.look.unicode, stdout);
}

/* Without a live screen the first reading only serves as the base of the second. */
static void show(struct top *top)
{
    const struct settings *settings = &top->settings;
    top_model_view(&top->model, clock_mono_us(), clock_wall_us(), &top->view);
    if (settings->live)
        show_screen(top);
    else if (top->rounds < 2)
        return;
    else if (settings->json)
        top_json_print(&top->view, stdout);
    else if (settings->once)
        show_once(top);
    else
        show_line(top);
    top->quit |= settings->once && !settings->live;
    if (fflush(stdout) != 0)
        top->quit = true;
}

/* --- events --- */

static void on_readings(struct top *top)
{
    uint64_t count;
    if (read(top->notify_fd, &count, sizeof count) < 0)
        return;
    for (unsigned i = 0; i < top->members.count; i++) {
        if (top_reader_take(top->readers[i], &top->reading))
            top_model_take(&top->model, i, &top->reading);
    }
}

/* Ctrl-Z: returns the terminal to the shell until `fg`. */
static void suspend(struct top *top)
{
    top_terminal_end();
    kill(getpid(), SIGSTOP);
    top_terminal_begin();
    top->wipe = true;
    show(top);
}

static void on_signal(struct top *top)
{
    struct signalfd_siginfo info;
    if (read(top->signal_fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGWINCH) {
        top->wipe = true;
        show(top);
    } else if (info.ssi_signo == SIGTSTP) {
        suspend(top);
    } else {
        top->quit = true;
    }
}

static void on_keys(struct top *top)
{
    char bytes[64];
    size_t length, taken;
    int rows, columns;
    if (!top_terminal_read_keys(bytes, sizeof bytes, &length))
        top->quit = true; /* the terminal is gone */
    top_terminal_size(&rows, &columns);
    for (size_t at = 0; at < length; at += taken) {
        enum top_key key = top_key_read(bytes + at, length - at, &taken);
        top->quit |= key == TOP_KEY_QUIT;
        top->first_coupon =
            top_key_scroll(key, top->first_coupon, top_screen_coupons(&top->view, rows), top->view.coupons);
    }
    if (!top->quit)
        show(top);
}

/* Waits for an event until `until_us` at the latest. */
static void wait_for_event(struct top *top, int64_t until_us)
{
    struct pollfd fds[] = {{.fd = top->notify_fd, .events = POLLIN},
                           {.fd = top->signal_fd, .events = POLLIN},
                           {.fd = top_terminal_keys_fd(), .events = POLLIN}};
    int64_t left_us = until_us - clock_mono_us();
    if (poll(fds, 3, left_us > 0 ? (int)((left_us + 999) / 1000) : 0) <= 0)
        return;
    if (fds[0].revents != 0)
        on_readings(top);
    if (fds[1].revents != 0)
        on_signal(top);
    if (fds[2].revents != 0)
        on_keys(top);
}

static bool is_busy(const struct top *top)
{
    for (unsigned i = 0; i < top->members.count; i++) {
        if (top_reader_busy(top->readers[i]))
            return true;
    }
    return false;
}

static void ask_all(struct top *top)
{
    int source = top_model_coupon_source(&top->model);
    for (unsigned i = 0; i < top->members.count; i++)
        top_reader_ask(top->readers[i], source == TOP_ROLE_ANY || source == (int)i);
}

/* Starts readings of all members, shows the results, and waits for the next interval. Does not wait for late members,
 * except for the first two readings when the screen cannot be redrawn. */
static void run_round(struct top *top, int64_t next_us)
{
    top->rounds++;
    ask_all(top);
    bool waits = !top->settings.live && top->rounds <= 2;
    while (!top->quit && is_busy(top) && (waits || clock_mono_us() < next_us))
        wait_for_event(top, clock_mono_us() < next_us ? next_us : clock_mono_us() + 100000);
    on_readings(top);
    if (!top->quit)
        show(top);
    while (!top->quit && clock_mono_us() < next_us)
        wait_for_event(top, next_us);
}

static void run_rounds(struct top *top)
{
    int64_t next_us = clock_mono_us();
    while (!top->quit) {
        int64_t now_us = clock_mono_us();
        next_us = next_us + top->settings.interval_us > now_us ? next_us + top->settings.interval_us
                                                               : now_us + top->settings.interval_us;
        run_round(top, next_us);
    }
}

/* --- beginning --- */

static int take_signals(struct error *error)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    sigaddset(&signals, SIGTSTP);
    CHECK(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0); /* must precede the readers' threads */
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : error_set(error, "cannot wait for signals: %s", strerror(errno));
}

static int start_readers(struct top *top, struct error *error)
{
    top->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (top->notify_fd < 0)
        return error_set(error, "cannot create an eventfd: %s", strerror(errno));
    top_model_init(&top->model);
    for (unsigned i = 0; i < top->members.count; i++) {
        top_model_add(&top->model, top->members.list[i].name, top->members.list[i].expected);
        top->readers[i] = top_reader_start(&top->members.list[i].url, top->notify_fd, error);
        if (top->readers[i] == NULL)
            return -1;
    }
    return 0;
}

static int run(struct top *top, struct error *error)
{
    top->signal_fd = -1;
    if (top->settings.live) {
        top->signal_fd = take_signals(error);
        if (top->signal_fd < 0)
            return -1;
    }
    if (start_readers(top, error) != 0)
        return -1;
    if (top->settings.live)
        top_terminal_begin();
    run_rounds(top);
    top_terminal_end();
    return 0;
}

/* --- the command line --- */

static bool read_interval(const char *text, int64_t *interval_us)
{
    char *end = NULL;
    if (strspn(text, "0123456789.") != strlen(text))
        return false;
    double seconds = strtod(text, &end);
    *interval_us = (int64_t)(seconds * 1e6);
    return end != text && *end == '\0' && seconds >= 0.1 && seconds <= 3600;
}

static bool is_plain_terminal(void)
{
    const char *name = getenv("TERM");
    return name == NULL || name[0] == '\0' || strcmp(name, "dumb") == 0;
}

static void detect_terminal(struct settings *settings, bool no_color)
{
    const char *forbidden = getenv("NO_COLOR");
    bool is_terminal = isatty(STDOUT_FILENO) && !is_plain_terminal();
    setlocale(LC_CTYPE, "");
    settings->live = is_terminal && !settings->once && !settings->json;
    settings->look.terminal = settings->live;
    settings->look.colors = is_terminal && !no_color && (forbidden == NULL || forbidden[0] == '\0');
    settings->look.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int find_members(struct top *top, const struct arguments *arguments, struct error *error)
{
    struct options options;
    if (arguments_load(arguments, "top", &options, error) != 0)
        return -1;
    if (arguments->positionals_count == 0)
        return top_members_of_options(&top->members, &options, error);
    for (size_t i = 0; i < arguments->positionals_count; i++) {
        if (top_members_add(&top->members, arguments->positionals[i], TOP_ROLE_ANY, error) != 0)
            return -1;
    }
    return 0;
}

static int run_and_report(struct top *top)
{
    struct error error = {""};
    if (run(top, &error) != 0) {
        fprintf(stderr, "coupond top: %s\n", error.text);
        return EXIT_FAILURE;
    }
    return top->settings.once && top->view.up == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_top(int argc, char **argv)
{
    static struct top top; /* the readers' threads use it until the process ends */
    const char *interval = NULL;
    bool no_color = false;
    const struct argument own[] = {{.name = "--interval", .value = &interval},
                                   {.name = "--once", .flag = &top.settings.once},
                                   {.name = "--json", .flag = &top.settings.json},
                                   {.name = "--no-color", .flag = &no_color},
                                   {.name = NULL}};
    struct error error = {""};
    top.settings.interval_us = 1000000;
    struct arguments arguments;
    if (arguments_parse(&arguments, argc, argv, own, TOP_MEMBERS_MAX, &error) != 0)
        return refuse(&error);
    if (arguments.help) {
        help_print(stdout, &help_top);
        return EXIT_SUCCESS;
    }
    if (interval != NULL && !read_interval(interval, &top.settings.interval_us)) {
        char shown[MASKED_MAX];
        mask_secrets(interval, shown);
        error_set(&error, "--interval %.50s: a number of seconds between 0.1 and 3600", shown);
        return refuse(&error);
    }
    if (find_members(&top, &arguments, &error) != 0)
        return refuse(&error);
    if (arguments.check_config) {
        puts("the configuration is valid");
        return EXIT_SUCCESS;
    }
    detect_terminal(&top.settings, no_color);
    return run_and_report(&top);
}
