/* The groups of measurements; each adds its results. */
#ifndef COUPOND_MICRO_GROUPS_H
#define COUPOND_MICRO_GROUPS_H

#include "measure.h"

void micro_ledger(struct micro *micro);
void micro_turn(struct micro *micro);
void micro_journal(struct micro *micro);
void micro_frames(struct micro *micro);
void micro_http(struct micro *micro);
void micro_identity(struct micro *micro);
void micro_store(struct micro *micro);
void micro_issuer(struct micro *micro);

#endif
