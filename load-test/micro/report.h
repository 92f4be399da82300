/* Prints results, for people and for programs. */
#ifndef COUPOND_MICRO_REPORT_H
#define COUPOND_MICRO_REPORT_H

#include <stdio.h>

#include "measure.h"

/* One table per group: nanoseconds per operation, operations per second, spread of the rounds, bytes. */
void report_table(FILE *out, const struct micro *micro);
/* One JSON array with an object per result. */
void report_json(FILE *out, const struct micro *micro);

#endif
