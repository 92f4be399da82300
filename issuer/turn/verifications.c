#include "issuer/turn/verifications.h"

#include <string.h>

enum frame_fault turn_verifications_check(const void *records, uint32_t count, uint16_t partition)
{
    struct frame_verification_request request;
    if (partition != 0)
        return FRAME_FAULT_OTHER_PARTITION;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&request, (const char *)records + i * sizeof request, sizeof request);
        if (!frame_verification_request_valid(&request))
            return FRAME_FAULT_VERIFICATION_REQUEST;
    }
    return FRAME_OK;
}

void turn_verifications_answer(struct verification *verification, const void *records, uint32_t count, int64_t age_us,
                               void *out)
{
    struct frame_verification_request request;
    struct frame_verification_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&request, (const char *)records + i * sizeof request, sizeof request);
        verification_answer(verification, &request, age_us >= request.wait_us, &reply);
        memcpy((char *)out + i * sizeof reply, &reply, sizeof reply);
    }
}
