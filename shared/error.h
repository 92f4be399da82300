/*
 * An operating error: a sentence that says what, where and what to do. Filled by the callee, completed on the way up,
 * printed once at the top. Also the check that stays on in release builds.
 */
#ifndef COUPOND_ERROR_H
#define COUPOND_ERROR_H

#include <stdarg.h>

struct error {
    char text[768];
};

/* Formats the sentence; returns -1, so that `return error_set(error, …)` reads well. `error` may be NULL. */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts context before the sentence: "context: sentence". Returns -1. */
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A programmer's error: says where, and aborts. Stays on in release builds. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (__builtin_expect(!(condition), 0))                                                                         \
            check_failed(#condition, __FILE__, __LINE__);                                                              \
    } while (0)

_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
