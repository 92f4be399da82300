#include "issuer/ledger/coupon.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

static void set_terms(struct ledger_coupon *entry, const struct coupon *coupon)
{
    entry->paused = coupon->paused;
    entry->quantity = coupon->quantity;
    entry->per_user_limit = coupon->per_user_limit;
    entry->starts_at_us = coupon->starts_at_us;
    entry->ends_at_us = coupon->ends_at_us;
    entry->created_at_us = coupon->created_at_us;
    entry->updated_at_us = coupon->updated_at_us;
    entry->journal_seq = coupon->journal_seq;
}

static void set_title(struct ledger_coupon *entry, const char *title)
{
    if (entry->title != NULL && strcmp(entry->title, title) == 0)
        return;
    free(entry->title);
    entry->title = strdup(title);
    CHECK(entry->title != NULL);
}

void ledger_coupon_init(struct ledger_coupon *entry, const struct coupon *coupon, bool with_title)
{
    memcpy(entry->id, coupon->id, sizeof entry->id);
    entry->issued = coupon->issued;
    user_set_init(&entry->users);
    set_terms(entry, coupon);
    if (with_title)
        set_title(entry, coupon->title);
}

void ledger_coupon_deinit(struct ledger_coupon *entry)
{
    user_set_deinit(&entry->users);
    free(entry->title);
    entry->title = NULL;
}

void ledger_coupon_change(struct ledger_coupon *entry, const struct coupon *coupon)
{
    set_terms(entry, coupon);
    if (entry->title != NULL)
        set_title(entry, coupon->title);
}

void ledger_coupon_read(const struct ledger_coupon *entry, struct coupon *coupon)
{
    *coupon = (struct coupon){
        .quantity = entry->quantity,
        .issued = entry->issued,
        .per_user_limit = entry->per_user_limit,
        .paused = entry->paused,
        .starts_at_us = entry->starts_at_us,
        .ends_at_us = entry->ends_at_us,
        .created_at_us = entry->created_at_us,
        .updated_at_us = entry->updated_at_us,
        .journal_seq = entry->journal_seq,
    };
    memcpy(coupon->id, entry->id, sizeof coupon->id);
    if (entry->title != NULL)
        strcpy(coupon->title, entry->title);
}
