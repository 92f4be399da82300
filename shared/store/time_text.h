/*
 * Times as databases take them. The rows of a journal batch share one time, so it is formatted once.
 */
#ifndef COUPOND_STORE_TIME_TEXT_H
#define COUPOND_STORE_TIME_TEXT_H

#include <stdint.h>

#include "shared/clock.h"

struct time_text {
    int64_t us;
    char text[RFC3339_MAX]; /* empty: nothing formatted yet */
};

const char *time_text_of(struct time_text *time, int64_t us);

#endif
