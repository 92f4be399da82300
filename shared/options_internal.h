/*
 * Between options.c (rows and values), options_file.c (ZPL) and options_check.c (what one row alone cannot tell).
 */
#ifndef COUPOND_OPTIONS_INTERNAL_H
#define COUPOND_OPTIONS_INTERNAL_H

#include <stddef.h>

#include "shared/options.h"

enum option_kind {
    OPTION_KIND_STRING,
    OPTION_KIND_NUMBER,
    OPTION_KIND_BOOL,
};

struct option_row {
    const char *section;
    const char *name;
    enum option_kind kind;
    const char *default_text; /* STRING */
    int64_t default_number;   /* NUMBER, BOOL */
    int64_t min, max;
    const char *help;
    size_t offset; /* of the member in struct options */
};

extern const struct option_row option_rows[];
extern const unsigned option_rows_count;

/* The row's index, or -1. */
int option_find(const char *section, const char *name);
/* Parses `value` into the row's member; -1 and "section/name: …" when it is out of the row's bounds. */
int option_assign(struct options *options, const struct option_row *row, const char *value, struct error *error);

#endif
