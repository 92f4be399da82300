#include "shared/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int error_set(struct error *error, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return -1;
    struct error context;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context.text, sizeof context.text, format, arguments);
    va_end(arguments);

    size_t used = strlen(context.text);
    size_t room = sizeof error->text - 1;
    used = used + 2 > room ? room - 2 : used;
    size_t kept = strlen(error->text);
    kept = kept > room - used - 2 ? room - used - 2 : kept;
    memmove(error->text + used + 2, error->text, kept);
    error->text[used + 2 + kept] = '\0';
    memcpy(error->text, context.text, used);
    memcpy(error->text + used, ": ", 2);
    return -1;
}

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "coupond: a check failed, this is a bug: %s at %s:%d\n", condition, file, line);
    abort();
}
