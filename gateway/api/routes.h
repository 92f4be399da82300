/*
 * The routes of the API, a row each. Pure.
 */
#ifndef COUPOND_API_ROUTES_H
#define COUPOND_API_ROUTES_H

#include "gateway/api/call.h"

/* The pieces of the path that a pattern names. */
struct route_captures {
    struct span coupon_id;
    struct span user_id;
};

enum route_flag {
    ROUTE_ADMIN = 1 << 0,   /* needs the admin token, if there is one */
    ROUTE_JSON = 1 << 1,    /* takes a JSON body; the others take none */
    ROUTE_OBJECT = 1 << 2,  /* takes none, or a JSON object that says nothing new */
    ROUTE_QUERY = 1 << 3,   /* reads the query; the others take none */
    ROUTE_VERSION = 1 << 4, /* of a coupon, which has a version */
};

struct route {
    enum method method;
    const char *pattern; /* {id} and {user} match one piece of the path */
    unsigned flags;
    enum metric_route metric;
    /* fills the call; the captures are valid ids */
    void (*read)(struct api_call *call, const struct http_request *request);
};

/*
 * The row for a method and path, or NULL; then `allow` has the bits of the methods that the path takes, HEAD with every
 * GET.
 */
const struct route *api_route_find(enum method method, struct span path, struct route_captures *captures,
                                   unsigned *allow);

#endif
