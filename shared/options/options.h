/*
 * Configuration: a ZPL file, COUPOND_<SECTION>_<NAME> in the environment, and --set section/name=value, in ascending
 * priority. The rows are in options/table.h. Read once on the main thread before other threads start; constant
 * afterwards.
 */
#ifndef COUPOND_OPTIONS_H
#define COUPOND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/error.h"
#include "shared/options/values.h"

/* Sets every option to its default. */
void options_init(struct options *options);

/* Reads a ZPL file. -1 and `error` for an unknown section or key, a value out of bounds or a missing file. */
int options_read_file(struct options *options, const char *path, struct error *error);
/*
 * Reads COUPOND_<SECTION>_<NAME>. An unknown name in an existing section is an error too. Other variables are ignored,
 * such as COUPOND_SECRETS or those that Kubernetes sets for services; one that looks like a misspelt option is logged
 * as a warning.
 */
int options_read_environment(struct options *options, struct error *error);
/* Takes "section/name=value". As with all errors here, the error never contains a secret or a value that may be one. */
int options_set(struct options *options, const char *assignment, struct error *error);
/*
 * The environment for a child process that reads the same journals and the same store: this one's without its options,
 * and a variable for each completed option; of the gateway only addresses, and the store's password as a value. The
 * caller frees it with options_environment_free().
 */
char **options_environment(const struct options *options);
void options_environment_free(char ***environment);
/* Before options_complete(): files with secrets that a role ("gateway", "issuer", "persister", "verify" for commands
 * that only read journals and store, "health") does not use are not opened; "dev" uses all. */
void options_leave_secrets(struct options *options, const char *role);
/* Reads the *_file secrets, fills options whose defaults are other options, and checks options against each other. Call
 * last. */
int options_complete(struct options *options, struct error *error);
/*
 * Checks that concern one role only, on completed options: the gateway, the persister and dev, which contains both,
 * cannot connect to a wildcard address, though the issuer may listen on one, and need the authorities that they are to
 * trust. -1 and `error`; other roles always pass.
 */
int options_check_role(const struct options *options, const char *role, struct error *error);

/* The only way in which an option's value gets into a message: whole, or with *** in place of secrets. The option must
 * exist. */
void options_show(const char *section, const char *name, const char *value, char shown[OPTION_SHOWN_MAX]);

/* Prints every option with its default, bounds and help as a ZPL file that parses to the defaults. */
void options_print_help(FILE *out);
/* Prints the same rows as a Markdown table for docs/configuration.md. */
void options_print_markdown(FILE *out);

/* How long a request waits for its answer: gateway/issuer_timeout_ms, and with cluster/members at least
 * gateway/hold_ms, since another member may have to take over first. In ms. */
int64_t options_request_timeout_ms(const struct options *options);

/* issuer/sync as a value: SYNC_ALWAYS, SYNC_OS, or the interval in ms. Valid after options_complete(). */
int64_t options_sync_interval_ms(const struct options *options);

#endif
