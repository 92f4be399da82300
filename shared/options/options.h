/*
 * Configuration: one ZPL file, COUPOND_<SECTION>_<NAME> in the environment, --set section/name=value, in that rising
 * order. The rows are in options_table.h. Read once on the main thread before the others start; constant afterwards.
 */
#ifndef COUPOND_OPTIONS_H
#define COUPOND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/error.h"
#include "shared/options/values.h"

/* Every option at its default. */
void options_init(struct options *options);

/* Reads a ZPL file. An unknown section or key, a value out of bounds, a file that is not there: -1 and `error`. */
int options_read_file(struct options *options, const char *path, struct error *error);
/* Reads COUPOND_<SECTION>_<NAME>; an unknown one of a section that exists is an error too. Others are not ours:
 * COUPOND_SECRETS, or what Kubernetes tells of a service of such a name; one that differs from an option by a slip
 * of the pen is told with a warning. */
int options_read_environment(struct options *options, struct error *error);
/* Takes "section/name=value". As all errors here, its error never bears a secret, nor what may be one. */
int options_set(struct options *options, const char *assignment, struct error *error);
/* Before options_complete(): files with secrets that a role ("gateway", "issuer", "persister", "verify" for whoever
 * only reads journals and store, "health") has no use for are not opened; "dev" needs all. */
void options_leave_secrets(struct options *options, const char *role);
/* Reads the *_file secrets, fills the options that default to others, checks what one row alone cannot tell. Call last.
 */
int options_complete(struct options *options, struct error *error);
/* What only one role cannot do with completed options: the gateway, the persister, and dev, which is all of them,
 * cannot connect to a wildcard address that the issuer may well listen on, and need the authorities that they are to
 * trust. -1 and `error`; other roles are right as they are. */
int options_check_role(const struct options *options, const char *role, struct error *error);

/* The one way by which an option's value gets into a message: whole, or with *** in the place of what nobody may read.
 * The option must exist. */
void options_show(const char *section, const char *name, const char *value, char shown[OPTION_SHOWN_MAX]);

/* Prints every option with its default, bounds and help as a ZPL file that reads back to the defaults. */
void options_print_help(FILE *out);
/* Prints the same rows as a Markdown table, as docs/configuration.md has it. */
void options_print_markdown(FILE *out);

/* issuer/sync as a value: SYNC_ALWAYS, SYNC_OS, or the interval in ms. Valid after options_complete(). */
int64_t options_sync_interval_ms(const struct options *options);

#endif
