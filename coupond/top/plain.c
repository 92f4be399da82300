#include "coupond/top/plain.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "coupond/top/canvas.h"
#include "coupond/top/format.h"
#include "shared/clock.h"

/* The columns of a line, printed through a canvas of one row. */
static const struct {
    const char *title;
    int width;
} columns[] = {
    {"time", 8},   {"up", 7},        {"issued/s", 10}, {"answers/s", 11}, {"5xx/s", 8}, {"p50", 9},       {"p99", 9},
    {"a sync", 8}, {"sync p99", 10}, {"rows/s", 9},    {"behind", 9},     {"lag", 9},   {"troubles", 10},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))
#define LINE_COLUMNS 130

struct cells {
    struct canvas canvas;
    unsigned next;
    int column;
};

static void put_cell(struct cells *cells, const char *text)
{
    int end = cells->column + columns[cells->next].width;
    canvas_put_right(&cells->canvas, 0, cells->column, end, CANVAS_PLAIN, text);
    cells->column = end;
    cells->next++;
}

static void begin_cells(struct cells *cells)
{
    canvas_init(&cells->canvas, 1, LINE_COLUMNS);
    cells->next = 0;
    cells->column = 0;
}

void top_line_print_head(FILE *out)
{
    struct cells cells;
    begin_cells(&cells);
    for (unsigned i = 0; i < COLUMN_COUNT; i++)
        put_cell(&cells, columns[i].title);
    canvas_write(&cells.canvas, &(struct canvas_look){.colors = false}, out);
}

static double bad_answers(const struct top_view *view)
{
    return isnan(view->unavailable) ? view->failed : view->unavailable + view->failed;
}

static void put_begin(struct cells *cells, const struct top_view *view)
{
    char time[RFC3339_MAX], up[32];
    rfc3339_format(view->wall_us > 0 ? view->wall_us : 0, time);
    time[19] = '\0';
    put_cell(cells, time + 11);
    snprintf(up, sizeof up, "%u/%u", view->up, view->members);
    put_cell(cells, up);
}

void top_line_print(const struct top_view *view, bool unicode, FILE *out)
{
    const struct top_histogram_sample *histograms = view->histograms;
    struct cells cells;
    char text[TOP_TEXT_MAX];
    bool has_issuer = view->role_up[TOP_ISSUER] > 0;
    begin_cells(&cells);
    put_begin(&cells, view);
    put_cell(&cells, top_count(view->verdicts[VERDICT_ISSUED], text));
    put_cell(&cells, top_count(view->answers, text));
    put_cell(&cells, top_count(bad_answers(view), text));
    put_cell(&cells, top_time(top_histogram_quantile(&histograms[TOP_HISTOGRAM_ANSWER], 0.5), text));
    put_cell(&cells, top_time(top_histogram_quantile(&histograms[TOP_HISTOGRAM_ANSWER], 0.99), text));
    put_cell(&cells, top_count(top_histogram_mean(&histograms[TOP_HISTOGRAM_BATCH]), text));
    put_cell(&cells, top_time(top_histogram_quantile(&histograms[TOP_HISTOGRAM_SYNC], 0.99), text));
    put_cell(&cells, top_count(view->rates[TOP_VALUE_ROWS], text));
    put_cell(&cells, top_count(has_issuer ? view->values[TOP_VALUE_LAG_ROWS] : NAN, text));
    put_cell(&cells, top_time(has_issuer ? view->values[TOP_VALUE_LAG_SECONDS] : NAN, text));
    put_cell(&cells, top_count(view->troubles, text));
    canvas_write(&cells.canvas, &(struct canvas_look){.unicode = unicode}, out);
}

/* --- JSON --- */

static json_t *number(double value)
{
    if (!isfinite(value))
        return json_null();
    return value == floor(value) && fabs(value) < 9e15 ? json_integer((json_int_t)value) : json_real(value);
}

/* Replaces control characters and invalid UTF-8. */
static json_t *text_of(const char *text)
{
    char clean[TOP_NAME_MAX];
    size_t length = strnlen(text, sizeof clean - 1);
    for (size_t i = 0; i < length; i++)
        clean[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    return json_stringn(clean, length);
}

static json_t *member_json(const struct top_view *view, unsigned index)
{
    const struct top_member *member = view->list[index];
    json_t *object = json_object(), *roles = json_array();
    for (unsigned role = 0; role < TOP_ROLE_COUNT; role++) {
        if (member->seen ? member->now.roles[role] : member->expected == (int)role)
            json_array_append_new(roles, json_string(top_role_names[role]));
    }
    json_object_set_new(object, "address", text_of(member->name));
    json_object_set_new(object, "roles", roles);
    json_object_set_new(object, "up", json_boolean(member->up));
    json_object_set_new(object, "ready", json_boolean(member->ready));
    json_object_set_new(object, "reason", member->reason[0] == '\0' ? json_null() : text_of(member->reason));
    json_object_set_new(object, "version", member->up ? text_of(member->now.version) : json_null());
    json_object_set_new(object, "up_seconds", number(view->up_s[index]));
    json_object_set_new(object, "cpu_cores", number(view->cpu[index]));
    json_object_set_new(object, "resident_bytes",
                        number(member->up ? member->now.values[TOP_VALUE_MEMORY_BYTES] : NAN));
    json_object_set_new(object, "open_fds", number(member->up ? member->now.values[TOP_VALUE_FDS] : NAN));
    return object;
}

static json_t *coupon_json(const struct top_view_coupon *row)
{
    json_t *object = json_object();
    json_object_set_new(object, "id", json_string(row->coupon.id));
    json_object_set_new(object, "state", json_string(coupon_state_name(row->coupon.state)));
    bool unlimited = row->coupon.quantity == QUANTITY_UNLIMITED;
    json_object_set_new(object, "quantity", unlimited ? json_null() : json_integer((json_int_t)row->coupon.quantity));
    json_object_set_new(object, "issued", json_integer((json_int_t)row->coupon.issued));
    json_object_set_new(object, "returned", json_integer((json_int_t)row->coupon.returned));
    json_object_set_new(object, "issued_per_second", number(row->rate));
    json_object_set_new(object, "sold_out_in_seconds", number(row->left_s));
    json_object_set_new(object, "starts_in_seconds", number(row->starts_s));
    return object;
}

static json_t *outcomes_json(const struct top_view *view)
{
    json_t *object = json_object();
    for (unsigned i = VERDICT_NONE + 1; i < VERDICT_COUNT; i++)
        json_object_set_new(object, verdict_name((enum verdict)i), number(view->verdicts[i]));
    return object;
}

static json_t *histogram_json(const struct top_view *view, enum top_histogram which)
{
    const struct top_histogram_sample *histogram = &view->histograms[which];
    json_t *object = json_object();
    json_object_set_new(object, "count", number(histogram->count));
    json_object_set_new(object, "mean", number(top_histogram_mean(histogram)));
    json_object_set_new(object, "p50", number(top_histogram_quantile(histogram, 0.5)));
    json_object_set_new(object, "p99", number(top_histogram_quantile(histogram, 0.99)));
    return object;
}

static json_t *gateways_json(const struct top_view *view)
{
    json_t *object = json_object();
    json_object_set_new(object, "answers_per_second", number(view->answers));
    json_object_set_new(object, "unavailable_per_second", number(view->unavailable));
    json_object_set_new(object, "failed_per_second", number(view->failed));
    json_object_set_new(object, "cache_refusals_per_second", number(view->rates[TOP_VALUE_CACHE_REFUSALS]));
    json_object_set_new(object, "reads_per_second", number(view->rates[TOP_VALUE_READS]));
    json_object_set_new(object, "reads_asked_per_second", number(view->rates[TOP_VALUE_READS_ASKED]));
    json_object_set_new(object, "connections", number(view->values[TOP_VALUE_CONNECTIONS]));
    json_object_set_new(object, "in_flight", number(view->values[TOP_VALUE_WAITING]));
    json_object_set_new(object, "answer_seconds", histogram_json(view, TOP_HISTOGRAM_ANSWER));
    json_object_set_new(object, "message_requests", histogram_json(view, TOP_HISTOGRAM_MESSAGE));
    return object;
}

static json_t *issuer_json(const struct top_view *view)
{
    json_t *object = json_object();
    bool is_up = view->role_up[TOP_ISSUER] > 0;
    json_object_set_new(object, "outcomes_per_second", outcomes_json(view));
    json_object_set_new(object, "batch_requests", histogram_json(view, TOP_HISTOGRAM_BATCH));
    json_object_set_new(object, "turn_seconds", histogram_json(view, TOP_HISTOGRAM_TURN));
    json_object_set_new(object, "sync_seconds", histogram_json(view, TOP_HISTOGRAM_SYNC));
    json_object_set_new(object, "journal_bytes_per_second", number(view->rates[TOP_VALUE_JOURNAL_BYTES]));
    json_object_set_new(object, "backlog_rows", number(is_up ? view->values[TOP_VALUE_LAG_ROWS] : NAN));
    json_object_set_new(object, "lag_seconds", number(is_up ? view->values[TOP_VALUE_LAG_SECONDS] : NAN));
    json_object_set_new(object, "stream_in_flight", number(is_up ? view->values[TOP_VALUE_IN_FLIGHT] : NAN));
    return object;
}

static json_t *persisters_json(const struct top_view *view)
{
    json_t *object = json_object();
    json_object_set_new(object, "rows_per_second", number(view->rates[TOP_VALUE_ROWS]));
    json_object_set_new(object, "batch_rows", histogram_json(view, TOP_HISTOGRAM_ROWS));
    json_object_set_new(object, "write_seconds", histogram_json(view, TOP_HISTOGRAM_WRITE));
    return object;
}

static json_t *troubles_json(const struct top_view *view)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < view->troubles; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "what", json_string(view->trouble[i].text));
        json_object_set_new(object, "total", number(view->trouble[i].total));
        json_object_set_new(object, "per_second", number(view->trouble[i].rate));
        json_array_append_new(list, object);
    }
    return list;
}

static void set_lists(json_t *object, const struct top_view *view)
{
    json_t *members = json_array(), *coupons = json_array();
    for (unsigned i = 0; i < view->members; i++)
        json_array_append_new(members, member_json(view, i));
    for (unsigned i = 0; i < view->coupons; i++)
        json_array_append_new(coupons, coupon_json(&view->coupon[i]));
    json_object_set_new(object, "members", members);
    json_object_set_new(object, "coupons", coupons);
}

void top_json_print(const struct top_view *view, FILE *out)
{
    char time[RFC3339_MAX];
    json_t *object = json_object();
    rfc3339_format(view->wall_us > 0 ? view->wall_us : 0, time);
    json_object_set_new(object, "time", json_string(time));
    set_lists(object, view);
    json_object_set_new(object, "coupons_in_all", number(view->coupons_in_all));
    json_object_set_new(object, "coupons_age_seconds", number(view->coupons_age_s));
    json_object_set_new(object, "gateways", gateways_json(view));
    json_object_set_new(object, "issuer", issuer_json(view));
    json_object_set_new(object, "persisters", persisters_json(view));
    json_object_set_new(object, "troubles", troubles_json(view));
    json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(object);
}
