/*
 * For tests of the API without a thread: parses requests, and inspects the resulting call or error.
 */
#ifndef COUPOND_GATEWAY_ASK_H
#define COUPOND_GATEWAY_ASK_H

#include "gateway/api/api.h"

#define ISSUES "POST /v1/coupons/A/issues"

extern struct api_rules open_door; /* no token needed, /metrics enabled */
extern struct api_rules guarded;   /* needs "secret", /metrics disabled */

/* The group's setup. */
int gateway_ask_set_up(void **state);

/* The call of "METHOD TARGET" with these header lines and this body; valid until the next call. */
struct api_call *ask_with(const struct api_rules *rules, const char *line, const char *fields, const char *body);
/* The same with open_door; a body is sent as JSON. */
struct api_call *ask(const char *line, const char *body);

/* Asserts that the call is this error, or an invalid_request that names the field. */
void assert_error(const struct api_call *call, enum error_code error);
void assert_field(const struct api_call *call, const char *field);

#endif
