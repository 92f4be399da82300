/*
 * Formats HTTP responses. A head is assembled from prepared parts, and the bodies of plain verdicts are formatted once
 * at the start. Allocates nothing except room in `out`, and the path of an issue avoids printf. Pure: time is an
 * argument; only the Retry-After of a 503 and a 429 comes from a per-thread random generator.
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
    REPLY_JSON, /* must not be stored */
    REPLY_PAGE, /* JSON whose header fields set its lifetime */
    REPLY_PROBLEM,
    REPLY_METRICS,
    REPLY_DOCUMENT, /* its header fields set type and lifetime */
    REPLY_TYPE_COUNT
};

/* Properties that the request demands of any answer. */
struct reply_style {
    bool close;                /* "Connection: close": the last answer */
    bool http_1_0;             /* keep-alive must be stated */
    bool head_only;            /* HEAD: send no body */
    const char *request_id;    /* echoed; contains nothing that JSON escapes; NULL: none, the usual case */
    const char *origin_fields; /* CORS header lines; NULL: none, the usual case */
};

struct reply_clock {
    char date[40]; /* "Date: Sat, 21 Nov 2026 02:25:00 GMT\r\n" */
    size_t date_length;
    int64_t second;
};

/* Formats the date when a new second has begun. */
void reply_clock_set(struct reply_clock *clock, int64_t wall_us);

/* Formats the bodies of all codes. Call once in the process before the first answer. */
void reply_init(void);

struct reply {
    int status;
    enum reply_type type;
    const char *fields; /* further header lines, each ending with CR LF, or NULL */
    size_t fields_length;
    const char *body;
    size_t body_length;
};

/* Appends one response. */
void reply_write(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                 const struct reply *reply);

/*
 * An answer whose length is not known when it begins: its head (200), then its parts, then its end. It is sent in
 * chunks, to HTTP/1.0 until the end of the connection, whose style must then have `close`. `fields` has the content's
 * type.
 */
void reply_begin_stream(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                        const char *fields);
void reply_write_part(struct buffer *out, struct reply_style style, const void *data, size_t length);
void reply_end_stream(struct buffer *out, struct reply_style style);

/* Appends a 100 Continue. */
void reply_write_continue(struct buffer *out);

/* Additions to a problem beyond its row in the table; zeros mean none. */
struct problem_extras {
    const char *detail;              /* replaces the row's detail */
    const struct api_errors *errors; /* "errors" */
    const char *issue;               /* JSON object, "issue" */
    size_t issue_length;
    uint32_t retry_after_s; /* 0: 1 to 3 at random for a 503, otherwise none; a 429 adds up to 2 */
    int64_t starts_at_us;   /* "starts_at" */
    const char *allow;      /* Allow, for a 405 */
    bool invalid_token;     /* 401: the request has a bearer token, but a wrong one */
    const char *reason;     /* 401: the stable name of what is wrong; needs `detail`; NULL: none */
};

/* Appends an application/problem+json response. Returns its status. `extras` may be NULL. */
int reply_write_problem(struct buffer *out, const struct reply_clock *clock, struct reply_style style,
                        enum error_code code, const struct problem_extras *extras);

#endif
