/*
 * Reads the query of a DELETE that takes back a redemption or revokes an issue. Pure.
 */
#ifndef COUPOND_CHANGE_QUERY_H
#define COUPOND_CHANGE_QUERY_H

#include "gateway/api/call.h"

/* ?reference=&sequence=: fills call->reference and call->sequence, or call->errors. */
void change_query_read_undo(struct api_call *call);
/* ?reason=&restock=&sequence=&again=: fills call->revocation and call->sequence, or call->errors. */
void change_query_read_revoke(struct api_call *call);

#endif
