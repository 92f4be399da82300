/*
 * What a rehearsal's figures mean for the event. Pure.
 */
#ifndef COUPOND_REHEARSE_VERDICT_H
#define COUPOND_REHEARSE_VERDICT_H

#include "coupond/rehearse/measure.h"

/* The worst of the rows counts. */
enum rehearse_grade { REHEARSE_GOOD, REHEARSE_TIGHT, REHEARSE_NOT_ENOUGH };

#define REHEARSE_ROWS_MAX 8u

struct rehearse_row {
    const char *name; /* stable; a constant, as is the advice */
    enum rehearse_grade grade;
    char reason[160];
    const char *advice; /* "": nothing to do */
};

struct rehearse_verdict {
    enum rehearse_grade grade;
    unsigned count;
    struct rehearse_row rows[REHEARSE_ROWS_MAX];
};

/* "good", "tight" or "not_enough". */
const char *rehearse_grade_name(enum rehearse_grade grade);
struct rehearse_verdict rehearse_judge(const struct rehearse_measure *measure);
/* Requests without a final answer. */
uint64_t rehearse_unanswered(const struct rehearse_measure *measure);

#endif
