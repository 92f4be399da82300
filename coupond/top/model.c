#include "coupond/top/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

/* Values that an operator must know of when they are not zero. */
static const struct {
    enum top_value value;
    const char *text;
} trouble_rows[] = {
    {TOP_VALUE_JOURNAL_FULL, "journal full"},
    {TOP_VALUE_CLOCK_SUSPECT, "clock stepped, not accepted"},
    {TOP_VALUE_MISSING, "records lost by the store"},
    {TOP_VALUE_DEAD_LETTERS, "dead letters"},
    {TOP_VALUE_STORE_ERRORS, "store errors"},
    {TOP_VALUE_REWINDS, "store rewinds"},
    {TOP_VALUE_SNAPSHOT_FAILURES, "snapshots failed"},
    {TOP_VALUE_UNKNOWN, "outcome_unknown"},
    {TOP_VALUE_NO_ISSUER, "issuer_unavailable"},
    {TOP_VALUE_OVERLOADED, "overloaded"},
    {TOP_VALUE_REDIS_ERRORS, "Redis errors"},
    {TOP_VALUE_REFUSED, "connections refused"},
    {TOP_VALUE_LATE, "late replies"},
    {TOP_VALUE_REPLIES_DROPPED, "replies dropped"},
    {TOP_VALUE_RESENT, "batches resent"},
    {TOP_VALUE_GATEWAY_DROPPED, "frames dropped by gateways"},
    {TOP_VALUE_ISSUER_DROPPED, "frames dropped by the issuer"},
    {TOP_VALUE_PERSISTER_DROPPED, "frames dropped by persisters"},
};
#define TROUBLE_ROWS (sizeof(trouble_rows) / sizeof(trouble_rows[0]))
_Static_assert(TROUBLE_ROWS + 2 <= TOP_TROUBLES_MAX, "room for all troubles and two kinds of answers");

void top_model_init(struct top_model *model)
{
    memset(model, 0, sizeof *model);
}

void top_model_add(struct top_model *model, const char *name, int expected)
{
    CHECK(model->members < TOP_MEMBERS_MAX);
    struct top_member *member = &model->list[model->members++];
    memset(member, 0, sizeof *member);
    size_t length = strnlen(name, TOP_NAME_MAX - 1);
    memcpy(member->name, name, length);
    member->expected = expected;
    memcpy(member->reason, "not asked yet", sizeof "not asked yet");
}

/* --- readings --- */

static bool is_same_life(const struct top_sample *now, const struct top_sample *before)
{
    double began = now->values[TOP_VALUE_START_SECONDS] - before->values[TOP_VALUE_START_SECONDS];
    return fabs(began) < 0.001 && now->taken_us > before->taken_us;
}

static void take_sample(struct top_member *member, const struct top_sample *sample)
{
    bool was_up = member->up;
    if (was_up)
        member->before = member->now;
    member->now = *sample;
    member->has_rates = was_up && is_same_life(&member->now, &member->before);
}

void top_model_take(struct top_model *model, unsigned index, const struct top_reading *reading)
{
    CHECK(index < model->members);
    struct top_member *member = &model->list[index];
    if (reading->up)
        take_sample(member, &reading->sample);
    else
        member->has_rates = false;
    member->up = reading->up;
    member->ready = reading->up && reading->ready;
    member->read = true;
    member->seen |= reading->up;
    memcpy(member->reason, reading->reason, sizeof member->reason);
    if (reading->listed && reading->coupons.taken_us > model->coupons.taken_us) {
        model->coupons_before = model->coupons;
        model->coupons = reading->coupons;
    }
}

int top_model_coupon_source(const struct top_model *model)
{
    for (unsigned i = 0; i < model->members; i++) {
        if (model->list[i].up && model->list[i].now.roles[TOP_GATEWAY])
            return (int)i;
    }
    return TOP_ROLE_ANY;
}

/* --- members --- */

static bool has_role(const struct top_member *member, unsigned role)
{
    return member->seen ? member->now.roles[role] : member->expected == (int)role;
}

/* A configured member that was never up is left out when another member has its role: `coupond dev` has all roles on
 * one port. */
static bool is_superfluous(const struct top_model *model, const struct top_member *member)
{
    if (member->seen || member->expected == TOP_ROLE_ANY)
        return false;
    for (unsigned i = 0; i < model->members; i++) {
        if (model->list[i].seen && model->list[i].now.roles[member->expected])
            return true;
    }
    return false;
}

static double life_of(const struct top_member *member, int64_t wall_us)
{
    double start = member->now.values[TOP_VALUE_START_SECONDS];
    return member->up && start > 0 ? fmax(0, (double)wall_us / 1e6 - start) : NAN;
}

/* The increase of a counter per second; nothing when it has decreased. */
static double rate_of(double now, double before, double seconds)
{
    return now > before ? (now - before) / seconds : 0;
}

static double seconds_of(const struct top_member *member)
{
    return (double)(member->now.taken_us - member->before.taken_us) / 1e6;
}

static void view_version(struct top_view *view, const struct top_member *member)
{
    if (!member->up)
        return;
    if (view->version[0] != '\0' && strcmp(view->version, member->now.version) != 0)
        view->versions_differ = true;
    memcpy(view->version, member->now.version, sizeof view->version);
}

static void view_member(struct top_view *view, const struct top_member *member)
{
    unsigned place = view->members++;
    view->list[place] = member;
    view->up += member->up;
    view->up_s[place] = life_of(member, view->wall_us);
    view->cpu[place] = NAN;
    if (member->has_rates)
        view->cpu[place] = rate_of(member->now.values[TOP_VALUE_CPU_SECONDS],
                                   member->before.values[TOP_VALUE_CPU_SECONDS], seconds_of(member));
    for (unsigned role = 0; role < TOP_ROLE_COUNT; role++) {
        view->role_members[role] += has_role(member, role);
        view->role_up[role] += has_role(member, role) && member->up;
    }
    view_version(view, member);
}

static void view_members(const struct top_model *model, struct top_view *view)
{
    bool has_issuer = false;
    view->system_up_s = NAN;
    for (unsigned i = 0; i < model->members; i++) {
        const struct top_member *member = &model->list[i];
        if (is_superfluous(model, member))
            continue;
        view_member(view, member);
        double life = life_of(member, view->wall_us);
        bool is_issuer = member->up && member->now.roles[TOP_ISSUER];
        if (is_issuer && !has_issuer)
            view->system_up_s = life;
        else if (is_issuer == has_issuer)
            view->system_up_s = fmax(view->system_up_s, life);
        has_issuer |= is_issuer;
    }
}

/* --- figures --- */

static double sum_known(double sum, double more)
{
    return isnan(sum) ? more : sum + more;
}

/* NaN when either value is. */
static double larger(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

static void add_values(struct top_view *view, const struct top_sample *sample)
{
    for (unsigned i = 0; i < TOP_VALUE_COUNT; i++) {
        double *value = &view->values[i];
        bool is_max = i == TOP_VALUE_LAG_SECONDS || i == TOP_VALUE_JOURNAL_FULL || i == TOP_VALUE_CLOCK_SUSPECT;
        *value = is_max ? larger(*value, sample->values[i]) : *value + sample->values[i];
    }
}

static void add_role_rates(struct top_view *view, const struct top_member *member)
{
    const struct top_sample *now = &member->now, *before = &member->before;
    double seconds = seconds_of(member);
    if (now->roles[TOP_GATEWAY]) {
        view->answers = sum_known(view->answers, rate_of(now->answers, before->answers, seconds));
        view->unavailable = sum_known(view->unavailable, rate_of(now->unavailable, before->unavailable, seconds));
        view->failed = sum_known(view->failed, rate_of(now->failed, before->failed, seconds));
    }
    for (unsigned i = 0; now->roles[TOP_ISSUER] && i < VERDICT_COUNT; i++)
        view->verdicts[i] = sum_known(view->verdicts[i], rate_of(now->verdicts[i], before->verdicts[i], seconds));
}

static void add_rates(struct top_view *view, const struct top_member *member)
{
    double seconds = seconds_of(member);
    for (unsigned i = 0; i < TOP_VALUE_COUNT; i++)
        view->rates[i] = sum_known(view->rates[i], rate_of(member->now.values[i], member->before.values[i], seconds));
    for (unsigned i = 0; i < TOP_HISTOGRAM_COUNT; i++)
        top_histogram_add_delta(&view->histograms[i], &member->now.histograms[i], &member->before.histograms[i]);
    add_role_rates(view, member);
}

static void view_figures(struct top_view *view)
{
    view->answers = view->unavailable = view->failed = NAN;
    for (unsigned i = 0; i < TOP_VALUE_COUNT; i++)
        view->rates[i] = NAN;
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        view->verdicts[i] = NAN;
    for (unsigned i = 0; i < view->members; i++) {
        if (view->list[i]->up)
            add_values(view, &view->list[i]->now);
        if (view->list[i]->has_rates)
            add_rates(view, view->list[i]);
    }
}

/* --- troubles --- */

static void add_trouble(struct top_view *view, const char *text, double total, double rate)
{
    if (total > 0)
        view->trouble[view->troubles++] = (struct top_trouble){text, total, isnan(rate) ? 0 : rate};
}

static void view_troubles(struct top_view *view)
{
    double unavailable = 0, failed = 0;
    for (unsigned i = 0; i < view->members; i++) {
        unavailable += view->list[i]->up ? view->list[i]->now.unavailable : 0;
        failed += view->list[i]->up ? view->list[i]->now.failed : 0;
    }
    for (unsigned settled = 0; settled < 2; settled++) {
        for (unsigned i = 0; i < TROUBLE_ROWS; i++) {
            enum top_value value = trouble_rows[i].value;
            if ((view->rates[value] > 0) != settled)
                add_trouble(view, trouble_rows[i].text, view->values[value], view->rates[value]);
        }
        if ((view->failed > 0) != settled)
            add_trouble(view, "500 answers", failed, view->failed);
        if ((view->unavailable > 0) != settled)
            add_trouble(view, "503 answers", unavailable, view->unavailable);
    }
}

/* --- coupons --- */

/* Estimates when it is sold out, at the present rate. */
static void set_end(struct top_view_coupon *row)
{
    const struct top_coupon *coupon = &row->coupon;
    uint64_t in_force = top_coupon_in_force(coupon);
    if (coupon->state == COUPON_OPEN && row->rate > 0 && coupon->quantity != QUANTITY_UNLIMITED &&
        coupon->quantity > in_force)
        row->left_s = (double)(coupon->quantity - in_force) / row->rate;
}

static void view_coupon(const struct top_model *model, int64_t wall_us, const struct top_coupon *coupon,
                        struct top_view_coupon *row)
{
    double seconds = (double)(model->coupons.taken_us - model->coupons_before.taken_us) / 1e6;
    const struct top_coupon *before = NULL;
    if (model->coupons_before.taken_us != 0)
        before = top_coupons_find(&model->coupons_before, coupon->id);
    *row = (struct top_view_coupon){.coupon = *coupon, .rate = NAN, .left_s = NAN, .starts_s = NAN};
    if (before != NULL)
        row->rate = rate_of((double)coupon->issued, (double)before->issued, seconds);
    set_end(row);
    if (coupon->state == COUPON_SCHEDULED && coupon->starts_us != TIME_NONE)
        row->starts_s = fmax(0, (double)(coupon->starts_us - wall_us) / 1e6);
}

/* True when every coupon but the archived ones is in the list. */
static bool lists_all(const struct top_model *model)
{
    return model->coupons.taken_us != 0 && model->coupons.count < TOP_COUPONS_MAX;
}

/* A coupon that a complete list lacks is archived, unless it is new: an archived one is not issued. */
static enum coupon_state state_of_stock(const struct top_model *model, const struct top_view_coupon *row)
{
    if (lists_all(model) && !(row->rate > 0))
        return COUPON_ARCHIVED;
    return top_coupon_in_force(&row->coupon) < row->coupon.quantity ? COUPON_OPEN : COUPON_SOLD_OUT;
}

/* Coupons that only the issuer's metrics report, because no gateway is known, the list is too long, or they are
 * archived. */
static void view_stocks(const struct top_model *model, const struct top_member *member, struct top_view *view)
{
    for (unsigned i = 0; i < member->now.stocks && view->coupons < TOP_COUPONS_MAX; i++) {
        const struct top_stock *stock = &member->now.stock[i];
        if (top_coupons_find(&model->coupons, stock->id) != NULL)
            continue;
        const struct top_stock *before = member->has_rates ? top_sample_stock(&member->before, stock->id) : NULL;
        struct top_view_coupon *row = &view->coupon[view->coupons++];
        *row = (struct top_view_coupon){.rate = NAN, .left_s = NAN, .starts_s = NAN};
        memcpy(row->coupon.id, stock->id, sizeof stock->id);
        row->coupon.quantity = stock->quantity;
        row->coupon.issued = stock->issued;
        row->coupon.returned = stock->returned;
        if (before != NULL)
            row->rate = rate_of((double)stock->issued, (double)before->issued, seconds_of(member));
        row->coupon.state = state_of_stock(model, row);
        set_end(row);
    }
}

static int rank_of(enum coupon_state state)
{
    static const int ranks[] = {[COUPON_OPEN] = 0,     [COUPON_PAUSED] = 1, [COUPON_SCHEDULED] = 2,
                                [COUPON_SOLD_OUT] = 3, [COUPON_ENDED] = 4,  [COUPON_ARCHIVED] = 5};
    return ranks[state];
}

static int compare_busy(const void *left, const void *right)
{
    const struct top_view_coupon *a = left, *b = right;
    double rate_a = isnan(a->rate) ? 0 : a->rate, rate_b = isnan(b->rate) ? 0 : b->rate;
    if (rate_a != rate_b)
        return rate_a > rate_b ? -1 : 1;
    int difference = rank_of(a->coupon.state) - rank_of(b->coupon.state);
    return difference != 0 ? difference : strcmp(a->coupon.id, b->coupon.id);
}

static void view_coupons(const struct top_model *model, int64_t mono_us, struct top_view *view)
{
    view->coupons = model->coupons.count;
    for (unsigned i = 0; i < view->coupons; i++)
        view_coupon(model, view->wall_us, &model->coupons.list[i], &view->coupon[i]);
    for (unsigned i = 0; i < view->members; i++) {
        if (view->list[i]->up)
            view_stocks(model, view->list[i], view);
    }
    qsort(view->coupon, view->coupons, sizeof view->coupon[0], compare_busy);
    view->coupons_in_all = fmax(view->values[TOP_VALUE_COUPONS], view->coupons);
    view->coupons_age_s = model->coupons.taken_us != 0 ? (double)(mono_us - model->coupons.taken_us) / 1e6 : NAN;
}

void top_model_view(const struct top_model *model, int64_t mono_us, int64_t wall_us, struct top_view *view)
{
    memset(view, 0, offsetof(struct top_view, coupon));
    view->wall_us = wall_us;
    view_members(model, view);
    view_figures(view);
    view_troubles(view);
    view_coupons(model, mono_us, view);
}
