#include "gateway/api/ownership.h"

#include <string.h>

bool ownership_is_self(const struct api_call *call, struct span id)
{
    const struct principal *principal = &call->principal;
    return principal->id_length > 0 && span_equals(id, (struct span){principal->id, principal->id_length});
}

static bool owner_is_self(const struct api_call *call)
{
    return ownership_is_self(call, (struct span){call->coupon.owner, strlen(call->coupon.owner)});
}

static void set_owner(struct api_call *call)
{
    coupon_text_set(&call->coupon, COUPON_TEXT_OWNER, call->principal.id, call->principal.id_length);
}

/* A seller cannot give a coupon away. */
static bool bind_coupon(struct api_call *call)
{
    if (call->coupon_op == COUPON_CREATE && call->coupon.owner[0] == '\0')
        set_owner(call);
    if (call->coupon_op == COUPON_CREATE)
        return owner_is_self(call);
    call->owned = true;
    return (call->coupon_fields & COUPON_FIELD_OWNER) == 0 || owner_is_self(call);
}

static bool bind_list(struct api_call *call)
{
    if ((call->list_filter & COUPON_FILTER_OWNER) == 0)
        set_owner(call);
    call->list_filter |= COUPON_FILTER_OWNER;
    return owner_is_self(call);
}

bool ownership_bind(struct api_call *call, const struct permission *permission)
{
    if (permission->owner == OWNER_USER)
        return ownership_is_self(call, call->user_id);
    switch (call->kind) {
    case API_COUPON:
        return bind_coupon(call);
    case API_LIST:
        return bind_list(call);
    case API_CHANGE:
    case API_SWEEP:
        call->owned = true;
        return true;
    case API_READING:
        call->question.owner_length = call->principal.id_length;
        memcpy(call->question.owner, call->principal.id, call->principal.id_length);
        return true;
    default:
        return false;
    }
}
