/*
 * An operating error: a sentence that says what happened, where, and what to do. The callee fills it, callers add
 * context, the top prints it once. Also CHECK, which stays on in release builds.
 */
#ifndef COUPOND_ERROR_H
#define COUPOND_ERROR_H

#include <stdarg.h>

struct error {
    char text[768];
};

/* Formats the sentence. Returns -1, for `return error_set(error, …)`. `error` may be NULL. */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prefixes the sentence with context: "context: sentence". Returns -1. */
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A programming error: prints the place and aborts. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (__builtin_expect(!(condition), 0))                                                                         \
            check_failed(#condition, __FILE__, __LINE__);                                                              \
    } while (0)

_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
