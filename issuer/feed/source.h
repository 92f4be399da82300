/*
 * One journal on its way to the store: what is under way of it, what the store has, and the file `acked`, which keeps
 * that for the next start. Pure but for its journal and that file. Owned by the stream's thread.
 */
#ifndef COUPOND_FEED_SOURCE_H
#define COUPOND_FEED_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "issuer/feed/draft.h"
#include "issuer/feed/persist_lag.h"
#include "issuer/feed/reader.h"
#include "issuer/feed/window.h"
#include "shared/error.h"
#include "shared/journal/dir.h"
#include "shared/journal/journal.h"
#include "shared/store/store.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame.h"

struct feed_source {
    struct journal *journal; /* borrowed */
    const struct journal_meta *meta;
    char dir[JOURNAL_PATH_MAX];
    struct feed_reader reader;
    int acked_fd;
    uint64_t acked_noted;             /* as the file had it at the start */
    uint8_t store_id[STORE_ID_BYTES]; /* of the store that has what is acknowledged; zeros: not known */
    struct window window;
    zmq_msg_t frames[WINDOW_MAX]; /* by the window's slot */
    zmq_msg_t question;           /* whether the store still has what it acknowledged */
    int64_t ask_at_us;            /* 0: nothing was asked or sent yet */
    int64_t gather_until_us;      /* before, only a full frame leaves */
    bool caught_up;               /* the last frame took all that was synced, and holds nothing up */
    struct persist_lag lag;
    struct metrics *metrics;
    uint64_t gone_seq; /* the store lost records up to this one that are in no file any more; 0: it did not */
};

/* The journal is replayed, and outlives the source. -1 and `error`, also when it cannot be read; close it then, too. */
int feed_source_open(struct feed_source *source, struct journal *journal, const char *dir, unsigned in_flight_max,
                     int64_t resend_us, struct error *error);
void feed_source_close(struct feed_source *source);

/* Goes on behind what the store of that id has; zeros: behind what any has. Before anything else. */
int feed_source_begin(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES], struct error *error);

/* To be called each turn: looks again for what could not be read for want of descriptors. */
void feed_source_tend(struct feed_source *source);
/* False while another store cannot be followed, for the same reason. */
bool feed_source_can_follow(const struct feed_source *source);

/* The draft becomes a frame for that store. */
void feed_source_push(struct feed_source *source, const struct feed_draft *draft,
                      const uint8_t store_id[STORE_ID_BYTES]);
/* Nothing is under way, and the last frame left long enough ago. */
bool feed_source_is_free(const struct feed_source *source, int64_t now_us);

/* With nothing under way no frame finds out that the store came back with less: then it is asked now and then. */
bool feed_source_is_to_be_asked(struct feed_source *source, int64_t now_us);
/* Makes source->question. */
void feed_source_make_question(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES]);
/* Something was sent to the store, which answers if it has less. */
void feed_source_asked(struct feed_source *source, int64_t now_us);

/* An answer of the store that is filled. */
void feed_source_on_answer(struct feed_source *source, enum frame_kind kind, const struct frame_ack *ack,
                           int64_t now_us);
/* A persister of another store had these records, or the question: another persister gets them. */
void feed_source_on_refused(struct feed_source *source, const struct frame_ack *ack, int64_t now_us);

/* The store of that id is to be filled. What another one had counts no longer: all that is still in a file is sent
 * again. */
void feed_source_follow(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES]);
/* What is under way is made anew, as it bears an id of before. */
void feed_source_make_again(struct feed_source *source);

/* Brings the gauges up to date. `now_us` is the time that records bear, `steady_us` a clock that never steps. */
void feed_source_report(struct feed_source *source, int64_t now_us, int64_t steady_us);

#endif
