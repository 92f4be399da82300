#include "coupond/verify/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/coupon.h"
#include "shared/error.h"

static const struct {
    const char *name;
    enum promise promise;
    const char *meaning;
} kinds[FINDING_COUNT] = {
#define X(id, name, promise, meaning) {name, PROMISE_##promise, meaning},
    FINDING_TABLE(X)
#undef X
};

const char *finding_name(enum finding finding)
{
    return kinds[finding].name;
}

const char *finding_meaning(enum finding finding)
{
    return kinds[finding].meaning;
}

enum promise finding_promise(enum finding finding)
{
    return kinds[finding].promise;
}

const char *promise_name(enum promise promise)
{
    static const char *const names[PROMISE_COUNT] = {
#define X(id, name) name,
        PROMISE_TABLE(X)
#undef X
    };
    return names[promise];
}

void findings_deinit(struct findings *findings)
{
    for (size_t i = 0; i < FINDING_COUNT; i++)
        free(findings->kinds[i].lines);
    *findings = (struct findings){0};
}

/* Ids that were written into the store by hand may contain any bytes; a terminal and JSON accept only text. */
static void make_printable(char *text)
{
    if (title_valid(text, strlen(text)))
        return;
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

void findings_add(struct findings *findings, enum finding kind, const char *format, ...)
{
    struct findings_of_kind *of_kind = &findings->kinds[kind];
    size_t at = findings_lines(findings, kind);
    findings->count++;
    of_kind->count++;
    if (at == FINDING_LINES_MAX)
        return;
    if (!of_kind->lines)
        of_kind->lines = calloc(FINDING_LINES_MAX, sizeof *of_kind->lines);
    CHECK(of_kind->lines != NULL);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(of_kind->lines[at], FINDING_LENGTH_MAX, format, arguments);
    va_end(arguments);
    make_printable(of_kind->lines[at]);
}

size_t findings_lines(const struct findings *findings, enum finding kind)
{
    uint64_t count = findings->kinds[kind].count;
    return count < FINDING_LINES_MAX ? (size_t)count : FINDING_LINES_MAX;
}
