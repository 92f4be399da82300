/*
 * Shared by options/options.c (rows and their names), options/kind.c (values), options/file.c (ZPL),
 * options/environment.c, options/help.c, options/check.c (checks across options), options/endpoints.c and
 * options/identity.c.
 */
#ifndef COUPOND_OPTION_ROWS_H
#define COUPOND_OPTION_ROWS_H

#include <stddef.h>
#include <stdio.h>

#include "shared/error.h"
#include "shared/nearest.h"
#include "shared/options/values.h"

enum option_kind {
    OPTION_KIND_CHOICE,
    OPTION_KIND_ADDRESS,
    OPTION_KIND_ENDPOINT,
    OPTION_KIND_URL,
    OPTION_KIND_PATH,
    OPTION_KIND_SECRET,
    OPTION_KIND_SECRET_FILE,
    OPTION_KIND_TEXT,
    OPTION_KIND_NUMBER,
    OPTION_KIND_DURATION,
    OPTION_KIND_SIZE,
    OPTION_KIND_FLAG,
};

struct option_row {
    const char *section;
    const char *name;
    enum option_kind kind;
    const char *default_text; /* NULL: a number */
    int64_t default_number;
    const char *const *choices; /* of a CHOICE, ends with NULL */
    int64_t min, max;           /* of a number, or of a text's length; both 0: a CHOICE without numbers */
    const char *help;
    size_t offset; /* of the member in struct options */
};

extern const struct option_row option_rows[];
extern const unsigned option_rows_count;

/* --- options/options.c --- */

/* The row's index, or -1. */
int option_find(const char *section, const char *name);
bool option_section_exists(const char *section);
/* Offers section/name of every row as a candidate. */
void option_offer_names(struct nearest *nearest);

/* --- options/kind.c --- */

/* True when the row's member is text rather than a number or a flag. */
bool option_is_text(const struct option_row *row);
bool option_is_number(const struct option_row *row);
/* Parses `value` into the row's member; -1 and "section/name: …" when it violates the row's bounds. */
int option_assign(struct options *options, const struct option_row *row, const char *value, struct error *error);
/* The unit of a DURATION or SIZE, which its name ends with; "" for other kinds. */
const char *option_unit(const struct option_row *row);

/* options_show() for a row. */
void option_show(const struct option_row *row, const char *value, char shown[OPTION_SHOWN_MAX]);
/* -1 and "section/name: "value" is why", with secrets in the value masked. */
int option_refuse(const char *section, const char *name, const char *value, const char *why, struct error *error);

/* --- options/endpoints.c --- */

/* Checks every endpoint, and that all endpoints and addresses that a role listens on differ. -1 and `error`. Addresses
 * are already checked. */
int option_check_endpoints(const struct options *options, struct error *error);
/* -1 and `error` when a role cannot connect to the endpoint `text` of `option`, because it is a wildcard. */
int option_check_reachable(const char *option, const char *text, struct error *error);

/* --- options/identity.c --- */

/* Checks the options of identity against each other. -1 and `error`. */
int option_check_identity(const struct options *options, struct error *error);

/* --- options/help.c --- */

/* What the row's value may be, in words: "1 to 64", "path or empty, at most 255 bytes". */
void option_print_bounds(FILE *out, const struct option_row *row);

#endif
