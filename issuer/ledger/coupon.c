#include "issuer/ledger/coupon.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

static void set_terms(struct ledger_coupon *entry, const struct coupon *coupon)
{
    entry->paused = coupon->paused;
    entry->archived = coupon->archived;
    if (coupon->number != 0)
        entry->number = coupon->number;
    entry->quantity = coupon->quantity;
    entry->per_user_limit = coupon->per_user_limit;
    entry->segments = coupon_segments_hash(coupon->segments, strlen(coupon->segments));
    entry->starts_at_us = coupon->starts_at_us;
    entry->ends_at_us = coupon->ends_at_us;
    entry->redeem_until_us = coupon->redeem_until_us;
    entry->redeem_within_s = coupon->redeem_within_s;
    entry->created_at_us = coupon->created_at_us;
    entry->updated_at_us = coupon->updated_at_us;
    entry->journal_seq = coupon->journal_seq;
}

/* A coupon has few bytes of text, and there may be a million. */
static void set_texts(struct ledger_coupon *entry, const struct coupon *coupon)
{
    char joined[COUPON_TEXTS_BYTES_MAX + COUPON_TEXTS];
    size_t length = 0;
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        const char *text = coupon_text(coupon, i);
        size_t size = strlen(text) + 1;
        memcpy(joined + length, text, size);
        length += size;
    }
    free(entry->texts);
    entry->texts = malloc(length);
    CHECK(entry->texts != NULL);
    memcpy(entry->texts, joined, length);
}

void ledger_coupon_init(struct ledger_coupon *entry, const struct coupon *coupon, bool with_texts)
{
    memcpy(entry->id, coupon->id, sizeof entry->id);
    entry->issued = coupon->issued;
    entry->returned = coupon->returned;
    entry->redeemed = coupon->redeemed;
    user_set_init(&entry->users);
    set_terms(entry, coupon);
    if (with_texts)
        set_texts(entry, coupon);
}

void ledger_coupon_deinit(struct ledger_coupon *entry)
{
    user_set_deinit(&entry->users);
    for (unsigned i = 0; entry->maps != NULL && i < COUPON_MAPS; i++)
        sequence_map_deinit(&entry->maps[i]);
    free(entry->maps);
    free(entry->sweep);
    free(entry->texts);
    entry->maps = NULL;
    entry->sweep = NULL;
    entry->texts = NULL;
}

struct sequence_map *ledger_coupon_map(struct ledger_coupon *entry, enum coupon_map map)
{
    if (entry->maps == NULL) {
        entry->maps = calloc(COUPON_MAPS, sizeof *entry->maps);
        CHECK(entry->maps != NULL);
    }
    return &entry->maps[map];
}

uint64_t ledger_coupon_value(const struct ledger_coupon *entry, enum coupon_map map, uint32_t sequence)
{
    return entry->maps == NULL ? 0 : sequence_map_get(&entry->maps[map], sequence);
}

void ledger_coupon_change(struct ledger_coupon *entry, const struct coupon *coupon)
{
    set_terms(entry, coupon);
    if (entry->texts != NULL)
        set_texts(entry, coupon);
}

enum coupon_state ledger_coupon_state(const struct ledger_coupon *entry, int64_t now_us)
{
    if (entry->archived)
        return COUPON_ARCHIVED;
    bool sold_out = ledger_coupon_in_force(entry) >= entry->quantity || entry->issued >= QUANTITY_MAX;
    return coupon_state_of(entry->starts_at_us, entry->ends_at_us, entry->paused, sold_out, now_us);
}

const char *ledger_coupon_text(const struct ledger_coupon *entry, enum coupon_text text)
{
    const char *found = entry->texts;
    CHECK(found != NULL);
    for (unsigned i = 0; i < text; i++)
        found += strlen(found) + 1;
    return found;
}

void ledger_coupon_read(const struct ledger_coupon *entry, struct coupon *coupon)
{
    *coupon = (struct coupon){
        .quantity = entry->quantity,
        .issued = entry->issued,
        .returned = entry->returned,
        .redeemed = entry->redeemed,
        .number = entry->number,
        .redeem_within_s = entry->redeem_within_s,
        .redeem_until_us = entry->redeem_until_us,
        .archived = entry->archived,
        .per_user_limit = entry->per_user_limit,
        .paused = entry->paused,
        .starts_at_us = entry->starts_at_us,
        .ends_at_us = entry->ends_at_us,
        .created_at_us = entry->created_at_us,
        .updated_at_us = entry->updated_at_us,
        .journal_seq = entry->journal_seq,
    };
    memcpy(coupon->id, entry->id, sizeof coupon->id);
    const char *text = entry->texts;
    for (unsigned i = 0; text != NULL && i < COUPON_TEXTS; i++) {
        size_t length = strlen(text);
        coupon_text_set(coupon, i, text, length);
        text += length + 1;
    }
}
