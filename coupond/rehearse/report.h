/*
 * Prints a rehearsal: for people, and as JSON for programs. Pure except for writing to `out`.
 */
#ifndef COUPOND_REHEARSE_REPORT_H
#define COUPOND_REHEARSE_REPORT_H

#include <stdio.h>

#include "coupond/rehearse/verdict.h"

void rehearse_report_print(const struct rehearse_measure *measure, const struct rehearse_verdict *verdict, FILE *out);
void rehearse_report_print_json(const struct rehearse_measure *measure, const struct rehearse_verdict *verdict,
                                FILE *out);

#endif
