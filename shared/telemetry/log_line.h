/*
 * A log line in one of three formats, from a printf format whose last words are fields: `what happened partition=%u`.
 * The fields are found in the format, never in what is put in for its conversions, so nobody who is quoted in a message
 * can add one. Pure.
 */
#ifndef COUPOND_LOG_LINE_H
#define COUPOND_LOG_LINE_H

#include <stdarg.h>
#include <stddef.h>

enum log_format {
    LOG_FORMAT_TEXT,   /* TIME level role: message key=value… */
    LOG_FORMAT_LOGFMT, /* time=… level=… role=… message="…" key=value… */
    LOG_FORMAT_JSON,   /* one object: "time", "level", "role", "message", and a member a field */
};

struct log_head {
    const char *time; /* RFC 3339 */
    const char *level;
    const char *role;
};

#define LOG_MESSAGE_MAX 2048  /* of the message with its fields; what is longer is cut, and loses its fields */
#define LOG_LINE_MAX    16384 /* of a line: six bytes for each of the message's, and the head */

/*
 * Writes the line with its newline, and returns its length. Control characters are escaped in all formats; in logfmt
 * and JSON, what is no UTF-8 becomes U+FFFD, a conversion without an s a number, and a field that is empty or "-" is
 * left out.
 */
size_t log_line_write(char out[LOG_LINE_MAX], enum log_format kind, const struct log_head *head, const char *format,
                      va_list arguments) __attribute__((format(printf, 4, 0)));

/* Writes the text as a JSON string, quotes and all, and returns its length; what is no UTF-8 becomes U+FFFD. No NUL
 * ends it. `size` is six times the text's length and two at least, else something is left out. */
size_t log_line_quote(char *out, size_t size, const char *text);

#endif
