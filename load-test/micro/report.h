/* What came out, for people and for programs. */
#ifndef COUPOND_MICRO_REPORT_H
#define COUPOND_MICRO_REPORT_H

#include <stdio.h>

#include "measure.h"

/* A table a group: nanoseconds an operation, operations a second, how far the rounds lie apart, bytes. */
void report_table(FILE *out, const struct micro *micro);
/* One JSON array, an object a result. */
void report_json(FILE *out, const struct micro *micro);

#endif
