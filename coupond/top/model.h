/*
 * The data of `coupond top`: the latest two readings of each member and of the coupons, and the view that follows from
 * them. Pure: takes readings and times, returns figures. A member that restarted between two readings is left out of
 * that interval's rates, so that they are neither negative nor include its whole lifetime.
 */
#ifndef COUPOND_TOP_MODEL_H
#define COUPOND_TOP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "coupond/top/coupons.h"
#include "coupond/top/sample.h"

#define TOP_MEMBERS_MAX 32
#define TOP_REASON_MAX  80
#define TOP_NAME_MAX    400
#define TOP_ROLE_ANY    (-1)

/* One reading of a member. */
struct top_reading {
    bool up;
    bool ready;
    char reason[TOP_REASON_MAX]; /* why it is down or not ready */
    struct top_sample sample;    /* valid when it is up */
    bool listed;                 /* includes the list of coupons */
    struct top_coupons coupons;
};

struct top_member {
    char name[TOP_NAME_MAX]; /* HOST:PORT */
    int expected;            /* its role in the configuration, or TOP_ROLE_ANY */
    bool read;               /* a first reading exists */
    bool seen;               /* it has been up at least once */
    bool up;
    bool ready;
    bool has_rates; /* `before` and `now` belong to the same run of the process */
    char reason[TOP_REASON_MAX];
    struct top_sample now;
    struct top_sample before;
};

struct top_model {
    unsigned members;
    struct top_member list[TOP_MEMBERS_MAX];
    struct top_coupons coupons;
    struct top_coupons coupons_before; /* taken_us is 0 before the first */
};

/* --- what is to be shown --- */

/* Rates are per second; unknown values are NaN. */
struct top_view_coupon {
    struct top_coupon coupon;
    double rate;
    double left_s;   /* time until it is sold out at this rate */
    double starts_s; /* time until it starts, if scheduled */
};

struct top_trouble {
    const char *text;
    double total; /* since the members started, or the present value */
    double rate;
};
#define TOP_TROUBLES_MAX 24

struct top_view {
    int64_t wall_us;
    unsigned members; /* number of members to show; borrowed from the model */
    const struct top_member *list[TOP_MEMBERS_MAX];
    double cpu[TOP_MEMBERS_MAX]; /* busy cores */
    double up_s[TOP_MEMBERS_MAX];
    unsigned up;
    unsigned role_members[TOP_ROLE_COUNT];
    unsigned role_up[TOP_ROLE_COUNT];
    char version[TOP_VERSION_MAX];
    bool versions_differ;
    double system_up_s; /* of the issuer, or of the oldest member when no issuer is known */
    double values[TOP_VALUE_COUNT];
    double rates[TOP_VALUE_COUNT]; /* per second, of the counters */
    double verdicts[VERDICT_COUNT];
    double answers;
    double unavailable;
    double failed;
    struct top_histogram_sample histograms[TOP_HISTOGRAM_COUNT]; /* of the last interval */
    unsigned troubles;                                           /* those that increase come first */
    struct top_trouble trouble[TOP_TROUBLES_MAX];
    unsigned coupons; /* sorted by rate, descending */
    struct top_view_coupon coupon[TOP_COUPONS_MAX];
    double coupons_in_all; /* according to the issuer */
    double coupons_age_s;
};

void top_model_init(struct top_model *model);
/* Truncates `name` if necessary. */
void top_model_add(struct top_model *model, const char *name, int expected);
void top_model_take(struct top_model *model, unsigned member, const struct top_reading *reading);
/* The member to ask for the coupons: the first gateway that is up; TOP_ROLE_ANY while none is known, so that all may be
 * asked. */
int top_model_coupon_source(const struct top_model *model);
void top_model_view(const struct top_model *model, int64_t mono_us, int64_t wall_us, struct top_view *view);

#endif
