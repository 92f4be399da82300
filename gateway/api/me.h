/*
 * The answer to GET /v1/me: who asks, as the gateway sees it. Pure.
 */
#ifndef COUPOND_API_ME_H
#define COUPOND_API_ME_H

#include "gateway/api/api.h"
#include "gateway/http/buffer.h"

/*
 * Appends {"id":…,"roles":[…],"segments":[…],"expires_at":…,"identity":…}. Without identity the roles are those whose
 * requests are accepted: admin if no token is needed or it was given, otherwise user and service.
 */
void me_json_append(struct buffer *out, const struct api_call *call, const struct api_rules *rules);

#endif
