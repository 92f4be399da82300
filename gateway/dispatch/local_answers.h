/*
 * Endpoints that the gateway answers without the issuer: /v1/me, /livez, /readyz, /metrics, documents. Each function
 * appends a response and returns its status. Used on the gateway thread.
 */
#ifndef COUPOND_LOCAL_ANSWERS_H
#define COUPOND_LOCAL_ANSWERS_H

#include "gateway/service/service.h"

int local_answer_me(struct service *service, struct buffer *out, struct reply_style style, const struct api_call *call);
/* 200 unless a thread of the process has stopped responding. */
int local_answer_livez(struct service *service, struct buffer *out, struct reply_style style);
/* 503 until every partition has answered once, and while draining; otherwise 200. The body always names the partitions
 * that have not answered recently. */
int local_answer_readyz(struct service *service, struct buffer *out, struct reply_style style);
int local_answer_metrics(struct service *service, struct buffer *out, struct reply_style style);
/* The conditions are those of http_request_if_match() and http_request_if_none_match(). */
int local_answer_document(struct service *service, struct buffer *out, struct reply_style style,
                          const struct document *document, const char *if_match, const char *if_none_match);

#endif
