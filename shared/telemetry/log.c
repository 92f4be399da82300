#include "shared/telemetry/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Written once, before threads start. */
static enum log_level lowest_level = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;

void log_set_format(enum log_format format)
{
    line_format = format;
}

bool log_format_parse(const char *name, enum log_format *format)
{
    static const char *const names[] = {"text", "logfmt", "json"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum log_format)i;
            return true;
        }
    }
    return false;
}

void log_set_level(enum log_level level)
{
    lowest_level = level;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void write_whole(const char *line, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, line, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* standard error is gone */
        line += written;
        length -= (size_t)written;
    }
}

void log_write(enum log_level level, const char *component, const char *format, ...)
{
    if (level < lowest_level)
        return;
    int saved_errno = errno;
    char time[RFC3339_MAX], line[LOG_LINE_MAX];
    rfc3339_format(clock_wall_us(), time);
    struct log_head head = {.time = time, .level = level_names[level], .role = component};
    va_list arguments;
    va_start(arguments, format);
    size_t length = log_line_write(line, line_format, &head, format, arguments);
    va_end(arguments);
    write_whole(line, length);
    errno = saved_errno;
}
