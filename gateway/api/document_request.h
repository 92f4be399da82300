/*
 * Requests for documents: the contract, and pages with their parts. Pure.
 */
#ifndef COUPOND_API_DOCUMENT_REQUEST_H
#define COUPOND_API_DOCUMENT_REQUEST_H

#include "gateway/api/call.h"

/* Makes the call answer the document of this path, which exists, in the form that the client accepts. */
void document_request_read(struct api_call *call, const struct http_request *request, struct span path);

#endif
