/* Coupons of frames as values, and records of coupon replies, whose length depends on their texts. */
#include <string.h>

#include "shared/wire/frame.h"

bool frame_coupon_read(const struct frame_coupon *wire, struct coupon *coupon)
{
    if (!frame_coupon_lengths_valid(wire))
        return false;
    memcpy(coupon->id, wire->id, wire->id_length);
    coupon->id[wire->id_length] = '\0';
    coupon->number = wire->number;
    coupon->quantity = wire->quantity;
    coupon->issued = wire->issued;
    coupon->returned = wire->returned;
    coupon->redeemed = wire->redeemed;
    coupon->per_user_limit = wire->per_user_limit;
    coupon->redeem_within_s = wire->redeem_within_s;
    coupon->paused = wire->paused != 0;
    coupon->archived = wire->archived != 0;
    coupon->starts_at_us = wire->starts_at_us;
    coupon->ends_at_us = wire->ends_at_us;
    coupon->redeem_until_us = wire->redeem_until_us;
    coupon->created_at_us = wire->created_at_us;
    coupon->updated_at_us = wire->updated_at_us;
    coupon->journal_seq = wire->journal_seq;
    const char *at = wire->texts;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        coupon_text_set(coupon, i, at, wire->text_lengths[i]);
        at += wire->text_lengths[i];
    }
    return true;
}

/* The fixed part; the texts are not cleared, because only those that are there are sent. */
static void write_fixed(struct frame_coupon *wire, const struct coupon *coupon)
{
    memset(wire, 0, offsetof(struct frame_coupon, texts));
    wire->starts_at_us = coupon->starts_at_us;
    wire->ends_at_us = coupon->ends_at_us;
    wire->redeem_until_us = coupon->redeem_until_us;
    wire->created_at_us = coupon->created_at_us;
    wire->updated_at_us = coupon->updated_at_us;
    wire->journal_seq = coupon->journal_seq;
    wire->number = coupon->number;
    wire->quantity = coupon->quantity;
    wire->issued = coupon->issued;
    wire->returned = coupon->returned;
    wire->redeemed = coupon->redeemed;
    wire->per_user_limit = coupon->per_user_limit;
    wire->redeem_within_s = coupon->redeem_within_s;
    wire->id_length = (uint8_t)strlen(coupon->id);
    wire->paused = coupon->paused;
    wire->archived = coupon->archived;
    memcpy(wire->id, coupon->id, wire->id_length);
}

void frame_coupon_write(struct frame_coupon *wire, const struct coupon *coupon)
{
    write_fixed(wire, coupon);
    char *at = wire->texts;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        const char *text = coupon_text(coupon, i);
        wire->text_lengths[i] = (uint16_t)strlen(text);
        memcpy(at, text, wire->text_lengths[i]);
        at += wire->text_lengths[i];
    }
    memset(at, 0, (size_t)(wire->texts + sizeof wire->texts - at));
}

size_t frame_coupon_reply_append(void *out, const struct frame_coupon_reply *reply)
{
    size_t used = offsetof(struct frame_coupon_reply, coupon) + frame_coupon_bytes(&reply->coupon);
    uint16_t length = (uint16_t)((used + 7) & ~(size_t)7);
    memcpy(out, reply, length);
    memcpy((unsigned char *)out + offsetof(struct frame_coupon_reply, length), &length, sizeof length);
    return length;
}

size_t frame_coupon_reply_next(const void *records, struct frame_coupon_reply *reply)
{
    uint16_t length;
    memcpy(&length, (const unsigned char *)records + offsetof(struct frame_coupon_reply, length), sizeof length);
    memcpy(reply, records, length);
    memset((unsigned char *)reply + length, 0, sizeof *reply - length);
    return length;
}
