/*
 * For tests of the API without a thread: asks with bytes, and looks at the call or the error that comes of it.
 */
#ifndef COUPOND_GATEWAY_ASK_H
#define COUPOND_GATEWAY_ASK_H

#include "gateway/api/api.h"

#define ISSUES "POST /v1/coupons/A/issues"

extern struct api_rules open_door; /* no token needed, /metrics is there */
extern struct api_rules guarded;   /* needs "secret", no /metrics */

/* The group's setup. */
int gateway_ask_set_up(void **state);

/* What "METHOD TARGET" with these header lines and this body asks for; valid until the next call. */
struct api_call *ask_with(const struct api_rules *rules, const char *line, const char *fields, const char *body);
/* The same with an open door, the body being JSON when there is one. */
struct api_call *ask(const char *line, const char *body);

/* The call is this error; the call is an invalid_request that names the field. */
void assert_error(const struct api_call *call, enum error_code error);
void assert_field(const struct api_call *call, const char *field);

#endif
