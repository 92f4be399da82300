/*
 * What the gateway answers of itself: /livez, /readyz, /metrics. On the gateway thread. Each appends a response and
 * returns its status.
 */
#ifndef COUPOND_LOCAL_ANSWERS_H
#define COUPOND_LOCAL_ANSWERS_H

#include "gateway/service/service.h"

/* 200 unless one of the process' threads stands still. */
int local_answer_livez(struct service *service, struct buffer *out, struct reply_style style);
/* 503 until every partition has answered once, and while the gateway is draining; else 200. Both say which partitions
 * have not answered lately. */
int local_answer_readyz(struct service *service, struct buffer *out, struct reply_style style);
int local_answer_metrics(struct service *service, struct buffer *out, struct reply_style style);

#endif
