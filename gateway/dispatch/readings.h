/*
 * Lists of issues: hands questions to the threads that read the store, and their pages to clients (gateway/reading/). A
 * stream asks for its next page when the client has taken the one before. Used on the gateway thread.
 *
 *   turn of the exchange ──► away ──page──► answered
 *                             ▲  └──page of a stream──► written ──► the connection's turn ──┐
 *                             └───────────────────────────────────────────────────────────┘
 */
#ifndef COUPOND_DISPATCH_READINGS_H
#define COUPOND_DISPATCH_READINGS_H

#include "gateway/service/service.h"

#define READING_STREAMS_MAX 64 /* unfinished streams per thread; more are answered with 503 */

/* Every earlier answer of the connection is written: asks the store, or answers why not. Also for the next page of a
 * stream. */
void readings_ask(struct service *service, struct exchange *exchange);
/* Takes the pages that have been read. */
void readings_take(struct service *service);
/* Gives up requests that the store has not answered in time. */
void readings_expire(struct service *service);

#endif
