/*
 * Maps the issuer's verdicts to HTTP answers. Pure.
 */
#ifndef COUPOND_VERDICTS_H
#define COUPOND_VERDICTS_H

#include <stdint.h>

#include "gateway/connection/exchange.h"
#include "shared/wire/frame.h"

/* What a seller hears of a coupon that it does not own. */
#define VERDICT_FORBIDDEN_DETAIL "The coupon is somebody else's."

/* Appends the answer. Returns its status, or 0 without appending anything when the verdict is impossible for this
 * request, or its issue or coupon is invalid or missing. */
int verdict_answer_issue(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const struct exchange *exchange, const struct frame_issue_reply *reply);
int verdict_answer_change(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                          const struct exchange *exchange, const struct frame_change_reply *reply);
int verdict_answer_sweep(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                         const struct exchange *exchange, const struct frame_change_reply *reply);
int verdict_answer_coupon(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                          const struct frame_coupon_reply *reply);

#endif
