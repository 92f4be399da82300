/*
 * The copy of a coupon that a rehearsal uses, over HTTP. Blocking.
 */
#ifndef COUPOND_REHEARSE_COPY_H
#define COUPOND_REHEARSE_COPY_H

#include <stdint.h>

#include "coupond/bench/coupon.h"
#include "coupond/http/fetch.h"
#include "coupond/rehearse/options.h"

/* Reads options->coupon and creates its copy with the id options->bench.coupon, which is not open yet. It ends by
 * itself, if it cannot be archived. */
int rehearse_copy_create(const struct http_server *target, const struct rehearse_options *options, struct error *error);
/* Lets the copy start `lead_us` from now, by the issuer's clock; *start_us receives that moment on clock_mono_us(). */
int rehearse_copy_open(const struct http_server *target, const struct rehearse_options *options, int64_t lead_us,
                       int64_t *start_us, struct error *error);
int rehearse_copy_archive(const struct http_server *target, const struct rehearse_options *options,
                          struct error *error);

#endif
