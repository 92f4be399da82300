#include "shared/wire/frame_verification.h"

#include <string.h>

#include "shared/coupon.h"

bool frame_verification_request_valid(const struct frame_verification_request *request)
{
    return (request->op == VERIFICATION_START || request->op == VERIFICATION_READ) && request->reserved == 0 &&
           request->actor_length <= ACTOR_MAX && request->request_id_length <= REQUEST_ID_MAX &&
           (request->actor_length == 0 || reference_valid(request->actor, request->actor_length)) &&
           (request->request_id_length == 0 || origin_id_valid(request->request_id, request->request_id_length));
}

bool frame_promise_name_valid(const char *name, size_t length)
{
    if (length == 0 || length > FRAME_PROMISE_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((name[i] < 'a' || name[i] > 'z') && name[i] != '_')
            return false;
    }
    return true;
}

static bool is_text(const char *text, size_t length)
{
    return memchr(text, '\0', length) == NULL;
}

static bool promise_whole(const struct frame_promise *promise)
{
    return frame_promise_name_valid(promise->name, promise->name_length) && promise->kept <= 1 &&
           promise->detail_length <= FRAME_PROMISE_DETAIL_MAX && is_text(promise->detail, promise->detail_length);
}

static bool is_time(int64_t us)
{
    return us >= 0 && us <= TIME_US_MAX;
}

bool frame_verification_reply_whole(const struct frame_verification_reply *reply)
{
    if (reply->verdict < VERIFICATION_TOLD || reply->verdict > VERIFICATION_LATE ||
        reply->state > VERIFICATION_FAILED || reply->kept > 1 || reply->promises_count > FRAME_PROMISES_MAX ||
        reply->text_length > FRAME_VERIFICATION_TEXT || !is_text(reply->text, reply->text_length) ||
        !is_time(reply->started_at_us) || !is_time(reply->ended_at_us))
        return false;
    for (unsigned i = 0; i < reply->promises_count; i++) {
        if (!promise_whole(&reply->promises[i]))
            return false;
    }
    return true;
}
