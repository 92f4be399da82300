/*
 * Draws the view of `coupond top` on a canvas of any size. Designed for 80 by 24; larger ones show more coupons and
 * members and, up to 120 columns, longer bars. Pure.
 */
#ifndef COUPOND_TOP_SCREEN_H
#define COUPOND_TOP_SCREEN_H

#include "coupond/top/canvas.h"
#include "coupond/top/model.h"

/* Rows of a complete view, with at most `coupons_max` coupons. */
int top_screen_rows(const struct top_view *view, unsigned coupons_max);
/* The number of coupons that a canvas of `rows` rows shows at once. */
unsigned top_screen_coupons(const struct top_view *view, int rows);
/* `hint` is shown in the upper right corner; may be empty. `first` is the index of the first coupon shown; too high a
 * value shows the last ones. */
void top_screen_draw(const struct top_view *view, const char *hint, unsigned first, struct canvas *canvas);

#endif
