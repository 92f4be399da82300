/* Reports violations of one coupon, and marks it as broken. */
#ifndef COUPOND_VERIFY_FOUND_H
#define COUPOND_VERIFY_FOUND_H

#include "coupond/verify/coupon.h"
#include "coupond/verify/findings.h"

#define ISSUE_TEXT_MAX 192

/* "user U, nth N, at T, journal_seq S" */
void found_format_issue(const struct store_issue *issue, char out[ISSUE_TEXT_MAX]);

/* "coupon C: <what>" */
void found_in(struct findings *findings, struct verify_coupon *coupon, enum finding kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "coupon C: sequence N <what> (<the issue>)" */
void found_at(struct findings *findings, struct verify_coupon *coupon, enum finding kind,
              const struct store_issue *issue, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* "coupon C: sequence N, <state> by record S, <what>" */
void found_change(struct findings *findings, struct verify_coupon *coupon, enum finding kind,
                  const struct store_change *change, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
