/*
 * Reads the requests for lists: coupons, issues, changes. Each function fills the call of a route. Pure.
 */
#ifndef COUPOND_API_LISTS_H
#define COUPOND_API_LISTS_H

#include "gateway/api/call.h"

void lists_read_coupons(struct api_call *call, const struct http_request *request);
void lists_read_coupon_issues(struct api_call *call, const struct http_request *request);
void lists_read_user_issues(struct api_call *call, const struct http_request *request);
void lists_read_history(struct api_call *call, const struct http_request *request);

#endif
