/*
 * The records of FRAME_VERIFICATION_REQUESTS and FRAME_VERIFICATION_REPLIES (shared/wire/frame.h): a gateway starts a
 * verification where the journals are, and reads what became of the last one. Fixed layout; pure.
 */
#ifndef COUPOND_FRAME_VERIFICATION_H
#define COUPOND_FRAME_VERIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/limits.h"

#define FRAME_PROMISES_MAX       12u
#define FRAME_PROMISE_NAME_MAX   32u
#define FRAME_PROMISE_DETAIL_MAX 208u
#define FRAME_VERIFICATION_TEXT  256u
#define FRAME_VERIFICATION_MAX   16u /* records in one frame of requests */

enum verification_op {
    VERIFICATION_START = 1,
    VERIFICATION_READ = 2,
};

struct frame_verification_request {
    uint64_t tag;
    uint8_t op; /* enum verification_op */
    uint8_t actor_length;
    uint8_t request_id_length;
    uint8_t reserved;
    uint32_t wait_us; /* as in an issue request */
    char actor[ACTOR_MAX];
    char request_id[REQUEST_ID_MAX];
};
_Static_assert(sizeof(struct frame_verification_request) == 208, "verification request layout");

enum verification_verdict {
    VERIFICATION_TOLD = 1,
    VERIFICATION_STARTED = 2,
    VERIFICATION_BUSY = 3, /* one runs already */
    VERIFICATION_LATE = 4, /* the deadline has passed; nothing was done */
};

enum verification_state {
    VERIFICATION_NONE = 0, /* none since the start of the issuer */
    VERIFICATION_RUNNING = 1,
    VERIFICATION_DONE = 2,
    VERIFICATION_FAILED = 3, /* it could not check */
};

struct frame_promise {
    uint64_t violations;
    uint8_t name_length;
    uint8_t kept;
    uint16_t detail_length;
    uint32_t reserved;
    char name[FRAME_PROMISE_NAME_MAX];
    char detail[FRAME_PROMISE_DETAIL_MAX]; /* one of the violations */
};
_Static_assert(sizeof(struct frame_promise) == 256, "promise layout");

struct frame_verification_reply {
    uint64_t tag;
    uint8_t verdict; /* enum verification_verdict */
    uint8_t state;   /* enum verification_state */
    uint8_t kept;    /* VERIFICATION_DONE: all promises are */
    uint8_t promises_count;
    uint16_t text_length;
    uint8_t reserved[2];
    int64_t started_at_us; /* 0: VERIFICATION_NONE */
    int64_t ended_at_us;   /* 0: not yet */
    uint64_t issues;       /* of the journals, and the next three, with VERIFICATION_DONE */
    uint64_t in_store;
    uint64_t lag;
    uint64_t dead_letters;
    char text[FRAME_VERIFICATION_TEXT]; /* the progress while it runs; why it has failed */
    struct frame_promise promises[FRAME_PROMISES_MAX];
};
_Static_assert(sizeof(struct frame_verification_reply) == 3392, "verification reply layout");

/* True when the op, the lengths and the texts are valid. */
bool frame_verification_request_valid(const struct frame_verification_request *request);
/* True for known values, lengths within bounds, times of an issuer's clock, and names of lower-case letters. */
bool frame_verification_reply_whole(const struct frame_verification_reply *reply);
/* True for 1 to FRAME_PROMISE_NAME_MAX of a-z and _. */
bool frame_promise_name_valid(const char *name, size_t length);

#endif
