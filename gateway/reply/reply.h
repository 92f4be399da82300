/*
 * HTTP responses as bytes. A head is put together from pieces that are ready made; bodies of verdicts are printed once
 * at the start. Nothing is allocated here but the room in `out`, and printf stays off the way of an issue. Pure: the
 * time comes in; only what a 503 says of asking again is drawn, from a generator of the thread.
 */
#ifndef COUPOND_REPLY_H
#define COUPOND_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "gateway/reply/api_errors.h"
#include "gateway/reply/error_codes.h"

enum reply_type {
    REPLY_JSON, /* not to be stored */
    REPLY_PAGE, /* JSON whose fields say how long it may be */
    REPLY_PROBLEM,
    REPLY_METRICS,
    REPLY_TYPE_COUNT
};

/* What the request asks of any answer to it. */
struct reply_style {
    bool close;                /* "Connection: close": no more requests are taken */
    bool http_1_0;             /* keeping alive must be said */
    bool head_only;            /* HEAD: the head of the answer, without its body */
    const char *request_id;    /* to be given back, with nothing in it that JSON escapes; NULL: none, the usual case */
    const char *origin_fields; /* header lines about the request's origin; NULL: none, the usual case */
};

struct reply_clock {
    char date[40]; /* "Date: Sat, 21 Nov 2026 02:25:00 GMT\r\n" */
    size_t date_length;
    int64_t second;
};

/* Prints the date when a new second has begun. */
void reply_clock_set(struct reply_clock *clock, int64_t wall_us);

/* Formats the bodies of all codes. Call once in the process before the first answer. */
void reply_init(void);

struct reply {
    int status;
    enum reply_type type;
    const char *fields; /* more header lines, each ending with CR LF, or NULL */
    size_t fields_length;
    const char *body;
    size_t body_length;
};

/* Appends one response. */
void reply_write(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                 const struct reply *reply);

/* A response's 100 Continue. */
void reply_write_continue(struct buffer *out);

/* What a problem may say beyond its row in the table; zeros mean nothing. */
struct problem_extras {
    const char *detail;              /* in place of the row's */
    const struct api_errors *errors; /* "errors" */
    const char *issue;               /* JSON object, "issue" */
    size_t issue_length;
    uint32_t retry_after_s; /* 0: 1 to 3 at random for a 503, else none */
    int64_t starts_at_us;   /* "starts_at" */
    const char *allow;      /* Allow, for a 405 */
    bool invalid_token;     /* for a 401: there is a bearer token, but not the right one */
};

/* Appends an application/problem+json response. Returns its status. `extras` may be NULL. */
int reply_write_problem(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                        enum error_code code, const struct problem_extras *extras);

#endif
