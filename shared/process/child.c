#include "shared/process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"

#define PROGRAM         "/proc/self/exe"
#define PARENT_VARIABLE "PARENT_OF_COUPOND"
#define READ_BYTES      4096
#define REAP_MS         20 /* between two looks whether a child that closed its output has ended */
#define OOM_SCORE       "1000"

/* A child that runs. */
struct run {
    const struct child_config *config;
    struct child_end *end;
    int stop_fd;
    pid_t pid;
    int input;  /* our ends of its pipes; -1: closed */
    int output; /* likewise */
    int errors;
    size_t input_done;
    char line[CHILD_LINE_MAX]; /* of standard error, as far as it was read */
    size_t line_length;
    int64_t kill_us; /* when SIGKILL is due; INT64_MAX: SIGTERM was not sent */
    int64_t limit_us;
};

int child_init(struct child *child, struct error *error)
{
    child->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return child->stop_fd >= 0 ? 0 : error_set(error, "cannot create an eventfd: %s", strerror(errno));
}

void child_deinit(struct child *child)
{
    close(child->stop_fd);
    child->stop_fd = -1;
}

void child_stop(struct child *child)
{
    uint64_t one = 1;
    CHECK(write(child->stop_fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

const char *child_fate_text(enum child_fate fate)
{
    static const char *const texts[] = {
        [CHILD_EXITED] = "it has ended",
        [CHILD_KILLED] = "it was killed by a signal",
        [CHILD_LATE] = "it took longer than allowed",
        [CHILD_WORDY] = "it printed more than allowed",
        [CHILD_STOPPED] = "the process that started it stops",
    };
    return texts[fate];
}

void child_end_deinit(struct child_end *end)
{
    free(end->output);
    end->output = NULL;
}

/* --- starting --- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

struct pipes {
    int input[2];
    int output[2];
    int errors[2];
};

static void close_pipes(struct pipes *pipes)
{
    int *const ends[] = {pipes->input, pipes->output, pipes->errors};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        close_fd(&ends[i][0]);
        close_fd(&ends[i][1]);
    }
}

static int open_pipes(struct pipes *pipes, struct error *error)
{
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(pipes->input, O_CLOEXEC) == 0 && pipe2(pipes->output, O_CLOEXEC) == 0 &&
        pipe2(pipes->errors, O_CLOEXEC) == 0)
        return 0;
    error_set(error, "cannot create a pipe: %s", strerror(errno));
    close_pipes(pipes);
    return -1;
}

/* A copy of the environment with the variable that child_follow_parent() reads; `variable` lives as long as it. */
static char **extend(char *const *environment, char variable[64])
{
    size_t count = 0;
    while (environment[count] != NULL)
        count++;
    char **copy = calloc(count + 2, sizeof *copy);
    CHECK(copy != NULL);
    memcpy(copy, environment, count * sizeof *copy);
    snprintf(variable, 64, PARENT_VARIABLE "=%ld", (long)getpid());
    copy[count] = variable;
    return copy;
}

/* Roles block and ignore signals; the child begins with the defaults, in a process group of its own. */
static void prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const struct pipes *pipes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    CHECK(posix_spawn_file_actions_init(actions) == 0 && posix_spawnattr_init(attributes) == 0);
    CHECK(posix_spawn_file_actions_adddup2(actions, pipes->input[0], STDIN_FILENO) == 0);
    CHECK(posix_spawn_file_actions_adddup2(actions, pipes->output[1], STDOUT_FILENO) == 0);
    CHECK(posix_spawn_file_actions_adddup2(actions, pipes->errors[1], STDERR_FILENO) == 0);
    CHECK(posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1) == 0);
    CHECK(posix_spawnattr_setsigmask(attributes, &none) == 0 && posix_spawnattr_setsigdefault(attributes, &all) == 0);
    CHECK(posix_spawnattr_setpgroup(attributes, 0) == 0);
    CHECK(posix_spawnattr_setflags(attributes,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0);
}

static int spawn(const struct child_config *config, const struct pipes *pipes, pid_t *pid, struct error *error)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char variable[64];
    char **environment = extend(config->environment, variable);
    prepare(&actions, &attributes, pipes);
    int reason =
        posix_spawn(pid, PROGRAM, &actions, &attributes, (char *const *)(uintptr_t)config->arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    return reason == 0 ? 0 : error_set(error, "cannot start %s: %s", PROGRAM, strerror(reason));
}

static void set_nonblocking(int fd)
{
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

static int start(struct run *run, struct error *error)
{
    struct pipes pipes;
    if (open_pipes(&pipes, error) != 0)
        return -1;
    if (spawn(run->config, &pipes, &run->pid, error) != 0) {
        close_pipes(&pipes);
        return -1;
    }
    close_fd(&pipes.input[0]);
    close_fd(&pipes.output[1]);
    close_fd(&pipes.errors[1]);
    run->input = pipes.input[1];
    run->output = pipes.output[0];
    run->errors = pipes.errors[0];
    set_nonblocking(run->input);
    set_nonblocking(run->output);
    set_nonblocking(run->errors);
    if (run->config->nice != 0)
        setpriority(PRIO_PROCESS, (id_t)run->pid, getpriority(PRIO_PROCESS, 0) + run->config->nice);
    return 0;
}

/* --- ending --- */

/* The first reason counts. */
static void end_child(struct run *run, enum child_fate fate)
{
    if (run->kill_us != INT64_MAX)
        return;
    run->end->fate = fate;
    kill(run->pid, SIGTERM);
    run->kill_us = clock_mono_us() + run->config->grace_ms * 1000;
}

static void keep_time(struct run *run)
{
    int64_t now_us = clock_mono_us();
    if (now_us >= run->limit_us)
        end_child(run, CHILD_LATE);
    if (now_us >= run->kill_us)
        kill(run->pid, SIGKILL);
}

/* --- its streams --- */

/* A role ignores SIGPIPE; a program that does not, such as a test, must do the same. */
static void write_input(struct run *run)
{
    const char *input = run->config->input != NULL ? run->config->input : "";
    size_t length = strlen(input);
    ssize_t written =
        run->input_done < length ? write(run->input, input + run->input_done, length - run->input_done) : 0;
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    run->input_done += written > 0 ? (size_t)written : 0;
    if (written < 0 || run->input_done == length)
        close_fd(&run->input);
}

/* False at the end of the stream. */
static bool read_some(int fd, char bytes[READ_BYTES], size_t *length)
{
    ssize_t got = read(fd, bytes, READ_BYTES);
    *length = got > 0 ? (size_t)got : 0;
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void read_output(struct run *run)
{
    char bytes[READ_BYTES];
    size_t length;
    struct child_end *end = run->end;
    if (!read_some(run->output, bytes, &length)) {
        close_fd(&run->output);
        return;
    }
    if (end->output_length + length > run->config->output_max) {
        end_child(run, CHILD_WORDY);
        return;
    }
    end->output = realloc(end->output, end->output_length + length + 1);
    CHECK(end->output != NULL);
    memcpy(end->output + end->output_length, bytes, length);
    end->output_length += length;
    end->output[end->output_length] = '\0';
}

static void end_line(struct run *run)
{
    if (run->line_length == 0)
        return;
    run->line[run->line_length] = '\0';
    memcpy(run->end->line, run->line, run->line_length + 1);
    run->line_length = 0;
    if (run->config->on_line != NULL)
        run->config->on_line(run->config->arg, run->end->line);
}

static void read_errors(struct run *run)
{
    char bytes[READ_BYTES];
    size_t length;
    if (!read_some(run->errors, bytes, &length)) {
        end_line(run);
        close_fd(&run->errors);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            end_line(run);
        else if (run->line_length < CHILD_LINE_MAX - 1)
            run->line[run->line_length++] = (char)((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f ? '?' : bytes[i]);
    }
}

/* --- waiting --- */

static int until_ms(const struct run *run)
{
    int64_t due_us = run->kill_us < run->limit_us ? run->kill_us : run->limit_us;
    int64_t left_us = due_us - clock_mono_us();
    return left_us <= 0 ? 0 : left_us > 60000000 ? 60000 : (int)(left_us / 1000) + 1;
}

static void follow(struct run *run)
{
    while (run->output >= 0 || run->errors >= 0) {
        bool asked = run->kill_us != INT64_MAX;
        struct pollfd fds[] = {
            {.fd = asked ? -1 : run->stop_fd, .events = POLLIN},
            {.fd = run->input, .events = POLLOUT},
            {.fd = run->output, .events = POLLIN},
            {.fd = run->errors, .events = POLLIN},
        };
        if (poll(fds, sizeof fds / sizeof *fds, until_ms(run)) < 0)
            CHECK(errno == EINTR);
        if (fds[0].revents != 0)
            end_child(run, CHILD_STOPPED);
        if (fds[1].revents != 0)
            write_input(run);
        if (fds[2].revents != 0)
            read_output(run);
        if (fds[3].revents != 0)
            read_errors(run);
        keep_time(run);
    }
}

/* It has closed its streams; until it has ended, the time limit and the stop still count. */
static int reap(struct run *run)
{
    int status = 0;
    pid_t got;
    while ((got = waitpid(run->pid, &status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
        struct pollfd stop = {.fd = run->kill_us == INT64_MAX ? run->stop_fd : -1, .events = POLLIN};
        if (poll(&stop, 1, REAP_MS) > 0)
            end_child(run, CHILD_STOPPED);
        keep_time(run);
    }
    return status;
}

static void note_end(struct run *run, int status)
{
    struct child_end *end = run->end;
    if (WIFEXITED(status))
        end->status = WEXITSTATUS(status);
    else
        end->status = WTERMSIG(status);
    if (run->kill_us == INT64_MAX)
        end->fate = WIFEXITED(status) ? CHILD_EXITED : CHILD_KILLED;
}

int child_run(struct child *child, const struct child_config *config, struct child_end *end, struct error *error)
{
    struct run run = {.config = config,
                      .end = end,
                      .stop_fd = child->stop_fd,
                      .kill_us = INT64_MAX,
                      .limit_us = clock_mono_us() + config->limit_ms * 1000};
    *end = (struct child_end){.fate = CHILD_EXITED, .output = calloc(1, 1)};
    CHECK(end->output != NULL);
    if (start(&run, error) != 0) {
        child_end_deinit(end);
        return -1;
    }
    follow(&run);
    close_fd(&run.input);
    note_end(&run, reap(&run));
    return 0;
}

/* --- in the child --- */

static void offer_to_oom_killer(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, OOM_SCORE, strlen(OOM_SCORE)) < 0)
        return (void)close(fd);
    close(fd);
}

void child_follow_parent(void)
{
    const char *parent = getenv(PARENT_VARIABLE);
    if (parent == NULL)
        return;
    long pid = strtol(parent, NULL, 10);
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    if ((long)getppid() != pid)
        _exit(EXIT_FAILURE);
    unsetenv(PARENT_VARIABLE);
    offer_to_oom_killer();
}
