/*
 * What `coupond top` knows: the latest two readings of each member and of the coupons, and what follows from them, as
 * one view. Pure: readings and times in, figures out. A member that began anew between two readings counts for nothing
 * in the rates of that interval, so that they are never negative and never what it counted in all its life.
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

/* One look at a member. */
struct top_reading {
    bool up;
    bool ready;
    char reason[TOP_REASON_MAX]; /* why it is not up or not ready */
    struct top_sample sample;    /* of one that is up */
    bool listed;                 /* it was asked for the coupons and told them */
    struct top_coupons coupons;
};

struct top_member {
    char name[TOP_NAME_MAX]; /* HOST:PORT */
    int expected;            /* the role that a configuration gives it, or TOP_ROLE_ANY */
    bool read;               /* there was a first reading */
    bool seen;               /* it has been up */
    bool up;
    bool ready;
    bool has_rates; /* `before` and `now` are of one life of it */
    char reason[TOP_REASON_MAX];
    struct top_sample now;
    struct top_sample before;
};

struct top_model {
    unsigned members;
    struct top_member list[TOP_MEMBERS_MAX];
    struct top_coupons coupons;
    struct top_coupons coupons_before; /* taken_us is 0 before there are any */
};

/* --- what is to be shown --- */

/* Rates are by second; NaN where nothing is known. */
struct top_view_coupon {
    struct top_coupon coupon;
    double rate;
    double left_s;   /* until it is sold out, at this rate */
    double starts_s; /* until it starts, when it is scheduled */
};

struct top_trouble {
    const char *text;
    double total; /* since the members started, or what holds at present */
    double rate;
};
#define TOP_TROUBLES_MAX 24

struct top_view {
    int64_t wall_us;
    unsigned members; /* those to be shown; borrowed from the model */
    const struct top_member *list[TOP_MEMBERS_MAX];
    double cpu[TOP_MEMBERS_MAX]; /* cores that are busy */
    double up_s[TOP_MEMBERS_MAX];
    unsigned up;
    unsigned role_members[TOP_ROLE_COUNT];
    unsigned role_up[TOP_ROLE_COUNT];
    char version[TOP_VERSION_MAX];
    bool versions_differ;
    double system_up_s; /* of the issuer; where it is not seen, of the oldest member */
    double values[TOP_VALUE_COUNT];
    double rates[TOP_VALUE_COUNT]; /* of those that are counters */
    double verdicts[VERDICT_COUNT];
    double answers;
    double unavailable;
    double failed;
    struct top_histogram_sample histograms[TOP_HISTOGRAM_COUNT]; /* of the last interval */
    unsigned troubles;                                           /* those that grow come first */
    struct top_trouble trouble[TOP_TROUBLES_MAX];
    unsigned coupons; /* the busiest first */
    struct top_view_coupon coupon[TOP_COUPONS_MAX];
    double coupons_in_all; /* as the issuer counts them */
    double coupons_age_s;
};

void top_model_init(struct top_model *model);
/* `name` is cut to what has room. */
void top_model_add(struct top_model *model, const char *name, int expected);
void top_model_take(struct top_model *model, unsigned member, const struct top_reading *reading);
/* Which member is to be asked for the coupons: the first gateway that is up; TOP_ROLE_ANY while none is known, so that
 * all may be asked. */
int top_model_teller(const struct top_model *model);
void top_model_view(const struct top_model *model, int64_t mono_us, int64_t wall_us, struct top_view *view);

#endif
