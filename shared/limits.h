/*
 * Every fixed limit of coupond: sizes of ids and titles, numbers of coupons and partitions. Limits that an operator may
 * change are options (options/table.h); those here are part of the formats.
 */
#ifndef COUPOND_LIMITS_H
#define COUPOND_LIMITS_H

#include <stdint.h>

#define COUPON_ID_MAX   32  /* bytes */
#define USER_ID_MAX     64  /* bytes */
#define TITLE_MAX       512 /* bytes of UTF-8, like the next five */
#define DESCRIPTION_MAX 2048
#define BENEFIT_MAX     1024 /* of a JSON object without spaces, like metadata */
#define METADATA_MAX    4096
#define OWNER_MAX       64
#define SEGMENTS_MAX    512  /* of a JSON array of strings */
#define REFERENCE_MAX   64   /* bytes of a redemption's reference */
#define REASON_MAX      200  /* bytes of UTF-8 of a revocation's reason */
#define ACTOR_MAX       64   /* bytes: who asked for a change */
#define REQUEST_ID_MAX  128  /* bytes: the request that asked for it */
#define TOKEN_BYTES_MAX 4096 /* of a bearer token */

#define QUANTITY_MAX       4000000000u
#define QUANTITY_UNLIMITED UINT32_MAX
#define PER_USER_LIMIT_MAX 1000u
#define NTH_MAX            4095u       /* issues of one coupon to one user, revoked ones included */
#define REDEEM_WITHIN_MAX  3153600000u /* seconds: a hundred years */
#define IDEMPOTENT_ISSUES  8u          /* a user's latest issues of a coupon whose idempotency keys are remembered */

/* Microseconds since 1970: the latest time of a window, and the latest time of an issuer's clock (user sets keep 52
 * bits). */
#define TIME_US_MAX        INT64_C(253402300799999999) /* the last microsecond of 9999 */
#define ISSUER_TIME_US_MAX ((INT64_C(1) << 52) - 1)    /* the year 2112 */

#define PARTITIONS_MAX 64
#define COUPONS_PER_PARTITION_MAX                                                                                      \
    10000000u /* what journals and snapshots may hold; codes allow fewer (shared/code.h) */

#define COUPON_LIST_MAX 200 /* coupons in one page of a listing */

#define JOURNAL_BATCH_RECORDS_MAX 9216u
#define JOURNAL_BATCH_BYTES_MAX   ((2u << 20) - (64u << 10)) /* fits the smallest segment */

#define FRAME_ISSUE_REQUESTS_MAX  4096u      /* records in one frame of issue requests */
#define FRAME_CHANGE_REQUESTS_MAX 256u       /* records in one frame of change requests */
#define FRAME_COUPON_REQUESTS_MAX 4u         /* records in one frame of coupon requests: a listing is long */
#define FRAME_BYTES_MAX           (8u << 20) /* ZMQ_MAXMSGSIZE of every socket */

#define READY_WHY_MAX 768 /* bytes of a role's readiness detail, with the NUL */

#endif
