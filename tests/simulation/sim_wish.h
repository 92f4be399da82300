/*
 * What a client wants: one request, made at random, that is sent until it is answered, unchanged but for what its
 * gateway knows of segments. Half of the requests about an issue concern one that a client was told.
 */
#ifndef COUPOND_SIM_WISH_H
#define COUPOND_SIM_WISH_H

#include "shared/wire/frame.h"
#include "sim.h"

/* An issue that a client was told. */
struct sim_told {
    uint16_t partition;
    char coupon_id[COUPON_ID_MAX + 1];
    char user_id[USER_ID_MAX + 1];
    uint32_t sequence;
    int64_t issued_at_us;
    uint64_t code;
};

struct sim_wish {
    enum frame_kind kind; /* of the request's frame */
    uint16_t partition;
    uint16_t gateway;
    struct frame_issue_request issue;
    struct frame_change_request change;
    struct frame_coupon_request *coupon; /* NULL: another kind */
};

/* The wish number `index` of a run; `told` are `count` issues. */
void sim_wish_make(struct sim *sim, size_t index, const struct sim_told *told, size_t count, struct sim_wish *wish);
/* For a new coupon of the partition. */
void sim_wish_make_last(struct sim *sim, uint16_t partition, struct sim_wish *wish);
void sim_wish_deinit(struct sim_wish *wish);

/* The request's bytes and their number. */
const void *sim_wish_request(const struct sim_wish *wish, size_t *size);
void sim_wish_set_try(struct sim_wish *wish, uint64_t tag, uint32_t wait_us);

/* The ids in use. */
void sim_coupon_id(unsigned coupon, char out[COUPON_ID_MAX + 1]);
void sim_user_id(unsigned user, char out[USER_ID_MAX + 1]);

/* The segments that coupons have, as JSON; the first: none. A user is in "a" or in "b", by its number. */
#define SIM_SEGMENTS 4
extern const char *const sim_segments[SIM_SEGMENTS];
/* The place of the segments with this hash; SIM_SEGMENTS: there are none. */
unsigned sim_segments_find(uint32_t hash);
/* True when the user is in one of the segments with this hash. */
bool sim_is_in(const char *user_id, size_t length, uint32_t hash);

#endif
