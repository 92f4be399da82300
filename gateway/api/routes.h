/*
 * The routes of the API, one row each. Pure.
 */
#ifndef COUPOND_API_ROUTES_H
#define COUPOND_API_ROUTES_H

#include "gateway/api/call.h"

/* The path segments that match {id}, {user_id}, {nth}, {code} and {letter}. */
struct route_captures {
    struct span coupon_id;
    struct span user_id;
    struct span nth;
    struct span code;
    struct span letter;
};

enum route_flag {
    ROUTE_JSON = 1 << 0,   /* requires a JSON body; other routes accept none */
    ROUTE_OBJECT = 1 << 1, /* accepts no body, or a JSON object */
    ROUTE_QUERY = 1 << 2,  /* accepts a query; other routes accept none */
    ROUTE_ETAG = 1 << 3,   /* concerns something that has an ETag */
    ROUTE_ASSET = 1 << 4,  /* a part of a page, which the contract does not describe; matches only existing parts */
};

struct route {
    enum method method;
    const char *pattern; /* {id}, {user_id}, {nth}, {code}, {letter}, and names of pages match one segment */
    unsigned flags;
    enum metric_route metric; /* also names the row of its permissions */
    /* fills the call; the captured ids are valid */
    void (*read)(struct api_call *call, const struct http_request *request);
};

/*
 * Returns the row for a method and path, or NULL; `allow` then holds the bits of the path's methods, HEAD with every
 * GET.
 */
const struct route *api_route_find(enum method method, struct span path, struct route_captures *captures,
                                   unsigned *allow);
/* The rows, from 0; NULL: there is none. */
const struct route *api_route_at(size_t index);

#endif
