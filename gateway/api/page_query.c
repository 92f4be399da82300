#include "gateway/api/page_query.h"

#include <stddef.h>

#include "gateway/http/target.h"
#include "shared/limits.h"

static const struct {
    enum page_member member;
    const char *name;
    const char *rule;
} rows[] = {
    {PAGE_LIMIT, "limit", "must be an integer from 1 to 200"},
    {PAGE_CURSOR, "cursor", "must be the next_cursor of an earlier answer"},
    {PAGE_FORMAT, "format", "must be json, csv or ndjson"},
    {PAGE_STATE, "state", "must be scheduled, open, paused, sold_out, ended or archived"},
    {PAGE_OWNER, "owner", "must be 1 to 64 of A-Z a-z 0-9 - _ . : @"},
};
enum { ROWS = sizeof rows / sizeof rows[0] };
_Static_assert(COUPON_LIST_MAX == 200, "the rule for the limit says so");

static size_t row_of(enum page_member member)
{
    size_t i = 0;
    while (rows[i].member != member)
        i++;
    return i;
}

void page_query_refuse(enum page_member member, struct api_errors *errors)
{
    api_errors_add(errors, rows[row_of(member)].name, rows[row_of(member)].rule);
}

/* ROWS for an unknown name. */
static size_t find_row(struct span name, unsigned members)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((members & rows[i].member) != 0 && span_equals(name, (struct span){rows[i].name, strlen(rows[i].name)}))
            return i;
    return ROWS;
}

/* Valid values fit; longer ones and invalid encodings give an empty span. */
static struct span decode(struct span piece, char out[PAGE_VALUE_MAX])
{
    size_t length = 0;
    return http_percent_decode(piece, out, PAGE_VALUE_MAX, &length) ? (struct span){out, length} : SPAN_LITERAL("");
}

/* 1 to COUPON_LIST_MAX in plain digits. */
static bool read_limit(struct span text, uint32_t *limit)
{
    uint64_t value = 0;
    bool whole = span_decimal(text, COUPON_LIST_MAX, &value) == text.length;
    *limit = (uint32_t)value;
    return whole && value >= 1;
}

static void take(struct page_query *query, enum page_member member, struct span value, struct api_errors *errors)
{
    char limit[PAGE_VALUE_MAX];
    if (member == PAGE_CURSOR)
        query->cursor = decode(value, query->values[0]);
    else if (member == PAGE_FORMAT)
        query->format = decode(value, query->values[1]);
    else if (member == PAGE_STATE)
        query->state = decode(value, query->values[2]);
    else if (member == PAGE_OWNER)
        query->owner = decode(value, query->values[3]);
    else if (!read_limit(decode(value, limit), &query->limit))
        page_query_refuse(PAGE_LIMIT, errors);
}

void page_query_read(struct page_query *query, struct span text, unsigned members, struct api_errors *errors)
{
    char decoded[PAGE_VALUE_MAX];
    struct span name = SPAN_NONE;
    struct span value = SPAN_NONE;
    unsigned seen = 0;
    query->limit = 0;
    query->cursor = query->format = query->state = query->owner = SPAN_NONE;
    while (http_query_next(&text, &name, &value)) {
        size_t row = find_row(decode(name, decoded), members);
        if (row == ROWS)
            api_errors_add_unknown(errors, name);
        else if ((seen & rows[row].member) != 0)
            api_errors_add(errors, rows[row].name, "is given twice");
        else
            take(query, rows[row].member, value, errors);
        seen |= row == ROWS ? 0 : (unsigned)rows[row].member;
    }
}
