/*
 * Reads the requests of operators into calls: dead letters, status, verification. For api/routes.c. Pure.
 */
#ifndef COUPOND_API_OPERATIONS_H
#define COUPOND_API_OPERATIONS_H

#include "gateway/api/call.h"

void operations_read_letters(struct api_call *call, const struct http_request *request);
void operations_read_letter_retry(struct api_call *call, const struct http_request *request);
void operations_read_status(struct api_call *call, const struct http_request *request);
void operations_read_verification_start(struct api_call *call, const struct http_request *request);
void operations_read_verification(struct api_call *call, const struct http_request *request);
void operations_read_rehearsal_start(struct api_call *call, const struct http_request *request);
void operations_read_rehearsal(struct api_call *call, const struct http_request *request);

void operations_read_livez(struct api_call *call, const struct http_request *request);
void operations_read_readyz(struct api_call *call, const struct http_request *request);
void operations_read_metrics(struct api_call *call, const struct http_request *request);

#endif
