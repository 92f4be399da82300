/*
 * What the issuer's verdicts mean in HTTP. Pure.
 */
#ifndef COUPOND_VERDICTS_H
#define COUPOND_VERDICTS_H

#include <stdint.h>

#include "gateway/connection/exchange.h"
#include "shared/wire/frame.h"

/* Appends the answer. Returns its status, or 0 (and appends nothing) when this request cannot have such a verdict, or
 * bears a coupon that is none. */
int verdict_answer_issue(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const struct exchange *exchange, const struct frame_issue_reply *reply);
int verdict_answer_coupon(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                          const struct frame_coupon_reply *reply);

#endif
