/*
 * A question on its way between a gateway thread and the threads that read the store. One side has it at a time:
 *
 *   gateway thread ──readers_submit()──► queue ──► reading thread ──► port ──port_take()──► gateway thread
 *         ▲                                                                                      │
 *         └──────────────── a stream, once the client has taken the page: readers_continue() ◄───┘
 */
#ifndef COUPOND_READING_REQUEST_H
#define COUPOND_READING_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/reading/page.h"
#include "gateway/reading/question.h"
#include "shared/store/rows.h"

struct reading_port;

struct reading_request {
    /* shared: set by the gateway thread while the request is away, read by reading threads; relaxed, since a page that
     * is read for nobody does no harm */
    _Atomic bool dropped;
    /* owned by the side that has the request */
    struct reading_question question;
    struct reading_page page;
    enum store_result result;
    struct reading_request *next; /* in the queue, or on its way back */
    /* owned by the gateway thread */
    struct reading_port *port;
    void *asker;                   /* NULL after reading_port_drop() */
    bool away;                     /* submitted, and not yet taken back */
    bool streams;                  /* counted as an unfinished stream */
    bool begun;                    /* the head of a stream has been written */
    int64_t sent_us;               /* when it was last submitted */
    struct reading_request *older; /* of those that are away, by sent_us */
    struct reading_request *newer;
};

struct reading_request *reading_request_create(struct reading_port *port, const struct reading_question *question,
                                               void *asker);
/* Frees it. */
void reading_request_destroy(struct reading_request **request);

#endif
