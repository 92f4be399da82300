#include "shared/telemetry/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/coupon.h"
#include "shared/error.h"
#include "shared/telemetry/metrics_print.h"

/* Upper bounds of the buckets. One more bucket, +Inf, and the sum follow. */
static const uint32_t time_bounds[] = {10,    25,    50,     100,    250,    500,     1000,    2500,    5000,    10000,
                                       25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
static const uint32_t size_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const short statuses[] = {
#define X(status) status,
    METRIC_STATUS_TABLE(X)
#undef X
};
static const char *const route_names[] = {
#define X(id, name, statuses) name,
    METRIC_ROUTE_TABLE(X)
#undef X
};
static const char *const route_statuses[] = {
#define X(id, name, statuses) statuses,
    METRIC_ROUTE_TABLE(X)
#undef X
};
#define NAME(id, name)      name,
#define X(set, key, values) static const char *const set##_names[] = {values(NAME)};
METRIC_LABEL_SET_TABLE(X)
#undef X

enum kind { COUNTER, GAUGE, READING, HISTOGRAM_TIME, HISTOGRAM_SIZE };
enum labels {
    NONE,
    WHOLE,
    ROUTE_STATUS,
    COUPON,
#define X(set, key, values) set,
    METRIC_LABEL_SET_TABLE(X)
#undef X
};

/* Number of a row's values: one per child, or buckets, +Inf and sum. */
enum {
    CHILDREN_NONE = 1,
    CHILDREN_WHOLE = 1,
    CHILDREN_ROUTE_STATUS = METRIC_ROUTE_COUNT * COUNT_OF(statuses),
    CHILDREN_COUPON = METRIC_COUPONS_MAX,
#define X(set, key, values) CHILDREN_##set = COUNT_OF(set##_names),
    METRIC_LABEL_SET_TABLE(X)
#undef X
};
#define SLOTS_COUNTER(labels)        CHILDREN_##labels
#define SLOTS_GAUGE(labels)          CHILDREN_##labels
#define SLOTS_READING(labels)        CHILDREN_##labels
#define SLOTS_HISTOGRAM_TIME(labels) (COUNT_OF(time_bounds) + 2)
#define SLOTS_HISTOGRAM_SIZE(labels) (COUNT_OF(size_bounds) + 2)

/* One byte per slot, so that offsetof() is the index of a slot. */
struct slot_layout {
#define X(id, kind, labels, scale, name, help) char id[SLOTS_##kind(labels)];
    METRIC_TABLE(X)
#undef X
};

struct row {
    enum kind kind;
    enum labels labels;
    double scale;
    const char *name;
    const char *help;
    unsigned first_slot;
    unsigned slots;
};

static const struct row rows[METRIC_COUNT] = {
#define X(id, kind, labels, scale, name, help)                                                                         \
    {kind, labels, scale, name, help, offsetof(struct slot_layout, id), SLOTS_##kind(labels)},
    METRIC_TABLE(X)
#undef X
};

#define NO_SAMPLE UINT64_MAX /* of a COUPON row */

/* The coupon that a child of the COUPON rows belongs to. */
#define ID_WORDS ((COUPON_ID_MAX + 8) / 8)
struct coupon_child {
    _Atomic uint32_t version; /* odd while the owner writes; 0: unused */
    _Atomic uint64_t id[ID_WORDS];
};

struct metrics {
    const char *role;
    int partition;
    struct metrics *next;      /* the next block with other labels; used in the first block of its labels only */
    struct metrics *next_same; /* the next block with the same labels */
    /* Relaxed: values are independent. Only one thread writes, so adding needs no locked instruction. */
    _Alignas(64) _Atomic uint64_t slots[sizeof(struct slot_layout)];
    struct coupon_child coupons[METRIC_COUPONS_MAX];
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metrics *list; /* under list_lock; the first block of each set of labels, in order of creation */

static bool same_labels(const struct metrics *a, const struct metrics *b)
{
    return a->partition == b->partition && strcmp(a->role, b->role) == 0;
}

static void list_insert(struct metrics *metrics)
{
    struct metrics **link = &list;
    while (*link != NULL && !same_labels(*link, metrics))
        link = &(*link)->next;
    if (*link == NULL) {
        *link = metrics;
        return;
    }
    metrics->next_same = (*link)->next_same;
    (*link)->next_same = metrics;
}

struct metrics *metrics_create(const char *role, int partition)
{
    struct metrics *metrics = aligned_alloc(64, sizeof *metrics);
    CHECK(metrics != NULL);
    memset(metrics, 0, sizeof *metrics);
    metrics->role = role;
    metrics->partition = partition < 0 ? -1 : partition;
    pthread_mutex_lock(&list_lock);
    list_insert(metrics);
    pthread_mutex_unlock(&list_lock);
    return metrics;
}

static uint64_t slot_read(const struct metrics *metrics, unsigned slot)
{
    return atomic_load_explicit(&metrics->slots[slot], memory_order_relaxed);
}

static void slot_write(struct metrics *metrics, unsigned slot, uint64_t value)
{
    atomic_store_explicit(&metrics->slots[slot], value, memory_order_relaxed);
}

static bool is_histogram(const struct row *row)
{
    return row->kind == HISTOGRAM_TIME || row->kind == HISTOGRAM_SIZE;
}

static unsigned slot_of(enum metric metric, unsigned child)
{
    CHECK(metric < METRIC_COUNT);
    CHECK(child < rows[metric].slots);
    return rows[metric].first_slot + child;
}

void metrics_add(struct metrics *metrics, enum metric metric, unsigned child, uint64_t n)
{
    unsigned slot = slot_of(metric, child);
    slot_write(metrics, slot, slot_read(metrics, slot) + n);
}

/* A reading that was set is never 0 in its slot. */
static uint64_t offset_of(const struct row *row)
{
    return row->kind == READING ? UINT64_C(1) << 63 : 0;
}

static uint64_t value_of(const struct row *row, uint64_t slot)
{
    return slot == 0 ? 0 : slot - offset_of(row);
}

void metrics_set(struct metrics *metrics, enum metric metric, unsigned child, int64_t value)
{
    slot_write(metrics, slot_of(metric, child), (uint64_t)value + offset_of(&rows[metric]));
}

/* Release: a thread that reads this value with acquire also sees the odd version written before it. */
static void release(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

void metrics_set_coupon(struct metrics *metrics, unsigned child, const char *id, const struct metrics_stock *stock)
{
    const struct {
        enum metric metric;
        uint64_t value;
    } values[] = {
        {METRIC_ISSUER_COUPON_QUANTITY, stock->quantity != QUANTITY_UNLIMITED ? stock->quantity : NO_SAMPLE},
        {METRIC_ISSUER_COUPON_ISSUED, stock->issued},
        {METRIC_ISSUER_COUPON_RETURNED, stock->returned},
        {METRIC_ISSUER_COUPON_REDEEMED, stock->redeemed},
    };
    struct coupon_child *coupon = &metrics->coupons[child];
    uint64_t words[ID_WORDS] = {0};
    size_t length = strnlen(id, COUPON_ID_MAX + 1);
    CHECK(length <= COUPON_ID_MAX);
    memcpy(words, id, length);
    uint32_t version = atomic_load_explicit(&coupon->version, memory_order_relaxed);
    atomic_store_explicit(&coupon->version, version + 1, memory_order_relaxed);
    for (size_t i = 0; i < ID_WORDS; i++)
        release(&coupon->id[i], words[i]);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        release(&metrics->slots[slot_of(values[i].metric, child)], values[i].value);
    atomic_store_explicit(&coupon->version, version + 2, memory_order_release);
}

static const uint32_t *bounds_of(const struct row *row, unsigned *count)
{
    *count = row->slots - 2;
    return row->kind == HISTOGRAM_TIME ? time_bounds : size_bounds;
}

_Static_assert(COUNT_OF(time_bounds) < METRICS_BUCKETS_MAX && COUNT_OF(size_bounds) < METRICS_BUCKETS_MAX, "+Inf");

const uint32_t *metrics_bounds(enum metric metric, unsigned *count)
{
    CHECK(is_histogram(&rows[metric]));
    return bounds_of(&rows[metric], count);
}

void metrics_observe(struct metrics *metrics, enum metric metric, uint64_t value, uint64_t times)
{
    CHECK(is_histogram(&rows[metric]));
    unsigned count, bucket = 0;
    const uint32_t *bounds = bounds_of(&rows[metric], &count);
    while (bucket < count && value > bounds[bucket])
        bucket++;
    metrics_add(metrics, metric, bucket, times);
    metrics_add(metrics, metric, count + 1, value * times);
}

int64_t metrics_get(const struct metrics *metrics, enum metric metric, unsigned child)
{
    if (!is_histogram(&rows[metric]))
        return (int64_t)value_of(&rows[metric], slot_read(metrics, slot_of(metric, child)));
    uint64_t observed = 0;
    for (unsigned bucket = 0; bucket + 1 < rows[metric].slots; bucket++)
        observed += slot_read(metrics, slot_of(metric, bucket));
    return (int64_t)observed;
}

unsigned metrics_route_status(enum metric_route route, int status)
{
    CHECK(route < METRIC_ROUTE_COUNT);
    unsigned index = 0, fallback = 0;
    for (; index < COUNT_OF(statuses) && statuses[index] != status; index++) {
        if (statuses[index] == 500)
            fallback = index;
    }
    if (index == COUNT_OF(statuses))
        index = fallback;
    return (unsigned)(route * COUNT_OF(statuses) + index);
}

/* --- rendering --- */

static uint64_t sum_slot(const struct metrics *first, const struct row *row, unsigned slot)
{
    uint64_t sum = 0;
    for (const struct metrics *block = first; block != NULL; block = block->next_same)
        sum += value_of(row, slot_read(block, slot));
    return sum;
}

uint64_t metrics_sum(const char *role, enum metric metric, unsigned slot)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&list_lock);
    for (const struct metrics *block = list; block != NULL; block = block->next)
        if (strcmp(block->role, role) == 0)
            sum += sum_slot(block, &rows[metric], slot_of(metric, slot));
    pthread_mutex_unlock(&list_lock);
    return sum;
}

static bool is_touched(const struct metrics *first, const struct row *row)
{
    for (const struct metrics *block = first; block != NULL; block = block->next_same) {
        for (unsigned slot = 0; slot < row->slots; slot++) {
            if (slot_read(block, row->first_slot + slot) != 0)
                return true;
        }
    }
    return false;
}

/* True when the row's name begins with coupond_<role>_. */
static bool is_row_of(const struct row *row, const char *role)
{
    size_t length = strlen(role);
    const char *name = row->name + sizeof "coupond_" - 1;
    return strncmp(name, role, length) == 0 && name[length] == '_';
}

/* Prints whole numbers without a fraction, others with all significant digits of a double. */
static void print_value(FILE *out, const struct row *row, uint64_t value)
{
    bool may_be_negative = row->kind == GAUGE || row->kind == READING;
    if (may_be_negative && row->scale == 1)
        fprintf(out, " %lld\n", (long long)value);
    else if (row->scale == 1)
        fprintf(out, " %llu\n", (unsigned long long)value);
    else
        fprintf(out, " %.15g\n", (may_be_negative ? (double)(int64_t)value : (double)value) * row->scale);
}

/* The names of a row's children, for rows with one label. */
static const struct {
    const char *key;
    const char *const *names;
} named[] = {
#define X(set, key, values) [set] = {key, set##_names},
    METRIC_LABEL_SET_TABLE(X)
#undef X
};

/* Fills the labels of one child; returns their number. print_coupons() does this for COUPON. */
static unsigned child_labels(const struct row *row, unsigned child, struct metrics_label labels[2], char status[12])
{
    if (row->labels == NONE || row->labels == WHOLE || row->labels == COUPON)
        return 0;
    if (row->labels == ROUTE_STATUS) {
        snprintf(status, 12, "%d", statuses[child % COUNT_OF(statuses)]);
        labels[0] = (struct metrics_label){"route", route_names[child / COUNT_OF(statuses)]};
        labels[1] = (struct metrics_label){"status", status};
        return 2;
    }
    labels[0] = (struct metrics_label){named[row->labels].key, named[row->labels].names[child]};
    return 1;
}

/* False for a status that is unusual for its route, as most pairs are. */
static bool is_ordinary(const struct row *row, unsigned child)
{
    char status[12];
    if (row->labels != ROUTE_STATUS)
        return true;
    snprintf(status, sizeof status, "%d", statuses[child % COUNT_OF(statuses)]);
    return strstr(route_statuses[child / COUNT_OF(statuses)], status) != NULL;
}

static void print_children(FILE *out, const struct row *row, const struct metrics *first)
{
    for (unsigned child = 0; child < row->slots; child++) {
        uint64_t value = sum_slot(first, row, row->first_slot + child);
        if (value == 0 && !is_ordinary(row, child))
            continue;
        struct metrics_label labels[2];
        char status[12];
        unsigned count = child_labels(row, child, labels, status);
        fputs(row->name, out);
        metrics_print_labels(out, first->partition, labels, count);
        print_value(out, row, value);
    }
}

/* Reads a child of a COUPON row; false when it is unused. */
static bool read_coupon(const struct metrics *metrics, const struct row *row, unsigned child,
                        char id[ID_WORDS * sizeof(uint64_t)], uint64_t *value)
{
    const struct coupon_child *coupon = &metrics->coupons[child];
    uint64_t words[ID_WORDS];
    uint32_t before, after;
    do {
        before = atomic_load_explicit(&coupon->version, memory_order_acquire);
        for (size_t i = 0; i < ID_WORDS; i++)
            words[i] = atomic_load_explicit(&coupon->id[i], memory_order_acquire);
        *value = atomic_load_explicit(&metrics->slots[row->first_slot + child], memory_order_acquire);
        after = atomic_load_explicit(&coupon->version, memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    memcpy(id, words, sizeof words);
    return before != 0;
}

static void print_coupons(FILE *out, const struct row *row, const struct metrics *first)
{
    for (const struct metrics *block = first; block != NULL; block = block->next_same) {
        for (unsigned child = 0; child < METRIC_COUPONS_MAX; child++) {
            char id[ID_WORDS * sizeof(uint64_t)];
            uint64_t value;
            if (!read_coupon(block, row, child, id, &value) || value == NO_SAMPLE)
                continue;
            struct metrics_label label = {"coupon", id};
            fputs(row->name, out);
            metrics_print_labels(out, block->partition, &label, 1);
            print_value(out, row, value);
        }
    }
}

static void print_bucket(FILE *out, const struct row *row, int partition, const char *bound, uint64_t cumulative)
{
    struct metrics_label label = {"le", bound};
    fprintf(out, "%s_bucket", row->name);
    metrics_print_labels(out, partition, &label, 1);
    fprintf(out, " %llu\n", (unsigned long long)cumulative);
}

static void print_histogram(FILE *out, const struct row *row, const struct metrics *first)
{
    unsigned count;
    const uint32_t *bounds = bounds_of(row, &count);
    uint64_t cumulative = 0;
    for (unsigned bucket = 0; bucket < count; bucket++) {
        char bound[32];
        snprintf(bound, sizeof bound, "%.9g", bounds[bucket] * row->scale);
        cumulative += sum_slot(first, row, row->first_slot + bucket);
        print_bucket(out, row, first->partition, bound, cumulative);
    }
    cumulative += sum_slot(first, row, row->first_slot + count);
    print_bucket(out, row, first->partition, "+Inf", cumulative);
    fprintf(out, "%s_sum", row->name);
    metrics_print_labels(out, first->partition, NULL, 0);
    print_value(out, row, sum_slot(first, row, row->first_slot + count + 1));
    fprintf(out, "%s_count", row->name);
    metrics_print_labels(out, first->partition, NULL, 0);
    fprintf(out, " %llu\n", (unsigned long long)cumulative);
}

static bool has_partitions(const char *role)
{
    for (const struct metrics *block = list; block != NULL; block = block->next) {
        if (block->partition >= 0 && strcmp(block->role, role) == 0)
            return true;
    }
    return false;
}

/* True when `block` has no series of the row, because blocks with a partition have it, or the block without one. */
static bool is_anothers(const struct row *row, const struct metrics *block)
{
    if (row->labels == WHOLE || row->labels == DROP)
        return row->labels == WHOLE && block->partition >= 0;
    return block->partition < 0 && has_partitions(block->role) && !is_touched(block, row);
}

static bool is_silent(const struct row *row, const struct metrics *block)
{
    return is_anothers(row, block) || (row->kind == READING && !is_touched(block, row));
}

static void print_row(FILE *out, const struct row *row)
{
    static const char *const types[] = {"counter", "gauge", "gauge", "histogram", "histogram"};
    bool headed = false;
    for (const struct metrics *block = list; block != NULL; block = block->next) {
        if (!is_row_of(row, block->role) || is_silent(row, block))
            continue;
        if (!headed)
            metrics_print_head(out, row->name, types[row->kind], row->help);
        headed = true;
        if (is_histogram(row))
            print_histogram(out, row, block);
        else if (row->labels == COUPON)
            print_coupons(out, row, block);
        else
            print_children(out, row, block);
    }
}

static _Atomic bool ready;

void metrics_set_ready(bool is_ready)
{
    atomic_store_explicit(&ready, is_ready, memory_order_relaxed);
}

char *metrics_render(size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    CHECK(out != NULL);
    pthread_mutex_lock(&list_lock);
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        print_row(out, &rows[i]);
    pthread_mutex_unlock(&list_lock);
    metrics_print_plain(out, "coupond_ready", "gauge", "1 while /readyz of this port answers 200",
                        atomic_load_explicit(&ready, memory_order_relaxed));
    metrics_print_build(out);
    metrics_print_process(out);
    CHECK(fclose(out) == 0);
    return text;
}
