/*
 * Reads keys and API keys again when they change, on a thread of its own, and publishes them for the loops. What cannot
 * be read or used changes nothing: the keys from before stay, a log line tells once, a metric and /readyz as long as it
 * lasts.
 */
#ifndef COUPOND_IDENTITY_RELOAD_H
#define COUPOND_IDENTITY_RELOAD_H

#include "gateway/identity/credentials.h"
#include "shared/limits.h"
#include "shared/options/options.h"

struct reload;

/* Reads the files that the options name, and starts the thread. NULL and `error` when a file cannot be used. `options`
 * and `board` are borrowed. */
struct reload *reload_create(const struct options *options, struct credentials_board *board, struct error *error);
/* Call after the loops have ended, and before the board does. */
void reload_destroy(struct reload **reload);

/* On any thread: a token names a key that is not known, so the URL is asked again soon. */
void reload_want_keys(struct reload *reload);
/* On any thread: false until every source was read once. `why` names what cannot be read now, and is empty
 * otherwise. */
bool reload_ready(struct reload *reload, char why[READY_WHY_MAX]);

#endif
