/* A ledger's way into a snapshot and back (ledger/ledger.h). */
#include "issuer/ledger/ledger.h"

#include <string.h>

#include "issuer/ledger/state.h"
#include "issuer/ledger/sweep.h"

static bool next_coupon(const struct ledger *ledger, struct ledger_cursor *cursor, struct ledger_piece *piece)
{
    if (cursor->place.leaf == NULL || cursor->coupons != ledger->index.count) {
        cursor->place = coupon_order_after(&ledger->index.order, cursor->after);
        cursor->coupons = ledger->index.count;
    }
    cursor->coupon = coupon_order_next(&cursor->place);
    cursor->first = cursor->map = cursor->page = 0;
    cursor->users_done = cursor->sweep_done = false;
    if (cursor->coupon == NULL)
        return false;
    memcpy(cursor->after, cursor->coupon->id, sizeof cursor->after);
    *piece = (struct ledger_piece){.coupon = cursor->coupon};
    return true;
}

static bool next_users(struct ledger_cursor *cursor, struct ledger_piece *piece)
{
    if (cursor->users_done || !user_set_block(&cursor->coupon->users, cursor->first, &piece->users))
        return false;
    cursor->users_done = !user_block_next(&piece->users, &cursor->first);
    return true;
}

/* The pages come after all users: whatever a visited table has is in the maps by then. */
static bool next_page(struct ledger_cursor *cursor, struct ledger_piece *piece)
{
    const struct sequence_map *maps = cursor->coupon->maps;
    for (; maps != NULL && cursor->map < COUPON_MAPS; cursor->map++, cursor->page = 0) {
        const struct sequence_page *page = sequence_map_page(&maps[cursor->map], &cursor->page);
        if (page == NULL)
            continue;
        piece->page = (struct ledger_page){cursor->map, cursor->page++, page->count, page->entries};
        return true;
    }
    return false;
}

static bool next_sweep(struct ledger_cursor *cursor, struct ledger_piece *piece)
{
    piece->sweep = cursor->sweep_done ? NULL : cursor->coupon->sweep;
    cursor->sweep_done = true;
    return piece->sweep != NULL;
}

bool ledger_cursor_next(const struct ledger *ledger, struct ledger_cursor *cursor, struct ledger_piece *piece)
{
    *piece = (struct ledger_piece){0};
    if (cursor->coupon != NULL && (next_users(cursor, piece) || next_page(cursor, piece) || next_sweep(cursor, piece)))
        return true;
    return next_coupon(ledger, cursor, piece);
}

static const char *end_of_coupon(const struct ledger *ledger)
{
    return ledger->loading == NULL || user_set_is_whole(&ledger->loading->users)
               ? NULL
               : "some of a coupon's users are missing";
}

const char *ledger_load_coupon(struct ledger *ledger, const struct coupon *coupon)
{
    const char *wrong = end_of_coupon(ledger);
    if (wrong != NULL)
        return wrong;
    if (ledger->loading != NULL && strcmp(ledger->loading->id, coupon->id) >= 0)
        return "coupons out of order";
    if (coupon->number != 0 && coupon_index_numbered(&ledger->index, coupon->number) != NULL)
        return "two coupons with the same number";
    if (ledger->index.count >= COUPONS_PER_PARTITION_MAX)
        return "more coupons than a partition holds";
    ledger->loading = coupon_index_add(&ledger->index, coupon);
    ledger->loading->returned = ledger->loading->redeemed = 0; /* counted as the states are loaded */
    ledger_note_number(ledger, ledger->loading, true);
    return NULL;
}

const char *ledger_load_users(struct ledger *ledger, const struct user_block *users)
{
    return ledger->loading == NULL ? "users without a coupon" : user_set_load(&ledger->loading->users, users);
}

/* The walk visited a coupon before its maps, so that they may be about later issues, too. */
static const char *load_states(struct ledger_coupon *coupon, const struct ledger_page *page)
{
    for (uint32_t i = 0; i < page->count; i++) {
        uint64_t entry;
        memcpy(&entry, (const unsigned char *)page->entries + i * sizeof entry, sizeof entry);
        unsigned kind = issue_kind(entry & SEQUENCE_VALUE_MAX);
        if (kind != ISSUE_KIND_REDEEMED && kind < ISSUE_KIND_REVOKED)
            return "an issue in an impossible state";
        issue_list_count(coupon, entry & SEQUENCE_VALUE_MAX);
    }
    return NULL;
}

const char *ledger_load_page(struct ledger *ledger, const struct ledger_page *page)
{
    struct ledger_coupon *coupon = ledger->loading;
    if (coupon == NULL || page->map >= COUPON_MAPS)
        return "a page of no coupon or no map";
    const char *wrong =
        sequence_map_load(ledger_coupon_map(coupon, page->map), page->number, page->count, page->entries);
    return wrong == NULL && page->map == COUPON_MAP_STATES ? load_states(coupon, page) : wrong;
}

const char *ledger_load_sweep(struct ledger *ledger, const struct journal_record *record)
{
    struct ledger_coupon *coupon = ledger->loading;
    bool fits = coupon != NULL && coupon->sweep == NULL && record->type == JOURNAL_SWEEP && !record->sweep.ended &&
                strlen(coupon->id) == record->coupon_id_length &&
                memcmp(coupon->id, record->coupon_id, record->coupon_id_length) == 0;
    if (fits)
        ledger_sweep_begin(ledger, record);
    return fits ? NULL : "a sweep of no coupon, or a second one";
}

const char *ledger_load_end(struct ledger *ledger, uint64_t until_seq)
{
    const char *wrong = end_of_coupon(ledger);
    ledger->inexact_until = until_seq;
    ledger->loading = NULL;
    return wrong;
}
