#include "coupond/top/screen.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "coupond/top/format.h"
#include "shared/clock.h"

#define FIXED_ROWS      13 /* all rows except coupons, members and blank lines */
#define BLANK_ROWS      3
#define COLUMNS_LEAST   80 /* narrower screens show the left part */
#define COLUMNS_MOST    120
#define MEMBERS_LEAST   3
#define LATE_S          5 /* the age of coupons is shown beyond this */
#define HEADING_COLUMN  10
#define OUTCOME_COLUMNS 10

/* Text built from bounded parts. */
struct line {
    char text[256];
    size_t length;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->length, sizeof line->text - line->length, format, arguments);
    va_end(arguments);
    line->length += (size_t)(length > 0 ? length : 0);
    if (line->length >= sizeof line->text)
        line->length = sizeof line->text - 1;
}

static int columns_of(const struct canvas *canvas)
{
    int columns = canvas->columns > COLUMNS_LEAST ? canvas->columns : COLUMNS_LEAST;
    return columns < COLUMNS_MOST ? columns : COLUMNS_MOST;
}

/* --- header: clock, version, members --- */

static void draw_clock(const struct top_view *view, const char *hint, struct canvas *canvas, int from)
{
    char time[RFC3339_MAX];
    struct line line = {"", 0};
    rfc3339_format(view->wall_us > 0 ? view->wall_us : 0, time);
    add(&line, "%.8s UTC%s%s", time + 11, hint[0] != '\0' ? "  " : "", hint);
    canvas_put_right(canvas, 0, from + 2, columns_of(canvas), CANVAS_HEAD, line.text);
}

static void draw_header(const struct top_view *view, const char *hint, struct canvas *canvas)
{
    char span[TOP_TEXT_MAX];
    struct line line = {"", 0};
    canvas_style_row(canvas, 0, CANVAS_HEAD);
    add(&line, "coupond %s  ", view->versions_differ ? "(versions differ)" : view->version);
    int column = canvas_put(canvas, 0, 0, CANVAS_HEAD, line.text);
    line = (struct line){"", 0};
    add(&line, "%u of %u up", view->up, view->members);
    column = canvas_put(canvas, 0, column, view->up == view->members ? CANVAS_HEAD : CANVAS_BAD, line.text);
    line = (struct line){"", 0};
    add(&line, "  for %s", top_span(view->system_up_s, span));
    column = canvas_put(canvas, 0, column, CANVAS_HEAD, line.text);
    draw_clock(view, hint, canvas, column);
}

/* --- coupons --- */

struct coupon_columns {
    int id_end, state, bar, bar_end, counts_end, percent_end, rate_end, left_end;
};

static struct coupon_columns plan_coupons(const struct top_view *view, int columns)
{
    int id = 6;
    for (unsigned i = 0; i < view->coupons; i++) {
        int length = (int)strlen(view->coupon[i].coupon.id);
        id = length > id ? length : id;
    }
    struct coupon_columns plan;
    plan.id_end = id < columns / 4 ? id : columns / 4;
    plan.state = plan.id_end + 2;
    plan.bar = plan.state + 11;
    plan.left_end = columns;
    plan.rate_end = plan.left_end - 17;
    plan.percent_end = plan.rate_end - 9;
    plan.counts_end = plan.percent_end - 7;
    plan.bar_end = plan.counts_end - 19;
    return plan;
}

static void draw_coupons_head(const struct top_view *view, const struct coupon_columns *plan, int row, unsigned first,
                              unsigned shown, struct canvas *canvas)
{
    char all[TOP_TEXT_MAX], age[TOP_TEXT_MAX];
    struct line line = {"COUPON", 6};
    canvas_put(canvas, row, 0, CANVAS_BOLD, line.text);
    canvas_put(canvas, row, plan->state, CANVAS_BOLD, "STATE");
    canvas_put_right(canvas, row, plan->bar, plan->counts_end, CANVAS_BOLD, "IN FORCE / ALL");
    canvas_put_right(canvas, row, plan->counts_end, plan->rate_end, CANVAS_BOLD, "PER S");
    canvas_put_right(canvas, row, plan->rate_end, plan->left_end, CANVAS_BOLD, "SOLD OUT IN");
    line = (struct line){"", 0};
    if (view->coupons_age_s > LATE_S)
        add(&line, "%s ago", top_span(view->coupons_age_s, age));
    else if (first > 0)
        add(&line, "%u-%u of %s", first + 1, first + shown, top_count(view->coupons_in_all, all));
    else if (view->coupons_in_all > shown)
        add(&line, "%u of %s", shown, top_count(view->coupons_in_all, all));
    canvas_put_within(canvas, row, plan->bar, plan->counts_end - 13,
                      view->coupons_age_s > LATE_S ? CANVAS_BAD : CANVAS_DIM, line.text);
}

static enum canvas_style style_of_state(enum coupon_state state)
{
    switch (state) {
    case COUPON_OPEN:
        return CANVAS_GOOD;
    case COUPON_PAUSED:
    case COUPON_SCHEDULED:
        return CANVAS_WARN;
    default:
        return CANVAS_DIM;
    }
}

static void draw_bar(struct canvas *canvas, int row, int from, int end, double share)
{
    static const char *const eighths[] = {"░", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (end - from < 4)
        return;
    int filled = (int)(share * 8 * (end - from));
    for (int column = from; column < end; column++, filled -= 8)
        canvas_put(canvas, row, column, CANVAS_PLAIN, filled >= 8 ? "█" : eighths[filled > 0 ? filled : 0]);
}

static void draw_left(const struct top_view_coupon *row, int at, const struct coupon_columns *plan,
                      struct canvas *canvas)
{
    char span[TOP_TEXT_MAX];
    struct line line = {"", 0};
    if (!isnan(row->starts_s))
        add(&line, "opens %s", top_span(row->starts_s, span));
    else
        add(&line, "%s", top_span(row->left_s, span));
    canvas_put_right(canvas, at, plan->rate_end + 1, plan->left_end, CANVAS_PLAIN, line.text);
}

/* Of the quantity; NaN for a coupon without one. */
static double share_of(const struct top_coupon *coupon)
{
    if (coupon->quantity == QUANTITY_UNLIMITED)
        return NAN;
    double share = coupon->quantity > 0 ? (double)top_coupon_in_force(coupon) / (double)coupon->quantity : 0;
    return share > 1 ? 1 : share;
}

static void draw_counts(const struct top_coupon *coupon, int at, const struct coupon_columns *plan,
                        struct canvas *canvas)
{
    char in_force[TOP_TEXT_MAX], all[TOP_TEXT_MAX] = "no limit";
    struct line counts = {"", 0};
    if (coupon->quantity != QUANTITY_UNLIMITED)
        top_count((double)coupon->quantity, all);
    add(&counts, "%s / %s", top_count((double)top_coupon_in_force(coupon), in_force), all);
    canvas_put_right(canvas, at, plan->bar_end + 1, plan->counts_end, CANVAS_PLAIN, counts.text);
}

static void draw_coupon(const struct top_view_coupon *row, int at, const struct coupon_columns *plan,
                        struct canvas *canvas)
{
    const struct top_coupon *coupon = &row->coupon;
    char text[TOP_TEXT_MAX];
    double share = share_of(coupon);
    canvas_put_name(canvas, at, 0, plan->id_end, CANVAS_PLAIN, coupon->id);
    canvas_put(canvas, at, plan->state, style_of_state(coupon->state), coupon_state_name(coupon->state));
    draw_bar(canvas, at, plan->bar, plan->bar_end, isnan(share) ? 0 : share);
    draw_counts(coupon, at, plan, canvas);
    canvas_put_right(canvas, at, plan->counts_end, plan->percent_end, CANVAS_PLAIN, top_percent(share, text));
    canvas_put_right(canvas, at, plan->percent_end, plan->rate_end, row->rate > 0 ? CANVAS_BOLD : CANVAS_PLAIN,
                     top_count(row->rate, text));
    draw_left(row, at, plan, canvas);
}

static int draw_coupons(const struct top_view *view, struct canvas *canvas, int row, unsigned first, unsigned shown)
{
    struct coupon_columns plan = plan_coupons(view, columns_of(canvas));
    draw_coupons_head(view, &plan, row++, first, shown, canvas);
    for (unsigned i = 0; i < shown; i++)
        draw_coupon(&view->coupon[first + i], row++, &plan, canvas);
    return row;
}

/* --- outcomes, in columns of equal width; the last ones only where they have room --- */

static double sum_of(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : a + b;
}

static int draw_outcomes(const struct top_view *view, struct canvas *canvas, int row)
{
    const double *verdicts = view->verdicts;
    const struct {
        const char *name;
        double rate;
        bool is_bad;
    } cells[] = {
        {"ISSUED/S", verdicts[VERDICT_ISSUED], false},
        {"already", verdicts[VERDICT_ALREADY_ISSUED], false},
        {"sold out", verdicts[VERDICT_SOLD_OUT], false},
        {"too early", verdicts[VERDICT_NOT_STARTED], false},
        {"closed", sum_of(verdicts[VERDICT_PAUSED], verdicts[VERDICT_ENDED]), false},
        {"no coupon", verdicts[VERDICT_COUPON_NOT_FOUND], false},
        {"by cache", view->rates[TOP_VALUE_CACHE_REFUSALS], false},
        {"503/5xx", sum_of(view->unavailable, view->failed), true},
        {"redeemed", verdicts[VERDICT_REDEEMED], false},
        {"revoked", verdicts[VERDICT_REVOKED], false},
    };
    const int all = (int)(sizeof cells / sizeof cells[0]), room = columns_of(canvas) / OUTCOME_COLUMNS;
    const int count = room < all ? room : all;
    char text[TOP_TEXT_MAX];
    for (int i = 0; i < count; i++) {
        int from = columns_of(canvas) * i / count, end = columns_of(canvas) * (i + 1) / count;
        enum canvas_style style = cells[i].is_bad && cells[i].rate > 0 ? CANVAS_BAD : CANVAS_PLAIN;
        canvas_put_right(canvas, row, from, end, i == 0 ? CANVAS_BOLD : CANVAS_DIM, cells[i].name);
        canvas_put_right(canvas, row + 1, from, end, i == 0 ? CANVAS_BOLD : style, top_count(cells[i].rate, text));
    }
    return row + 2;
}

/* --- stages: one column per role --- */

static void put_stage(struct canvas *canvas, int row, unsigned role, enum canvas_style style, const char *text)
{
    int width = (columns_of(canvas) - HEADING_COLUMN) / (int)TOP_ROLE_COUNT;
    int from = HEADING_COLUMN + (int)role * width;
    canvas_put_within(canvas, row, from, from + width - 1, style, text);
}

static void draw_stages_head(const struct top_view *view, struct canvas *canvas, int row)
{
    static const char *const titles[TOP_ROLE_COUNT] = {"GATEWAYS", "ISSUER", "PERSISTERS"};
    for (unsigned role = 0; role < TOP_ROLE_COUNT; role++) {
        struct line line = {"", 0};
        bool whole = view->role_up[role] == view->role_members[role] && view->role_up[role] > 0;
        add(&line, "%s %u of %u", titles[role], view->role_up[role], view->role_members[role]);
        put_stage(canvas, row, role, whole ? CANVAS_BOLD : CANVAS_BAD, line.text);
    }
}

static void draw_times(const struct top_view *view, struct canvas *canvas, int row, const char *heading, double q)
{
    static const enum top_histogram times[] = {TOP_HISTOGRAM_ANSWER, TOP_HISTOGRAM_SYNC, TOP_HISTOGRAM_WRITE};
    static const char *const units[] = {"an answer", "a sync", "a transaction"};
    char text[TOP_TEXT_MAX];
    canvas_put(canvas, row, 0, CANVAS_DIM, heading);
    for (unsigned role = 0; role < TOP_ROLE_COUNT; role++) {
        struct line line = {"", 0};
        double time = top_histogram_quantile(&view->histograms[times[role]], q);
        add(&line, "%s%s%s", top_time(time, text), isnan(time) ? "" : " ", isnan(time) ? "" : units[role]);
        put_stage(canvas, row, role, CANVAS_PLAIN, line.text);
    }
}

static void draw_batches(const struct top_view *view, struct canvas *canvas, int row)
{
    static const enum top_histogram sizes[] = {TOP_HISTOGRAM_MESSAGE, TOP_HISTOGRAM_BATCH, TOP_HISTOGRAM_ROWS};
    static const char *const units[] = {"a message", "a sync", "rows each"};
    char text[TOP_TEXT_MAX];
    canvas_put(canvas, row, 0, CANVAS_DIM, "batch");
    for (unsigned role = 0; role < TOP_ROLE_COUNT; role++) {
        struct line line = {"", 0};
        double mean = top_histogram_mean(&view->histograms[sizes[role]]);
        add(&line, "%s%s%s", top_count(mean, text), isnan(mean) ? "" : " ", isnan(mean) ? "" : units[role]);
        put_stage(canvas, row, role, CANVAS_PLAIN, line.text);
    }
}

static void draw_flow(const struct top_view *view, struct canvas *canvas, int row)
{
    char text[TOP_TEXT_MAX];
    struct line gateways = {"", 0}, issuer = {"", 0}, persisters = {"", 0};
    canvas_put(canvas, row, 0, CANVAS_DIM, "flow");
    top_count(view->answers, text);
    add(&gateways, "%s %s/s", text, strcmp(text, "1") == 0 ? "answer" : "answers");
    add(&issuer, "%s/s journal", top_bytes(view->rates[TOP_VALUE_JOURNAL_BYTES], text));
    top_count(view->rates[TOP_VALUE_ROWS], text);
    add(&persisters, "%s %s/s", text, strcmp(text, "1") == 0 ? "row" : "rows");
    put_stage(canvas, row, TOP_GATEWAY, CANVAS_PLAIN, gateways.text);
    put_stage(canvas, row, TOP_ISSUER, CANVAS_PLAIN, issuer.text);
    put_stage(canvas, row, TOP_PERSISTER, CANVAS_PLAIN, persisters.text);
}

static void draw_queues(const struct top_view *view, struct canvas *canvas, int row)
{
    char one[TOP_TEXT_MAX], other[TOP_TEXT_MAX];
    struct line gateways = {"", 0}, issuer = {"", 0}, persisters = {"", 0};
    canvas_put(canvas, row, 0, CANVAS_DIM, "queue");
    add(&gateways, "%s open, %s wait", top_count(view->values[TOP_VALUE_CONNECTIONS], one),
        top_count(view->values[TOP_VALUE_WAITING], other));
    double rows = view->values[TOP_VALUE_LAG_ROWS], seconds = view->values[TOP_VALUE_LAG_SECONDS];
    add(&issuer, "%s%s", top_count(rows, one), isnan(rows) ? "" : " rows behind");
    add(&persisters, "%s%s", top_time(seconds, one), isnan(seconds) ? "" : " behind");
    put_stage(canvas, row, TOP_GATEWAY, CANVAS_PLAIN, view->role_up[TOP_GATEWAY] > 0 ? gateways.text : "-");
    put_stage(canvas, row, TOP_ISSUER, CANVAS_PLAIN, view->role_up[TOP_ISSUER] > 0 ? issuer.text : "-");
    put_stage(canvas, row, TOP_PERSISTER, CANVAS_PLAIN, view->role_up[TOP_ISSUER] > 0 ? persisters.text : "-");
}

/* More figures of the stages: reads, wait for a decision, batches in flight. */
static void draw_more(const struct top_view *view, struct canvas *canvas, int row)
{
    char rate[TOP_TEXT_MAX], text[TOP_TEXT_MAX];
    struct line gateways = {"", 0}, issuer = {"", 0}, persisters = {"", 0};
    double reads = view->rates[TOP_VALUE_READS];
    double turn = top_histogram_quantile(&view->histograms[TOP_HISTOGRAM_TURN], 0.99);
    canvas_put(canvas, row, 0, CANVAS_DIM, "cache");
    if (reads > 0)
        add(&gateways, "%s of ", top_percent(1 - view->rates[TOP_VALUE_READS_ASKED] / reads, text));
    add(&gateways, "%s reads/s", top_count(reads, rate));
    add(&issuer, "turn p99 %s", top_time(turn, text));
    add(&persisters, "%s batches in flight", top_count(view->values[TOP_VALUE_IN_FLIGHT], text));
    put_stage(canvas, row, TOP_GATEWAY, CANVAS_PLAIN, gateways.text);
    put_stage(canvas, row, TOP_ISSUER, CANVAS_PLAIN, isnan(turn) ? "-" : issuer.text);
    put_stage(canvas, row, TOP_PERSISTER, CANVAS_PLAIN, view->role_up[TOP_ISSUER] > 0 ? persisters.text : "-");
}

static int draw_stages(const struct top_view *view, struct canvas *canvas, int row)
{
    draw_stages_head(view, canvas, row);
    draw_times(view, canvas, row + 1, "time p50", 0.5);
    draw_times(view, canvas, row + 2, "     p99", 0.99);
    draw_batches(view, canvas, row + 3);
    draw_flow(view, canvas, row + 4);
    draw_queues(view, canvas, row + 5);
    draw_more(view, canvas, row + 6);
    return row + 7;
}

static int draw_troubles(const struct top_view *view, struct canvas *canvas, int row)
{
    char text[TOP_TEXT_MAX];
    int column = HEADING_COLUMN;
    canvas_put(canvas, row, 0, CANVAS_DIM, "trouble");
    if (view->troubles == 0)
        canvas_put(canvas, row, column, CANVAS_GOOD, "none");
    for (unsigned i = 0; i < view->troubles; i++) {
        const struct top_trouble *trouble = &view->trouble[i];
        struct line line = {"", 0};
        add(&line, "%s %s", top_count(trouble->total, text), trouble->text);
        if (trouble->rate > 0)
            add(&line, " (%s/s)", top_count(trouble->rate, text));
        enum canvas_style style = trouble->rate > 0 ? CANVAS_BAD : CANVAS_WARN;
        canvas_put_within(canvas, row, column, columns_of(canvas), style, line.text);
        column += (int)line.length + 3;
    }
    return row + 1;
}

/* --- members --- */

static const char *role_text(const struct top_member *member)
{
    unsigned count = 0;
    const char *name = member->expected != TOP_ROLE_ANY ? top_role_names[member->expected] : "?";
    for (unsigned role = 0; member->seen && role < TOP_ROLE_COUNT; role++) {
        if (member->now.roles[role])
            name = top_role_names[role];
        count += member->now.roles[role];
    }
    return count > 1 ? "all roles" : name;
}

static void draw_member(const struct top_view *view, unsigned index, struct canvas *canvas, int row)
{
    const struct top_member *member = view->list[index];
    const char *state = !member->read ? "-" : !member->up ? "down" : member->ready ? "ready" : "not ready";
    enum canvas_style style = member->ready ? CANVAS_GOOD : member->up ? CANVAS_WARN : CANVAS_BAD;
    char text[TOP_TEXT_MAX];
    int name_end = columns_of(canvas) - 57;
    canvas_put_name(canvas, row, 0, name_end, CANVAS_PLAIN, member->name);
    canvas_put(canvas, row, name_end + 2, CANVAS_PLAIN, role_text(member));
    canvas_put(canvas, row, name_end + 13, style, state);
    if (!member->ready) {
        canvas_put_within(canvas, row, name_end + 23, columns_of(canvas), CANVAS_PLAIN, member->reason);
        return;
    }
    canvas_put_right(canvas, row, name_end + 23, name_end + 33, CANVAS_PLAIN, top_span(view->up_s[index], text));
    canvas_put_right(canvas, row, name_end + 33, name_end + 40, CANVAS_PLAIN, top_percent(view->cpu[index], text));
    canvas_put_right(canvas, row, name_end + 40, name_end + 50, CANVAS_PLAIN,
                     top_bytes(member->now.values[TOP_VALUE_MEMORY_BYTES], text));
    canvas_put_right(canvas, row, name_end + 50, name_end + 57, CANVAS_PLAIN,
                     top_count(member->now.values[TOP_VALUE_FDS], text));
}

static void draw_members_head(struct canvas *canvas, int row)
{
    int name_end = columns_of(canvas) - 57;
    canvas_put(canvas, row, 0, CANVAS_BOLD, "MEMBER");
    canvas_put(canvas, row, name_end + 2, CANVAS_BOLD, "ROLE");
    canvas_put(canvas, row, name_end + 13, CANVAS_BOLD, "STATE");
    canvas_put_right(canvas, row, name_end + 23, name_end + 33, CANVAS_BOLD, "UP");
    canvas_put_right(canvas, row, name_end + 33, name_end + 40, CANVAS_BOLD, "CPU");
    canvas_put_right(canvas, row, name_end + 40, name_end + 50, CANVAS_BOLD, "MEMORY");
    canvas_put_right(canvas, row, name_end + 50, name_end + 57, CANVAS_BOLD, "FILES");
}

/* When not all fit, those that are not ready come first. */
static void draw_members(const struct top_view *view, struct canvas *canvas, int row, unsigned room)
{
    struct line line = {"", 0};
    unsigned drawn = 0, wanted = view->members > room ? room - 1 : view->members;
    draw_members_head(canvas, row++);
    bool sorted = view->members > room;
    for (unsigned pass = sorted ? 0 : 2; pass <= (sorted ? 1 : 2); pass++) {
        for (unsigned i = 0; i < view->members && drawn < wanted; i++) {
            if (pass == 2 || view->list[i]->ready == (pass == 1)) {
                draw_member(view, i, canvas, row++);
                drawn++;
            }
        }
    }
    if (drawn < view->members) {
        add(&line, "and %u more", view->members - drawn);
        canvas_put(canvas, row, 0, CANVAS_DIM, line.text);
    }
}

/* --- whole screen --- */

int top_screen_rows(const struct top_view *view, unsigned coupons_max)
{
    unsigned coupons = view->coupons < coupons_max ? view->coupons : coupons_max;
    return FIXED_ROWS + BLANK_ROWS + (int)(view->members + coupons);
}

/* The distribution of a screen's rows. */
struct rows {
    int blank;
    int coupons;
    int members;
};

static struct rows plan_rows(const struct top_view *view, int rows)
{
    struct rows plan = {.blank = rows >= 20 ? 1 : 0, .coupons = (int)view->coupons, .members = (int)view->members};
    int room = rows - FIXED_ROWS - plan.blank * BLANK_ROWS;
    if (plan.members > room - plan.coupons) {
        int least = plan.members < MEMBERS_LEAST ? plan.members : MEMBERS_LEAST;
        plan.members = room - plan.coupons > MEMBERS_LEAST ? room - plan.coupons : least;
    }
    if (plan.coupons > room - plan.members) {
        int least = plan.coupons < 1 ? plan.coupons : 1;
        plan.coupons = room - plan.members > 1 ? room - plan.members : least;
    }
    if (plan.members > room - plan.coupons)
        plan.members = room - plan.coupons > 1 ? room - plan.coupons : 1;
    if (plan.members < 1)
        plan.members = 1;
    return plan;
}

unsigned top_screen_coupons(const struct top_view *view, int rows)
{
    return (unsigned)plan_rows(view, rows).coupons;
}

void top_screen_draw(const struct top_view *view, const char *hint, unsigned first, struct canvas *canvas)
{
    struct rows plan = plan_rows(view, canvas->rows);
    unsigned last_first = view->coupons - (unsigned)plan.coupons;
    draw_header(view, hint, canvas);
    int row =
        draw_coupons(view, canvas, 1, first < last_first ? first : last_first, (unsigned)plan.coupons) + plan.blank;
    row = draw_outcomes(view, canvas, row) + plan.blank;
    row = draw_stages(view, canvas, row);
    row = draw_troubles(view, canvas, row) + plan.blank;
    draw_members(view, canvas, row, (unsigned)plan.members);
}
