/*
 * A log line in one of three formats, from a printf format that ends with fields: `what happened partition=%u`. Fields
 * are recognized in the format, never in its arguments, so quoted input cannot inject one. Pure.
 */
#ifndef COUPOND_LOG_LINE_H
#define COUPOND_LOG_LINE_H

#include <stdarg.h>
#include <stddef.h>

enum log_format {
    LOG_FORMAT_TEXT,   /* TIME level role: message key=value… */
    LOG_FORMAT_LOGFMT, /* time=… level=… role=… message="…" key=value… */
    LOG_FORMAT_JSON,   /* one object: "time", "level", "role", "message", and a member per field */
};

struct log_head {
    const char *time; /* RFC 3339 */
    const char *level;
    const char *role;
};

#define LOG_MESSAGE_MAX 2048  /* of the message with its fields; a longer one is truncated and loses its fields */
#define LOG_LINE_MAX    16384 /* of a line: six bytes for each of the message, plus the head */

/*
 * Writes the line with its newline, and returns its length. Escapes control characters in all formats. In logfmt and
 * JSON, invalid UTF-8 becomes U+FFFD, values of numeric conversions become numbers, and fields that are empty or "-"
 * are omitted.
 */
size_t log_line_write(char out[LOG_LINE_MAX], enum log_format kind, const struct log_head *head, const char *format,
                      va_list arguments) __attribute__((format(printf, 4, 0)));

/* Writes the text as a quoted JSON string, without a NUL, and returns its length; invalid UTF-8 becomes U+FFFD. Needs a
 * `size` of six times the text's length and at least two; with less it truncates. */
size_t log_line_quote(char *out, size_t size, const char *text);

#endif
