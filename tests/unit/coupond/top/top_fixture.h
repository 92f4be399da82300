/*
 * Readings for the tests of `coupond top`: members' texts, and one model that takes them. Each test begins with
 * top_begin().
 */
#ifndef COUPOND_TOP_FIXTURE_H
#define COUPOND_TOP_FIXTURE_H

#include "coupond/top/model.h"

extern struct top_model top_model;
extern struct top_reading top_reading;
extern struct top_view top_view;

#define TOP_WALL_US INT64_C(1796000000000000) /* 2026-11-30T00:53:20Z */

void top_begin(void);
/* Makes a reading of `text`, taken at `second`, ready and without coupons. Fails when it is not coupond's. */
void top_read(const char *text, double second);
/* The same, added to the model. */
void top_take(unsigned member, const char *text, double second);
void top_take_down(unsigned member, const char *reason);
/* Adds the coupons of a JSON page, together with an empty gateway. */
void top_take_coupons(unsigned member, const char *page, double second);
/* Makes the view at `second`. */
void top_look(double second);

/* A gateway that has answered `answers` requests, half of them within 0.5 ms, the others within 1 ms. */
const char *top_gateway_text(double start, double answers);
/* An issuer that has issued `issued` and refused as many as sold out, 8 per sync of 100 µs. */
const char *top_issuer_text(double start, double issued);
/* A persister that has written `rows`, 1,000 per transaction of 2 ms. */
const char *top_persister_text(double start, double rows);

#endif
