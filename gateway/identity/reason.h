/*
 * What a check of credentials comes to: the stable names are those of METRIC_IDENTITY_TABLE, which clients, logs and
 * metrics share. Pure.
 */
#ifndef COUPOND_IDENTITY_REASON_H
#define COUPOND_IDENTITY_REASON_H

#include "shared/telemetry/metrics_table.h"

/* The name in WWW-Authenticate, in the problem and in metrics. */
const char *identity_reason_name(enum metric_identity reason);
/* The sentence for people. */
const char *identity_reason_detail(enum metric_identity reason);

#endif
