/*
 * What a member does before it opens the journal of a partition: it makes sure that its journal is that of the cluster.
 *
 *   a journal, and no row in the store     it begins the cluster: creates the row, as owner
 *   a journal, and a row of that journal   nothing is to be done
 *   no journal, and no row                 it makes one, and begins the cluster
 *   no journal, and a row                  waits for the owner, and begins a copy of its journal
 */
#ifndef COUPOND_MEMBER_START_H
#define COUPOND_MEMBER_START_H

#include <stdint.h>

#include "shared/error.h"
#include "shared/options/options.h"

/*
 * Call before journal_open() of the folder `dir`. Waits for the store and for the owner where it must, until the
 * process is asked to stop (shared/process/stop.h). -1 and `error`: also for a journal that is not the cluster's.
 */
int member_start(const struct options *options, uint16_t partition, const char *dir, struct error *error);

#endif
