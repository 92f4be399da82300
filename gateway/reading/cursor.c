#include "gateway/reading/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/coupon.h"

#define SEQUENCE_MAX UINT64_C(9999999999) /* beyond every sequence: such a page is empty */

size_t reading_cursor_format(enum reading_scope scope, const struct store_issue_key *key, char out[READING_CURSOR_MAX])
{
    if (scope == READING_COUPON)
        return (size_t)snprintf(out, READING_CURSOR_MAX, "%" PRIu32, key->sequence);
    return (size_t)snprintf(out, READING_CURSOR_MAX, "%" PRId64 "-%" PRIu32 "-%.*s", key->issued_at_us, key->sequence,
                            (int)key->coupon_id_length, key->coupon_id);
}

static bool take_number(struct span *text, uint64_t max, uint64_t *number)
{
    size_t digits = span_decimal(*text, max, number);
    text->at += digits;
    text->length -= digits;
    return digits > 0;
}

static bool take_dash(struct span *text)
{
    if (text->length == 0 || text->at[0] != '-')
        return false;
    text->at++;
    text->length--;
    return true;
}

static bool take_sequence(struct span *text, struct store_issue_key *key)
{
    uint64_t sequence = 0;
    if (!take_number(text, SEQUENCE_MAX, &sequence))
        return false;
    key->sequence = sequence < UINT32_MAX ? (uint32_t)sequence : UINT32_MAX; /* nothing follows either */
    return true;
}

bool reading_cursor_parse(enum reading_scope scope, struct span text, struct store_issue_key *key)
{
    uint64_t us = 0;
    *key = (struct store_issue_key){.issued_at_us = TIME_NONE};
    if (scope == READING_COUPON)
        return take_sequence(&text, key) && text.length == 0;
    if (!take_number(&text, TIME_US_MAX, &us) || !take_dash(&text) || !take_sequence(&text, key) || !take_dash(&text) ||
        !coupon_id_valid(text.at, text.length))
        return false;
    key->issued_at_us = (int64_t)us;
    key->coupon_id_length = (uint8_t)text.length;
    memcpy(key->coupon_id, text.at, text.length);
    return true;
}
