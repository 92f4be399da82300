/*
 * The screen of `coupond top`: a view onto a canvas of any size; made for 80 by 24, and larger ones show more coupons
 * and members and, up to 120 columns, longer bars. Pure.
 */
#ifndef COUPOND_TOP_SCREEN_H
#define COUPOND_TOP_SCREEN_H

#include "coupond/top/canvas.h"
#include "coupond/top/model.h"

/* Rows that a view takes when nothing is left out, coupons beyond `coupons_max` apart. */
int top_screen_rows(const struct top_view *view, unsigned coupons_max);
/* How many coupons a canvas of so many rows shows at once. */
unsigned top_screen_coupons(const struct top_view *view, int rows);
/* `hint` stands in the upper right corner; may be empty. `first` is the index of the first coupon that is shown; one
 * too high shows the last ones. */
void top_screen_draw(const struct top_view *view, const char *hint, unsigned first, struct canvas *canvas);

#endif
