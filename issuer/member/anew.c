#include "issuer/member/anew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/disk.h"
#include "shared/journal/notes.h"
#include "shared/telemetry/log.h"

#define ARGUMENTS_MAX  256
#define ARGUMENT_BYTES 65536

/* This process' arguments; the strings are in `bytes`. False when there are too many. */
static bool read_arguments(char *bytes, char *arguments[ARGUMENTS_MAX + 1])
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, bytes, ARGUMENT_BYTES);
    size_t count = 0;
    if (fd >= 0)
        close(fd);
    if (size <= 0 || size == ARGUMENT_BYTES || bytes[size - 1] != '\0')
        return false;
    for (ssize_t at = 0; at < size && count < ARGUMENTS_MAX; at += (ssize_t)strlen(bytes + at) + 1)
        arguments[count++] = bytes + at;
    arguments[count] = NULL;
    return count < ARGUMENTS_MAX;
}

/* Threads of this process end here; signals that they had blocked would stay blocked. */
static void replace_process(void)
{
    static char bytes[ARGUMENT_BYTES];
    static char *arguments[ARGUMENTS_MAX + 1];
    sigset_t none;
    if (!read_arguments(bytes, arguments))
        return;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", arguments);
}

_Noreturn void member_begin_anew(const struct journal *journal)
{
    char dir[JOURNAL_PATH_MAX], aside[JOURNAL_PATH_MAX];
    struct error error = {""};
    snprintf(dir, sizeof dir, "%s", journal_folder(journal));
    if (journal_set_aside(dir, aside, &error) != 0) {
        log_error("issuer", "cannot throw a journal aside whose last records were never answered, stopping: %s",
                  error.text);
        disk->stop(1);
        abort();
    }
    log_warn("issuer",
             "the owner's journal does not go on from this member's, whose last records were never answered or are too "
             "old: it is now %s, and can be removed; beginning anew partition=%u",
             aside, journal_meta(journal)->partition);
    replace_process();
    log_error("issuer", "cannot begin anew, stopping; start it again: %s", strerror(errno));
    disk->stop(1);
    abort();
}
