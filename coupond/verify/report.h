/*
 * Prints the result of `verify`: one line per coupon and the findings, as text or as one JSON object. A `summary` has
 * no coupons.
 */
#ifndef COUPOND_VERIFY_REPORT_H
#define COUPOND_VERIFY_REPORT_H

#include <stdio.h>

#include "coupond/verify/verify.h"

void verify_report_text(FILE *out, const struct verify *verify);
void verify_report_json(FILE *out, const struct verify *verify, bool summary);

/* "12,345,678" */
#define THOUSANDS_MAX 27
const char *thousands(uint64_t number, char out[THOUSANDS_MAX]);

#endif
