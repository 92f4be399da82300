/*
 * The requests of a turn about verifications: checks their records, and answers them in the order of the requests.
 */
#ifndef COUPOND_TURN_VERIFICATIONS_H
#define COUPOND_TURN_VERIFICATIONS_H

#include <stdint.h>

#include "issuer/verification/verification.h"
#include "shared/wire/frame_fault.h"

/* The records of a FRAME_VERIFICATION_REQUESTS, which only partition 0 takes. */
enum frame_fault turn_verifications_check(const void *records, uint32_t count, uint16_t partition);
/* Writes `count` replies to `out`, at any alignment. The requests are `age_us` old. */
void turn_verifications_answer(struct verification *verification, const void *records, uint32_t count, int64_t age_us,
                               void *out);

#endif
