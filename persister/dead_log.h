/* The log's lines about the dead letters of one frame, which an alert can be made of. */
#ifndef COUPOND_DEAD_LOG_H
#define COUPOND_DEAD_LOG_H

#include <stddef.h>

#include "shared/store/store.h"

/* A line each, up to a bound, and how many more there are. On any thread. */
void dead_log(const struct store_dead_letter *letters, size_t count);

#endif
