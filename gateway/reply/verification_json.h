/*
 * The JSON object of a verification. Pure.
 */
#ifndef COUPOND_REPLY_VERIFICATION_JSON_H
#define COUPOND_REPLY_VERIFICATION_JSON_H

#include "gateway/http/buffer.h"
#include "shared/wire/frame_verification.h"

/* {"state","started_at","ended_at","kept","progress","error","issues","in_store","lag","dead_letters","promises"}; what
 * the state does not have is null. `reply` is whole. */
void verification_json_append(struct buffer *out, const struct frame_verification_reply *reply);

#endif
