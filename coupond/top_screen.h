/*
 * The screen of `coupond top`: a view onto a canvas of any size; made for 80 by 24, and larger ones show more coupons
 * and members and longer bars. Pure.
 */
#ifndef COUPOND_TOP_SCREEN_H
#define COUPOND_TOP_SCREEN_H

#include "coupond/canvas.h"
#include "coupond/top_model.h"

/* Rows that a view takes when nothing is left out, coupons beyond `coupons_max` apart. */
int top_screen_rows(const struct top_view *view, unsigned coupons_max);
/* `hint` stands in the upper right corner; may be empty. */
void top_screen_draw(const struct top_view *view, const char *hint, struct canvas *canvas);

#endif
