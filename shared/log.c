#include "shared/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"

#define LINE_MAX_BYTES 2048

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Written once before the threads start. */
static enum log_level lowest_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    lowest_level = level;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Copies `text` with control characters as \n, \t, \r or \xNN, as far as whole characters fit; returns the length. */
static size_t escape(char *out, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t length = 0;
    for (; *text != '\0' && length + 4 <= size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= ' ' && c != 0x7f) {
            out[length++] = *text;
            continue;
        }
        out[length++] = '\\';
        if (c == '\n' || c == '\r' || c == '\t') {
            out[length++] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
            continue;
        }
        out[length++] = 'x';
        out[length++] = hex[c >> 4];
        out[length++] = hex[c & 15];
    }
    return length;
}

static void write_whole(const char *line, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, line, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nobody is left to tell */
        line += written;
        length -= (size_t)written;
    }
}

void log_write(enum log_level level, const char *component, const char *format, ...)
{
    if (level < lowest_level)
        return;
    int saved_errno = errno;
    char message[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    char time[RFC3339_MAX];
    rfc3339_format(clock_wall_us(), time);
    char line[LINE_MAX_BYTES];
    size_t length = (size_t)snprintf(line, 128, "%s %-5s %.64s: ", time, level_names[level], component);
    length += escape(line + length, sizeof(line) - length - 1, message);
    line[length++] = '\n';
    write_whole(line, length);
    errno = saved_errno;
}
