#include "coupond/top/sample.h"

#include <math.h>
#include <string.h>

#include "coupond/metrics_text.h"

#define LABEL_MAX 64
#define VALUE_MAX 1e18 /* larger values are invalid */

enum how { SUM, MAX, SUM_KNOWN, MAX_KNOWN };

static const struct {
    enum how how;
    const char *name, *label, *label_value;
} value_rows[TOP_VALUE_COUNT] = {
#define X(id, how, name, label, label_value) {how, name, label, label_value},
    TOP_VALUE_TABLE(X)
#undef X
};

static const char *const histogram_names[TOP_HISTOGRAM_COUNT] = {
    [TOP_HISTOGRAM_ANSWER] = "coupond_gateway_request_seconds",
    [TOP_HISTOGRAM_MESSAGE] = "coupond_gateway_batch_requests",
    [TOP_HISTOGRAM_BATCH] = "coupond_issuer_batch_requests",
    [TOP_HISTOGRAM_SYNC] = "coupond_issuer_journal_sync_seconds",
    [TOP_HISTOGRAM_TURN] = "coupond_issuer_turn_seconds",
    [TOP_HISTOGRAM_ROWS] = "coupond_persister_batch_rows",
    [TOP_HISTOGRAM_WRITE] = "coupond_persister_write_seconds",
};

const char *const top_role_names[TOP_ROLE_COUNT] = {"gateway", "issuer", "persister"};

static void take_role(struct top_sample *sample, const struct metrics_sample *metric)
{
    static const char *const prefixes[TOP_ROLE_COUNT] = {"coupond_gateway_", "coupond_issuer_", "coupond_persister_"};
    for (unsigned role = 0; role < TOP_ROLE_COUNT; role++)
        sample->roles[role] |= metrics_sample_begins(metric, prefixes[role]);
}

static bool has_label(const struct metrics_sample *metric, const char *label, const char *value)
{
    char text[LABEL_MAX];
    return label == NULL || (metrics_sample_label(metric, label, text, sizeof text) && strcmp(text, value) == 0);
}

static bool is_sum(enum how how)
{
    return how == SUM || how == SUM_KNOWN;
}

/* `series` counts the series of each value. */
static void take_value(struct top_sample *sample, unsigned series[TOP_VALUE_COUNT], const struct metrics_sample *metric)
{
    for (unsigned i = 0; i < TOP_VALUE_COUNT; i++) {
        double *value = &sample->values[i];
        if (!metrics_sample_is(metric, value_rows[i].name) ||
            !has_label(metric, value_rows[i].label, value_rows[i].label_value))
            continue;
        *value = is_sum(value_rows[i].how) ? *value + metric->value : fmax(*value, metric->value);
        series[i]++;
    }
}

/* Every partition reports the values of its coupons from the start, so a missing series means unknown. */
static void mark_unknown(struct top_sample *sample, const unsigned series[TOP_VALUE_COUNT])
{
    for (unsigned i = 0; i < TOP_VALUE_COUNT; i++) {
        bool may_lack = value_rows[i].how == SUM_KNOWN || value_rows[i].how == MAX_KNOWN;
        if (may_lack && sample->roles[TOP_ISSUER] && (series[i] == 0 || series[i] < series[TOP_VALUE_COUPONS]))
            sample->values[i] = NAN;
    }
}

static void take_verdict(struct top_sample *sample, const struct metrics_sample *metric)
{
    char name[LABEL_MAX];
    if (!metrics_sample_is(metric, "coupond_issuer_verdicts_total") ||
        !metrics_sample_label(metric, "verdict", name, sizeof name))
        return;
    for (unsigned verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        if (strcmp(name, verdict_name((enum verdict)verdict)) == 0)
            sample->verdicts[verdict] += metric->value;
    }
}

/* True for routes that are not about coupons. */
static bool is_of_operation(const char *route)
{
    static const char *const names[] = {"livez", "readyz", "metrics", "openapi", "docs", "pages"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(route, names[i]) == 0)
            return true;
    return false;
}

static void take_answers(struct top_sample *sample, const struct metrics_sample *metric)
{
    char route[LABEL_MAX], status[LABEL_MAX];
    if (!metrics_sample_is(metric, "coupond_gateway_requests_total"))
        return;
    metrics_sample_label(metric, "route", route, sizeof route);
    metrics_sample_label(metric, "status", status, sizeof status);
    if (is_of_operation(route))
        return;
    sample->answers += metric->value;
    if (strcmp(status, "503") == 0)
        sample->unavailable += metric->value;
    else if (status[0] == '5')
        sample->failed += metric->value;
}

static void add_bucket(struct top_histogram_sample *histogram, double bound, double count)
{
    unsigned i = 0;
    while (i < histogram->buckets && histogram->bounds[i] < bound)
        i++;
    if (i < histogram->buckets && histogram->bounds[i] == bound) {
        histogram->counts[i] += count;
        return;
    }
    if (histogram->buckets == TOP_BUCKETS_MAX)
        return;
    size_t behind = (histogram->buckets - i) * sizeof(double);
    memmove(&histogram->bounds[i + 1], &histogram->bounds[i], behind);
    memmove(&histogram->counts[i + 1], &histogram->counts[i], behind);
    histogram->bounds[i] = bound;
    histogram->counts[i] = count;
    histogram->buckets++;
}

static void take_bucket(struct top_histogram_sample *histogram, const struct metrics_sample *metric)
{
    char text[LABEL_MAX];
    double bound = 0;
    if (metrics_sample_label(metric, "le", text, sizeof text) && metrics_number(text, strlen(text), &bound) &&
        bound >= 0)
        add_bucket(histogram, bound, metric->value);
}

static void take_histogram(struct top_sample *sample, const struct metrics_sample *metric)
{
    for (unsigned i = 0; i < TOP_HISTOGRAM_COUNT; i++) {
        struct top_histogram_sample *histogram = &sample->histograms[i];
        if (!metrics_sample_begins(metric, histogram_names[i]))
            continue;
        struct metrics_sample rest = *metric;
        rest.name += strlen(histogram_names[i]);
        rest.name_length -= strlen(histogram_names[i]);
        if (metrics_sample_is(&rest, "_bucket"))
            take_bucket(histogram, metric);
        else if (metrics_sample_is(&rest, "_sum"))
            histogram->sum += metric->value;
        else if (metrics_sample_is(&rest, "_count"))
            histogram->count += metric->value;
    }
}

static struct top_stock *stock_of(struct top_sample *sample, const char *id)
{
    struct top_stock *stock = sample->stock;
    while (stock < sample->stock + sample->stocks && strcmp(stock->id, id) != 0)
        stock++;
    if (stock < sample->stock + sample->stocks || sample->stocks == TOP_STOCKS_MAX)
        return stock;
    memcpy(stock->id, id, strlen(id) + 1);
    stock->quantity = QUANTITY_UNLIMITED;
    sample->stocks++;
    return stock;
}

/* The value that the metric is of; NULL: it is none of a stock. */
static uint64_t *value_of_stock(struct top_stock *stock, const struct metrics_sample *metric)
{
    if (metrics_sample_is(metric, "coupond_issuer_coupon_quantity"))
        return &stock->quantity;
    if (metrics_sample_is(metric, "coupond_issuer_coupon_issued"))
        return &stock->issued;
    return metrics_sample_is(metric, "coupond_issuer_coupon_returned") ? &stock->returned : NULL;
}

static void take_stock(struct top_sample *sample, const struct metrics_sample *metric)
{
    char id[COUPON_ID_MAX + 1];
    struct top_stock unused;
    if (value_of_stock(&unused, metric) == NULL || metric->value > QUANTITY_MAX)
        return;
    if (!metrics_sample_label(metric, "coupon", id, sizeof id) || !coupon_id_valid(id, strlen(id)))
        return;
    struct top_stock *stock = stock_of(sample, id);
    if (stock != sample->stock + TOP_STOCKS_MAX)
        *value_of_stock(stock, metric) = (uint64_t)metric->value;
}

const struct top_stock *top_sample_stock(const struct top_sample *sample, const char *id)
{
    for (unsigned i = 0; i < sample->stocks; i++) {
        if (strcmp(sample->stock[i].id, id) == 0)
            return &sample->stock[i];
    }
    return NULL;
}

/* Accepts printable ASCII only. */
static void take_version(struct top_sample *sample, const struct metrics_sample *metric)
{
    char version[TOP_VERSION_MAX];
    if (!metrics_sample_is(metric, "coupond_build_info") ||
        !metrics_sample_label(metric, "version", version, sizeof version))
        return;
    for (char *at = version; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            *at = '?';
    }
    memcpy(sample->version, version, sizeof version);
}

static bool is_sound(double value)
{
    return isfinite(value) && value >= 0 && value <= VALUE_MAX;
}

bool top_sample_read(struct top_sample *sample, int64_t taken_us, const char *text, size_t length)
{
    struct metrics_text reader = {text, text + length};
    unsigned series[TOP_VALUE_COUNT] = {0};
    memset(sample, 0, sizeof *sample);
    sample->taken_us = taken_us;
    struct metrics_sample metric;
    while (metrics_text_next(&reader, &metric)) {
        if (!is_sound(metric.value))
            continue;
        take_role(sample, &metric);
        take_value(sample, series, &metric);
        take_verdict(sample, &metric);
        take_answers(sample, &metric);
        take_histogram(sample, &metric);
        take_stock(sample, &metric);
        take_version(sample, &metric);
    }
    mark_unknown(sample, series);
    return sample->roles[TOP_GATEWAY] || sample->roles[TOP_ISSUER] || sample->roles[TOP_PERSISTER];
}

/* --- histograms --- */

static double count_at(const struct top_histogram_sample *histogram, double bound)
{
    for (unsigned i = 0; i < histogram->buckets; i++) {
        if (histogram->bounds[i] == bound)
            return histogram->counts[i];
    }
    return 0;
}

static bool has_begun_anew(const struct top_histogram_sample *now, const struct top_histogram_sample *before)
{
    for (unsigned i = 0; i < now->buckets; i++) {
        if (now->counts[i] < count_at(before, now->bounds[i]))
            return true;
    }
    return now->count < before->count || now->sum < before->sum;
}

void top_histogram_add_delta(struct top_histogram_sample *to, const struct top_histogram_sample *now,
                             const struct top_histogram_sample *before)
{
    if (has_begun_anew(now, before))
        return;
    for (unsigned i = 0; i < now->buckets; i++)
        add_bucket(to, now->bounds[i], now->counts[i] - count_at(before, now->bounds[i]));
    to->sum += now->sum - before->sum;
    to->count += now->count - before->count;
}

/* Interpolates `rank` within bucket `i`; `below` is the count of the buckets before it. */
static double within(const struct top_histogram_sample *histogram, unsigned i, double below, double rank)
{
    double lower = i > 0 ? histogram->bounds[i - 1] : 0;
    double upper = histogram->bounds[i];
    if (!isfinite(upper) || histogram->counts[i] <= below)
        return lower;
    return lower + (upper - lower) * (rank - below) / (histogram->counts[i] - below);
}

double top_histogram_quantile(const struct top_histogram_sample *histogram, double q)
{
    double all = histogram->buckets > 0 ? histogram->counts[histogram->buckets - 1] : 0;
    double below = 0;
    if (!(all > 0))
        return NAN;
    for (unsigned i = 0; i < histogram->buckets; i++) {
        if (histogram->counts[i] >= q * all)
            return within(histogram, i, below, q * all);
        below = fmax(below, histogram->counts[i]);
    }
    return NAN;
}

double top_histogram_mean(const struct top_histogram_sample *histogram)
{
    return histogram->count > 0 ? histogram->sum / histogram->count : NAN;
}
