/*
 * What a client wants: one request, made at random, that is sent unchanged until it is answered. Half of the requests
 * about an issue concern one that a client was told.
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

#endif
