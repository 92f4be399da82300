#include "persister/parts.h"

#include <stdlib.h>
#include <string.h>

/* --- life --- */

void parts_deinit(struct parts *parts)
{
    free(parts->is_dead);
    free(parts->coupons);
    free(parts->issues);
    free(parts->changes);
    free(parts->erasures);
    free(parts->is_wanted);
    rows_by_coupon_deinit(&parts->by_coupon);
    *parts = (struct parts){.batch = NULL};
}

static void *reserve(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return array;
    array = realloc(array, count * size);
    CHECK(array != NULL);
    *capacity = count;
    return array;
}

static const struct store_batch *rows_of(const struct parts *parts)
{
    return &parts->batch->rows;
}

void parts_begin(struct parts *parts, const struct batch *batch)
{
    const struct store_batch *rows = &batch->rows;
    size_t count = parts_count(batch);
    parts->batch = batch;
    parts->is_dead = reserve(parts->is_dead, &parts->is_dead_capacity, count, sizeof *parts->is_dead);
    parts->is_wanted =
        reserve(parts->is_wanted, &parts->is_wanted_capacity, rows->coupons_count, sizeof *parts->is_wanted);
    parts->coupons = reserve(parts->coupons, &parts->coupons_capacity, rows->coupons_count, sizeof *parts->coupons);
    parts->issues = reserve(parts->issues, &parts->issues_capacity, rows->issues_count, sizeof *parts->issues);
    parts->changes = reserve(parts->changes, &parts->changes_capacity, rows->changes_count, sizeof *parts->changes);
    parts->erasures =
        reserve(parts->erasures, &parts->erasures_capacity, rows->erasures_count, sizeof *parts->erasures);
    if (count > 0)
        memset(parts->is_dead, 0, count * sizeof *parts->is_dead);
    rows_by_coupon_fill(&parts->by_coupon, rows);
}

/* --- places in the sequence --- */

size_t parts_coupons(const struct batch *batch)
{
    return batch->rows.coupons_count;
}

size_t parts_count(const struct batch *batch)
{
    const struct store_batch *rows = &batch->rows;
    return rows->coupons_count + rows->issues_count + rows->changes_count + rows->erasures_count;
}

static size_t first_issue(const struct parts *parts)
{
    return rows_of(parts)->coupons_count;
}

static size_t first_change(const struct parts *parts)
{
    return first_issue(parts) + rows_of(parts)->issues_count;
}

static size_t first_erasure(const struct parts *parts)
{
    return first_change(parts) + rows_of(parts)->changes_count;
}

/* --- dead rows --- */

void parts_mark_dead(struct parts *parts, size_t row, struct dead *dead, const char *reason, int64_t now_us)
{
    const struct store_batch *rows = rows_of(parts);
    parts->is_dead[row] = true;
    if (row < first_issue(parts))
        dead_add_coupon(dead, parts->batch, &rows->coupons[row], reason, now_us);
    else if (row < first_change(parts))
        dead_add_issue(dead, parts->batch, &rows->issues[row - first_issue(parts)], reason, now_us);
    else if (row < first_erasure(parts))
        dead_add_change(dead, parts->batch, &rows->changes[row - first_change(parts)], reason, now_us);
    else
        dead_add_erasure(dead, parts->batch, &rows->erasures[row - first_erasure(parts)], reason, now_us);
}

static void mark_living(struct parts *parts, size_t row, struct dead *dead, const char *reason, int64_t now_us)
{
    if (!parts->is_dead[row])
        parts_mark_dead(parts, row, dead, reason, now_us);
}

void parts_mark_orphans(struct parts *parts, const char *coupon_id, struct dead *dead, const char *reason,
                        int64_t now_us)
{
    const struct rows_by_coupon *index = &parts->by_coupon;
    size_t first, length = strlen(coupon_id);
    size_t count = rows_by_coupon_issues(index, coupon_id, length, &first);
    for (size_t i = first; i < first + count; i++)
        mark_living(parts, first_issue(parts) + (size_t)(index->issues[i] - rows_of(parts)->issues), dead, reason,
                    now_us);
    count = rows_by_coupon_changes(index, coupon_id, length, &first);
    for (size_t i = first; i < first + count; i++)
        mark_living(parts, first_change(parts) + (size_t)(index->changes[i] - rows_of(parts)->changes), dead, reason,
                    now_us);
}

void parts_revive(struct parts *parts)
{
    size_t coupons = parts_coupons(parts->batch);
    memset(parts->is_dead + coupons, 0, (parts_count(parts->batch) - coupons) * sizeof *parts->is_dead);
}

/* --- parts --- */

/* A part without rows yet; the frame itself never changes. */
static struct store_batch part_of(const struct parts *parts, enum store_scope scope)
{
    struct store_batch part = *rows_of(parts);
    part.scope = scope;
    part.coupons_count = 0;
    part.issues_count = 0;
    part.changes_count = 0;
    part.erasures_count = 0;
    return part;
}

struct store_batch parts_of_coupons(const struct parts *parts, const struct parts_range *range)
{
    struct store_batch part = part_of(parts, STORE_PART);
    part.coupons += range->first;
    part.coupons_count = range->end - range->first;
    return part;
}

static void add_row(struct parts *parts, size_t row, struct store_batch *part)
{
    const struct store_batch *rows = rows_of(parts);
    if (row < first_change(parts))
        parts->issues[part->issues_count++] = rows->issues[row - first_issue(parts)];
    else if (row < first_erasure(parts))
        parts->changes[part->changes_count++] = rows->changes[row - first_change(parts)];
    else
        parts->erasures[part->erasures_count++] = rows->erasures[row - first_erasure(parts)];
}

/* Adds the rows of a range that are not dead. */
static void add_rows(struct parts *parts, const struct parts_range *range, struct store_batch *part)
{
    for (size_t row = range->first; row < range->end; row++)
        if (!parts->is_dead[row])
            add_row(parts, row, part);
    part->issues = parts->issues;
    part->changes = parts->changes;
    part->erasures = parts->erasures;
}

/* Adds the wanted coupon records that are not dead. */
static void add_coupons(struct parts *parts, struct store_batch *part)
{
    const struct store_batch *rows = rows_of(parts);
    for (size_t i = 0; i < rows->coupons_count; i++)
        if (parts->is_wanted[i] && !parts->is_dead[i])
            parts->coupons[part->coupons_count++] = rows->coupons[i];
    part->coupons = parts->coupons;
}

static void want_coupon(struct parts *parts, const char *coupon_id, size_t length)
{
    size_t first;
    size_t count = rows_by_coupon_coupons(&parts->by_coupon, coupon_id, length, &first);
    for (size_t i = first; i < first + count; i++)
        parts->is_wanted[parts->by_coupon.coupons[i] - rows_of(parts)->coupons] = true;
}

static void want_coupons(struct parts *parts, bool wanted)
{
    if (rows_of(parts)->coupons_count > 0)
        memset(parts->is_wanted, wanted, rows_of(parts)->coupons_count * sizeof *parts->is_wanted);
}

struct store_batch parts_of_rows(struct parts *parts, const struct parts_range *range, size_t *rows)
{
    struct store_batch part = part_of(parts, STORE_PART);
    add_rows(parts, range, &part);
    want_coupons(parts, false);
    for (size_t i = 0; i < part.issues_count; i++)
        want_coupon(parts, part.issues[i].coupon_id, part.issues[i].coupon_id_length);
    for (size_t i = 0; i < part.changes_count; i++)
        want_coupon(parts, part.changes[i].coupon_id, part.changes[i].coupon_id_length);
    add_coupons(parts, &part);
    *rows = part.issues_count + part.changes_count + part.erasures_count;
    return part;
}

struct store_batch parts_of_letters(const struct parts *parts, const struct dead *dead)
{
    struct store_batch part = part_of(parts, STORE_PART);
    part.dead = dead->letters;
    part.dead_count = dead->count;
    return part;
}

struct store_batch parts_of_frame(struct parts *parts, const struct dead *dead)
{
    struct parts_range range = {parts_coupons(parts->batch), parts_count(parts->batch)};
    struct store_batch frame = part_of(parts, STORE_FRAME);
    add_rows(parts, &range, &frame);
    want_coupons(parts, true);
    add_coupons(parts, &frame);
    frame.dead = dead->letters;
    frame.dead_count = dead->count;
    return frame;
}
