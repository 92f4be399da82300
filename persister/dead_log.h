/*
 * Log lines about the dead letters of one frame, for alerts.
 */
#ifndef COUPOND_DEAD_LOG_H
#define COUPOND_DEAD_LOG_H

#include <stddef.h>

#include "shared/store/store.h"

/* One line each, up to a limit, then the number of the others. Any thread. */
void dead_log(const struct store_dead_letter *letters, size_t count);

#endif
