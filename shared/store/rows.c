#include "shared/store/rows.h"

#include <string.h>

#include "shared/error.h"

struct store_issue store_issue_of(const struct journal_record *record)
{
    CHECK(record->type == JOURNAL_ISSUE);
    return (struct store_issue){
        .coupon_id = record->coupon_id,
        .user_id = record->issue.user_id,
        .coupon_id_length = (uint8_t)record->coupon_id_length,
        .user_id_length = (uint8_t)record->issue.user_id_length,
        .nth = record->issue.nth,
        .sequence = record->issue.sequence,
        .issued_at_us = record->time_us,
        .journal_seq = record->seq,
    };
}

static int compare_ids(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;
    int order = memcmp(a, b, common);
    if (order != 0)
        return order;
    return (a_length > b_length) - (a_length < b_length);
}

int store_issue_compare(const struct store_issue *a, const struct store_issue *b)
{
    int order = compare_ids(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length);
    if (order != 0)
        return order;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

bool store_issue_same_coupon(const struct store_issue *a, const struct store_issue *b)
{
    return compare_ids(a->coupon_id, a->coupon_id_length, b->coupon_id, b->coupon_id_length) == 0;
}

static bool same_user(const struct store_issue *a, const struct store_issue *b)
{
    return compare_ids(a->user_id, a->user_id_length, b->user_id, b->user_id_length) == 0;
}

bool store_issue_same_holder(const struct store_issue *a, const struct store_issue *b)
{
    return a->nth == b->nth && same_user(a, b) && store_issue_same_coupon(a, b);
}

bool store_issue_equal(const struct store_issue *a, const struct store_issue *b)
{
    return a->sequence == b->sequence && a->issued_at_us == b->issued_at_us && a->journal_seq == b->journal_seq &&
           store_issue_same_holder(a, b);
}
