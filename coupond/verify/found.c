#include "coupond/verify/found.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "shared/clock.h"

void found_format_issue(const struct store_issue *issue, char out[ISSUE_TEXT_MAX])
{
    char time[RFC3339_MAX];
    rfc3339_format(issue->issued_at_us, time);
    snprintf(out, ISSUE_TEXT_MAX, "user %.*s, nth %u, at %s, journal_seq %" PRIu64, (int)issue->user_id_length,
             issue->user_id, issue->nth, time, issue->journal_seq);
}

void found_in(struct findings *findings, struct verify_coupon *coupon, enum finding kind, const char *format, ...)
{
    char text[FINDING_LENGTH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    coupon->broken = true;
    findings_add(findings, kind, "coupon %s: %s", coupon->id, text);
}

void found_at(struct findings *findings, struct verify_coupon *coupon, enum finding kind,
              const struct store_issue *issue, const char *format, ...)
{
    char what[FINDING_LENGTH_MAX];
    char text[ISSUE_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    found_format_issue(issue, text);
    found_in(findings, coupon, kind, "sequence %" PRIu32 " %s (%s)", issue->sequence, what, text);
}

void found_change(struct findings *findings, struct verify_coupon *coupon, enum finding kind,
                  const struct store_change *change, const char *format, ...)
{
    char what[FINDING_LENGTH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    found_in(findings, coupon, kind, "sequence %" PRIu32 ", %s by record %" PRIu64 ", %s", change->sequence,
             store_state_name(change->state), change->journal_seq, what);
}
